package provider_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// canaries returns the files a hostile value would have made, wherever a command of ours may have run.
func (s *scenario) canaries() (found []string) {
	s.t.Helper()
	here, err := os.Getwd()
	s.must(err)
	for _, root := range []string{filepath.Dir(s.source), s.tf.Dir, s.dataDir} {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(entry.Name(), "canary") {
				found = append(found, path)
			}
			return nil
		})
	}
	for _, dir := range []string{"/", "/tmp", s.sshd.Home, here} {
		matches, _ := filepath.Glob(filepath.Join(dir, "canary*"))
		found = append(found, matches...)
	}
	return found
}

func TestHostileNamesAreArchivedLiterally(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	names := []string{
		"$(touch canary)", "`touch canary`", "'; touch canary; #", `"; touch canary; "`, "new\nline", "new\ntouch canary", "-rf", "--checkpoint=1",
		"--checkpoint-action=exec=touch canary", "日本語 🙂", "*", "?", "[a]", `back\slash`, `\012`, "%s%n", "${HOME}", " blanks ", "tab\there",
		"\x1b[31mred", strings.Repeat("n", 255),
	}
	var include, want []string
	for _, name := range names {
		dir := s.sshd.Dir("source/" + name)
		s.put("source/"+name+"/kept", name)
		s.put("source/"+name+"/left out.skip", name)
		include = append(include, dir)
		want = append(want, strings.TrimPrefix(dir, "/"), strings.TrimPrefix(dir, "/")+"/kept")
	}
	canary := filepath.Join(filepath.Dir(s.source), "canary")
	exclude := []string{"*.skip", "$(touch " + canary + ")", "`touch " + canary + "`", "'; touch " + canary + "; #", "--checkpoint-action=exec=touch " + canary, "-C", "ünïcödé"}
	s.write(s.config(s.server(attrs{"environment": `"production"`}), s.backup(attrs{"files": files(include, exclude),
		"triggers": "{ " + quoted("$(touch "+canary+")") + " = " + quoted("`touch "+canary+"`\n'; touch "+canary+" #"+strings.Repeat("x", 10_000)) + " }"})))
	s.mustApply()

	b := s.onlyBackup()
	same(t, "paths in the record", include, b.Files.Include)
	slices.Sort(want)
	same(t, "names in the archive", want, testbed.TarNames(t, s.download(b.ID)))
	same(t, "canaries", nil, s.canaries())
	s.hasNothingToDo()

	// The one who looks for the canary would see it.
	s.must(exec.Command("touch", canary).Run())
	same(t, "canaries", []string{canary}, s.canaries())
}

func TestHostileSettingsNeverReachAServer(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	var blocks []string
	want := 0
	for _, field := range []string{"name", "host", "user", "host_key", "backup_dir", "environment", "privilege"} {
		for name, value := range hostileValues {
			if name == "NUL" {
				continue // no text of Terraform's language can hold one
			}
			want++
			blocks = append(blocks, block(`resource "cloudaipilot_server" "`+field+"-"+strings.ReplaceAll(name, " ", "-")+`"`,
				s.address(), attrs{"name": quoted("web-" + number(want))}, attrs{field: quoted(value)}))
		}
	}
	s.write(s.config(blocks...))
	r := s.apply()
	same(t, "errors", want, len(r.errors()))
	for _, e := range r.errors() {
		if !strings.HasPrefix(e, "Invalid ") {
			t.Errorf("unexpected error: %s", e)
		}
	}
	same(t, "data directory", false, exists(s.dataDir))
	same(t, "connections", false, strings.Contains(s.sshd.Log(), "Connection from"))
	same(t, "canaries", nil, s.canaries())
}

func TestHostileIdentifiersAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup()))
	s.mustApply()
	for _, id := range []string{"$(touch canary)", "../../etc/passwd", "bk_01ARZ3NDEKTSV4RRFFQ69G5FAV/..", "'; touch canary #", "%2e%2e", strings.Repeat("x", 5000), "a\nb"} {
		for _, command := range [][]string{{"server", "show"}, {"backup", "show"}, {"backup", "log"}, {"backup", "download"}, {"backup", "wait"}, {"activity"}} {
			if exit, out, complaint := s.try(append(command, "--", id)...); exit == 0 || out != "" || strings.TrimSpace(complaint) == "" || len(complaint) > 2000 {
				t.Errorf("cloudaipilot %v %.60q: exit status %d, %.300q, %.300q", command, id, exit, out, complaint)
			}
		}
	}
	other := s.elsewhere()
	other.write(s.config(s.server(), s.backup()))
	for _, address := range []string{theServer, theBackup} {
		r := other.terraform("import", address, "$(touch canary)")
		if r.exit != 1 || !strings.Contains(r.text, "Unable to import") {
			t.Errorf("import into %s: exit status %d: %s", address, r.exit, r.text)
		}
	}
	for field, code := range map[string]string{"server_id": "NOT_FOUND", "schedule_id": "NOT_FOUND", "backup_id": "NOT_FOUND"} {
		other.write(s.config(block(`data "cloudaipilot_backup_failure" "last"`, attrs{field: quoted("../../v1/servers?$(touch canary)")})))
		r := other.terraform("plan")
		r.expect(t, diagnostic{severity: "error", summary: "Unable to read the last failure"}, code)
	}
	same(t, "canaries", nil, s.canaries())
	same(t, "exit status of what exists", 0, func() int { exit, _, _ := s.try("server", "show", "--", "web-1"); return exit }())
}
