package provider_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// withPreflight is a configuration whose check block asks the server, as the example does.
func (s *scenario) withPreflight(t *testing.T, server attrs) []string {
	t.Helper()
	return []string{s.server(server), s.schedule(nil), example(t, "data-sources/cloudaipilot_preflight/data-source.tf"),
		block(`output "ok"`, attrs{"value": "data.cloudaipilot_preflight.nightly.ok"}),
		block(`output "failed"`, attrs{"value": "data.cloudaipilot_preflight.nightly.failed"}),
		block(`output "codes"`, attrs{"value": `{ for c in data.cloudaipilot_preflight.nightly.checks : c.name => "${c.status} ${c.code == null ? "" : c.code}" }`})}
}

func TestPreflightIsToldByACheckBlockAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	s.write(s.config(s.withPreflight(t, nil)...))

	r := s.mustApply() // nobody let us in yet
	r.expect(t, diagnostic{severity: "warning", summary: "Check block assertion failed"}, "login: ")
	out := s.outputs()
	same(t, "ok", any(false), out["ok"])
	same(t, "failed", any(1.0), out["failed"])
	codes, _ := out["codes"].(map[string]any)
	if codes["connect"] != "ok " || codes["login"] != "failed PERMISSION_DENIED_PUBLICKEY" || codes["clock"] != "skipped " || len(codes) != len(backup.PreflightChecks) {
		t.Errorf("not let in: %v", codes)
	}

	s.sshd.Authorize(s.public)
	around := []string{filepath.Dir(s.source), filepath.Dir(s.sshd.BackupDir)}
	before := tree(t, around...)
	r = s.mustApply()
	same(t, "ok once let in", any(true), s.outputs()["ok"])
	for _, d := range r.diagnostics {
		if d.summary == "Check block assertion failed" {
			t.Errorf("still told: %s", d.detail)
		}
	}
	if diff := cmp.Diff(before, tree(t, around...)); diff != "" {
		t.Errorf("a preflight changed the server: %s", diff)
	}
	s.put("source/more.txt", "more\n") // and the comparison would have seen it
	if cmp.Equal(before, tree(t, around...)) {
		t.Error("the comparison sees no change")
	}
}

// tree are the paths below folders, with their modes, sizes and times.
func tree(t *testing.T, roots ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			found[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestPreflightOnTheCommandLineTellsEveryCheck(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server()))
	s.mustApply()
	var p struct {
		OK     bool
		Checks []struct {
			Name, Status, Class, Code string
			Fix                       []string
		}
	}
	out := s.cloudaipilot("preflight", "--server", "web-1", "--json")
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if !p.OK || len(p.Checks) != len(backup.PreflightChecks) {
		t.Errorf("%+v", p)
	}
	for i, c := range p.Checks {
		same(t, "order", backup.PreflightChecks[i], c.Name)
	}
	exit, out, complaint := s.try("preflight", "--server", "web-1", "--include", "/no/such/path")
	if exit != 1 || !strings.Contains(out, "failed  sources (") || !strings.Contains(out, "warning backup_dir (SHORT_LIVED_FOLDER)") || !strings.Contains(complaint, "a backup of web-1 would fail: sources (") {
		t.Errorf("a path that is not there: exit status %d\n%s\n%s", exit, out, complaint)
	}
	if exit, _, complaint = s.try("preflight"); exit != 2 || !strings.Contains(complaint, "--server") {
		t.Errorf("without a server: exit status %d, %s", exit, complaint)
	}
}
