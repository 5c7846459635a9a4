package controlplane_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// bench is a control plane over a real database, with a clock and servers that do as the test says.
type bench struct {
	*controlplane.ControlPlane
	t      *testing.T
	store  *store.Store
	clock  *clock
	server *fakeServer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchThat(t, func(*controlplane.Config) {})
}

func newBenchThat(t *testing.T, change func(*controlplane.Config)) *bench {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "control.db"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &bench{t: t, store: s, clock: &clock{now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)}, server: &fakeServer{alive: true}}
	config := controlplane.Config{Store: s, Runner: b.server, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Clock: b.clock}
	change(&config)
	b.ControlPlane = controlplane.New(config)
	return b
}

// addServer adds a server that passes every rule.
func (b *bench) addServer(change ...func(*backup.ServerSpec)) backup.Server {
	b.t.Helper()
	spec := backup.DefaultServerSpec()
	spec.Name, spec.Host, spec.RecordHostKey = "web-1", "203.0.113.10", true
	for _, c := range change {
		c(&spec)
	}
	s, err := b.CreateServer(b.t.Context(), spec, controlplane.KeyWish{Generate: true}, controlplane.Idempotency{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func request(s backup.Server, change ...func(*controlplane.CreateRequest)) controlplane.CreateRequest {
	r := controlplane.CreateRequest{Trigger: backup.TriggerManual, Spec: backup.Spec{ServerID: s.ID, Type: backup.TypeFiles,
		Files: backup.FilesSource{Include: []string{"/etc"}}, RetentionDays: 7}}
	for _, c := range change {
		c(&r)
	}
	return r
}

// create asks for a backup that then has its place on the server.
func (b *bench) create(r controlplane.CreateRequest) backup.Backup {
	b.t.Helper()
	got := b.step(b.ask(r).ID)
	if !got.Work.Placed {
		b.t.Fatalf("it has no place: %+v", got.Work)
	}
	return got
}

func (b *bench) ask(r controlplane.CreateRequest) backup.Backup {
	b.t.Helper()
	made, err := b.CreateBackup(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return made
}

// step makes the next step, at the time it is due, and returns the backup.
func (b *bench) step(id backup.ID) backup.Backup {
	b.t.Helper()
	if due := b.get(id).Work.NextStepAt; due.After(b.clock.Now()) {
		b.clock.set(due)
	}
	if _, _, err := b.Step(b.t.Context(), id); err != nil {
		b.t.Fatal(err)
	}
	return b.get(id)
}

// finish makes steps until the backup is finished.
func (b *bench) finish(id backup.ID) backup.Backup {
	b.t.Helper()
	for range 1000 {
		if got := b.step(id); got.Status.Finished() {
			return got
		}
	}
	b.t.Fatal("the backup is not finished after 1,000 steps")
	return backup.Backup{}
}

func (b *bench) get(id backup.ID) backup.Backup {
	b.t.Helper()
	got, err := b.store.Backup(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) add(d time.Duration) { c.set(c.Now().Add(d)) }

// After is over at once, and moves the clock.
func (c *clock) After(d time.Duration) <-chan time.Time {
	c.add(d)
	over := make(chan time.Time, 1)
	over <- c.Now()
	return over
}

// fakeServer is a server that does as the test says, and writes down what was asked of it.
type fakeServer struct {
	preflight, start, watch, cancel, clean error
	warnings                               []string
	result                                 *backup.Result
	alive                                  bool
	moves                                  bool       // every look finds the job further on
	bytes                                  int64      // more than it did at first
	job                                    backup.Job // that Watch finds
	noFolder                               bool       // nothing of the backup is there
	folders                                []controlplane.Folder
	cleaning                               func(backup.Backup)
	boot                                   string                                   // id of the server's boot now
	first                                  int64                                    // start of its first process
	booted                                 time.Time                                // when that began
	at                                     string                                   // the job's step; "archive" where nothing is said
	during                                 func(call string)                        // called in the middle of every call
	looked                                 func(controlplane.Target, backup.Backup) // called with what a preflight is asked about

	calls []string
}

func (f *fakeServer) called(call string, err error) error {
	f.calls = append(f.calls, call)
	if f.during != nil {
		f.during(call)
	}
	return err
}

func (f *fakeServer) has(call string) bool { return slices.Contains(f.calls, call) }

func (f *fakeServer) Preflight(_ context.Context, t controlplane.Target, b backup.Backup) (controlplane.Preflight, error) {
	if f.looked != nil {
		f.looked(t, b)
	}
	return controlplane.Preflight{HostKey: "ssh-ed25519 AAAA", Warnings: f.warnings}, f.called("preflight", f.preflight)
}

func (f *fakeServer) Start(context.Context, controlplane.Target, backup.Backup) (backup.Job, error) {
	return backup.Job{PID: 42, StartTime: 7, BootID: "boot"}, f.called("start", f.start)
}

func (f *fakeServer) Watch(context.Context, controlplane.Target, backup.Backup) (backup.Observation, error) {
	err := f.called("watch", f.watch)
	if f.moves {
		f.bytes++
	}
	seen := backup.Observation{Job: f.job, Alive: f.alive, Result: f.result, NoFolder: f.noFolder, BootID: f.boot, FirstStart: f.first, Evidence: backup.Evidence{BootedAt: f.booted}}
	if !f.noFolder {
		seen.Progress, seen.Output = backup.Progress{Step: cmp.Or(f.at, "archive"), Bytes: 10 + f.bytes}, "what tar said"
	}
	return seen, err
}

func (f *fakeServer) Cancel(_ context.Context, _ controlplane.Target, _ backup.Backup, kill bool) error {
	if kill {
		f.alive = false
		return f.called("kill", f.cancel)
	}
	return f.called("cancel", f.cancel)
}

func (f *fakeServer) Clean(_ context.Context, _ controlplane.Target, b backup.Backup) error {
	if f.cleaning != nil {
		f.cleaning(b)
	}
	return f.called("clean", f.clean)
}

func (f *fakeServer) Folders(context.Context, controlplane.Target) ([]controlplane.Folder, error) {
	return f.folders, f.called("folders", f.watch)
}

func (f *fakeServer) Download(context.Context, controlplane.Target, backup.Backup, io.Writer) error {
	return f.called("download", nil)
}

func (f *fakeServer) Forget(backup.ServerID) {}

func unreachable() error {
	return &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactDropped, Text: "connection reset by peer"}
}

type fakeKeys struct{}

func (fakeKeys) Generate(comment string) ([]byte, string, error) {
	return []byte("PRIVATE-KEY-OF-" + comment), "ssh-ed25519 GENERATED " + comment, nil
}

func (fakeKeys) PublicLine(private []byte) (string, error) {
	if string(private) == "not a key" {
		return "", errors.New("this is not a private key")
	}
	return "ssh-ed25519 OF-" + string(private), nil
}

// code is the code of an error's first finding.
func code(err error) backup.Code {
	if f, ok := errors.AsType[*backup.FindingsError](err); ok {
		return f.Findings[0].Code
	}
	return ""
}
