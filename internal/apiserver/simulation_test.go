package apiserver_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// newSimulated is a control plane whose time is simulated.
func newSimulated(t *testing.T) *server {
	t.Helper()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := store.OpenScratch(t.Context(), filepath.Join(t.TempDir(), "control.db"), begin)
	if err != nil {
		t.Fatal(err)
	}
	v := controlplane.NewVirtual(controlplane.VirtualConfig{Start: begin, Now: begin, QuietUntil: func(backup.ID) time.Time { return time.Time{} },
		Keep: func(context.Context, time.Time) error { return nil }})
	plane := controlplane.New(controlplane.Config{Store: s, Runner: &fakeServer{}, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Virtual: v})
	h := httptest.NewServer(apiserver.New(plane, "1.2.3", apiserver.Local))
	t.Cleanup(func() {
		h.Close()
		_ = s.Close()
	})
	return &server{t: t, http: h, plane: plane}
}

func TestSimulatedTimeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSimulated(t)
	if _, who := s.do("GET", "/v1/control-plane", ""); who["simulated"] != true {
		t.Errorf("who: %v", who)
	}
	for _, step := range []struct {
		body    string
		elapsed float64
	}{{`{"by":"90m"}`, 5400}, {`{"by":"1d"}`, 5400 + 86400}, {`{"elapsed":"7d"}`, 7 * 86400}, {`{"elapsed":"1h"}`, 7 * 86400}} {
		status, got := s.do("POST", "/v1/simulation/advance", step.body)
		if status != 200 || got["elapsed_seconds"] != step.elapsed || got["reached"] != true {
			t.Errorf("%s: %d %v", step.body, status, got)
		}
	}
	if status, got := s.do("GET", "/v1/simulation", ""); status != 200 || got["now"] != "2026-01-08T00:00:00Z" || got["started_at"] != "2026-01-01T00:00:00Z" || got["runs"] == nil {
		t.Errorf("%d %v", status, got)
	}
	for body, field := range map[string]string{
		`{}`: "by", `{"by":"1h","elapsed":"1h"}`: "elapsed", `{"by":"soon"}`: "by", `{"by":"-1h"}`: "by", `{"elapsed":"3651d"}`: "elapsed", `{"by":"3650d"}`: "by",
	} {
		if status, got := s.do("POST", "/v1/simulation/advance", body); status != 422 || got["field"] != field || got["code"] != "INVALID_ARGUMENT" {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
}

func TestTimeOfARealControlPlaneIsNotMoved(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, who := s.do("GET", "/v1/control-plane", ""); who["simulated"] != false {
		t.Errorf("who: %v", who)
	}
	if status, got := s.do("GET", "/v1/simulation", ""); status != 409 || got["code"] != "NOT_SIMULATED" {
		t.Errorf("%d %v", status, got)
	}
	if status, got := s.do("POST", "/v1/simulation/advance", `{"by":"24h"}`); status != 409 || got["code"] != "NOT_SIMULATED" {
		t.Errorf("%d %v", status, got)
	}
}
