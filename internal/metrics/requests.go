package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// other is the label of what cannot be named: a caller must not be able to make up series.
const other = "other"

// requestBuckets reach over the longest long poll, which is a minute.
var requestBuckets = []float64{.005, .025, .1, .5, 1, 2.5, 5, 15, 60, 300}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// requests is what this process answers.
type requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newRequests() requests {
	return requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cloudaipilot_http_requests_total",
			Help: "Requests that this process answered on the network."}, []string{"route", "method", "status"}),
		duration: histogram("cloudaipilot_http_request_duration_seconds", "Time that the answer to a request took, waiting included.", requestBuckets, "route", "method"),
	}
}

func (r requests) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.total, r.duration}
}

// Requests measures how next answers. The route is the pattern that next leaves on the request.
func (m *Metrics) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { // an answer that is broken off with a panic is one too
			route, method := routeOf(r.Pattern), methodOf(r.Method)
			m.requests.total.WithLabelValues(route, method, strconv.Itoa(seen.status)).Inc()
			m.requests.duration.WithLabelValues(route, method).Observe(time.Since(began).Seconds())
		}()
		next.ServeHTTP(seen, r)
	})
}

// routeOf is a pattern such as "GET /v1/servers/{id}" without its method. "/" is what fits no other pattern.
func routeOf(pattern string) string {
	route := pattern[strings.LastIndexByte(pattern, ' ')+1:]
	if route == "" || route == "/" {
		return other
	}
	return route
}

func methodOf(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return other
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
