package controlplane_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestSimulatorForetellsTheLedger makes up fleets and what happens to them, has the dispatcher live through it on a real
// database, and the simulator foretell it, and compares what became of every due time: when, why, and how it ended.
func TestSimulatorForetellsTheLedger(t *testing.T) {
	t.Parallel()
	fleets := map[string]uint64{"sqlite": 16, "postgres": 3}
	if os.Getenv("CLOUDAIPILOT_TEST_FULL") != "" {
		fleets = map[string]uint64{"sqlite": 250, "postgres": 25}
	}
	open := map[string]func(*testing.T) (*store.Store, error){
		"sqlite": func(t *testing.T) (*store.Store, error) {
			return store.Open(t.Context(), filepath.Join(memory(t), "control.db"), time.Now())
		},
		"postgres": func(t *testing.T) (*store.Store, error) {
			return store.OpenPostgres(t.Context(), testbed.StartPostgres(t), time.Now())
		},
	}
	seen := map[string]int{}
	for name, n := range fleets {
		for seed := range n {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				s, err := open[name](t)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				l := newLife(t, s, seed)
				l.live()
				got, want := l.happened(), l.foretold()
				if !slices.Equal(want, got) {
					t.Fatal(l.differences(want, got))
				}
				for _, e := range want {
					seen[strings.TrimSpace(e.outcome+" "+e.reason)]++
					if e.tries > 1 {
						seen["tried again"]++
					}
				}
				seen["waited"] += l.waited
			})
			if t.Failed() {
				return
			}
		}
	}
	for _, what := range []string{"started", "skipped overlap", "skipped paused", "skipped blackout", "skipped maintenance", "skipped capacity",
		"missed control_plane_down", "missed deadline_passed", "missed server_offline", "caught_up", "tried again", "waited"} {
		if seen[what] < 20 {
			t.Errorf("only %d due times were %q: such fleets show nothing", seen[what], what)
		}
	}
	t.Logf("%v", seen)
}

// memory is a folder that needs no disk, if there is such a thing: nothing here is about what a disk keeps.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ledger") //nolint:usetesting // it is elsewhere on purpose
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
