package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

var (
	initialise  sync.Once
	initialised *testbed.Terraform
)

// theTerraform is a real Terraform whose working directory knows the real provider. "init" is the same for all tests:
// it is run once.
func theTerraform(t *testing.T) *testbed.Terraform {
	t.Helper()
	initialise.Do(func() {
		tf, err := testbed.OpenTerraform(testbed.TerraformConfig{Dir: filepath.Join(workshop, "terraform"), Binary: testbed.BuildProvider(t)})
		if err != nil {
			t.Fatal(err)
		}
		if err := tf.Write("main.tf", requirements); err != nil {
			t.Fatal(err)
		}
		tf.Must(t, "init", "-no-color")
		tf.Env = append(tf.Env, "XDG_CONFIG_HOME="+os.Getenv("XDG_CONFIG_HOME"), "TF_DATA_DIR="+filepath.Join(tf.Dir, ".terraform"))
		initialised = tf
	})
	if initialised == nil {
		t.Fatal("Terraform could not be initialised: see the test that failed first")
	}
	return initialised
}

// workspace is a working directory of the real Terraform, with a state of its own.
type workspace struct {
	t  *testing.T
	tf *testbed.Terraform
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	shared := theTerraform(t)
	w := &workspace{t: t, tf: shared.Clone(t.TempDir())}
	lock, err := os.ReadFile(filepath.Join(shared.Dir, ".terraform.lock.hcl"))
	if err == nil {
		err = w.tf.Write(".terraform.lock.hcl", string(lock))
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// write puts the configuration into place.
func (w *workspace) write(config string) {
	w.t.Helper()
	if err := w.tf.Write("main.tf", config); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a Terraform command to its end.
func (w *workspace) terraform(args ...string) outcome {
	w.t.Helper()
	return w.start(args...).wait()
}

func (w *workspace) apply() outcome {
	w.t.Helper()
	return w.terraform("apply", "-auto-approve")
}

func (w *workspace) mustApply() outcome {
	w.t.Helper()
	r := w.apply()
	if r.exit != 0 {
		w.t.Fatalf("terraform apply: exit status %d\n%s", r.exit, r.text)
	}
	return r
}

// running is a Terraform command under way.
type running struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err bytes.Buffer // read once it has ended
	ended    chan struct{}
}

// speaksJSON are the commands that report as lines of JSON when asked to.
var speaksJSON = []string{"plan", "apply", "destroy", "refresh"}

// start starts a Terraform command, in a process group of its own as a shell would.
func (w *workspace) start(args ...string) *running {
	w.t.Helper()
	if slices.Contains(speaksJSON, args[0]) {
		args = append([]string{args[0], "-json"}, args[1:]...)
	}
	r := &running{t: w.t, ended: make(chan struct{})}
	// Ends with the test, not with its context: that one is cancelled while a failed test still cleans up.
	r.cmd = w.tf.Command(context.Background(), args...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait() // how it ended is in its state
	}()
	w.t.Cleanup(func() {
		select {
		case <-r.ended:
		default:
			_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
			<-r.ended
		}
	})
	return r
}

// until waits for something that happens while the command runs.
func (r *running) until(what string, ok func() bool) {
	r.t.Helper()
	eventually(r.t, what, func() bool {
		select {
		case <-r.ended:
			r.t.Fatalf("terraform ended before this: %s\n%s", what, r.wait().text)
		default:
		}
		return ok()
	})
}

// wait waits for the command's end.
func (r *running) wait() outcome {
	r.t.Helper()
	<-r.ended
	o := outcome{exit: r.cmd.ProcessState.ExitCode(), text: r.out.String() + r.err.String(), stdout: r.out.String()}
	for line := range strings.Lines(r.out.String()) {
		var said struct {
			Diagnostic *struct {
				Severity, Summary, Detail, Address string
				Snippet                            *struct{ Code string }
			}
		}
		if json.Unmarshal([]byte(line), &said) != nil || said.Diagnostic == nil {
			continue
		}
		d := diagnostic{severity: said.Diagnostic.Severity, summary: said.Diagnostic.Summary, detail: said.Diagnostic.Detail, address: said.Diagnostic.Address}
		if said.Diagnostic.Snippet != nil {
			d.line = said.Diagnostic.Snippet.Code
		}
		o.diagnostics = append(o.diagnostics, d)
	}
	return o
}

// outcome is how a command ended.
type outcome struct {
	exit        int
	text        string // standard output and standard error
	stdout      string
	diagnostics []diagnostic
}

type diagnostic struct {
	severity, address, summary, detail string
	line                               string // of the configuration that is to blame
}

// expect looks for a diagnostic with the fields given whose detail holds all the texts, and returns it.
func (o outcome) expect(t *testing.T, want diagnostic, texts ...string) diagnostic {
	t.Helper()
	for _, d := range o.diagnostics {
		if d.severity != want.severity || d.summary != want.summary || want.address != "" && d.address != want.address || want.line != "" && d.line != want.line {
			continue
		}
		for _, text := range texts {
			if !strings.Contains(d.detail, text) {
				t.Errorf("%q does not say %q:\n%s", d.summary, text, d.detail)
			}
		}
		return d
	}
	t.Errorf("no diagnostic %+v among:\n%s", want, o.text)
	return diagnostic{}
}

// errors returns the summaries of all errors.
func (o outcome) errors() (summaries []string) {
	for _, d := range o.diagnostics {
		if d.severity == "error" {
			summaries = append(summaries, d.summary)
		}
	}
	return summaries
}

// stored is a resource as the state file holds it.
type stored struct {
	Status     string         // "tainted" or ""
	Attributes map[string]any `json:"attributes"`
}

func (r stored) text(name string) string {
	text, _ := r.Attributes[name].(string)
	return text
}

// resource returns a resource of the state; ok is false where it has none.
func (w *workspace) resource(address string) (r stored, ok bool) {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.tf.Dir, "terraform.tfstate"))
	if errors.Is(err, os.ErrNotExist) {
		return r, false
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []stored
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		w.t.Fatal(err)
	}
	for _, in := range state.Resources {
		name := in.Type + "." + in.Name
		if in.Mode == "data" {
			name = "data." + name
		}
		if name == address && len(in.Instances) == 1 {
			return in.Instances[0], true
		}
	}
	return r, false
}
