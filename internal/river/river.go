package river

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

const (
	nap            = time.Second            // a pause this short is waited for, a longer one is put down in the database
	pollEvery      = 500 * time.Millisecond // for wake-ups that became due; new ones are told of at once
	fetchAtMost    = 50 * time.Millisecond  // between two looks for new ones
	keepDone       = time.Hour              // wake-ups that were followed, for whoever looks into the table
	tidyAfter      = 10 * time.Minute       // wake-ups of processes that died; the sweep does not wait for that
	insertPatience = 5 * time.Second
	stopPatience   = 15 * time.Second
)

// wakeUp is River's job: look at this backup.
type wakeUp struct {
	Backup backup.ID `json:"backup"`
}

// Kind implements river.JobArgs.
func (wakeUp) Kind() string { return "backup_step" }

// Waker puts wake-ups into the database and, once it works, follows those that are due.
type Waker struct {
	client *river.Client[pgx.Tx]
	log    *slog.Logger
	now    func() time.Time // by the control plane's clock; River has one of its own
}

var _ controlplane.Waker = (*Waker)(nil)

// lockMigration makes processes that start at once wait for each other. The number says "cloudriv" in ASCII.
const lockMigration = `SELECT pg_advisory_lock(7163091744671295862)`

// Migrate makes or migrates River's tables.
func Migrate(ctx context.Context, conns *pgxpool.Pool) error {
	// A connection of its own: those who wait must not keep the pool from who migrates.
	lock, err := pgx.ConnectConfig(ctx, conns.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer lock.Close(context.WithoutCancel(ctx)) // and the lock with it
	if _, err := lock.Exec(ctx, lockMigration); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(conns), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("migrate the tables of wake-ups: %w", err)
	}
	return nil
}

// New returns a waker that puts wake-ups into the database and leaves them to the processes that work.
func New(conns *pgxpool.Pool, log *slog.Logger) (*Waker, error) {
	return open(conns, log, &river.Config{})
}

// Work makes the steps of c that are due, at most parallel at a time, until the waker it returns is closed. That is c's
// waker from now on.
func Work(ctx context.Context, conns *pgxpool.Pool, c *controlplane.ControlPlane, parallel int) (*Waker, error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{step: c.Step, clock: c.Clock, log: c.Log}); err != nil {
		return nil, err
	}
	w, err := open(conns, c.Log, &river.Config{
		Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: parallel}},
		FetchPollInterval: pollEvery, FetchCooldown: fetchAtMost,
		JobTimeout:           -1, // a step bounds itself
		MaxAttempts:          1,  // a step that panics is made again when its lease has ended
		RescueStuckJobsAfter: tidyAfter, CompletedJobRetentionPeriod: keepDone, DiscardedJobRetentionPeriod: keepDone,
	})
	if err != nil {
		return nil, err
	}
	w.now = c.Clock.Now
	c.UseWaker(w)
	if err := w.client.Start(context.WithoutCancel(ctx)); err != nil { // it ends with Close, not before
		return nil, fmt.Errorf("start to follow wake-ups: %w", err)
	}
	return w, nil
}

func open(conns *pgxpool.Pool, log *slog.Logger, config *river.Config) (*Waker, error) {
	config.Logger = slog.New(troubles{log.Handler()})
	client, err := river.NewClient(riverpgxv5.New(conns), config)
	if err != nil {
		return nil, fmt.Errorf("open the wake-ups: %w", err)
	}
	return &Waker{client: client, log: log, now: time.Now}, nil
}

// Wake implements controlplane.Waker. Whoever sees the wake-up first follows it; one that cannot be written is left to
// the sweep.
func (w *Waker) Wake(id backup.ID, at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), insertPatience)
	defer cancel()
	var opts river.InsertOpts
	if pause := at.Sub(w.now()); pause > 0 { // what is due now is told of at once, what is due later is looked for
		opts.ScheduledAt = time.Now().Add(pause)
	}
	if _, err := w.client.Insert(ctx, wakeUp{id}, &opts); err != nil {
		w.log.Warn("a wake-up was not written down; the sweep will find the backup", "backup", id, "error", err)
	}
}

// WakeAll implements controlplane.Waker.
func (w *Waker) WakeAll(ids []backup.ID) {
	ctx, cancel := context.WithTimeout(context.Background(), insertPatience)
	defer cancel()
	all := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		all[i].Args = wakeUp{id}
	}
	if _, err := w.client.InsertManyFast(ctx, all); err != nil {
		w.log.Warn("wake-ups were not written down; the sweep will find the backups", "backups", len(ids), "error", err)
	}
}

// Close ends the work. Steps under way are given back as they were, for another process to make.
func (w *Waker) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := w.client.StopAndCancel(ctx); err != nil {
		w.log.Warn("the work did not end in time", "error", err)
	}
}

// worker follows wake-ups.
type worker struct {
	river.WorkerDefaults[wakeUp]

	step  func(context.Context, backup.ID) (next time.Time, made bool, err error)
	clock controlplane.Clock
	log   *slog.Logger
}

// Work makes the step that is due, and those that follow at once. Who made a step sees to the next one; who finds that
// another is at it, or was, has nothing to add.
func (w *worker) Work(ctx context.Context, job *river.Job[wakeUp]) error {
	for {
		next, made, err := w.step(ctx, job.Args.Backup)
		if ctx.Err() != nil {
			return river.JobSnooze(0) // for another process, now
		}
		if err != nil {
			w.log.Error("step failed", "backup", job.Args.Backup, "error", err)
		}
		if !made || next.IsZero() {
			return nil
		}
		pause := max(next.Sub(w.clock.Now()), 0)
		if pause > nap {
			return river.JobSnooze(pause)
		}
		select {
		case <-w.clock.After(pause):
		case <-ctx.Done():
			return river.JobSnooze(0)
		}
	}
}

// troubles passes on what River warns of, and not the news of its everyday.
type troubles struct{ slog.Handler }

func (t troubles) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && t.Handler.Enabled(ctx, level)
}

func (t troubles) WithAttrs(attrs []slog.Attr) slog.Handler {
	return troubles{t.Handler.WithAttrs(attrs)}
}

func (t troubles) WithGroup(name string) slog.Handler { return troubles{t.Handler.WithGroup(name)} }
