package controlplane

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// Config is what a control plane is made of. Those with a zero value said may be left out.
type Config struct {
	Store  Store
	Runner Runner
	Keys   Keys
	Sealer Sealer
	Clock  Clock
	// Virtual, if set, is the clock instead, and has happen what is due: the time is simulated.
	Virtual *Virtual
	// UnreachableLimit is how long a running backup's server may be out of reach before the backup counts as
	// failed. Zero means 30 minutes, the playbook's limit [KB 12-06].
	UnreachableLimit time.Duration
	// FailureRetention is how long a failure is told after its backup was deleted. Zero means 365 days.
	FailureRetention time.Duration
	// StuckAfter is how long a job may make no progress. Zero means 30 minutes, the playbook's limit [KB 12-06].
	StuckAfter time.Duration
	// Pause says after what pause a backup that failed of a class for the so-many-th time is tried again; false: it is not.
	// Zero: none is.
	Pause    func(class diagnosis.Class, b backup.Backup, tries int) (time.Duration, bool)
	Log      *slog.Logger // zero: nothing is logged
	Observer Observer     // zero: nothing is measured
	// Boundary, if set, is called at every boundary of a step, with one of the names of Boundaries: the places at
	// which a process may die. Tests have it die there.
	Boundary func(name string)
	// ServeCommand is the command line of a control plane that runs by itself on these records, told where a schedule has
	// nobody to run it. Zero: that of the default data directory.
	ServeCommand string
	// ServeUser is the account that has the records and their master key, told with ServeCommand. Zero: that is left to the reader.
	ServeUser string
}

// ControlPlane runs the use cases.
type ControlPlane struct {
	Config
	waker   Waker
	changes hub
	nudged  chan struct{} // a schedule was added or changed
	entropy *ulid.LockedMonotonicReader

	forecasts chan struct{} // holds one for each that is being made
}

// New returns a control plane. It does nothing by itself: UseWaker says who calls Step.
func New(c Config) *ControlPlane {
	if c.UnreachableLimit == 0 {
		c.UnreachableLimit = 30 * time.Minute
	}
	if c.FailureRetention == 0 {
		c.FailureRetention = 365 * 24 * time.Hour
	}
	if c.StuckAfter == 0 {
		c.StuckAfter = 30 * time.Minute
	}
	if c.Pause == nil {
		c.Pause = func(diagnosis.Class, backup.Backup, int) (time.Duration, bool) { return 0, false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = blind{}
	}
	if c.Boundary == nil {
		c.Boundary = func(string) {}
	}
	if c.ServeCommand == "" {
		c.ServeCommand = "cloudaipilot serve --data-dir .cloudaipilot"
	}
	if c.Virtual != nil {
		c.Clock = c.Virtual
	}
	cp := &ControlPlane{Config: c, waker: asleep{}, changes: hub{changed: make(chan struct{})}, nudged: make(chan struct{}, 1), forecasts: make(chan struct{}, forecastsAtOnce),
		entropy: &ulid.LockedMonotonicReader{MonotonicReader: ulid.Monotonic(rand.Reader, 0)}}
	if c.Virtual != nil {
		c.Virtual.cp = cp
		cp.waker = c.Virtual
	}
	return cp
}

// UseWaker sets who calls Step. It must be called before the first request.
func (c *ControlPlane) UseWaker(w Waker) { c.waker = w }

// asleep is the waker of a control plane that only reads.
type asleep struct{}

func (asleep) Wake(backup.ID, time.Time) {}
func (asleep) WakeAll([]backup.ID)       {}

// blind measures nothing.
type blind struct{}

func (blind) Stepped(backup.Step, time.Duration, time.Duration) {}
func (blind) Finished(backup.Backup)                            {}
func (blind) Decided(backup.Run, time.Duration)                 {}

// now is the time in the precision that is stored.
func (c *ControlPlane) now() time.Time { return c.Clock.Now().UTC().Truncate(time.Millisecond) }

// newID returns an identifier that follows all that were made before, within one millisecond too: what was recorded
// first is listed first.
func (c *ControlPlane) newID(prefix string, now time.Time) string {
	return prefix + ulid.MustNew(ulid.Timestamp(now), c.entropy).String()
}

// NewID returns the identifier of a new control plane.
func NewID(now time.Time) string {
	return "cp_" + ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()
}

// once answers the repetition of a create: it returns the id that the first one made, or "" if this is the first.
func (c *ControlPlane) once(ctx context.Context, o Idempotency) (string, error) {
	if o.Key == "" {
		return "", nil
	}
	used, err := c.Store.Used(ctx, o.Key)
	switch {
	case isNotFound(err):
		return "", nil
	case err != nil:
		return "", err
	case used.Digest != o.Digest:
		return "", refuse(backup.CodeConflict, "", "The idempotency key was used for another request",
			fmt.Sprintf("The key %q belongs to the request that made %s.", backup.Excerpt(o.Key, 80), used.ResourceID), "Use a new key for a new request.")
	}
	return used.ResourceID, nil
}

func refuse(code backup.Code, path, summary, detail, fix string) error {
	return &backup.FindingsError{Findings: []backup.Finding{
		{Severity: backup.SeverityError, Path: path, Code: code, Summary: summary, Detail: detail, Fix: fix},
	}}
}

// hub tells waiting requests that some record changed.
type hub struct {
	mu      sync.Mutex
	changed chan struct{}
}

// next returns a channel that is closed at the next change.
func (h *hub) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

func (h *hub) announce() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}
