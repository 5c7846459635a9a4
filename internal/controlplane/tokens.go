package controlplane

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// ErrUnauthorized says that a token lets nobody in. It does not say why: that would help whoever guesses.
var ErrUnauthorized = errors.New("the token is unknown, expired or revoked")

// tokenTouch is how exactly the last use of a token is remembered: every use would be a write.
const tokenTouch = time.Minute

// CreateToken makes a token and returns it with the secret, which is never to be had again.
func (c *ControlPlane) CreateToken(ctx context.Context, spec backup.TokenSpec) (backup.Token, string, error) {
	if refused := backup.Refuses(backup.Validate(backup.TokenRules, spec, nil)); len(refused) > 0 {
		return backup.Token{}, "", &backup.FindingsError{Findings: refused}
	}
	now := c.now()
	secret := backup.TokenPrefix + rand.Text() + rand.Text() // 256 bits and more
	t := backup.Token{ID: c.newID(backup.TokenIDPrefix, now), Name: spec.Name, Role: spec.Role, Hash: tokenHash(secret), CreatedAt: now}
	if spec.Days > 0 {
		t.ExpiresAt = now.AddDate(0, 0, spec.Days)
	}
	err := c.Store.InsertToken(ctx, t)
	if errors.Is(err, ErrNameTaken) {
		return t, "", refuse(backup.CodeNameTaken, "name", "The token's name is taken",
			fmt.Sprintf("There is a token %q already.", spec.Name), "Choose another name, or revoke that token first.")
	}
	if err != nil {
		return t, "", fmt.Errorf("record the token: %w", err)
	}
	return t, secret, nil
}

// Authenticate returns the token that a secret is, or ErrUnauthorized.
func (c *ControlPlane) Authenticate(ctx context.Context, secret string) (backup.Token, error) {
	if !strings.HasPrefix(secret, backup.TokenPrefix) || len(secret) > 256 {
		return backup.Token{}, ErrUnauthorized
	}
	hash := tokenHash(secret)
	t, err := c.Store.Token(ctx, hash)
	if isNotFound(err) {
		return t, ErrUnauthorized
	}
	if err != nil {
		return t, err
	}
	now := c.now()
	if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash)) != 1 || !t.Good(now) {
		return backup.Token{}, ErrUnauthorized
	}
	if now.Sub(t.LastUsedAt) >= tokenTouch {
		if err := c.Store.TouchToken(ctx, t.ID, now); err != nil {
			c.Log.Warn("the last use of a token was not written down", "token", t.ID, "error", err)
		}
	}
	return t, nil
}

// Tokens lists all tokens, revoked ones included.
func (c *ControlPlane) Tokens(ctx context.Context, page Page) ([]backup.Token, error) {
	return c.Store.Tokens(ctx, page)
}

// RevokeToken makes a token let nobody in any more, at once.
func (c *ControlPlane) RevokeToken(ctx context.Context, id string) error {
	if err := c.Store.RevokeToken(ctx, id, c.now()); err != nil {
		return fmt.Errorf("token %s: %w", backup.Excerpt(id, 64), err)
	}
	return nil
}

func tokenHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
