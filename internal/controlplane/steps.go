package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// Times of the steps.
const (
	leaseFor      = 90 * time.Second       // who holds a row longer than this has died
	stepTimeout   = time.Minute            // ends a step well within its lease
	watchFirst    = 200 * time.Millisecond // pause before the first look at a job
	watchLongest  = 5 * time.Second        // longest pause between two looks
	retryLongest  = 30 * time.Second       // longest pause between two tries to reach a server
	killAfter     = 10 * time.Second       // patience with a job that was asked to end
	cleanPatience = 30 * time.Second       // with a server that does not clean up yet
	storeRetry    = 5 * time.Second        // pause after the store failed
	queueLongest  = 10 * time.Second       // longest pause between two looks for a place on the server
)

// stepOf says what is done in each step. Every one may run twice: the worker before may have died at any point.
var stepOf = map[backup.Step]func(*ControlPlane, context.Context, *progress) error{
	backup.StepQueue:     (*ControlPlane).queue,
	backup.StepPreflight: (*ControlPlane).preflight,
	backup.StepStart:     (*ControlPlane).start,
	backup.StepWatch:     (*ControlPlane).watch,
	backup.StepClean:     (*ControlPlane).clean,
}

// The boundaries of a step, behind its name and a colon.
const (
	boundaryLeased = "leased" // the row is taken, nothing was done
	boundaryActed  = "acted"  // the server did what was asked, nothing of it is written down
	boundarySaved  = "saved"  // it is written down
)

// Boundaries names all boundaries of all steps: "preflight:leased" and so on.
func Boundaries() (names []string) {
	for _, step := range []backup.Step{backup.StepQueue, backup.StepPreflight, backup.StepStart, backup.StepWatch, backup.StepClean} {
		for _, at := range []string{boundaryLeased, boundaryActed, boundarySaved} {
			names = append(names, string(step)+":"+at)
		}
	}
	return names
}

// progress is what one step works on and what it leaves behind.
type progress struct {
	backup.Backup
	target Target
	note   ActivityNote
	now    time.Time
}

// Step does the next thing to a backup, if it is due and nobody else is at it, and returns when to look again; zero if
// there is nothing more to do. made reports whether it was this call that did it: else somebody else plans the next step.
func (c *ControlPlane) Step(ctx context.Context, id backup.ID) (next time.Time, made bool, err error) {
	now := c.now()
	b, leased, err := c.Store.Lease(ctx, id, now, now.Add(leaseFor))
	switch {
	case isNotFound(err):
		return time.Time{}, false, nil
	case err != nil:
		return now.Add(storeRetry), true, fmt.Errorf("lease backup %s: %w", id, err)
	case !leased:
		return later(b.Work.NextStepAt, b.Work.LeaseUntil), false, nil
	}
	next, err = c.make(ctx, b, now)
	return next, true, err
}

// make makes the step of a backup that is leased.
func (c *ControlPlane) make(ctx context.Context, b backup.Backup, now time.Time) (time.Time, error) {
	activity, err := c.Store.Activity(ctx, b.Activity)
	if err != nil {
		return now.Add(storeRetry), fmt.Errorf("read the activity of backup %s: %w", b.ID, err)
	}
	step := string(b.Work.Step)
	c.Boundary(step + ":" + boundaryLeased)
	p := &progress{Backup: b, now: now, note: ActivityNote{Activity: activity}}
	p.enter()

	within, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if err := c.prepare(within, p); err != nil { // nothing was asked of the server: it is not the backup's failure
		b.Work.LeaseUntil, b.Work.NextStepAt = time.Time{}, now.Add(storeRetry)
		err = fmt.Errorf("prepare the step of backup %s: %w", b.ID, err)
		return b.Work.NextStepAt, errors.Join(err, c.Store.SaveStep(context.WithoutCancel(ctx), b, ActivityNote{Activity: activity}))
	}
	if err := c.take(within, p); err != nil {
		if ctx.Err() != nil { // the worker is going down, not the step: leave the row as it was to the next one
			b.Work.LeaseUntil = time.Time{}
			return time.Time{}, c.Store.SaveStep(context.WithoutCancel(ctx), b, ActivityNote{Activity: activity})
		}
		f := failureOf(err, stageOf[p.Work.Step])
		c.addRoom(ctx, p.Backup, f)
		c.failed(p, f)
	}
	p.Work.LeaseUntil = time.Time{}
	c.Boundary(step + ":" + boundaryActed)
	err = c.save(ctx, p)
	c.Boundary(step + ":" + boundarySaved)
	c.changes.announce()
	if errors.Is(err, ErrLeaseLost) {
		c.Log.Warn("another worker took over", "backup", b.ID, "attempt", b.Work.Attempt)
		return now.Add(time.Second), nil
	}
	if err != nil {
		return now.Add(storeRetry), fmt.Errorf("save the step of backup %s: %w", b.ID, err)
	}
	c.made(ctx, b.Work, p)
	return p.Work.NextStepAt, nil
}

// save writes down what the server has done by now, even if the worker is asked to stop. A store that does not take it is
// asked again for as long as the lease lasts: nobody else could go on before its end.
func (c *ControlPlane) save(ctx context.Context, p *progress) error {
	last := p.now.Add(leaseFor - 2*storeRetry)
	for {
		err := c.Store.SaveStep(context.WithoutCancel(ctx), p.Backup, p.note)
		if err == nil || errors.Is(err, ErrLeaseLost) || ctx.Err() != nil || c.now().After(last) {
			return err
		}
		c.Log.Warn("a step was not written down yet", "backup", p.ID, "error", err)
		_ = c.pause(ctx, storeRetry) // when ctx ends, the next turn sees it
	}
}

// made tells of a step that was made, and of the place that a finished backup leaves.
func (c *ControlPlane) made(ctx context.Context, w backup.Work, p *progress) {
	c.Observer.Stepped(w.Step, p.now.Sub(w.NextStepAt), c.now().Sub(p.now))
	if p.Status.Finished() {
		c.Observer.Finished(p.Backup)
		if f := p.Failure; p.ScheduleID != "" && f != nil && f.Offline() {
			c.Observer.Decided(backup.Run{ScheduleID: p.ScheduleID, DueAt: p.DueAt, Outcome: backup.RunMissed, Reason: backup.RunServerOffline, Count: 1}, 0)
		}
	}
	if p.Status.Finished() || w.Placed && !p.Work.Placed {
		c.callNext(ctx, p)
	}
}

// prepare finds the server and the right to log in to it. A server that was deleted is none of its errors.
func (c *ControlPlane) prepare(ctx context.Context, p *progress) error {
	server, err := c.Server(ctx, p.ServerID)
	if isNotFound(err) {
		return nil
	}
	if err == nil {
		p.target, err = c.target(server)
	}
	return err
}

// take carries out the step that is due.
func (c *ControlPlane) take(ctx context.Context, p *progress) error {
	step, ok := stepOf[p.Work.Step]
	switch {
	case p.target.Server.ID == "":
		return fmt.Errorf("the server %s is no longer registered", p.ServerName)
	case !ok:
		return fmt.Errorf("unknown step %q", p.Work.Step)
	}
	return step(c, ctx, p)
}

// queue waits for a place among the backups that are made on the server at a time.
func (c *ControlPlane) queue(ctx context.Context, p *progress) error {
	if !p.Work.CancelAt.IsZero() {
		return cancelled()
	}
	places := p.target.Server.MaxConcurrentBackups
	placed, err := c.Store.TakePlace(ctx, p.Backup, places)
	if err != nil {
		return fmt.Errorf("take a place on the server: %w", err)
	}
	if !placed {
		c.wakeDue(ctx, p) // those ahead may have been left by a process that is gone
		if p.Work.Attempt == 1 {
			p.say("waits: %s makes %d at a time, and others came first", p.ServerName, places)
		}
		p.next(backup.StepQueue, clamp(p.now.Sub(p.CreatedAt)/10, time.Second, queueLongest))
		return nil
	}
	p.Work.Placed = true
	p.next(backup.StepPreflight, 0)
	return nil
}

// wakeDue has the steps made that are due on the server of p.
func (c *ControlPlane) wakeDue(ctx context.Context, p *progress) {
	due, err := c.Store.Due(ctx, p.ServerID, p.now, sweepBatch)
	if err != nil {
		c.Log.Warn("looking for those ahead failed", "server", p.ServerID, "error", err)
	}
	for _, d := range due {
		c.waker.Wake(d.ID, p.now)
	}
}

// callNext has those looked at who wait for the place that p leaves. One that is not called looks by itself.
func (c *ControlPlane) callNext(ctx context.Context, p *progress) {
	ids, err := c.Store.CallWaiting(context.WithoutCancel(ctx), p.ServerID, max(p.target.Server.MaxConcurrentBackups, 1), c.now())
	if err != nil {
		c.Log.Warn("calling the next backup failed", "server", p.ServerID, "error", err)
	}
	for _, id := range ids {
		c.waker.Wake(id, c.now())
	}
}

// preflight looks whether the run would fail. Nothing of the backup is on the server yet.
func (c *ControlPlane) preflight(ctx context.Context, p *progress) error {
	if !p.Work.CancelAt.IsZero() {
		return cancelled()
	}
	if err := c.expect(ctx, &p.target, p.Spec); err != nil {
		return fmt.Errorf("look up earlier archives: %w", err)
	}
	found, err := c.Runner.Preflight(ctx, p.target, p.Backup)
	if f := failureOf(err, backup.StagePreflight); f == nil || f.Stage != backup.StageConnect {
		if c.sweepBefore(ctx, p) > 0 && err != nil { // there may be room now
			p.next(backup.StepPreflight, 0)
			return nil //nolint:nilerr // it is looked at again
		}
	}
	if err != nil {
		return err
	}
	if s := p.target.Server; s.TrustedHostKey() == "" && s.RecordHostKey {
		err := c.Store.RecordHostKey(ctx, s.ID, s.Version, found.HostKey)
		if isNotFound(err) { // it is perhaps another machine by now: look again
			p.next(backup.StepPreflight, time.Second)
			return nil
		}
		if err != nil {
			return fmt.Errorf("record the host key: %w", err)
		}
		p.say("recorded the server's host key: %s", backup.Excerpt(found.HostKey, 200))
	}
	p.Warnings = found.Warnings
	p.Address = p.target.Server.Address()
	p.OnServer = true // from now on: the next worker must look, whatever becomes of this one
	p.next(backup.StepStart, 0)
	return nil
}

// start starts the detached job, or finds it started.
func (c *ControlPlane) start(ctx context.Context, p *progress) error {
	if !p.Work.CancelAt.IsZero() {
		return c.cancelStart(ctx, p)
	}
	job, err := c.Runner.Start(ctx, p.target, p.Backup)
	if err != nil {
		return c.outOfReach(p, err)
	}
	p.started(job)
	return nil
}

// cancelStart cancels a backup that is about to start. The worker before may have started the job and died before it
// could say so: then it is cancelled as any other.
func (c *ControlPlane) cancelStart(ctx context.Context, p *progress) error {
	seen, err := c.Runner.Watch(ctx, p.target, p.Backup)
	if err != nil {
		return c.outOfReach(p, err)
	}
	if seen.Job == (backup.Job{}) {
		return cancelled()
	}
	p.started(seen.Job)
	return nil
}

// started notes that the job runs.
func (p *progress) started(job backup.Job) {
	p.reached()
	p.Job, p.Status, p.StartedAt, p.Work.MovedAt = job, backup.StatusRunning, p.now, p.now
	p.say("the job runs on the server as process %d", job.PID)
	p.next(backup.StepWatch, watchFirst)
}

// watch looks at the job and decides from what it finds there.
func (c *ControlPlane) watch(ctx context.Context, p *progress) error {
	if cancel := p.Work.CancelAt; !cancel.IsZero() {
		if err := c.Runner.Cancel(ctx, p.target, p.Backup, p.now.Sub(cancel) > killAfter); err != nil {
			return c.outOfReach(p, err)
		}
	}
	seen, err := c.Runner.Watch(ctx, p.target, p.Backup)
	if err != nil {
		return c.outOfReach(p, err)
	}
	p.reached()
	if seen.Progress.Step != p.Progress.Step || seen.Progress.Bytes != p.Progress.Bytes || p.Work.MovedAt.IsZero() {
		p.Work.MovedAt = p.now
	}
	if !seen.NoFolder { // else what was last seen there says more
		p.Progress, p.Output = seen.Progress, diagnosis.Mask(seen.Output)
	}
	switch {
	case seen.Result != nil && seen.Result.Failure == nil:
		p.complete(*seen.Result)
	case seen.Result != nil:
		return seen.Result.Failure
	case !seen.Alive && !p.Work.CancelAt.IsZero():
		return cancelled()
	case !seen.Alive, seen.NoFolder && p.Work.CancelAt.IsZero():
		return vanished(p.Backup, seen)
	case p.now.Sub(p.Work.MovedAt) >= c.StuckAfter && p.Work.CancelAt.IsZero():
		return stuck(p.Backup, seen, p.now)
	default:
		p.next(backup.StepWatch, lookAgain(p.now.Sub(p.StartedAt), seen.Progress.Step))
	}
	return nil
}

// lookAgain is the pause before the next look at a job: its end is seen within a fiftieth of the time that it took, or
// within a fifth of that once only the finished archive is checked, which is soon over.
func lookAgain(took time.Duration, step string) time.Duration {
	pause := took / 50
	if step == "sync" || step == "verify" {
		pause /= 5
	}
	return clamp(pause, watchFirst, watchLongest)
}

// clean removes what a failed backup left on the server. If that cannot be done now, the backup is failed all the
// same, and its record says that files remain.
func (c *ControlPlane) clean(ctx context.Context, p *progress) error {
	if p.Failure == nil {
		return c.cleanForRetry(ctx, p)
	}
	err := c.Runner.Cancel(ctx, p.target, p.Backup, true)
	if f := failureOf(err, backup.StageArchive); f == nil || f.Stage != backup.StageConnect {
		err = c.Runner.Clean(ctx, p.target, p.Backup) // a full disk does not even take the wish to end; what still runs is not cleaned away
	}
	if f := failureOf(err, backup.StageArchive); f != nil && f.Stage != backup.StageConnect && p.now.Sub(p.Failure.At) < cleanPatience {
		p.next(backup.StepClean, time.Second) // a job that is just ending refuses to have its folder removed
		return nil
	}
	if err != nil {
		p.say("files may remain in %s/%s on the server: %v", p.Dir, p.ID, err)
	} else {
		p.OnServer = false
		p.say("removed what was left on the server")
	}
	p.finish(backup.StatusFailed)
	return nil
}

// outOfReach puts off a step whose server cannot be talked to: the detached job goes on without us.
func (c *ControlPlane) outOfReach(p *progress, err error) error {
	f := failureOf(err, stageOf[p.Work.Step])
	if f.Stage != backup.StageConnect {
		return err
	}
	if p.Work.UnreachableFrom.IsZero() {
		p.Work.UnreachableFrom = p.now
		p.say("the server is out of reach, trying again: %s", f.Text)
	}
	gone := p.now.Sub(p.Work.UnreachableFrom)
	if gone >= c.UnreachableLimit {
		f.Fact = backup.FactUnreachable
		return f
	}
	p.next(p.Work.Step, clamp(gone/4, time.Second, retryLongest))
	return nil
}

var stageOf = map[backup.Step]backup.Stage{
	backup.StepQueue:     backup.StagePreflight,
	backup.StepPreflight: backup.StagePreflight,
	backup.StepStart:     backup.StageArchive,
	backup.StepWatch:     backup.StageArchive,
	backup.StepClean:     backup.StageArchive,
}

func cancelled() *backup.Failure {
	return &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactCancelled, Text: "the backup was cancelled"}
}

// enter notes in the activity that the step has begun.
func (p *progress) enter() {
	p.note.Activity.Status = backup.ActivityRunning
	p.note.Activity.Steps = backup.Enter(p.note.Activity.Steps, string(p.Work.Step), p.now)
}

// next says which step follows, and after what pause.
func (p *progress) next(step backup.Step, pause time.Duration) {
	p.Work.Step, p.Work.NextStepAt = step, p.now.Add(pause)
}

// reached notes that the server answers again.
func (p *progress) reached() {
	if !p.Work.UnreachableFrom.IsZero() {
		p.say("the server answers again")
		p.Work.UnreachableFrom = time.Time{}
	}
}

func (p *progress) complete(r backup.Result) {
	p.Path = backup.ArchivePath(p.Dir, p.ID)
	p.SizeBytes, p.SHA256, p.Entries = r.SizeBytes, r.SHA256, r.Entries
	p.Warnings = append(p.Warnings, r.Warnings...)
	p.Progress.Bytes = r.SizeBytes
	for _, w := range p.Warnings {
		p.say("warning: %s", w)
	}
	p.say("the archive is complete: %d bytes, %d entries, sha256 %s", r.SizeBytes, r.Entries, r.SHA256)
	p.finish(backup.StatusCompleted)
}

// fail records why the backup failed. What it left on the server is removed before it counts as failed.
func (p *progress) fail(f *backup.Failure) {
	p.Failure = f
	if p.OnServer {
		p.next(backup.StepClean, 0)
		return
	}
	p.finish(backup.StatusFailed)
}

// measure adds to a failure how far the backup had come.
func (p *progress) measure(f *backup.Failure) {
	if f.Evidence.BytesDone == 0 {
		f.Evidence.BytesDone = p.Progress.Bytes
	}
	if f.Evidence.BackupDir == "" {
		f.Evidence.BackupDir = p.Dir
	}
	f.Evidence.Step = cmp.Or(p.Progress.Step, string(p.Work.Step))
}

func (p *progress) finish(status backup.Status) {
	p.Status, p.FinishedAt = status, p.now
	p.Work.Step, p.Work.NextStepAt = backup.StepNone, time.Time{}
	end := backup.ActivityCompleted
	if status == backup.StatusFailed {
		end = backup.ActivityFailed
	}
	p.note.Activity.Steps = backup.Settle(p.note.Activity.Steps, end, p.now)
	p.note.Activity.Status, p.note.Activity.FinishedAt = end, p.now
}

// say adds a line to the activity's log.
func (p *progress) say(format string, args ...any) {
	p.note.Lines = append(p.note.Lines, backup.LogLine{At: p.now, Step: string(p.Work.Step), Text: backup.Excerpt(fmt.Sprintf(format, args...), 2000)})
}

func clamp(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }

// later returns when a row that could not be leased is worth a look; zero if never.
func later(next, lease time.Time) time.Time {
	if next.IsZero() || next.After(lease) {
		return next
	}
	return lease
}
