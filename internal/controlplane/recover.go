package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Recovery is what ends a backup that hangs, and removes what is left of one that is over.
type Recovery struct {
	Backup  backup.Backup
	Actions []RecoveryAction // in their order; none: there is nothing to recover
}

// RecoveryAction is one thing that a recovery does.
type RecoveryAction struct {
	Name   string // end_job, remove_folder, mark_failed, release_place
	Text   string // in words, with the values at hand
	Status string // planned, under_way, done, or waits: until the server answers
}

// The statuses of an action.
const (
	ActionPlanned  = "planned"
	ActionUnderWay = "under_way"
	ActionDone     = "done"
	ActionWaits    = "waits"
)

// PreviewRecovery says what RecoverBackup would do, and does nothing.
func (c *ControlPlane) PreviewRecovery(ctx context.Context, id backup.ID, force bool) (Recovery, error) {
	r, _, err := c.planRecovery(ctx, id, force)
	return r, err
}

// RecoverBackup ends the job of an unfinished backup that does not come on, removes the backup's own folder and nothing else,
// marks the record failed, and frees the place it held. The steps do it: the answer comes before they have. Of a backup
// that is over it removes what is left on the server. Where there is nothing to do, it does nothing.
func (c *ControlPlane) RecoverBackup(ctx context.Context, id backup.ID, force bool) (Recovery, error) {
	r, f, err := c.planRecovery(ctx, id, force)
	if err != nil || len(r.Actions) == 0 {
		return r, err
	}
	if r.Backup.Status.Finished() {
		return c.removeLeftover(ctx, r)
	}
	now := c.now()
	f.At = now
	if err := c.Store.Recover(ctx, id, *f, now); err != nil && !isNotFound(err) { // not found: it ended a moment ago
		return r, fmt.Errorf("recover backup %s: %w", id, err)
	}
	for i := range r.Actions {
		r.Actions[i].Status = ActionUnderWay
	}
	c.waker.Wake(id, now)
	r.Backup, err = c.Backup(ctx, id)
	return r, err
}

// planRecovery says what is to be done, and why an unfinished backup then counts as failed.
func (c *ControlPlane) planRecovery(ctx context.Context, id backup.ID, force bool) (Recovery, *backup.Failure, error) {
	b, err := c.Backup(ctx, id)
	r := Recovery{Backup: b}
	if err != nil {
		return r, nil, err
	}
	over := b.Status.Finished()
	switch {
	case b.Status == backup.StatusCompleted && b.Live():
		return r, nil, refuse(backup.CodeInvalidState, "", fmt.Sprintf("Backup %s is completed", b.ID), "There is nothing to recover.", "To remove it and its archive: cloudaipilot backup delete "+string(b.ID))
	case over && !b.OnServer:
		return r, nil, nil
	}
	seen, err := c.look(ctx, b)
	f := failureOf(err, backup.StageArchive)
	switch {
	case f != nil && f.Stage != backup.StageConnect && over:
		return r, nil, err
	case f == nil && seen.Alive && !seen.NoFolder:
		if b.Work.MovedAt.IsZero() || seen.Progress.Bytes != b.Progress.Bytes || seen.Progress.Step != b.Progress.Step {
			b.Work.MovedAt = c.now()
		}
		if still := c.now().Sub(b.Work.MovedAt); !over && still < c.StuckAfter && !force {
			return r, nil, refuse(backup.CodeBackupInProgress, "", fmt.Sprintf("Backup %s is not stuck", b.ID),
				fmt.Sprintf("Its job came on %s ago (%s, %d bytes); it counts as stuck after %s without progress.", still.Round(time.Second), seen.Progress.Step, seen.Progress.Bytes, c.StuckAfter),
				"Wait for it, cancel it (cloudaipilot backup cancel "+string(b.ID)+"), or end it all the same with --force.")
		}
		f = stuck(b, seen, c.now())
	case f == nil && b.Job != (backup.Job{}):
		f = vanished(b, seen)
	case f == nil:
		f = cancelled()
	}
	if seen.Alive {
		r.add("end_job", "end process %d on %s and its process group, if it is the very process that made this backup (start time %d, boot %s)", b.Job.PID, b.ServerName, b.Job.StartTime, b.Job.BootID)
	}
	if b.OnServer {
		r.add("remove_folder", "remove %s/%s on %s, and nothing else", b.Dir, b.ID, b.ServerName)
	}
	if !over {
		r.add("mark_failed", "mark backup %s as failed: %s", b.ID, f.Text)
		if b.Work.Placed {
			r.add("release_place", "free its place among the backups of %s", b.ServerName)
		}
	}
	return r, f, nil
}

func (r *Recovery) add(name, format string, args ...any) {
	r.Actions = append(r.Actions, RecoveryAction{Name: name, Text: fmt.Sprintf(format, args...), Status: ActionPlanned})
}

// look sees what the job of a backup does on its server. A backup of which nothing is there has none.
func (c *ControlPlane) look(ctx context.Context, b backup.Backup) (backup.Observation, error) {
	if !b.OnServer {
		return backup.Observation{}, nil
	}
	t, err := c.targetOf(ctx, b)
	if err != nil {
		return backup.Observation{}, err
	}
	within, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return c.Runner.Watch(within, t, b)
}

// targetOf is the server of a backup, with the right to log in.
func (c *ControlPlane) targetOf(ctx context.Context, b backup.Backup) (Target, error) {
	server, err := c.Server(ctx, b.ServerID)
	if isNotFound(err) {
		return Target{}, refuse(backup.CodeNotFound, "", "The server "+b.ServerName+" is no longer registered",
			fmt.Sprintf("Nobody can log in to it any more; the files are in %s/%s there.", b.Dir, b.ID), "Remove that folder by hand.")
	}
	if err != nil {
		return Target{}, err
	}
	return c.target(server)
}

// removeLeftover removes what is left of a backup that is over.
func (c *ControlPlane) removeLeftover(ctx context.Context, r Recovery) (Recovery, error) {
	status, err := ActionDone, c.sweepLeftover(ctx, r.Backup)
	if f := failureOf(err, backup.StageArchive); f != nil && f.Stage == backup.StageConnect {
		status, err = ActionWaits, nil
	} else if elsewhere, ok := errors.AsType[*elsewhereError](err); ok {
		return r, refuse(backup.CodeInvalidState, "", fmt.Sprintf("What is left of backup %s is not on %s", r.Backup.ID, r.Backup.ServerName),
			"It cannot be removed: "+elsewhere.Error()+".", "Set the server's address back for as long as it takes, or remove that folder by hand.")
	}
	if err != nil {
		return r, err
	}
	for i := range r.Actions {
		r.Actions[i].Status = status
	}
	r.Backup, err = c.Backup(ctx, r.Backup.ID)
	return r, err
}
