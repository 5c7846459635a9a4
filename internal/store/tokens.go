package store

import (
	"context"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func tokenColumns(t *backup.Token) columns {
	return columns{
		text("id", &t.ID), text("name", &t.Name), text("role", &t.Role), text("hash", &t.Hash), instant("created_at", &t.CreatedAt),
		instant("expires_at", &t.ExpiresAt), instant("last_used_at", &t.LastUsedAt), instant("revoked_at", &t.RevokedAt),
	}
}

// InsertToken implements controlplane.Store.
func (s *Store) InsertToken(ctx context.Context, t backup.Token) error {
	var q query
	q.add("INSERT INTO tokens")
	tokenColumns(&t).insert(&q)
	_, err := s.exec(ctx, q.text.String(), q.args...)
	if unique(err) {
		return controlplane.ErrNameTaken
	}
	return err
}

// Token implements controlplane.Store.
func (s *Store) Token(ctx context.Context, hash string) (backup.Token, error) {
	var t backup.Token
	cs := tokenColumns(&t)
	err := cs.scan(s.db.QueryRowContext(ctx, "SELECT "+cs.names()+" FROM tokens WHERE hash = $1", hash))
	return t, notFound(err)
}

// Tokens implements controlplane.Store.
func (s *Store) Tokens(ctx context.Context, page controlplane.Page) ([]backup.Token, error) {
	var q query
	q.add("SELECT "+tokenColumns(&backup.Token{}).names()+" FROM tokens WHERE id > ? ORDER BY id LIMIT ?", page.After, limit(page.Limit))
	return list(ctx, s.db, &q, tokenColumns)
}

// TouchToken implements controlplane.Store.
func (s *Store) TouchToken(ctx context.Context, id string, now time.Time) error {
	return s.change(ctx, `UPDATE tokens SET last_used_at = $1 WHERE id = $2`, millis(now), id)
}

// RevokeToken implements controlplane.Store.
func (s *Store) RevokeToken(ctx context.Context, id string, now time.Time) error {
	return s.change(ctx, `UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at = 0`, millis(now), id)
}
