package controlplane_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func TestTokenIsStoredAsAHashAndExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made, secret, err := b.CreateToken(t.Context(), backup.TokenSpec{Name: "ci", Role: backup.RoleMember, Days: 2})
	if err != nil || strings.Contains(made.Hash, secret) || len(made.Hash) != 64 {
		t.Fatalf("%+v, %v", made, err)
	}
	got, err := b.Authenticate(t.Context(), secret)
	if err != nil || got.Role != backup.RoleMember {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := b.Authenticate(t.Context(), made.Hash); !errors.Is(err, controlplane.ErrUnauthorized) {
		t.Errorf("with the hash: %v", err)
	}
	b.clock.add(48 * time.Hour)
	if _, err := b.Authenticate(t.Context(), secret); !errors.Is(err, controlplane.ErrUnauthorized) {
		t.Errorf("after its end: %v", err)
	}
}

func TestLastUseOfATokenIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, secret, err := b.CreateToken(t.Context(), backup.TokenSpec{Name: "ci", Role: backup.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	var seen []time.Time
	for range 3 {
		if _, err := b.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		tokens, err := b.Tokens(t.Context(), controlplane.Page{})
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, tokens[0].LastUsedAt)
		b.clock.add(40 * time.Second)
	}
	if seen[0].IsZero() || !seen[1].Equal(seen[0]) || !seen[2].After(seen[1]) {
		t.Errorf("last used %v", seen)
	}
}

func TestNameOfARevokedTokenIsFree(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := backup.TokenSpec{Name: "ci", Role: backup.RoleViewer}
	first, _, err := b.CreateToken(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.CreateToken(t.Context(), spec); code(err) != backup.CodeNameTaken {
		t.Errorf("got %v", err)
	}
	if err := b.RevokeToken(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.CreateToken(t.Context(), spec); err != nil {
		t.Error(err)
	}
}

func TestRolesContainEachOther(t *testing.T) {
	t.Parallel()
	for i, have := range backup.Roles {
		for j, need := range backup.Roles {
			if have.May(need) != (i >= j) {
				t.Errorf("%s may %s: %v", have, need, have.May(need))
			}
		}
	}
	if backup.Role("root").May(backup.RoleViewer) || backup.RoleOwner.May("") {
		t.Error("a role that is none may something")
	}
}
