package controlplane

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// failed notes why a try failed. One whose cause passes by itself is tried again after a pause; else the backup fails.
func (c *ControlPlane) failed(p *progress, f *backup.Failure) {
	if p.Work.Step == backup.StepClean { // that is not why the backup failed
		p.say("files may remain in %s/%s on the server: %s", p.Dir, p.ID, f.Text)
		if p.Failure == nil {
			last := p.lastTry()
			p.Failure, p.Tries = &last, p.Tries[:len(p.Tries)-1]
			p.say("there is no other try: failed at %s: %s", last.Stage, last.Text)
		}
		p.finish(backup.StatusFailed)
		return
	}
	p.measure(f)
	f.Attempt = len(p.Tries) + 1
	f.Text, f.Output = diagnosis.Mask(f.Text), diagnosis.Mask(f.Output) // nobody who reads the record needs a secret that a tool printed
	class := diagnosis.Explain(*f).Class
	pause, again := c.Pause(class, p.Backup, f.Attempt)
	f.At = p.now
	if f.Output != "" {
		p.Output = f.Output
	}
	p.say("failed at %s: %s", f.Stage, f.Text)
	if !again || c.outlasts(p, f, pause) || !p.Work.CancelAt.IsZero() {
		p.fail(f)
		return
	}
	try := *f
	try.Output = "" // the log has it, and the last try's stays
	p.Tries = append(p.Tries, try)
	p.say("%s passes by itself, mostly: try %d begins in %s", class, f.Attempt+1, pause.Round(time.Second))
	p.Work.UnreachableFrom = time.Time{}
	if p.OnServer {
		p.next(backup.StepClean, 0)
		return
	}
	p.startOver(pause + c.now().Sub(p.now)) // after the end of this one
}

// reachPatience is how long it is tried to reach a server for somebody who waits.
const reachPatience = 30 * time.Second

// outlasts reports whether another try to reach a server, one that takes as long as this one, would keep somebody waiting for
// longer than that. Nobody waits for what a schedule asked for.
func (c *ControlPlane) outlasts(p *progress, f *backup.Failure, pause time.Duration) bool {
	if p.Trigger != backup.TriggerManual || f.Stage != backup.StageConnect {
		return false
	}
	began := p.now
	if len(p.Tries) > 0 {
		began = p.Tries[0].At
	}
	took := c.now().Sub(p.now)
	return c.now().Add(pause+took).Sub(began) > reachPatience
}

// lastTry is the one that failed last, with what the tools said.
func (p *progress) lastTry() backup.Failure {
	last := p.Tries[len(p.Tries)-1]
	last.Output = p.Output
	return last
}

// startOver has the next try begin after a pause. Until then the place on the server is others'.
func (p *progress) startOver(pause time.Duration) {
	p.Job, p.Progress, p.Work.MovedAt, p.Work.Placed = backup.Job{}, backup.Progress{}, time.Time{}, false
	p.next(backup.StepClean, pause) // and not in the queue: nobody waits behind it, and nobody calls it before its time
	if pause <= 0 {
		p.next(backup.StepQueue, 0)
	}
}

// cleanForRetry removes what a try left before the next one begins.
func (c *ControlPlane) cleanForRetry(ctx context.Context, p *progress) error {
	if !p.Work.CancelAt.IsZero() { // no other try: what this one left goes as after every failure
		p.Failure = cancelled()
		p.Failure.At, p.Failure.Attempt = p.now, len(p.Tries)+1
		p.say("failed at %s: %s", p.Failure.Stage, p.Failure.Text)
		if !p.OnServer {
			p.finish(backup.StatusFailed)
			return nil
		}
		return c.clean(ctx, p)
	}
	if !p.OnServer { // it is clean, and the pause is over
		p.startOver(0)
		return nil
	}
	err := c.Runner.Cancel(ctx, p.target, p.Backup, true)
	if err == nil {
		err = c.Runner.Clean(ctx, p.target, p.Backup)
	}
	last := p.lastTry()
	if f := failureOf(err, backup.StageArchive); f != nil && f.Stage != backup.StageConnect && p.now.Sub(last.At) < cleanPatience {
		p.next(backup.StepClean, time.Second) // a job that is just ending
		return nil
	}
	if err != nil {
		return c.outOfReach(p, err)
	}
	p.reached()
	p.OnServer = false
	pause, _ := c.Pause(diagnosis.Explain(last).Class, p.Backup, len(p.Tries))
	p.startOver(max(pause-p.now.Sub(last.At), 0))
	return nil
}

// RetryBackup makes a new backup with the settings of a failed one. It is refused where a look at the server shows that the
// same cause still stands, unless force says that it is to be tried all the same.
func (c *ControlPlane) RetryBackup(ctx context.Context, id backup.ID, force bool, o Idempotency) (backup.Backup, error) {
	if done, err := c.once(ctx, o); err != nil || done != "" {
		if err != nil {
			return backup.Backup{}, err
		}
		return c.Backup(ctx, backup.ID(done))
	}
	old, err := c.Backup(ctx, id)
	if err != nil {
		return old, err
	}
	if old.Status != backup.StatusFailed {
		return old, refuse(backup.CodeInvalidState, "", fmt.Sprintf("Backup %s is %s", old.ID, old.Status), "Only a failed backup is made again.",
			"To make another one of the same: cloudaipilot backup run")
	}
	if !force {
		if err := c.probe(ctx, old); err != nil {
			return old, err
		}
	}
	return c.CreateBackup(ctx, CreateRequest{Spec: old.Spec, Trigger: backup.TriggerManual, RetryOf: old.ID, ScheduleID: old.ScheduleID, Once: o})
}

// probe looks whether the cause of a failure still stands. A look that fails of another cause does not refuse: it is the new
// backup's own failure.
func (c *ControlPlane) probe(ctx context.Context, old backup.Backup) error {
	server, err := c.Server(ctx, old.ServerID)
	if err != nil {
		return err
	}
	t, err := c.target(server)
	if err != nil {
		return err
	}
	if err := c.expect(ctx, &t, old.Spec); err != nil {
		return err
	}
	t.LeastBytes = filled(old)
	again := backup.Backup{Spec: old.Spec, ServerName: server.Name, Dir: server.BackupDir} // where the new one would be made
	_, err = c.lookAt(ctx, t, again)
	f := failureOf(err, backup.StagePreflight)
	if f == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	c.addRoom(ctx, again, f)
	still, before := diagnosis.Explain(*f), diagnosis.Explain(*old.Failure)
	if same := still.Class == before.Class || wantsSpace(still) && wantsSpace(before); !same {
		return nil
	}
	fix := "To try it all the same: cloudaipilot backup retry " + string(old.ID) + " --force"
	if len(still.Fix) > 0 {
		fix = strings.Join(still.Fix, "\n") + "\n\n" + fix
	}
	return refuse(backup.Code(still.Code), "", fmt.Sprintf("A retry of the backup of %s would fail again: %s", old.ServerName, still.Title), still.Cause, fix)
}

// wantsSpace: a disk that was filled and one that would be are the same to somebody who waits for room on it.
func wantsSpace(d diagnosis.Diagnosis) bool { return d.Code == "NO_SPACE_LEFT" }

// filled is how much a backup needed at least that failed for want of space: more than all it found, or what was known before it
// began. 0 where it failed of something else. Where its own file system was not full, it was another one, such as the database's,
// or a quota, and only what it wrote counts.
func filled(b backup.Backup) int64 {
	if b.Failure == nil {
		return 0
	}
	const (
		full  = 1 << 20
		files = 64 << 10 // that a job has beside its archive
	)
	e, d := b.Failure.Evidence, diagnosis.Explain(*b.Failure)
	switch {
	case !wantsSpace(d):
		return 0
	case d.Class == "disk_full" && e.TotalBytes > 0 && e.FreeBytes < full:
		return e.BytesDone + e.FreeBytes + files
	}
	return max(e.BytesDone, e.NeededBytes)
}
