package testbed_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestBinarySimulatesTheSameEveryTime runs the program as users have it, a few seeds twice, with as little in common as two machines
// have: processors, parts at a time, time zone, language, directory. All that it writes must be the same, byte for byte.
func TestBinarySimulatesTheSameEveryTime(t *testing.T) {
	t.Parallel()
	binary := testbed.BuildProvider(t)
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	fleet := func(seed string) []string {
		return []string{"--synthetic", "120", "--from", "2026-03-01T00:00:00Z", "--for", "60d", "--seed", seed}
	}
	story := filepath.Join(root, "examples", "simulate", "outage-with-catch-up.yaml")
	hashes := map[string]string{}
	for name, args := range map[string][]string{"seed 1": fleet("1"), "seed 2": fleet("2"), "seed 3": fleet("3"), "story": {"--scenario", story}} {
		first := simulateOnce(t, binary, args, "1", "GOMAXPROCS=1", "TZ=Asia/Tokyo", "LC_ALL=C")
		second := simulateOnce(t, binary, args, "7", "GOMAXPROCS=4", "TZ=America/New_York", "LC_ALL=de_DE.UTF-8")
		for what, text := range first {
			if len(text) < 100 || text != second[what] {
				t.Errorf("%s: %d and %d bytes of %s, which are not the same", name, len(text), len(second[what]), what)
			}
		}
		var said struct {
			Hash string `json:"hash"`
		}
		if err := json.Unmarshal([]byte(first["result"]), &said); err != nil || said.Hash == "" {
			t.Errorf("%s: hash %q, %v", name, said.Hash, err)
		}
		if other, ok := hashes[said.Hash]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		hashes[said.Hash] = name
	}
}

// simulateOnce runs the binary in a directory of its own and returns what it wrote, less how long it took.
func simulateOnce(t *testing.T, binary string, args []string, parallelism string, env ...string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"simulate", "--json", "--events", "events", "--html", "page.html", "--parallelism", parallelism}, args...)...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%q: %w: %s", cmd.Args, err, out))
	}
	written := map[string]string{"result": regexp.MustCompile(`"elapsed_seconds": [0-9.e-]+`).ReplaceAllString(string(out), `"elapsed_seconds": 0`)}
	for _, file := range []string{"events", "page.html"} {
		raw, err := os.ReadFile(filepath.Join(cmd.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		written[file] = string(raw)
	}
	return written
}
