package app

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// get asks a control plane over the network and returns the status, the type of the content and the body.
func get(t *testing.T, address, path, token string) (status int, contentType, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(raw)
}

// scrape returns the samples of a control plane by name and labels, as Prometheus writes them.
func scrape(t *testing.T, address, token string) map[string]float64 {
	t.Helper()
	status, _, body := get(t, address, "/metrics", token)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	samples := map[string]float64{}
	for line := range strings.Lines(body) {
		if cut := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[cut:]), 64)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			samples[line[:cut]] = value
		}
	}
	return samples
}

// expect compares samples. One that is not there is no zero.
func expect(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if have, ok := got[name]; !ok || have != value {
			t.Errorf("%s is %v (there: %v), not %v", name, have, ok, value)
		}
	}
}

// oneOfEach makes a backup that completes and one that fails, on a real server named web-1, and adds web-2.
func oneOfEach(t *testing.T, c *apiclient.Client) (server api.Server, completed api.Backup) {
	t.Helper()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	source := sshd.Dir("source")
	if err := os.WriteFile(filepath.Join(source, "file"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	sshd.Own(filepath.Join(source, "file"))
	server, err := c.CreateServer(t.Context(), api.ServerInput{Name: new("web-1"), Host: new(sshd.Host), Port: new(sshd.Port), User: new(sshd.User),
		HostKey: new(sshd.HostKeyLine), BackupDir: new(sshd.BackupDir)})
	if err != nil {
		t.Fatal(err)
	}
	sshd.Authorize(server.PublicKey)
	if _, err := c.CreateServer(t.Context(), web("web-2")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{source: "completed", filepath.Join(source, "absent"): "failed"} {
		b, err := c.CreateBackup(t.Context(), server.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{path}}})
		if err == nil {
			b, err = c.WaitForBackup(t.Context(), b.ID, nil)
		}
		if err != nil || b.Status != want {
			t.Fatalf("%s: %s, %v", path, b.Status, err)
		}
		if want == "completed" {
			completed = b
		}
	}
	return server, completed
}

// stands is how the records stand after oneOfEach.
func stands(completed api.Backup) map[string]float64 {
	return map[string]float64{
		`cloudaipilot_backups{status="completed",type="files"}`:       1,
		`cloudaipilot_backups{status="failed",type="files"}`:          1,
		`cloudaipilot_backups{status="running",type="files"}`:         0,
		`cloudaipilot_backups_unfinished`:                             0,
		`cloudaipilot_backups_due`:                                    0,
		`cloudaipilot_queue_age_seconds`:                              0,
		`cloudaipilot_last_success_timestamp_seconds{server="web-1"}`: float64(completed.FinishedAt.UnixMilli()) / 1000,
		`cloudaipilot_last_success_timestamp_seconds{server="web-2"}`: 0,
		`cloudaipilot_server_archives_bytes{server="web-1"}`:          float64(completed.SizeBytes),
		`cloudaipilot_server_archives_bytes{server="web-2"}`:          0,
	}
}

// ends is what the processes that made oneOfEach have counted together.
func ends(completed api.Backup) map[string]float64 {
	return map[string]float64{
		`cloudaipilot_backups_finished_total{class="",status="completed",type="files"}`:            1,
		`cloudaipilot_backups_finished_total{class="INVALID_CONFIG",status="failed",type="files"}`: 1,
		`cloudaipilot_backups_finished_total{class="NO_SPACE_LEFT",status="failed",type="files"}`:  0,
		`cloudaipilot_archived_bytes_total{type="files"}`:                                          float64(completed.SizeBytes),
	}
}

// settle scrapes control planes until they have counted both backups: a backup is told of before it is counted.
func settle(t *testing.T, token string, addresses ...string) (each []map[string]float64) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(100 * time.Millisecond); time.Now().Before(deadline); <-tick.C {
		each = nil
		counted := 0.0
		for _, address := range addresses {
			samples := scrape(t, address, token)
			each = append(each, samples)
			counted += samples[`cloudaipilot_backup_duration_seconds_count{status="completed",type="files"}`] +
				samples[`cloudaipilot_backup_duration_seconds_count{status="failed",type="files"}`]
		}
		if counted == 2 {
			return each
		}
	}
	t.Fatalf("not both backups are counted: %v", each)
	return nil
}

func TestScrapeOfAControlPlaneSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	address, _ := serve(t, ServeConfig{Config: Config{DataDir: dir, Version: "1.2.3"}})
	_, local := process(t, dir)
	viewer := token(t, local, "viewer")
	server, completed := oneOfEach(t, local)
	for _, secret := range []string{viewer, ""} {
		get(t, address, "/v1/servers/"+server.ID, secret)
		get(t, address, "/v1/made/up/"+server.ID, secret)
	}

	got := settle(t, viewer, address)[0]
	expect(t, got, stands(completed))
	expect(t, got, ends(completed))
	expect(t, got, map[string]float64{
		`cloudaipilot_backup_duration_seconds_count{status="completed",type="files"}`:             1,
		`cloudaipilot_backup_duration_seconds_sum{status="completed",type="files"}`:               completed.FinishedAt.Sub(completed.CreatedAt).Seconds(),
		`cloudaipilot_backup_run_duration_seconds_count{status="completed",type="files"}`:         1,
		`cloudaipilot_step_lateness_seconds_count{step="start"}`:                                  1,
		`cloudaipilot_step_duration_seconds_count{step="preflight"}`:                              2,
		`cloudaipilot_http_requests_total{method="GET",route="/v1/servers/{id}",status="200"}`:    1,
		`cloudaipilot_http_requests_total{method="GET",route="/v1/servers/{id}",status="401"}`:    1,
		`cloudaipilot_http_requests_total{method="GET",route="other",status="404"}`:               1,
		`cloudaipilot_http_requests_total{method="GET",route="other",status="401"}`:               1,
		`cloudaipilot_http_request_duration_seconds_count{method="GET",route="/v1/servers/{id}"}`: 2,
	})
	if _, ok := got[`cloudaipilot_backup_run_duration_seconds_count{status="failed",type="files"}`]; ok {
		t.Error("a backup that never started has run")
	}
	for name := range got {
		if strings.Contains(name, server.ID) || strings.Contains(name, completed.ID) {
			t.Errorf("a path is a label: %s", name)
		}
	}
}

func TestMetricsAreForThoseWithATokenAndWithinLimits(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	address, _ := serve(t, ServeConfig{Config: Config{DataDir: dir}})
	_, local := process(t, dir)
	made, err := local.CreateToken(t.Context(), api.TokenInput{Name: "prometheus", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	scrape(t, address, made.Secret)
	if err := local.RevokeToken(t.Context(), made.Token.ID); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"no token": "", "a revoked token": made.Secret} {
		if status, kind, body := get(t, address, "/metrics", secret); status != http.StatusUnauthorized || kind != "application/problem+json" || strings.Contains(body, "cloudaipilot_") {
			t.Errorf("%s: %d %s %s", name, status, kind, body)
		}
	}
	limited := false
	for i := range 60 { // at most one guess in a second is forgiven, and sixty take no ten seconds
		status, kind, _ := get(t, address, "/metrics", fmt.Sprintf("cap_guess%d", i))
		limited = limited || status == http.StatusTooManyRequests && kind == "application/problem+json"
	}
	if !limited {
		t.Error("tokens can be guessed as fast as one likes")
	}
}

func TestProcessesAgreeOnTheRecordsAndEachCountsItsOwn(t *testing.T) {
	t.Parallel()
	database := testbed.StartPostgres(t)
	first, _ := serve(t, ServeConfig{Database: database})
	second, _ := serve(t, ServeConfig{Database: database})
	owner := token(t, beside(t, database), "owner")
	_, completed := oneOfEach(t, remote(t, first, owner))
	each := settle(t, owner, first, second)
	sum := map[string]float64{}
	for _, samples := range each {
		expect(t, samples, stands(completed))
		for name, value := range samples {
			sum[name] += value
		}
	}
	expect(t, sum, ends(completed))
}
