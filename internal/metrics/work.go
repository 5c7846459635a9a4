package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

var _ controlplane.Observer = (*Metrics)(nil)

// Bounds of the histograms in seconds.
var (
	backupBuckets   = []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600}
	latenessBuckets = []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 900, 3600}
	stepBuckets     = []float64{.01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60} // a step is ended after a minute
)

// work is what this process does to backups.
type work struct {
	finished       *prometheus.CounterVec
	archived       *prometheus.CounterVec
	whole, run     *prometheus.HistogramVec
	lateness, took *prometheus.HistogramVec
	decided        *prometheus.CounterVec
	dispatched     prometheus.Histogram
}

func newWork() work {
	w := work{
		finished: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cloudaipilot_backups_finished_total",
			Help: "Backups that this process saw complete or fail. class is the code of the failure, empty for completed ones."},
			[]string{"type", "status", "class"}),
		archived: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cloudaipilot_archived_bytes_total",
			Help: "Size of the archives that this process saw completed."}, []string{"type"}),
		whole: histogram("cloudaipilot_backup_duration_seconds", "Time from the request for a backup to its end.", backupBuckets, "type", "status"),
		run: histogram("cloudaipilot_backup_run_duration_seconds", "Time from the start of a backup's job on the server to the backup's end.",
			backupBuckets, "type", "status"),
		lateness: histogram("cloudaipilot_step_lateness_seconds", "How long after it was due a step of a backup began.", latenessBuckets, "step"),
		took:     histogram("cloudaipilot_step_duration_seconds", "Time that a step of a backup took.", stepBuckets, "step"),
		decided: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cloudaipilot_due_times_total",
			Help: "Due times of schedules that this process decided. reason is empty for those that started or were caught up."}, []string{"outcome", "reason"}),
		dispatched: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cloudaipilot_dispatch_lateness_seconds",
			Help: "How long after it should have started, jitter included, the backup of a due time was asked for.", Buckets: latenessBuckets}),
	}
	for _, o := range backup.RunOutcomes {
		for _, r := range backup.RunReasons[o] {
			w.decided.WithLabelValues(string(o), string(r))
		}
	}
	w.begin(backup.TypeFiles)
	return w
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// begin has the counters of a type of backups begin at 0: increase() does not see the step from nothing to 1, and the
// first failure of a class is the one that matters.
func (w work) begin(t backup.Type) {
	w.archived.WithLabelValues(string(t))
	w.finished.WithLabelValues(string(t), string(backup.StatusCompleted), "")
	for _, code := range diagnosis.Codes() {
		w.finished.WithLabelValues(string(t), string(backup.StatusFailed), code)
	}
}

func (w work) collectors() []prometheus.Collector {
	return []prometheus.Collector{w.finished, w.archived, w.whole, w.run, w.lateness, w.took, w.decided, w.dispatched}
}

// Stepped implements controlplane.Observer.
func (m *Metrics) Stepped(step backup.Step, late, took time.Duration) {
	m.work.lateness.WithLabelValues(string(step)).Observe(max(late, 0).Seconds()) // negative after the clock was set back
	m.work.took.WithLabelValues(string(step)).Observe(max(took, 0).Seconds())
}

// Decided implements controlplane.Observer.
func (m *Metrics) Decided(r backup.Run, late time.Duration) {
	m.work.decided.WithLabelValues(string(r.Outcome), string(r.Reason)).Add(float64(max(r.Count, 1)))
	if r.Outcome == backup.RunStarted {
		m.work.dispatched.Observe(max(late, 0).Seconds())
	}
}

// Finished implements controlplane.Observer.
func (m *Metrics) Finished(b backup.Backup) {
	class := ""
	if b.Failure != nil {
		class = diagnosis.Explain(*b.Failure).Code
	}
	kind, status := string(b.Type), string(b.Status)
	m.work.finished.WithLabelValues(kind, status, class).Inc()
	if b.Status == backup.StatusCompleted {
		m.work.archived.WithLabelValues(kind).Add(float64(max(b.SizeBytes, 0)))
	}
	m.work.whole.WithLabelValues(kind, status).Observe(max(b.FinishedAt.Sub(b.CreatedAt), 0).Seconds())
	if !b.StartedAt.IsZero() {
		m.work.run.WithLabelValues(kind, status).Observe(max(b.FinishedAt.Sub(b.StartedAt), 0).Seconds())
	}
}
