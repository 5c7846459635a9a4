package controlplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// elsewhereError says that a backup was made under another address than its server has now, and that its folder is not there.
type elsewhereError struct {
	backup backup.Backup
	now    string // address of the server
}

func (e *elsewhereError) Error() string {
	b := e.backup
	return fmt.Sprintf("it was made on %s, and nothing of it is on %s, the server's address now: it may still lie in %s/%s on %s", b.Address, e.now, b.Dir, b.ID, b.Address)
}

// moved is an elsewhereError where a backup's files cannot be where its server is now. A server whose address changed may be the same
// machine, so the folder is looked for there first.
func (c *ControlPlane) moved(ctx context.Context, t Target, b backup.Backup) error {
	now := t.Server.Address()
	if b.Address == "" || b.Address == now {
		return nil
	}
	seen, err := c.Runner.Watch(ctx, t, b)
	if err == nil && seen.NoFolder {
		err = &elsewhereError{b, now}
	}
	return err
}

// remove ends what may still run of a backup and removes its folder, if that is where its server is now.
func (c *ControlPlane) remove(ctx context.Context, t Target, b backup.Backup) error {
	if err := c.moved(ctx, t, b); err != nil {
		return err
	}
	if err := c.Runner.Cancel(ctx, t, b, true); err != nil {
		return err
	}
	return c.Runner.Clean(ctx, t, b)
}

// sweepLeftover ends what may still run of a backup that is over, and removes its folder.
func (c *ControlPlane) sweepLeftover(ctx context.Context, b backup.Backup) error {
	t, err := c.targetOf(ctx, b)
	if err != nil {
		return err
	}
	return c.sweepOne(ctx, t, b, -1)
}

// sweepOne does so on a server, and tells how much of its disk is free again, if that is known.
func (c *ControlPlane) sweepOne(ctx context.Context, t Target, b backup.Backup, bytes int64) error {
	within, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if err := c.remove(within, t, b); err != nil {
		return err
	}
	title := "What was left of a backup of " + t.Server.Name + " removed"
	if bytes >= 0 {
		title += ": " + diagnosis.Bytes(bytes)
	}
	a := c.instant(backup.ActivityBackupSweep, t.Server, title)
	a.TargetID = string(b.ID)
	if err := c.Store.FilesGone(ctx, b.ID, a); err != nil && !isNotFound(err) {
		return err
	}
	c.Log.Info("removed what was left of a backup", "backup", b.ID, "server", t.Server.Name)
	return nil
}

// How often leftovers are looked for, and the shortest and longest pause between two tries at one: a quarter of the time that
// the backup is over.
const (
	leftoverEvery   = time.Minute
	leftoverLongest = 6 * time.Hour
	leftoverBatch   = 100
)

// SweepLeftovers removes what backups left on servers that could not be reached then, again and again until ctx ends.
func (c *ControlPlane) SweepLeftovers(ctx context.Context) {
	tried := map[backup.ID]time.Time{}
	for {
		c.sweepLeftovers(ctx, tried)
		select {
		case <-c.Clock.After(leftoverEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (c *ControlPlane) sweepLeftovers(ctx context.Context, tried map[backup.ID]time.Time) {
	seen := map[backup.ID]time.Time{}
	for after := backup.ID(""); ctx.Err() == nil; {
		left, err := c.Store.Leftovers(ctx, "", after, leftoverBatch)
		if err != nil {
			c.Log.Error("looking for leftovers failed", "error", err)
			return
		}
		for _, b := range left {
			after = b.ID
			now := c.now()
			seen[b.ID] = tried[b.ID]
			if now.Sub(tried[b.ID]) < clamp(now.Sub(b.FinishedAt)/4, leftoverEvery, leftoverLongest) {
				continue
			}
			seen[b.ID] = now
			if err := c.sweepLeftover(ctx, b); err != nil && !errors.As(err, new(*backup.FindingsError)) {
				c.Log.Info("what a backup left is not removed yet", "backup", b.ID, "server", b.ServerName, "error", err)
			}
		}
		if len(left) < leftoverBatch {
			break
		}
	}
	clear(tried)
	maps.Copy(tried, seen)
}

// How many leftovers of a server are removed before something else is done there, and for how long at most.
const (
	leftoversBefore    = 20
	leftoversBeforeFor = 20 * time.Second
)

// sweepBefore removes what earlier backups left on a server that is about to make another one, which may need the room, and returns of
// how many. That, and what is done before a server is forgotten, is all the sweeping of an embedded control plane, which looks after
// nothing but what an apply asks for.
func (c *ControlPlane) sweepBefore(ctx context.Context, p *progress) (removed int) {
	c.sweepServer(ctx, p.ServerID, func(b backup.Backup, err error) {
		if err != nil {
			p.say("what backup %s left is not removed yet: %v", b.ID, err)
			return
		}
		p.say("removed what backup %s had left in %s", b.ID, b.Dir)
		removed++
	})
	return removed
}

// sweepServer removes what backups left on a server, and tells of each how that went. One that is out of reach is not asked again.
func (c *ControlPlane) sweepServer(ctx context.Context, id backup.ServerID, tell func(backup.Backup, error)) {
	left, err := c.Store.Leftovers(ctx, id, "", leftoversBefore)
	if err != nil {
		c.Log.Warn("looking for leftovers failed", "server", id, "error", err)
	}
	within, cancel := context.WithTimeout(ctx, leftoversBeforeFor)
	defer cancel()
	for _, b := range left {
		err := c.sweepLeftover(within, b)
		tell(b, err)
		if f := failureOf(err, backup.StageArchive); f != nil && f.Stage == backup.StageConnect {
			return
		}
	}
}
