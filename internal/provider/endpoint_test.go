package provider_test

import (
	"bufio"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// service is a control plane that runs by itself, in a process of the real binary.
type service struct {
	t        *testing.T
	cmd      *exec.Cmd
	endpoint string
	ended    bool
}

var listensOn = regexp.MustCompile(`control plane answers.* address=(\S+)`)

// serve starts a control plane on the scenario's data directory. listen may be empty.
func (s *scenario) serve(listen string) *service {
	s.t.Helper()
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	v := &service{t: s.t, cmd: exec.Command(testbed.BuildProvider(s.t), "serve", "--data-dir", s.dataDir, "--listen", listen)}
	v.cmd.Env = s.tf.Env
	log, err := v.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { v.end(syscall.SIGKILL) })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if m := listensOn.FindStringSubmatch(lines.Text()); m != nil {
			v.endpoint = "http://" + m[1]
			go func() { // it must not block on a full pipe
				for lines.Scan() {
				}
			}()
			return v
		}
	}
	s.t.Fatalf("the control plane does not answer: %v", v.cmd.Wait())
	return nil
}

// end ends the control plane and returns its exit status; -1 when the signal ended it.
func (v *service) end(signal syscall.Signal) int {
	v.t.Helper()
	if !v.ended {
		v.ended = true
		_ = v.cmd.Process.Signal(signal)
		_ = v.cmd.Wait() // how it ended is in its state
	}
	return v.cmd.ProcessState.ExitCode()
}

// configAt is a configuration on the control plane at an endpoint.
func (s *scenario) configAt(endpoint, token string, blocks ...string) string {
	return requirements + block(`provider "cloudaipilot"`, attrs{"endpoint": quoted(endpoint), "token": quoted(token)}) + strings.Join(blocks, "")
}

func TestTerraformAgainstAControlPlaneThatRunsByItself(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	v := s.serve("")
	token := strings.TrimSpace(s.cloudaipilot("token", "create", "ci", "--role", "admin"))
	s.write(s.configAt(v.endpoint, token, s.server(), s.backup()))
	s.mustApply()
	for _, args := range [][]string{{"plan", "-detailed-exitcode"}, {"plan", "-refresh-only", "-detailed-exitcode"}} {
		if o := s.terraform(args...); o.exit != 0 {
			t.Errorf("terraform %s: exit status %d\n%s", strings.Join(args, " "), o.exit, o.text)
		}
	}
	made := s.hasOneBackup()

	viewer := strings.TrimSpace(s.cloudaipilot("token", "create", "reader", "--role", "viewer"))
	s.write(s.configAt(v.endpoint, viewer, s.server(), s.backup(attrs{"retention_days": "9"})))
	s.apply().expect(t, diagnostic{severity: "error", summary: "Unable to change backup " + made.ID}, "FORBIDDEN", "role admin")

	s.write(s.configAt(v.endpoint, token, s.server(), s.backup(attrs{"on_destroy": quoted("delete")})))
	s.mustApply()
	if o := s.terraform("destroy", "-auto-approve"); o.exit != 0 {
		t.Fatalf("terraform destroy: exit status %d\n%s", o.exit, o.text)
	}
	if left := s.onServer(); len(left) != 0 {
		t.Errorf("left on the server: %q", left)
	}
	if exit := v.end(syscall.SIGTERM); exit != 0 {
		t.Errorf("SIGTERM ended it with exit status %d", exit)
	}
}

// TestBackupGoesOnWhileItsControlPlaneIsRestarted kills the control plane in the middle of an archive and starts it
// again at the same address: Terraform waits on, and sees one backup completed.
func TestBackupGoesOnWhileItsControlPlaneIsRestarted(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	v := s.serve("")
	token := strings.TrimSpace(s.cloudaipilot("token", "create", "ci", "--role", "member"))
	owner := strings.TrimSpace(s.cloudaipilot("token", "create", "boss", "--role", "owner"))
	s.write(s.configAt(v.endpoint, owner, s.server()))
	s.mustApply()
	s.write(s.configAt(v.endpoint, token, s.server(), s.backup()))
	r := s.start("apply", "-auto-approve")
	s.awaitArchiving(r)
	if exit := v.end(syscall.SIGKILL); exit != -1 {
		t.Errorf("exit status %d", exit)
	}
	s.serve(strings.TrimPrefix(v.endpoint, "http://"))
	open()
	if o := r.wait(); o.exit != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s", o.exit, o.text)
	}
	s.hasOneBackup()
}

func TestControlPlaneThatIsNotThereIsOneClearError(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	host, port := testbed.ClosedPort(t)
	closed := "http://" + net.JoinHostPort(host, number(port))
	s.write(s.configAt(closed, "cap_ABC", s.server(), s.backup()))
	o := s.terraform("plan")
	o.expect(t, diagnostic{severity: "error", summary: "Unable to reach the control plane at " + closed}, "connection refused")
	if got := o.errors(); len(got) != 1 {
		t.Errorf("errors %q", got)
	}
	s.write(requirements + block(`provider "cloudaipilot"`, attrs{"token": quoted("cap_ABC")}) + s.server())
	s.terraform("plan").expect(t, diagnostic{severity: "error", summary: "A token without an endpoint"}, "CLOUDAIPILOT_ENDPOINT")
}
