package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// Records are what all processes work on.
type Records interface {
	Overview(ctx context.Context, now time.Time) (controlplane.Overview, error)
}

// askWithin bounds the question of one scrape, well below the 10 s after which Prometheus gives up.
const askWithin = 8 * time.Second

var (
	backups = prometheus.NewDesc("cloudaipilot_backups",
		"Backups that are not deleted.", []string{"status", "type"}, nil)
	unfinished = prometheus.NewDesc("cloudaipilot_backups_unfinished",
		"Backups that have neither completed nor failed yet.", nil, nil)
	due = prometheus.NewDesc("cloudaipilot_backups_due",
		"Backups whose next step is due and whom no process is at.", nil, nil)
	queueAge = prometheus.NewDesc("cloudaipilot_queue_age_seconds",
		"How long the longest overdue step has been due, 0 where none is.", nil, nil)
	lastSuccess = prometheus.NewDesc("cloudaipilot_last_success_timestamp_seconds",
		"When the newest completed backup of a server finished, even if it is deleted since; 0 where none ever did.", []string{"server"}, nil)
	serverCreated = prometheus.NewDesc("cloudaipilot_server_created_timestamp_seconds",
		"When a server was added.", []string{"server"}, nil)
	scheduleSuccess = prometheus.NewDesc("cloudaipilot_schedule_last_success_timestamp_seconds",
		"When the newest completed backup of a schedule finished, even if it is deleted since; 0 where none ever did.", []string{"server", "schedule"}, nil)
	scheduleCreated = prometheus.NewDesc("cloudaipilot_schedule_created_timestamp_seconds",
		"When a schedule was added.", []string{"server", "schedule"}, nil)
	schedulePaused = prometheus.NewDesc("cloudaipilot_schedule_paused",
		"1 for a schedule that is paused, 0 for one that is not.", []string{"server", "schedule"}, nil)
	heartbeatAge = prometheus.NewDesc("cloudaipilot_dispatcher_heartbeat_age_seconds",
		"How long ago a dispatcher last said that it lives; left out where none ever did.", nil, nil)
	archiveBytes = prometheus.NewDesc("cloudaipilot_server_archives_bytes",
		"Size of the archives of a server's completed backups that are not deleted.", []string{"server"}, nil)
)

// standing tells how the records stand. It is a prometheus.Collector.
type standing struct {
	records Records
	now     func() time.Time
}

// Describe implements prometheus.Collector.
func (standing) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{backups, unfinished, due, queueAge, lastSuccess, serverCreated, archiveBytes,
		scheduleSuccess, scheduleCreated, schedulePaused, heartbeatAge} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s standing) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	now := s.now()
	o, err := s.records.Overview(ctx, now)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(backups, fmt.Errorf("read the records: %w", err))
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, c := range everyStatus(o.Backups) {
		gauge(backups, float64(c.Count), string(c.Status), string(c.Type))
	}
	gauge(unfinished, float64(o.Unfinished))
	gauge(due, float64(o.Due))
	gauge(queueAge, age(now, o.DueSince))
	for _, server := range o.Servers {
		gauge(lastSuccess, unix(server.LastSuccess), server.Name)
		gauge(serverCreated, unix(server.CreatedAt), server.Name)
		gauge(archiveBytes, float64(server.Bytes), server.Name)
	}
	for _, s := range o.Schedules {
		paused := 0.0
		if s.Paused {
			paused = 1
		}
		gauge(scheduleSuccess, unix(s.LastSuccess), s.Server, s.Name)
		gauge(scheduleCreated, unix(s.CreatedAt), s.Server, s.Name)
		gauge(schedulePaused, paused, s.Server, s.Name)
	}
	if !o.Dispatched.IsZero() {
		gauge(heartbeatAge, age(now, o.Dispatched))
	}
}

// everyStatus adds a zero for every status that no backup of a type has: a series that comes and goes is hard to
// calculate with.
func everyStatus(counts []controlplane.BackupCount) (all []controlplane.BackupCount) {
	type kind struct {
		backup.Type
		backup.Status
	}
	found, types := map[kind]int{}, map[backup.Type]bool{backup.TypeFiles: true}
	for _, c := range counts {
		found[kind{c.Type, c.Status}], types[c.Type] = c.Count, true
	}
	for t := range types {
		for _, status := range backup.Statuses {
			all = append(all, controlplane.BackupCount{Status: status, Type: t, Count: found[kind{t, status}]})
		}
	}
	return all
}

// age is 0 where since is zero, and where it was written before the clock was set back.
func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since).Seconds(), 0)
}

// unix is a time in seconds since 1970, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
