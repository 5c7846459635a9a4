package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/metrics"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// parallelSteps bounds the steps that are made at a time. They are short, for what takes
// long runs on the servers; but a server that says nothing keeps one for up to a minute.
const parallelSteps = 128

// plane is a control plane over one store, and what it needs to run.
type plane struct {
	handler http.Handler
	cp      *controlplane.ControlPlane
	store   *store.Store
	runner  *runner.Runner
	keys    *keyring // nil where there are no secrets
	metrics *metrics.Metrics
}

// assemble puts a control plane over a store. createKey says whether a master key may be made.
func assemble(c Config, s *store.Store, createKey bool) *plane {
	keys := &keyring{store: s, create: createKey}
	if c.Clock == nil {
		c.Clock = wallClock{}
	}
	p := c.assembleWith(s, runner.New(), keys)
	p.keys = keys
	return p
}

// assembleWith puts a control plane over a store, and over the servers that a runner acts on.
func (c Config) assembleWith(s *store.Store, r *runner.Runner, sealer controlplane.Sealer) *plane {
	m := metrics.New(s, c.Clock.Now, c.Version)
	pause := c.pauseAfter
	if c.pause != nil {
		pause = c.pause
	}
	cp := controlplane.New(controlplane.Config{Store: s, Runner: r, Keys: sshKeys{}, Sealer: sealer,
		Clock: c.Clock, Virtual: c.virtual, Log: c.Log, UnreachableLimit: c.UnreachableLimit, FailureRetention: c.FailureRetention, StuckAfter: c.StuckAfter, Pause: pause, Observer: m, Boundary: c.Boundary,
		ServeCommand: serveCommand(c.DataDir), ServeUser: account()})
	return &plane{handler: apiserver.New(cp, c.Version, apiserver.Local), cp: cp, store: s, runner: r, metrics: m}
}

// account is the name of the account that this process runs as, empty where it has none.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// serveCommand is how a control plane is started that runs by itself in a data directory, in the words of a shell; empty
// for a directory that is not known.
func serveCommand(dir string) string {
	if dir == "" {
		return ""
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	if !plainPath.MatchString(dir) {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return "cloudaipilot serve --data-dir " + dir
}

// plainPath means to a shell what it says.
var plainPath = backup.NewPattern(`^[A-Za-z0-9_./+-]+$`)

func (p *plane) close() error {
	p.runner.Close()
	return p.store.Close()
}

// pauseAfter is when a backup is tried again. What is up to chance in it follows from the backup's id.
func (c Config) pauseAfter(class diagnosis.Class, b backup.Backup, tries int) (time.Duration, bool) {
	if c.MaxTries > 0 && tries >= c.MaxTries {
		return 0, false
	}
	return diagnosis.PauseAfter(class, b.Trigger, tries, scheduler.Chance(scheduler.Seed(string(b.ID)), int64(tries)))
}

// sshKeys makes and reads key pairs.
type sshKeys struct{}

func (sshKeys) Generate(comment string) ([]byte, string, error) { return ssh.GenerateKey(comment) }
func (sshKeys) PublicLine(private []byte) (string, error)       { return ssh.PublicKey(private) }

// owner is the control plane of a data directory in the process that owns it.
type owner struct {
	*plane
	lock    *flock.Flock
	worker  *controlplane.Worker
	server  *http.Server
	memory  *pipeListener
	cleanup func()
	log     *slog.Logger
}

// own starts the control plane of the directory. The caller holds the lock, and loses it to the owner.
func own(ctx context.Context, c Config, d dataDir, lock *flock.Flock) (*owner, error) {
	p, err := ownPlane(ctx, c, d)
	if err != nil {
		return nil, err
	}
	o := &owner{plane: p, lock: lock, memory: newPipeListener(), log: c.Log}
	if c.Simulate {
		if err := p.cp.Virtual.Begin(ctx); err != nil {
			return nil, errors.Join(err, p.close())
		}
	} else {
		o.worker = controlplane.NewWorker(o.cp, parallelSteps)
		o.cp.UseWaker(o.worker)
	}
	socket, cleanup, err := d.listen()
	if err != nil {
		o.endWorker()
		return nil, errors.Join(err, o.plane.close())
	}
	o.cleanup = func() {
		if d.holds(lock) { // else what is there is another owner's
			cleanup()
		}
	}
	o.server = &http.Server{Handler: o.handler, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn)}
	for _, l := range []net.Listener{socket, o.memory} {
		go o.serve(l)
	}
	return o, nil
}

func (o *owner) serve(l net.Listener) {
	if err := o.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		o.log.Error("a listener ended", "error", err)
	}
}

// close ends the control plane and gives the directory up. Whoever waits over the socket takes over.
func (o *owner) close() error {
	o.cleanup()
	err := o.server.Close()
	o.endWorker()
	return errors.Join(err, o.plane.close(), o.lock.Unlock())
}

// endWorker ends the worker. A simulated time has none: it does what is due itself.
func (o *owner) endWorker() {
	if o.worker != nil {
		o.worker.Close()
	}
}

// ownPlane opens the records of a directory for its owner.
func ownPlane(ctx context.Context, c Config, d dataDir) (*plane, error) {
	if c.Simulate {
		s, start, now, err := openSimulated(ctx, c, d)
		if err != nil {
			return nil, err
		}
		if err := s.ReleaseAll(ctx, now.Add(controlplane.HoldFor)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return assembleSimulated(c, s, start, now, false), nil
	}
	s, err := store.Open(ctx, d.database(), time.Now())
	if err != nil {
		return nil, err
	}
	if err := s.ReleaseAll(ctx, time.Now().Add(controlplane.HoldFor)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	p := assemble(c, s, true)
	if err := p.keys.fits(ctx); err != nil { // better no owner than one that cannot look after the backups
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}
