package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// DefaultDataDir is the data directory where none is named, below the working directory.
const DefaultDataDir = ".cloudaipilot"

// handover bounds the wait for an owner that is starting or ending.
const handover = 15 * time.Second

// answerWithin bounds the wait for an owner's answer. The longest long poll and the longest deletion take a minute; who
// is silent for longer is stopped.
const answerWithin = 90 * time.Second

// Config is what an embedded control plane needs to know.
type Config struct {
	DataDir          string
	Version          string // of the program
	UnreachableLimit time.Duration
	FailureRetention time.Duration // see controlplane.Config
	// StuckAfter is how long a job may make no progress: MinStuckAfter to MaxStuckAfter, zero for what StuckAfterEnv says, else 30 minutes.
	StuckAfter time.Duration
	// MaxTries is how often a backup is tried whose cause of failure passes by itself, zero for what MaxTriesEnv says, else DefaultMaxTries.
	MaxTries int
	Log      *slog.Logger       // nil: nothing is logged
	Boundary func(string)       // for tests: see controlplane.Config
	Clock    controlplane.Clock // for tests, which do not wait for a schedule; nil: the time
	// Simulate has servers and time simulated, as Scenario says: a text in YAML or JSON, empty for one in which nothing happens.
	Simulate bool
	Scenario string

	stage   *stage
	virtual *controlplane.Virtual
	pause   func(diagnosis.Class, backup.Backup, int) (time.Duration, bool) // nil: pauseAfter
}

// Environment variables that say, where nothing else does, how long a job may make no progress, and how often a backup is tried.
const (
	StuckAfterEnv = "CLOUDAIPILOT_STUCK_AFTER"
	MaxTriesEnv   = "CLOUDAIPILOT_MAX_TRIES"
)

// Bounds and default of both.
const (
	MinStuckAfter   = time.Second
	MaxStuckAfter   = 7 * 24 * time.Hour
	DefaultMaxTries = 4
)

// ParseStuckAfter reads how long a job may make no progress.
func ParseStuckAfter(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < MinStuckAfter || d > MaxStuckAfter {
		return 0, fmt.Errorf("%q is not how long a job may make no progress: write a time from 1s to 168h, such as 30m", text)
	}
	return d, nil
}

// CheckMaxTries checks how often a backup is tried whose cause of failure passes by itself.
func CheckMaxTries(n int) error {
	if n < 1 || n > DefaultMaxTries {
		return fmt.Errorf("%d is not how often a backup is tried: allowed are 1, which is never again, to %d", n, DefaultMaxTries)
	}
	return nil
}

// fromEnvironment fills what nobody has said.
func (c *Config) fromEnvironment() (err error) {
	if text := os.Getenv(StuckAfterEnv); text != "" && c.StuckAfter == 0 {
		if c.StuckAfter, err = ParseStuckAfter(text); err != nil {
			return fmt.Errorf("$%s: %w", StuckAfterEnv, err)
		}
	}
	if text := os.Getenv(MaxTriesEnv); text != "" && c.MaxTries == 0 {
		if c.MaxTries, err = strconv.Atoi(text); err == nil {
			err = CheckMaxTries(c.MaxTries)
		}
		if err != nil {
			return fmt.Errorf("$%s: %w", MaxTriesEnv, err)
		}
	}
	return nil
}

// Embedded reaches the control plane of a data directory, wherever that runs: in this process, in another one, or,
// for reading, nowhere. It is an http.RoundTripper, and nothing happens before the first request.
//
// Reading creates nothing and owns nothing. The first write makes this process the owner, unless there is one.
// An owner that goes away is succeeded by whoever has the next request.
type Embedded struct {
	config Config
	dir    dataDir
	socket *http.Transport

	mu     sync.Mutex
	closed bool
	owner  *owner
	memory *http.Transport // to the owner here
	reader *plane
	empty  bool // the reader reads a directory that does not exist
}

// NewEmbedded returns the way to the control plane of c.DataDir.
func NewEmbedded(c Config) (*Embedded, error) {
	if c.DataDir == "" {
		c.DataDir = DefaultDataDir
		if c.Simulate {
			c.DataDir = DefaultSimulatedDir
		}
	}
	if err := c.setStage(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", c.DataDir, err)
	}
	if err := c.fromEnvironment(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e := &Embedded{config: c, dir: dataDir(dir)}
	e.socket = &http.Transport{MaxIdleConnsPerHost: 4, ResponseHeaderTimeout: answerWithin, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		address, err := e.dir.address()
		if err != nil {
			return nil, &nobodyListens{err}
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", address)
		if err != nil {
			return nil, &nobodyListens{err}
		}
		return c, nil
	}}
	return e, nil
}

// nobodyListens is a socket without an owner behind it. Nothing was sent.
type nobodyListens struct{ error }

func (e *nobodyListens) Unwrap() error { return e.error }

// Client returns a client of this control plane.
func (e *Embedded) Client(agent string) *apiclient.Client {
	return apiclient.New(apiclient.Options{BaseURL: "http://control-plane", Transport: e, UserAgent: agent})
}

// RoundTrip implements http.RoundTripper.
func (e *Embedded) RoundTrip(r *http.Request) (*http.Response, error) {
	if exists, err := e.dir.exists(); reads(r) || r.Method == http.MethodGet && err == nil && !exists {
		return e.read(r) // nothing is waited for where nothing is: that must not make a control plane
	}
	return e.write(r)
}

// reads reports whether a request neither changes anything nor waits for work to be done.
func reads(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead: // waiting for a backup has it made; waiting for news of activities only looks
		return !r.URL.Query().Has("wait") || strings.HasPrefix(r.URL.Path, "/v1/activities")
	}
	return strings.HasSuffix(r.URL.Path, "/validate_only") || r.URL.Path == "/v1/schedules/forecast"
}

// read asks the owner if there is one, here or elsewhere, else the database itself.
func (e *Embedded) read(r *http.Request) (*http.Response, error) {
	if memory := e.ownHere(); memory != nil {
		return memory.RoundTrip(r)
	}
	if err := e.meant(); err != nil {
		return nil, &apiclient.FinalError{Err: err}
	}
	resp, err := e.socket.RoundTrip(r)
	if !errors.As(err, new(*nobodyListens)) {
		return resp, err
	}
	p, err := e.readOnly(r.Context())
	if err != nil {
		return nil, &apiclient.FinalError{Err: err}
	}
	return serveOnce(p.handler, r)
}

// OwnsHere reports whether this process is the owner. Then nobody works on the records once it ends.
func (e *Embedded) OwnsHere() bool { return e.ownHere() != nil }

// Dir returns the data directory, and whether there are records in it.
func (e *Embedded) Dir() (path string, records bool) {
	records, err := e.dir.exists()
	return string(e.dir), records || err != nil
}

func (e *Embedded) ownHere() *http.Transport {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.memory
}

// readOnly opens the records for reading; a directory that is not there reads as empty.
func (e *Embedded) readOnly(ctx context.Context) (*plane, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	exists, err := e.dir.exists()
	if err != nil {
		return nil, err
	}
	if e.reader != nil && (e.empty != exists) {
		return e.reader, nil
	}
	if e.reader != nil { // it has come into being since
		_ = e.reader.close()
		e.reader = nil
	}
	var s *store.Store
	if exists {
		s, err = store.OpenForReading(ctx, e.dir.database())
	} else {
		s, err = store.OpenEmpty(ctx)
	}
	if err != nil {
		return nil, err
	}
	e.reader, err = e.readerOver(ctx, s)
	e.empty = !exists
	return e.reader, err
}

// readerOver is a control plane that reads. What time it is in simulated records is read there.
func (e *Embedded) readerOver(ctx context.Context, s *store.Store) (*plane, error) {
	start, now, err := s.SimulatedTime(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if start.IsZero() && !e.config.Simulate {
		return assemble(e.config, s, false), nil
	}
	if start.IsZero() {
		start = time.Unix(e.config.stage.Start, 0).UTC()
		now = start
	}
	return assembleSimulated(e.config, s, start, now, true), nil
}

// meant refuses to simulate on real records.
func (e *Embedded) meant() error {
	if !e.config.Simulate {
		return nil
	}
	return e.dir.mayHold(true)
}

var errClosed = errors.New("the control plane is closed")

// write asks the owner; where there is none, this process becomes it.
func (e *Embedded) write(r *http.Request) (*http.Response, error) {
	deadline := time.Now().Add(handover)
	for {
		memory, err := e.becomeOwner(r.Context())
		if err != nil {
			return nil, &apiclient.FinalError{Err: err}
		}
		if memory != nil {
			return memory.RoundTrip(r)
		}
		if err := e.meant(); err != nil {
			return nil, &apiclient.FinalError{Err: err}
		}
		resp, err := e.ask(r)
		if !errors.As(err, new(*nobodyListens)) {
			return resp, err
		}
		if time.Now().After(deadline) {
			return nil, &apiclient.FinalError{Err: fmt.Errorf("another process owns the data directory %s, but does not answer: %w", e.dir, err)}
		}
		select {
		case <-time.After(50 * time.Millisecond): // it is starting or ending
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// ask asks the owner over its socket. Who simulates asks nobody before it is known that he simulates as well.
func (e *Embedded) ask(r *http.Request) (*http.Response, error) {
	if marked, err := e.dir.isSimulated(); err != nil || e.config.Simulate && !marked {
		return nil, &nobodyListens{errors.Join(err, errors.New("it does not say yet whether it is simulated"))}
	}
	return e.socket.RoundTrip(r)
}

// becomeOwner returns the way to the owner in this process, or nil if another process owns the directory.
func (e *Embedded) becomeOwner(ctx context.Context) (*http.Transport, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.owner != nil && !e.dir.holds(e.owner.lock) {
		err := e.owner.close()
		e.owner, e.memory = nil, nil
		return nil, errors.Join(fmt.Errorf("the data directory %s was removed or replaced while it was in use", e.dir), err)
	}
	switch {
	case e.closed:
		return nil, errClosed
	case e.memory != nil:
		return e.memory, nil
	}
	if err := e.dir.prepare(); err != nil {
		return nil, err
	}
	lock, ok, err := e.dir.lock()
	if err != nil || !ok {
		return nil, err
	}
	if err := e.dir.claim(e.config.Simulate); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	o, err := own(ctx, e.config, e.dir, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	e.owner, e.memory = o, &http.Transport{DialContext: o.memory.DialContext, MaxIdleConnsPerHost: 16}
	return e.memory, nil
}

// Close gives up what this process holds. Jobs on servers go on; the next request anywhere picks them up.
func (e *Embedded) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	var errs []error
	if e.owner != nil {
		errs = append(errs, e.owner.close())
	}
	if e.reader != nil {
		errs = append(errs, e.reader.close())
	}
	e.owner, e.memory, e.reader = nil, nil, nil
	e.socket.CloseIdleConnections()
	return errors.Join(errs...)
}
