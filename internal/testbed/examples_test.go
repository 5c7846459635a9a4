package testbed_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestUnitIsOneThatSystemdTakes has systemd itself read the example.
func TestUnitIsOneThatSystemdTakes(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile(filepath.Join(root, "examples", "serve", "cloudaipilot.service"))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(text string) string {
		file := filepath.Join(t.TempDir(), "cloudaipilot.service")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	installed := strings.ReplaceAll(string(unit), "/usr/local/bin/cloudaipilot", testbed.BuildProvider(t))
	if said := verify(installed); said != "" {
		t.Errorf("systemd says: %s", said)
	}
	if said := verify(strings.Replace(installed, "NoNewPrivileges=yes", "NoNewPrivilegs=yes", 1)); said == "" {
		t.Error("systemd takes anything")
	}
}
