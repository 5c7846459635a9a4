package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

var shellBlock = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")

// guideBlocks are the commands of the walk-through, with and beside Terraform.
func guideBlocks(t *testing.T) (alone, beside []string) {
	t.Helper()
	first, second, ok := strings.Cut(read(t, "../../templates/guides/walk-through.md"), "\n## Beside Terraform\n")
	if !ok {
		t.Fatal("the guide has no part about Terraform")
	}
	if got := read(t, "../../docs/guides/walk-through.md"); got != first+"\n## Beside Terraform\n"+second {
		t.Error("docs/guides/walk-through.md is not what make generate writes")
	}
	for _, m := range shellBlock.FindAllStringSubmatch(first, -1) {
		alone = append(alone, m[1])
	}
	for _, m := range shellBlock.FindAllStringSubmatch(second, -1) {
		beside = append(beside, m[1])
	}
	return alone, beside
}

// reader does what the guide says, in a folder, about an sshd.
type reader struct {
	t    *testing.T
	sshd *testbed.SSHD
	dir  string
	env  []string
}

// newReader is somebody with the built program on the PATH, and an ssh that puts a line into the sshd's authorized_keys.
func newReader(t *testing.T, dir string, env []string) *reader {
	t.Helper()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	source := sshd.Dir("source")
	testbed.Tree(t, source)
	bin := t.TempDir()
	if err := os.Symlink(testbed.BuildProvider(t), filepath.Join(bin, "cloudaipilot")); err != nil {
		t.Fatal(err)
	}
	line, done := filepath.Join(bin, "line"), filepath.Join(bin, "done")
	ssh := "#!/bin/sh\n[ \"$1\" = root@127.0.0.1 ] && [ \"$2\" = \"cat >> ~" + sshd.User + "/.ssh/authorized_keys\" ] || exit 9\ncat > " + line + "\ncat " + done + "\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(ssh), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(done, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { // opens once ssh has written the line
		if f, err := os.OpenFile(done, os.O_WRONLY, 0); err == nil {
			if raw, err := os.ReadFile(line); err == nil {
				sshd.Authorize(string(raw))
			}
			_ = f.Close()
		}
	}()
	t.Cleanup(func() { // a guide that never came to it
		if f, err := os.OpenFile(done, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = f.Close()
		}
	})
	env = append(env, "PATH="+bin+":"+os.Getenv("PATH"), "HOST="+sshd.Host, "PORT="+strconv.Itoa(sshd.Port), "LOGIN="+sshd.User,
		"HOST_KEY="+sshd.HostKeyLine, "FOLDER="+source)
	return &reader{t: t, sshd: sshd, dir: dir, env: env}
}

// runs has bash run commands as they stand in the guide, and returns what they printed.
func (r *reader) runs(blocks ...string) string {
	r.t.Helper()
	script := strings.ReplaceAll(strings.Join(blocks, ""), "/var/backups/cloudpilot", r.sshd.BackupDir)
	cmd := exec.CommandContext(r.t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v after\n%s\nprinted\n%s", err, script, out)
	}
	return string(out)
}

func TestWalkThroughWithoutTerraform(t *testing.T) {
	t.Parallel()
	alone, _ := guideBlocks(t)
	if len(alone) < 9 || !strings.HasPrefix(alone[0], "HOST=") {
		t.Fatalf("%d blocks, the first is %q", len(alone), alone)
	}
	r := newReader(t, t.TempDir(), os.Environ())
	out := r.runs(alone[1:]...) // the first one says where the server is
	for _, want := range []string{"Server web-1 added", "tools          good", "completed", "the job runs on the server", "SHA-256 checked", "deleted.", "removed."} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestWalkThroughBesideTerraform(t *testing.T) {
	t.Parallel()
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testbed.FindTerraform(root); err != nil {
		t.Skip(err)
	}
	_, beside := guideBlocks(t)
	if len(beside) != 2 {
		t.Fatalf("%d blocks", len(beside))
	}
	tf := testbed.NewTerraform(t)
	r := newReader(t, tf.Dir, tf.Env)
	for _, name := range []string{"main.tf", "variables.tf", "outputs.tf"} {
		if err := tf.Write(name, read(t, filepath.Join(root, "examples", "quickstart", name))); err != nil {
			t.Fatal(err)
		}
	}
	tf.Must(t, "init", "-no-color")
	apply := []string{"apply", "-auto-approve", "-no-color", "-var", "host=" + r.sshd.Host, "-var", "port=" + strconv.Itoa(r.sshd.Port), "-var", "user=" + r.sshd.User,
		"-var", "host_key=" + r.sshd.HostKeyLine, "-var", "backup_dir=" + r.sshd.BackupDir, "-var", `paths=["` + r.sshd.Dir("source") + `"]`}
	if result, err := tf.Run(t.Context(), apply...); err != nil || result.Exit == 0 {
		t.Fatalf("the first apply: %v, %+v", err, result)
	}
	if out := r.runs(beside[0]); !strings.Contains(out, "failed (PERMISSION_DENIED_PUBLICKEY)") {
		t.Errorf("before the key is there:\n%s", out)
	}
	tf.Must(t, apply...)
	out := r.runs(beside[1])
	for _, want := range []string{"web-1", "completed", "the job runs on the server", "SHA-256 checked"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
