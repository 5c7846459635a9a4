package apiserver_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// scrape asks for metrics and returns the status and the body.
func scrape(t *testing.T, access apiserver.Access, header ...string) (int, string) {
	t.Helper()
	h := apiserver.Metrics(access, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) }))
	r, w := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	h.ServeHTTP(w, r)
	if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d as %s", w.Code, w.Header().Get("Content-Type"))
	}
	return w.Code, w.Body.String()
}

func TestMetricsAreForViewers(t *testing.T) {
	t.Parallel()
	s := newServerFor(t, apiserver.ByToken)
	access := apiserver.ByToken(s.plane)
	if status, body := scrape(t, access); status != 401 || !strings.Contains(body, "UNAUTHORIZED") {
		t.Errorf("without a token: %d %s", status, body)
	}
	for _, role := range backup.Roles {
		id, header := s.token("as-"+string(role), role, 0)
		if status, body := scrape(t, access, header...); status != 200 || body != "up 1\n" {
			t.Errorf("as %s: %d %s", role, status, body)
		}
		if err := s.plane.RevokeToken(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if status, body := scrape(t, access, header...); status != 401 || strings.Contains(body, "up") {
			t.Errorf("as %s, revoked: %d %s", role, status, body)
		}
	}
	guest := func(*http.Request) (backup.Role, error) { return "guest", nil }
	if status, body := scrape(t, guest); status != 403 || !strings.Contains(body, "FORBIDDEN") {
		t.Errorf("with a role that may nothing: %d %s", status, body)
	}
}

func TestRouteIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	s := newServerFor(t, apiserver.ByToken)
	_, viewer := s.token("viewer", backup.RoleViewer, 0)
	h := apiserver.New(s.plane, "1.2.3", apiserver.ByToken(s.plane))
	for path, want := range map[string]string{
		"/v1/servers":            "GET /v1/servers",
		"/v1/servers/srv_1":      "GET /v1/servers/{id}",
		"/v1/backups/bk_1/log?a": "GET /v1/backups/{id}/log",
		"/v1/nothing":            "/",
	} {
		for _, token := range []string{"", viewer[1]} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Authorization", token)
			h.ServeHTTP(httptest.NewRecorder(), r)
			if r.Pattern != want {
				t.Errorf("%s: %q", path, r.Pattern)
			}
		}
	}
}
