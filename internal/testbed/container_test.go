package testbed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestContainerAnswersAndEnds builds the image of examples/serve with the script beside it, and runs its entrypoint as
// its user and in its file system until it is ready and then told to end.
func TestContainerAnswersAndEnds(t *testing.T) {
	t.Parallel()
	b := newBuildah(t)
	b.build()
	image := b.inspect()
	if user, want := image.User, "65532:65532"; user != want {
		t.Errorf("it runs as %q, not as %q", user, want)
	}
	if diff := cmp.Diff(map[string]struct{}{"/var/lib/cloudaipilot": {}}, image.Volumes); diff != "" {
		t.Errorf("volumes: %s", diff)
	}
	if diff := cmp.Diff(map[string]struct{}{"8642/tcp": {}}, image.ExposedPorts); diff != "" {
		t.Errorf("ports: %s", diff)
	}
	container := strings.TrimSpace(b.do("from", b.image))
	b.checkFiles(strings.TrimSpace(b.do("mount", container)))

	// As it is, it speaks to other machines, which takes a certificate.
	refused, err := b.command(append([]string{"run", container, "--"}, image.Entrypoint...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "name a certificate and its key") {
		t.Errorf("without a certificate: %v\n%s", err, refused)
	}

	run := b.start(append([]string{"run", "--volume", b.masterKey() + ":/run/master.key:ro", "--env", "CLOUDAIPILOT_LISTEN=127.0.0.1:0",
		container, "--"}, image.Entrypoint...)...)
	resp, err := http.Get("http://" + run.address + "/readyz") //nolint:noctx // a probe
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/readyz answers %s", resp.Status)
	}
	inside := youngest(t, run.cmd.Process.Pid)
	if name, uid := status(t, inside, "Name"), status(t, inside, "Uid"); name != "cloudaipilot" || !strings.HasPrefix(uid, "65532\t65532\t") {
		t.Errorf("the process is %q of user %q", name, uid)
	}
	if err := syscall.Kill(inside, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := run.end(); err != nil {
		t.Errorf("SIGTERM ended it with: %v", err)
	}
}

// buildah builds images and runs what is in them with a storage of its own, and without what a sandbox does not allow:
// it changes the root directory and the user, and leaves the network as it is.
type buildah struct {
	t     *testing.T
	dir   string
	image string
	env   []string
}

func newBuildah(t *testing.T) *buildah {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Skip("no buildah on this machine: internal/testbed/setup.sh --full installs it")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give files of an image to another user")
	}
	b := &buildah{t: t, dir: t.TempDir(), image: "localhost/cloudaipilot-test"}
	config := filepath.Join(b.dir, "storage.conf")
	text := fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(b.dir, "graph"), filepath.Join(b.dir, "run"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "CONTAINERS_STORAGE_CONF="+config, "BUILDAH_ISOLATION=chroot", "BUILDER=buildah")
	t.Cleanup(func() { b.do("rm", "--all") })
	return b
}

// build runs the script that users run.
func (b *buildah) build() {
	b.t.Helper()
	root, err := testbed.ModuleRoot()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), filepath.Join(root, "examples", "serve", "image.sh"), b.image)
	cmd.Env = b.env
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("image.sh: %v\n%s", err, out)
	}
}

func (b *buildah) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(b.t.Context()), "buildah", args...)
	cmd.Env = b.env
	return cmd
}

func (b *buildah) do(args ...string) string {
	b.t.Helper()
	cmd := b.command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("buildah %s: %v\n%s", args[0], err, said.String())
	}
	return string(out)
}

// imageConfig is what an image says about how it is run.
type imageConfig struct {
	User         string
	Entrypoint   []string
	Volumes      map[string]struct{}
	ExposedPorts map[string]struct{}
}

func (b *buildah) inspect() imageConfig {
	b.t.Helper()
	var image struct {
		OCIv1 struct{ Config imageConfig }
	}
	if err := json.Unmarshal([]byte(b.do("inspect", "--type", "image", b.image)), &image); err != nil {
		b.t.Fatal(err)
	}
	return image.OCIv1.Config
}

// checkFiles looks at what a control plane needs besides itself.
func (b *buildah) checkFiles(root string) {
	b.t.Helper()
	for name, want := range map[string]struct {
		mode  fs.FileMode
		owner uint32
	}{
		"/tmp":                               {fs.ModeDir | fs.ModeSticky | 0o777, 0},
		"/var/lib":                           {fs.ModeDir | 0o755, 0},
		"/var/lib/cloudaipilot":              {fs.ModeDir | 0o700, 65532},
		"/etc/ssl/certs/ca-certificates.crt": {0o644, 0},
		"/cloudaipilot":                      {0o755, 0},
	} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			b.t.Error(err)
			continue
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || info.Mode() != want.mode || stat.Uid != want.owner || info.Size() == 0 {
			b.t.Errorf("%s: %v, %d bytes, %+v", name, info.Mode(), info.Size(), stat)
		}
	}
}

// masterKey makes the file of a master key that the image's user may read.
func (b *buildah) masterKey() string {
	b.t.Helper()
	path := filepath.Join(b.dir, "master.key")
	if err := os.WriteFile(path, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o400); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chown(path, 65532, 65532); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// running is a control plane in a container.
type running struct {
	cmd     *exec.Cmd
	address string
	said    chan string
}

var answers = regexp.MustCompile(`msg="control plane answers" address=(\S+)`)

// start starts a control plane and waits until it says that it answers.
func (b *buildah) start(args ...string) *running {
	b.t.Helper()
	r := &running{cmd: b.command(args...), said: make(chan string, 1)}
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // whose children end with it
	late := time.AfterFunc(time.Minute, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if found := answers.FindStringSubmatch(lines.Text()); found != nil {
			r.address = found[1]
			go func() {
				rest, _ := io.ReadAll(stderr)
				r.said <- string(rest)
			}()
			return r
		}
	}
	b.t.Fatalf("it ended, or was not ready within a minute:\n%s", log.String())
	return nil
}

// end waits for the end, and returns what was wrong with it.
func (r *running) end() error {
	late := time.AfterFunc(time.Minute, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	said := <-r.said
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

// youngest returns the last one of a process's line of only children.
func youngest(t *testing.T, pid int) int {
	t.Helper()
	for {
		children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil {
			t.Fatal(err)
		}
		child := 0
		for _, file := range children {
			text, err := os.ReadFile(file)
			if err == nil && len(text) > 0 {
				_, err = fmt.Sscan(string(text), &child)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if child == 0 {
			return pid
		}
		pid = child
	}
}

// status reads one line of what the kernel says of a process.
func status(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
