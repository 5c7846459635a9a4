package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapesAtOnce bounds the scrapes that are answered at a time, for each reads all backups. A pair of Prometheus
// servers and somebody who looks fit in.
const scrapesAtOnce = 4

// Metrics measures one process and the records it works on.
type Metrics struct {
	registry *prometheus.Registry
	work     work
	requests requests
}

// New returns the metrics of a process of a version.
func New(records Records, now func() time.Time, version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), work: newWork(), requests: newRequests()}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cloudaipilot_build_info", Help: "The program that runs: always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}}, func() float64 { return 1 })
	m.registry.MustRegister(build, standing{records: records, now: now},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.work.collectors()...)
	m.registry.MustRegister(m.requests.collectors()...)
	return m
}

// Handler answers scrapes. Where the records cannot be read a scrape fails as a whole: half of it would look as if
// there were no servers.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError,
		MaxRequestsInFlight: scrapesAtOnce, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError)})
}
