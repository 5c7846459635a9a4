package apiserver_test

import (
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// token makes a token of a role and returns the header that carries it.
func (s *server) token(name string, role backup.Role, days int) (id string, header []string) {
	s.t.Helper()
	t, secret, err := s.plane.CreateToken(s.t.Context(), backup.TokenSpec{Name: name, Role: role, Days: days})
	if err != nil {
		s.t.Fatal(err)
	}
	return t.ID, []string{"Authorization", "Bearer " + secret}
}

// routes are the API's own, out of its document: method, path and the role it says is needed.
func (s *server) routes(header []string) (routes [][3]string) {
	s.t.Helper()
	_, doc := s.do("GET", "/v1/openapi.json", "", header...)
	paths, _ := doc["paths"].(map[string]any)
	for path, item := range paths {
		methods, _ := item.(map[string]any)
		for method, op := range methods {
			operation, _ := op.(map[string]any)
			role := strings.TrimSuffix(strings.TrimPrefix(text(operation["description"]), "Role: "), ".")
			routes = append(routes, [3]string{strings.ToUpper(method), strings.ReplaceAll(path, "{id}", "x"), role})
		}
	}
	return routes
}

func TestEveryRouteNeedsItsRole(t *testing.T) {
	t.Parallel()
	s := newServerFor(t, apiserver.ByToken)
	_, owner := s.token("owner", backup.RoleOwner, 0)
	routes := s.routes(owner)
	if len(routes) < 20 {
		t.Fatalf("only %d routes", len(routes))
	}
	for _, role := range backup.Roles {
		_, header := s.token("as-"+string(role), role, 0)
		for _, r := range routes {
			method, path, needed := r[0], r[1], backup.Role(r[2])
			if status, got := s.do(method, path, ""); status != 401 || got["code"] != "UNAUTHORIZED" {
				t.Errorf("%s %s without a token: %d %v", method, path, status, got)
			}
			status, got := s.do(method, path, "", header...)
			if refused := status == 403 && got["code"] == "FORBIDDEN"; refused == role.May(needed) {
				t.Errorf("%s %s, which needs %q, as %s: %d %v", method, path, needed, role, status, got)
			}
		}
	}
	if status, _ := s.do("GET", "/v1/nothing", ""); status != 401 {
		t.Errorf("a route that is none, without a token: %d", status)
	}
}

func TestTokensThatLetNobodyIn(t *testing.T) {
	t.Parallel()
	s := newServerFor(t, apiserver.ByToken)
	id, good := s.token("ci", backup.RoleViewer, 1)
	if status, _ := s.do("GET", "/v1/servers", "", good...); status != 200 {
		t.Fatalf("a good token: %d", status)
	}
	secret := strings.TrimPrefix(good[1], "Bearer ")
	for name, header := range map[string]string{
		"none":           "",
		"another scheme": "Basic " + secret,
		"no scheme":      secret,
		"cut short":      "Bearer " + secret[:len(secret)-1],
		"another letter": "Bearer " + secret[:len(secret)-1] + "!",
		"another prefix": "Bearer xxx_" + secret[4:],
		"its hash":       "Bearer cap_" + strings.Repeat("0", 64),
		"very long":      "Bearer cap_" + strings.Repeat("A", 5000),
	} {
		if status, _ := s.do("GET", "/v1/servers", "", "Authorization", header); status != 401 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if err := s.plane.RevokeToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.do("GET", "/v1/servers", "", good...); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
}

func TestTokensOverHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	status, made := s.do("POST", "/v1/tokens", `{"name":"ci","role":"member","expires_in_days":30}`)
	secret := text(made["secret"])
	if status != 200 || !strings.HasPrefix(secret, "cap_") || len(secret) < 50 {
		t.Fatalf("%d %v", status, made)
	}
	_, list := s.do("GET", "/v1/tokens", "")
	if got := items(list); len(got) != 1 || got[0]["name"] != "ci" || got[0]["role"] != "member" || got[0]["expires_at"] == nil || got[0]["hash"] != nil || got[0]["secret"] != nil {
		t.Errorf("list %v", got)
	}
	for body, field := range map[string]string{
		`{"name":"ci","role":"viewer"}`:                        "name",
		`{"name":"x y","role":"viewer"}`:                       "name",
		`{"name":"b","role":"root"}`:                           "role",
		`{"name":"c","role":"viewer","expires_in_days":-1}`:    "expires_in_days",
		`{"name":"c","role":"viewer","expires_in_days":99999}`: "expires_in_days",
	} {
		if status, got := s.do("POST", "/v1/tokens", body); status < 400 || status >= 500 || got["field"] != field {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
	id := text(items(list)[0]["id"])
	for i, want := range []int{204, 404} {
		if status, _ := s.do("DELETE", "/v1/tokens/"+id, ""); status != want {
			t.Errorf("revoked for time %d: %d", i+1, status)
		}
	}
}
