package backup

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role says what somebody may do. Each role may do all that the ones before it may [KB 12-13, 09-02].
type Role string

// The roles, from the least to the most.
const (
	RoleViewer Role = "viewer" // reads
	RoleMember Role = "member" // also makes backups
	RoleAdmin  Role = "admin"  // also deletes, and manages servers
	RoleOwner  Role = "owner"  // also manages tokens
)

// Roles lists them, from the least to the most.
var Roles = []Role{RoleViewer, RoleMember, RoleAdmin, RoleOwner}

// May reports whether somebody of role r may do what needs the role needed. An unknown role may nothing.
func (r Role) May(needed Role) bool {
	have, need := slices.Index(Roles, r), slices.Index(Roles, needed)
	return have >= 0 && need >= 0 && have >= need
}

// TokenIDPrefix begins the identifier of a token; TokenPrefix the token itself, as the panel's do [KB 13-01].
const (
	TokenIDPrefix = "tok_"
	TokenPrefix   = "cap_"
)

// Bounds of a token's life.
const (
	MaxTokenDays  = 3650
	maxTokenNames = 64
)

// Token lets somebody in over the network. The token itself is shown once and stored as a hash.
type Token struct {
	ID         string
	Name       string
	Role       Role
	Hash       string // SHA-256 of the token, in hex: it is random enough not to need a slow hash
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // to the minute; zero: never
	RevokedAt  time.Time // zero: it is good
}

// Good reports whether the token lets anybody in at that time.
func (t Token) Good(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// TokenSpec is what a person says about a token.
type TokenSpec struct {
	Name string
	Role Role
	Days int // until it expires; 0: never
}

// TokenRules are the rules of a token.
var TokenRules = []Rule[TokenSpec]{
	{[]string{"name"}, func(s TokenSpec) []Finding {
		if namePattern.MatchString(s.Name) {
			return nil
		}
		return invalid("name", "Invalid token name",
			fmt.Sprintf("%q is not a name: 1 to %d letters, digits, dots, dashes and underscores.", Excerpt(s.Name, 80), maxTokenNames-1), "Name who or what uses it, such as ci.")
	}},
	{[]string{"role"}, func(s TokenSpec) []Finding {
		if slices.Contains(Roles, s.Role) {
			return nil
		}
		names := make([]string, len(Roles))
		for i, r := range Roles {
			names[i] = string(r)
		}
		fix := "Allowed are " + strings.Join(names, ", ") + "."
		if near := nearest(string(s.Role), names); near != "" {
			fix = fmt.Sprintf("Did you mean %q?", near)
		}
		return invalid("role", "Invalid role", fmt.Sprintf("%q is not a role.", Excerpt(string(s.Role), 40)), fix)
	}},
	{[]string{"expires_in_days"}, func(s TokenSpec) []Finding {
		if s.Days == 0 {
			return nil
		}
		return outside("expires_in_days", "Invalid life of a token", s.Days, MaxTokenDays, " days, or 0 for no end", "")
	}},
}
