package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// newModule is a working directory with the example of a module that has tests. Its environment names a control plane that must not be
// asked, and a home that must stay empty.
func newModule(t *testing.T) (w *workspace, home string) {
	t.Helper()
	acceptance(t)
	w, home = newWorkspace(t), t.TempDir()
	w.tf.Env = append(w.tf.Env, "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "CLOUDAIPILOT_ENDPOINT=https://192.0.2.1:8642", "CLOUDAIPILOT_TOKEN=cap_none",
		"CLOUDAIPILOT_DATA_DIR="+filepath.Join(home, "records"), "CLOUDAIPILOT_MASTER_KEY_FILE="+filepath.Join(home, "none"))
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.tf.Dir, os.DirFS(filepath.Join(root, "examples", "module-test"))); err != nil {
		t.Fatal(err)
	}
	return w, home
}

// test runs the tests of the module.
func (w *workspace) test(args ...string) outcome {
	w.t.Helper()
	return w.terraform(append([]string{"test", "-no-color"}, args...)...)
}

// replace changes a file of the module.
func (w *workspace) replace(name, before, after string) {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.tf.Dir, name))
	if err != nil || !strings.Contains(string(raw), before) {
		w.t.Fatalf("%s has no %q: %v", name, before, err)
	}
	if err := w.tf.Write(name, strings.ReplaceAll(string(raw), before, after)); err != nil {
		w.t.Fatal(err)
	}
}

func TestTestsOfAModuleNeedNoServer(t *testing.T) {
	t.Parallel()
	w, home := newModule(t)
	for _, time := range []string{"once", "again"} {
		if o := w.test(); o.exit != 0 || !strings.Contains(o.text, "Success! 5 passed, 0 failed.") || strings.Contains(o.text, "archives of it stay") {
			t.Fatalf("%s: exit status %d\n%s", time, o.exit, o.text)
		}
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("in the user's home: %v %v", entries, err)
	}
}

// TestTestsOfAModuleFail holds the assertions of the example to the weeks that they are about.
func TestTestsOfAModuleFail(t *testing.T) {
	t.Parallel()
	w, _ := newModule(t)
	w.replace("tests/bad-week.yaml", "used_by_others_per_day: 2GiB", "used_by_others_per_day: 1MiB")
	o := w.test("-filter=tests/bad_week.tftest.hcl")
	if o.exit != 1 || !strings.Contains(o.text, "1 passed, 1 failed, 1 skipped") || !strings.Contains(o.text, "Nobody would notice") {
		t.Errorf("a week that is not so bad: exit status %d\n%s", o.exit, o.text)
	}
	w.replace("tests/good_week.tftest.hcl", `{ elapsed = "7d" }`, `{ elapsed = "7d", scenario = jsonencode({ faults = [{ class = "io_error", from = "2026-01-06T00:00:00Z" }] }) }`)
	o = w.test("-filter=tests/good_week.tftest.hcl")
	if o.exit != 1 || !strings.Contains(o.text, "1 passed, 1 failed") || !strings.Contains(o.text, "a disk cannot be read or written") {
		t.Errorf("a week with a broken disk: exit status %d\n%s", o.exit, o.text)
	}
}

// simulating is a configuration on a simulated control plane.
func simulating(provider attrs, blocks ...string) string {
	return requirements + block(`provider "cloudaipilot"`, attrs{"simulate": "true"}, provider) + strings.Join(blocks, "")
}

const (
	simulatedServer = `resource "cloudaipilot_server" "web" {
  name            = "web-1"
  host            = "203.0.113.10"
  record_host_key = true
}
`
	simulatedBackup = `resource "cloudaipilot_backup" "it" {
  server_id = cloudaipilot_server.web.id
  type      = "files"
  files     = { include = ["/etc"] }
}
`
)

func TestSimulatedBackups(t *testing.T) {
	t.Parallel()
	acceptance(t)
	w := newWorkspace(t)
	w.write(simulating(nil, simulatedServer, simulatedBackup))
	if o := w.apply(); o.exit != 0 {
		t.Fatalf("apply: %s", o.text)
	}
	if o := w.terraform("plan", "-detailed-exitcode"); o.exit != 0 {
		t.Errorf("plan again: exit status %d\n%s", o.exit, o.text)
	}
	w.write(simulating(attrs{"simulation": `{ scenario = "servers: [{name: web-1, faults: [{class: ssh_auth_failed}]}]" }`}, simulatedServer, strings.Replace(simulatedBackup, "/etc", "/srv", 1)))
	w.apply().expect(t, diagnostic{severity: "error", address: "cloudaipilot_backup.it", summary: "Backup of web-1 failed: permission denied (publickey)"}, "Add this line to ~cloudpilot/.ssh/authorized_keys on the server")
	if o := w.terraform("destroy", "-auto-approve"); o.exit != 0 {
		t.Errorf("destroy: %s", o.text)
	}
}

func TestSimulationsThatCannotBe(t *testing.T) {
	t.Parallel()
	acceptance(t)
	w := newWorkspace(t)
	for name, test := range map[string]struct {
		provider attrs
		want     diagnostic
		detail   string
	}{
		"an endpoint":       {attrs{"endpoint": quoted("https://backups.example.com")}, diagnostic{severity: "error", summary: "An endpoint and a simulation"}, "Remove one of both"},
		"nobody simulates":  {attrs{"simulate": "", "simulation": `{ elapsed = "1d" }`}, diagnostic{severity: "error", summary: "A simulation of nothing"}, "simulate = true"},
		"a time that is no": {attrs{"simulation": `{ elapsed = "soon" }`}, diagnostic{severity: "error", summary: "Invalid duration"}, "write 90m, 26h or 30d"},
		"too far":           {attrs{"simulation": `{ elapsed = "9999d" }`}, diagnostic{severity: "error", summary: "Unable to simulate in .cloudaipilot-simulated"}, "3650d"},
		"a bad scenario":    {attrs{"simulation": `{ scenario = "faults: [{class: io_eror}]" }`}, diagnostic{severity: "error", summary: "Unable to simulate"}, `Did you mean "io_error"?`},
	} {
		w.write(simulating(test.provider, simulatedServer))
		o := w.terraform("plan")
		if o.exit == 0 || !strings.Contains(o.text, test.want.summary) || !strings.Contains(strings.ToLower(o.text), strings.ToLower(strings.ReplaceAll(test.detail, `"`, `\"`))) {
			t.Errorf("%s: exit status %d\n%s", name, o.exit, o.text)
		}
	}
	w.write(simulating(attrs{"simulate": "false", "simulation": `{ elapsed = "1d" }`}, simulatedServer)) // a switch
	if o := w.apply(); o.exit != 0 {
		t.Fatalf("simulate = false: %s", o.text)
	}
	w.write(simulating(attrs{"data_dir": quoted(".cloudaipilot")}, simulatedServer))
	w.terraform("plan").expect(t, diagnostic{severity: "error", summary: "Unable to simulate in .cloudaipilot"}, "is not simulated")
	w.write(simulating(attrs{"data_dir": quoted("sim")}, simulatedServer))
	w.terraform("plan").expect(t, diagnostic{severity: "error", summary: "State belongs to another control plane"}, "the simulation in sim")
	w.write(simulating(attrs{"data_dir": quoted("sim"), "simulate": ""}, simulatedServer))
	w.terraform("plan").expect(t, diagnostic{severity: "error", summary: "The control plane of sim is simulated"}, "Add simulate = true")
}
