package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/metrics"
)

var now = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// look answers with what a test says.
type look func() (controlplane.Overview, error)

func (l look) Overview(context.Context, time.Time) (controlplane.Overview, error) { return l() }

func of(o controlplane.Overview) *metrics.Metrics {
	return metrics.New(look(func() (controlplane.Overview, error) { return o, nil }), func() time.Time { return now }, "1.2.3")
}

// scrape returns what a scrape is answered with.
func scrape(t *testing.T, m *metrics.Metrics) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Code, w.Body.String()
}

// samples fails unless each line is one of a scrape's.
func samples(t *testing.T, m *metrics.Metrics, want ...string) {
	t.Helper()
	status, text := scrape(t, m)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	for _, line := range want {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("no sample %s; there are:\n%s", line, matching(text, name))
		}
	}
}

func matching(text, name string) string {
	var found strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			found.WriteString(line)
		}
	}
	return found.String()
}

func TestRecordsAreToldAsTheyStand(t *testing.T) {
	t.Parallel()
	m := of(controlplane.Overview{
		Backups: []controlplane.BackupCount{{Status: "completed", Type: "files", Count: 12}, {Status: "failed", Type: "full", Count: 2}},
		Servers: []controlplane.ServerStanding{
			{Name: "web-1", CreatedAt: now.Add(-48 * time.Hour), LastSuccess: now.Add(-1500 * time.Millisecond), Bytes: 4096},
			{Name: "web-2", CreatedAt: now.Add(-time.Hour)},
		},
		Unfinished: 5, Due: 3, DueSince: now.Add(-90 * time.Second),
	})
	samples(t, m,
		`cloudaipilot_backups{status="completed",type="files"} 12`,
		`cloudaipilot_backups{status="failed",type="files"} 0`,
		`cloudaipilot_backups{status="failed",type="full"} 2`,
		`cloudaipilot_backups_unfinished 5`,
		`cloudaipilot_backups_due 3`,
		`cloudaipilot_queue_age_seconds 90`,
		`cloudaipilot_last_success_timestamp_seconds{server="web-1"} 1.7723303985e+09`,
		`cloudaipilot_last_success_timestamp_seconds{server="web-2"} 0`,
		`cloudaipilot_server_created_timestamp_seconds{server="web-2"} 1.7723268e+09`,
		`cloudaipilot_server_archives_bytes{server="web-1"} 4096`,
		`cloudaipilot_server_archives_bytes{server="web-2"} 0`,
	)
	for name, o := range map[string]controlplane.Overview{"nothing is due": {}, "the clock was set back": {Due: 1, DueSince: now.Add(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples(t, of(o), `cloudaipilot_queue_age_seconds 0`, `cloudaipilot_backups{status="pending",type="files"} 0`)
		})
	}
}

func TestScrapeFailsWhereTheRecordsCannotBeRead(t *testing.T) {
	t.Parallel()
	m := metrics.New(look(func() (controlplane.Overview, error) { return controlplane.Overview{}, errors.New("disk on fire") }), time.Now, "1.2.3")
	status, text := scrape(t, m)
	if status != http.StatusInternalServerError || !strings.Contains(text, "disk on fire") || strings.Contains(text, "cloudaipilot_build_info{") {
		t.Errorf("%d %s", status, text)
	}
}

// ended is a backup that ended now.
func ended(failure *backup.Failure) backup.Backup {
	b := backup.Backup{Spec: backup.Spec{Type: "files"}, Status: "completed", SizeBytes: 1000, Failure: failure,
		CreatedAt: now.Add(-70 * time.Second), StartedAt: now.Add(-50 * time.Second), FinishedAt: now}
	if failure != nil {
		b.Status, b.SizeBytes, b.StartedAt = "failed", 0, time.Time{}
	}
	return b
}

func TestBackupsAreCountedAsTheyEnd(t *testing.T) {
	t.Parallel()
	m := of(controlplane.Overview{})
	samples(t, m, // a failure that is the first of its class must be seen as a step up
		`cloudaipilot_backups_finished_total{class="NO_SPACE_LEFT",status="failed",type="files"} 0`,
		`cloudaipilot_archived_bytes_total{type="files"} 0`)
	m.Finished(ended(nil))
	m.Finished(ended(nil))
	m.Finished(ended(&backup.Failure{Stage: "archive", Fact: backup.FactToolFailed, Output: "gzip: stdout: No space left on device\n"}))
	samples(t, m,
		`cloudaipilot_backups_finished_total{class="",status="completed",type="files"} 2`,
		`cloudaipilot_backups_finished_total{class="NO_SPACE_LEFT",status="failed",type="files"} 1`,
		`cloudaipilot_archived_bytes_total{type="files"} 2000`,
		`cloudaipilot_backup_duration_seconds_bucket{status="completed",type="files",le="60"} 0`,
		`cloudaipilot_backup_duration_seconds_bucket{status="completed",type="files",le="300"} 2`,
		`cloudaipilot_backup_duration_seconds_sum{status="completed",type="files"} 140`,
		`cloudaipilot_backup_duration_seconds_count{status="failed",type="files"} 1`,
		`cloudaipilot_backup_run_duration_seconds_bucket{status="completed",type="files",le="60"} 2`,
		`cloudaipilot_backup_run_duration_seconds_count{status="completed",type="files"} 2`,
	)
	if _, text := scrape(t, m); matching(text, `cloudaipilot_backup_run_duration_seconds_count{status="failed"`) != "" {
		t.Error("a backup whose job never started has a duration")
	}
}

func TestEveryFactHasAClassThatBeginsAtZero(t *testing.T) {
	t.Parallel()
	_, before := scrape(t, of(controlplane.Overview{}))
	m := of(controlplane.Overview{})
	for _, fact := range []backup.Fact{backup.FactNoKey, backup.FactDNS, backup.FactRefused, backup.FactTimeout, backup.FactHostKeyChanged,
		backup.FactAuthFailed, backup.FactDropped, backup.FactFolderUnsafe, backup.FactToolMissing, backup.FactPathMissing, backup.FactToolFailed,
		backup.FactArchiveEmpty, backup.FactArchiveDamaged, backup.FactJobGone, backup.FactJobKilled, backup.FactCancelled, backup.FactInternal, "never heard of"} {
		m.Finished(ended(&backup.Failure{Fact: fact}))
	}
	const name = "cloudaipilot_backups_finished_total"
	_, after := scrape(t, m)
	if want, got := strings.Count(before, name+"{"), strings.Count(after, name+"{"); got != want || want != len(diagnosis.Codes())+1 {
		t.Errorf("%d series before, %d after:\n%s", want, got, matching(after, name))
	}
}

func TestSchedulesAreToldAsTheyStand(t *testing.T) {
	t.Parallel()
	m := of(controlplane.Overview{Dispatched: now.Add(-45 * time.Second), Schedules: []controlplane.ScheduleStanding{
		{Server: "web-1", Name: "nightly", CreatedAt: now.Add(-time.Hour), LastSuccess: now}, {Server: "web-1", Name: "weekly", Paused: true}}})
	m.Decided(backup.Run{Outcome: backup.RunStarted, Count: 1}, 700*time.Millisecond)
	m.Decided(backup.Run{Outcome: backup.RunMissed, Reason: backup.RunControlPlaneDown, Count: 1440}, time.Hour)
	samples(t, m,
		`cloudaipilot_schedule_last_success_timestamp_seconds{schedule="nightly",server="web-1"} 1.7723304e+09`,
		`cloudaipilot_schedule_last_success_timestamp_seconds{schedule="weekly",server="web-1"} 0`,
		`cloudaipilot_schedule_created_timestamp_seconds{schedule="nightly",server="web-1"} 1.7723268e+09`,
		`cloudaipilot_schedule_paused{schedule="nightly",server="web-1"} 0`,
		`cloudaipilot_schedule_paused{schedule="weekly",server="web-1"} 1`,
		`cloudaipilot_dispatcher_heartbeat_age_seconds 45`,
		`cloudaipilot_due_times_total{outcome="missed",reason="control_plane_down"} 1440`,
		`cloudaipilot_due_times_total{outcome="skipped",reason="overlap"} 0`,
		`cloudaipilot_dispatch_lateness_seconds_bucket{le="0.5"} 0`,
		`cloudaipilot_dispatch_lateness_seconds_bucket{le="1"} 1`,
		`cloudaipilot_dispatch_lateness_seconds_count 1`,
	)
	if _, text := scrape(t, of(controlplane.Overview{})); matching(text, "cloudaipilot_dispatcher_heartbeat_age_seconds") != "" {
		t.Error("there is an age of a heartbeat that never was")
	}
}

func TestStepsAreMeasured(t *testing.T) {
	t.Parallel()
	m := of(controlplane.Overview{})
	m.Stepped(backup.StepWatch, 700*time.Millisecond, 2*time.Second)
	m.Stepped(backup.StepWatch, -time.Hour, 0) // the clock was set back
	samples(t, m,
		`cloudaipilot_step_lateness_seconds_bucket{step="watch",le="0.5"} 1`,
		`cloudaipilot_step_lateness_seconds_bucket{step="watch",le="1"} 2`,
		`cloudaipilot_step_lateness_seconds_sum{step="watch"} 0.7`,
		`cloudaipilot_step_duration_seconds_sum{step="watch"} 2`,
	)
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	m := of(controlplane.Overview{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/servers/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "found") })
	mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/", http.NotFound)
	h := m.Requests(mux)
	ask := func(method, path string) {
		defer func() { _ = recover() }() // what net/http does
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	for _, path := range []string{"/v1/servers/a", "/v1/servers/b", "/v1/servers/c?secret=1"} {
		ask("GET", path)
	}
	for _, path := range []string{"/x", "/y/z"} {
		ask("BREW", path)
	}
	ask("GET", "/broken")
	samples(t, m,
		`cloudaipilot_http_requests_total{method="GET",route="/v1/servers/{id}",status="200"} 3`,
		`cloudaipilot_http_requests_total{method="other",route="other",status="404"} 2`,
		`cloudaipilot_http_requests_total{method="GET",route="/broken",status="200"} 1`,
		`cloudaipilot_http_request_duration_seconds_count{method="GET",route="/v1/servers/{id}"} 3`,
	)
	if _, text := scrape(t, m); strings.Count(text, "cloudaipilot_http_requests_total{") != 3 {
		t.Errorf("a path or a method of the caller's is a label:\n%s", matching(text, "cloudaipilot_http_requests_total"))
	}
}

// full is a process in which everything has happened once, so that it has every metric.
func full() *metrics.Metrics {
	m := of(controlplane.Overview{Servers: []controlplane.ServerStanding{{Name: "web-1"}},
		Schedules: []controlplane.ScheduleStanding{{Server: "web-1", Name: "nightly"}}, Dispatched: now})
	m.Finished(ended(nil))
	m.Decided(backup.Run{Outcome: backup.RunStarted, Count: 1}, 0)
	m.Stepped(backup.StepWatch, 0, 0)
	m.Requests(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	return m
}

func TestMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, full())
	if !strings.Contains(text, `cloudaipilot_build_info{goversion="go`) || !strings.Contains(text, `version="1.2.3"} 1`) ||
		!strings.Contains(text, "go_goroutines ") || !strings.Contains(text, "process_open_fds ") {
		t.Error("the build, Go's own or the process's metrics are missing")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if bad, err := promlint.New(strings.NewReader("# TYPE requests counter\nrequests 1\n")).Lint(); err != nil || len(bad) == 0 {
		t.Errorf("the linter finds nothing: %v", err) // the control
	}
}
