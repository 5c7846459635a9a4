package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// The benchmarks measure a control plane through the doors that its users have, beside a peer in the same run: a
// figure alone says more about the machine than about the program. None of them fails for being slow.

// compare reports a figure beside that of the peer.
func compare(b *testing.B, unit string, ours, peer float64) {
	b.Helper()
	b.ReportMetric(ours, unit)
	b.ReportMetric(peer, "peer-"+unit)
	b.ReportMetric(ours/peer, "ratio-"+unit)
	b.ReportMetric(0, "ns/op") // of the whole measurement: no figure at all
}

// at returns the duration below which a share of all lies, in milliseconds.
func at(share float64, all []time.Duration) float64 {
	slices.Sort(all)
	return all[min(int(share*float64(len(all))), len(all)-1)].Seconds() * 1000
}

// serving runs a control plane by itself in this process, and returns its address.
func serving(b *testing.B, c app.ServeConfig) (address string) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	c.Listen, c.Ready = "127.0.0.1:0", func(a string) { ready <- a }
	go func() { ended <- app.Serve(ctx, c) }()
	select {
	case address = <-ready:
	case err := <-ended:
		cancel()
		b.Fatalf("it ended at once: %v", err)
	}
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return address
}

// process is a program in a process of its own that answers on the network.
type process struct {
	address string
	cmd     *exec.Cmd
}

// startServe starts the program that users run.
func startServe(b *testing.B, env ...string) *process {
	b.Helper()
	return start(b, exec.Command(testbed.BuildProvider(b), "serve", "--listen", "127.0.0.1:0"), env...)
}

var answers = regexp.MustCompile(`msg="control plane answers" address=(\S+)`)

// start starts a program and waits until it says where it answers.
func start(b *testing.B, cmd *exec.Cmd, env ...string) *process {
	b.Helper()
	p := &process{cmd: cmd}
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // with the benchmarks, however they end
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.end)
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if found := answers.FindStringSubmatch(lines.Text()); found != nil {
			p.address = found[1]
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return p
		}
	}
	b.Fatalf("it ended before it answered:\n%s", said.String())
	return nil
}

// end ends the process and waits for that. It may be called again.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// tokens makes tokens over the way that an owner has. One of them may ask for 50 things a second, so whoever asks for
// more needs more of them.
func tokens(b *testing.B, c *apiclient.Client, n int) (secrets []string) {
	b.Helper()
	for i := range n {
		made, err := c.CreateToken(b.Context(), api.TokenInput{Name: fmt.Sprintf("bench-%d", i), Role: "admin"})
		if err != nil {
			b.Fatal(err)
		}
		secrets = append(secrets, made.Secret)
	}
	return secrets
}

// embedded is an owner's way to the control plane of a data directory.
func embedded(b *testing.B, dir string) *apiclient.Client {
	b.Helper()
	e, err := app.NewEmbedded(app.Config{DataDir: dir, Version: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	return e.Client("bench")
}

// owning is an owner's way to the control plane of a database.
func owning(b *testing.B, database string) *apiclient.Client {
	b.Helper()
	d := app.NewDatabase(app.Config{Version: "bench"}, database)
	b.Cleanup(func() { _ = d.Close() })
	return d.Client("bench")
}

// emptyDir is the path of a data directory that does not exist yet.
func emptyDir(b *testing.B) string {
	b.Helper()
	return filepath.Join(b.TempDir(), "data")
}

// load is what some clients, each with one request at a time, got out of a server.
type load struct {
	took []time.Duration
	over time.Duration
}

func (l *load) perSecond() float64 { return float64(len(l.took)) / l.over.Seconds() }

// add lets the clients ask for a time.
func (l *load) add(b *testing.B, clients int, lasting time.Duration, ask func() error) {
	b.Helper()
	var wg sync.WaitGroup
	took, failed := make([][]time.Duration, clients), make([]error, clients)
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			for time.Since(began) < lasting && failed[i] == nil {
				asked := time.Now()
				failed[i] = ask()
				took[i] = append(took[i], time.Since(asked))
			}
		})
	}
	wg.Wait()
	l.over += time.Since(began)
	for i := range clients {
		if failed[i] != nil {
			b.Fatal(failed[i])
		}
		l.took = append(l.took, took[i]...)
	}
}

// asker asks one server over and over.
type asker struct {
	client  http.Client
	base    string
	secrets []string // one after the other
	asked   atomic.Int64
}

func newAsker(base string, secrets []string) *asker {
	return &asker{client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, base: base, secrets: secrets}
}

// ask sends one request and returns the answer.
func (a *asker) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if n := a.asked.Add(1); len(a.secrets) > 0 {
		r.Header.Set("Authorization", "Bearer "+a.secrets[int(n)%len(a.secrets)])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, said)
	}
	return said, err
}
