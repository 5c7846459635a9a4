package apiserver

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
)

// Limits of the network. They are far above what an honest fleet needs: a plan of 1,000 resources makes a handful of
// requests.
const (
	requestsPerSecond = 50  // of one token
	requestsAtOnce    = 200 // of one token
	guessesPerSecond  = 1   // of one address whose tokens let nobody in
	guessesAtOnce     = 20
	limitersKept      = 10_000
)

// limiters keep one limiter a name. When there are too many, all are forgotten: memory stays bounded, and whoever
// brings that many names gains one burst.
type limiters struct {
	rate  rate.Limit
	burst int

	mu     sync.Mutex
	byName map[string]*rate.Limiter
}

func newLimiters(perSecond, burst int) *limiters {
	return &limiters{rate: rate.Limit(perSecond), burst: burst, byName: map[string]*rate.Limiter{}}
}

func (l *limiters) of(name string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, ok := l.byName[name]
	if !ok {
		if len(l.byName) >= limitersKept {
			clear(l.byName)
		}
		found = rate.NewLimiter(l.rate, l.burst)
		l.byName[name] = found
	}
	return found
}

// Limit bounds what one token, and one address without a good token, may ask of the API in a time.
func Limit(next http.Handler) http.Handler {
	requests, guesses := newLimiters(requestsPerSecond, requestsAtOnce), newLimiters(guessesPerSecond, guessesAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guess := guesses.of(host(r.RemoteAddr))
		if guess.Tokens() < 1 {
			tooMany(w, time.Second)
			return
		}
		asked := requests.of(r.Header.Get("Authorization")).Reserve()
		if pause := asked.Delay(); pause > 0 {
			asked.Cancel()
			tooMany(w, pause)
			return
		}
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if seen.status == http.StatusUnauthorized {
			guess.Allow()
		}
	})
}

func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

func tooMany(w http.ResponseWriter, pause time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(pause/time.Second)+1))
	writeProblem(w, &api.Problem{Title: "Too many requests", Status: http.StatusTooManyRequests, Code: "RATE_LIMITED", Retryable: true,
		Detail: "More requests came than this control plane answers to one caller in that time.", Fix: "Try again after the seconds that Retry-After names."})
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
