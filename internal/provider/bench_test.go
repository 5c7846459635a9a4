package provider_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	benchBlocks   = 20
	benchPerBlock = 50
	benchAnswer   = 20 * time.Millisecond
	benchRounds   = 5
	schemaRounds  = 15
)

// BenchmarkPlan measures "terraform plan" without changes on 1,000 servers, in 20 blocks of 50, against a control plane that
// takes 20 ms for every answer. The peer is a provider that does nothing, with as many attributes, on the same
// configuration: what Terraform itself takes. It also says how many lists the provider asks for.
func BenchmarkPlan(b *testing.B) {
	slow := newSlowControlPlane(b)
	config := thousandServers(slow.URL)
	ours, peer := planned1000(b, testbed.BuildProvider(b), config), planned1000(b, noop(b), config)
	var took, peers time.Duration
	slow.forget()
	for range benchRounds { // in turn, so that what else the machine does hits both
		took += plan1000(b, ours)
		peers += plan1000(b, peer)
	}
	b.ReportMetric(took.Seconds()/benchRounds, "s")
	b.ReportMetric(peers.Seconds()/benchRounds, "peer-s")
	b.ReportMetric(took.Seconds()/peers.Seconds(), "ratio-s")
	b.ReportMetric(float64(slow.count("GET /v1/servers"))/benchRounds, "lists/plan")
	b.ReportMetric(float64(slow.all())/benchRounds, "requests/plan")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSchema measures how long Terraform takes to print the provider's schema, beside the provider that does nothing.
func BenchmarkSchema(b *testing.B) {
	ours, peer := initialisedWith(b, testbed.BuildProvider(b), thousandServers("")), initialisedWith(b, noop(b), thousandServers(""))
	var took, peers time.Duration
	for range schemaRounds {
		took += timed(b, ours, "providers", "schema", "-json")
		peers += timed(b, peer, "providers", "schema", "-json")
	}
	b.ReportMetric(1000*took.Seconds()/schemaRounds, "ms")
	b.ReportMetric(1000*peers.Seconds()/schemaRounds, "peer-ms")
	b.ReportMetric(took.Seconds()/peers.Seconds(), "ratio-ms")
	b.ReportMetric(0, "ns/op")
}

// slowControlPlane is a control plane that takes its time, and counts what it was asked.
type slowControlPlane struct {
	*httptest.Server

	mu    sync.Mutex
	asked map[string]int
}

func newSlowControlPlane(b *testing.B) *slowControlPlane {
	b.Helper()
	e, err := app.NewEmbedded(app.Config{DataDir: filepath.Join(b.TempDir(), "data"), Version: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	s := &slowControlPlane{asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.Method+" "+r.URL.Path]++
		s.mu.Unlock()
		time.Sleep(benchAnswer)
		body, err := io.ReadAll(r.Body)
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", "control-plane"
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		out.Body, _ = out.GetBody()
		var resp *http.Response
		if err == nil {
			resp, err = e.RoundTrip(out)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	b.Cleanup(s.Close)
	return s
}

func (s *slowControlPlane) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.asked)
}

func (s *slowControlPlane) count(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[request]
}

func (s *slowControlPlane) all() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		n += asked
	}
	return n
}

// thousandServers is the configuration that both providers understand.
func thousandServers(endpoint string) string {
	var text strings.Builder
	text.WriteString("terraform {\n  required_providers {\n    cloudaipilot = { source = \"cloudaipilot/cloudaipilot\" }\n  }\n}\n")
	fmt.Fprintf(&text, "provider \"cloudaipilot\" {\n  endpoint = %q\n  token = \"cap_bench\"\n}\n", endpoint)
	for i := range benchBlocks {
		fmt.Fprintf(&text, `resource "cloudaipilot_server" "s%d" {
  count           = %d
  name            = "web-%d-${count.index}"
  host            = "203.0.113.10"
  record_host_key = true
  generate_key    = false
}
`, i, benchPerBlock, i)
	}
	return text.String()
}

// noop builds the provider that does nothing.
func noop(b *testing.B) string {
	b.Helper()
	root, err := testbed.ModuleRoot()
	if err != nil {
		b.Fatal(err)
	}
	binary := filepath.Join(b.TempDir(), "noop")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./internal/testbed/noop")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func initialisedWith(b *testing.B, binary, config string) *testbed.Terraform {
	b.Helper()
	tf, err := testbed.OpenTerraform(testbed.TerraformConfig{Dir: b.TempDir(), Binary: binary})
	if err != nil {
		b.Fatal(err)
	}
	tf.Env = append(tf.Env, "XDG_CONFIG_HOME="+os.Getenv("XDG_CONFIG_HOME"))
	if err := tf.Write("main.tf", config); err != nil {
		b.Fatal(err)
	}
	tf.Must(b, "init")
	return tf
}

// planned1000 makes all the servers.
func planned1000(b *testing.B, binary, config string) *testbed.Terraform {
	b.Helper()
	tf := initialisedWith(b, binary, config)
	tf.Must(b, "apply", "-auto-approve", "-parallelism=50")
	return tf
}

func plan1000(b *testing.B, tf *testbed.Terraform) time.Duration {
	b.Helper()
	return timed(b, tf, "plan", "-detailed-exitcode")
}

func timed(b *testing.B, tf *testbed.Terraform, args ...string) time.Duration {
	b.Helper()
	began := time.Now()
	tf.Must(b, args...)
	return time.Since(began)
}
