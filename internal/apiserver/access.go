package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// Access says what somebody who sends a request may do. controlplane.ErrUnauthorized means nothing at all.
type Access func(*http.Request) (backup.Role, error)

// Local is for a transport that only the owner of the records can reach: memory, or the socket in the data directory.
func Local(*http.Request) (backup.Role, error) { return backup.RoleOwner, nil }

// ByToken is for the network: the request carries a token.
func ByToken(plane *controlplane.ControlPlane) Access {
	return func(r *http.Request) (backup.Role, error) {
		secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return "", controlplane.ErrUnauthorized
		}
		t, err := plane.Authenticate(r.Context(), secret)
		return t.Role, err
	}
}

type roleKey struct{}

// admit lets nobody pass whose role is not known.
func admit(access Access, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		role, err := access(r)
		switch {
		case errors.Is(err, controlplane.ErrUnauthorized):
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, &api.Problem{Title: "Not let in", Status: http.StatusUnauthorized, Code: "UNAUTHORIZED",
				Detail: "The request carries no token, or one that is unknown, expired or revoked.",
				Fix:    "Set CLOUDAIPILOT_TOKEN to a good one; an owner makes it with: cloudaipilot token create NAME --role ROLE"})
		case err != nil:
			writeProblem(w, problemOf(err))
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roleKey{}, role)))
		}
	})
}

// only lets pass who has the role needed, before anything of the request is read.
func only(needed backup.Role) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		p := lacks(c.Context(), needed)
		if p == nil {
			next(c)
			return
		}
		if w, ok := c.BodyWriter().(http.ResponseWriter); ok {
			writeProblem(w, p)
		} else {
			c.SetStatus(p.Status)
		}
	}
}

// lacks returns what to tell somebody who was admitted without the role needed, nil if the role is enough.
func lacks(ctx context.Context, needed backup.Role) *api.Problem {
	role, _ := ctx.Value(roleKey{}).(backup.Role)
	if role.May(needed) {
		return nil
	}
	return &api.Problem{Title: "Not allowed", Status: http.StatusForbidden, Code: backup.CodeForbidden,
		Detail: fmt.Sprintf("This needs the role %s; the token's is %s.", needed, role), Fix: "Ask an owner for a token with that role."}
}
