package controlplane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Orphan is a folder on a server that has the form of a backup's own, and belongs to no backup that is kept or being made.
type Orphan struct {
	Folder
	Path   string
	Record OrphanRecord
	Status string // as of an action; told: it stays, for nobody here knows it
	Text   string // what it is, and what becomes of it
}

// ActionTold is the status of what is only told.
const ActionTold = "told"

// OrphanRecord is what the records say about the backup that left an orphan.
type OrphanRecord string

// What they say.
const (
	OrphanFailed  OrphanRecord = "failed"
	OrphanDeleted OrphanRecord = "deleted"
	OrphanUnknown OrphanRecord = "unknown" // it may be another control plane's
)

// ServerRecovery is what lies in a server's backup folder and belongs to no backup that is kept.
type ServerRecovery struct {
	Server  backup.Server
	Orphans []Orphan
}

// PreviewServerRecovery says what RecoverServer would remove, and removes nothing.
func (c *ControlPlane) PreviewServerRecovery(ctx context.Context, id backup.ServerID) (ServerRecovery, error) {
	r, _, err := c.orphans(ctx, id)
	return r, err
}

// RecoverServer removes from a server what failed and deleted backups of these records left there, and nothing else: what these
// records do not know may be another control plane's, and is only told.
func (c *ControlPlane) RecoverServer(ctx context.Context, id backup.ServerID) (ServerRecovery, error) {
	r, known, err := c.orphans(ctx, id)
	if err != nil {
		return r, err
	}
	t, err := c.target(r.Server)
	if err != nil {
		return r, err
	}
	for i := range r.Orphans {
		o := &r.Orphans[i]
		b, ok := known[o.ID]
		if !ok {
			continue
		}
		if err := c.sweepOne(ctx, t, b, o.Bytes); err != nil {
			o.Status, o.Text = ActionWaits, o.Text+"; it could not be removed: "+backup.Excerpt(err.Error(), 500)
			continue
		}
		o.Status = ActionDone
	}
	return r, nil
}

// orphans looks for them. known are the backups of those that may be removed.
func (c *ControlPlane) orphans(ctx context.Context, id backup.ServerID) (r ServerRecovery, known map[backup.ID]backup.Backup, err error) {
	if r.Server, err = c.Server(ctx, id); err != nil {
		return r, nil, err
	}
	t, err := c.target(r.Server)
	if err != nil {
		return r, nil, err
	}
	within, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	folders, err := c.Runner.Folders(within, t) // before the records: a backup is in them before it has a folder
	if err != nil {
		return r, nil, err
	}
	known = map[backup.ID]backup.Backup{}
	for page := range slices.Chunk(folders, 500) {
		records, err := c.recordsOf(ctx, page)
		if err != nil {
			return r, nil, err
		}
		for _, f := range page {
			b, recorded := records[f.ID]
			o := Orphan{Folder: f, Path: r.Server.BackupDir + "/" + string(f.ID), Record: OrphanUnknown, Status: ActionTold}
			switch {
			case !recorded || b.Dir != r.Server.BackupDir: // of a record that says another folder it is a copy
				o.Text = unknownFolder(r.Server, o)
			case b.ServerID != r.Server.ID && b.Address != r.Server.Address():
				o.Text = fmt.Sprintf("it seems to be a copy: its backup was made on server %s, and is looked after there; if nobody needs the copy, remove it on %s by hand", b.ServerName, r.Server.Host)
			case !over(b):
				continue
			default:
				known[f.ID], o.Status, o.Record = b, ActionPlanned, OrphanFailed
				o.Text = "its backup failed"
				if !b.Live() {
					o.Record, o.Text = OrphanDeleted, "its backup was deleted on "+b.DeletedAt.Format(time.RFC3339)
				}
			}
			r.Orphans = append(r.Orphans, o)
		}
	}
	return r, known, nil
}

// over reports whether nobody wants anything of a backup on its server any more: it failed, or is deleted, and nobody is at it.
func over(b backup.Backup) bool {
	return b.Work.NextStepAt.IsZero() && (b.Status == backup.StatusFailed || b.Status.Finished() && !b.Live())
}

// unknownFolder says what to do about a folder that no record here knows.
func unknownFolder(s backup.Server, o Orphan) string {
	if o.Running {
		return "no record here knows it, and a job is at work in it: another control plane backs this server up"
	}
	by, rm := s.User, "rm -rf "
	if s.Privilege == backup.PrivilegeSudo {
		by, rm = "root", "sudo "+rm
	}
	return fmt.Sprintf("no record here knows it, and it may be another control plane's; if it is nobody's, remove it on %s as %s: %s%s", s.Host, by, rm, o.Path)
}

func (c *ControlPlane) recordsOf(ctx context.Context, folders []Folder) (map[backup.ID]backup.Backup, error) {
	ids := make([]backup.ID, 0, len(folders))
	for _, f := range folders {
		ids = append(ids, f.ID)
	}
	found, err := c.Store.Backups(ctx, BackupFilter{IDs: ids, Page: Page{Limit: len(ids)}})
	records := make(map[backup.ID]backup.Backup, len(found))
	for _, b := range found {
		records[b.ID] = b
	}
	return records, err
}

// When every server is first looked through for orphans after the start, and how often from then on.
const (
	orphansFirst = 10 * time.Minute
	orphansEvery = 6 * time.Hour
)

// SweepOrphans removes from every server what failed and deleted backups left there though the records say that nothing is, and logs,
// once, what nobody here knows; again and again until ctx ends.
func (c *ControlPlane) SweepOrphans(ctx context.Context) {
	told := map[string]bool{}
	for pause := orphansFirst; ; pause = orphansEvery {
		select {
		case <-c.Clock.After(pause):
		case <-ctx.Done():
			return
		}
		c.sweepOrphans(ctx, told)
	}
}

func (c *ControlPlane) sweepOrphans(ctx context.Context, told map[string]bool) {
	for page := (Page{Limit: leftoverBatch}); ctx.Err() == nil; {
		servers, err := c.Store.Servers(ctx, page)
		if err != nil {
			c.Log.Error("looking for orphans failed", "error", err)
			return
		}
		for _, s := range servers {
			page.After = string(s.ID)
			r, err := c.RecoverServer(ctx, s.ID)
			if err != nil {
				c.Log.Info("a server was not looked through for orphans", "server", s.Name, "error", err)
			}
			for _, o := range r.Orphans {
				if key := string(s.ID) + o.Path; o.Status == ActionTold && !told[key] {
					told[key] = true
					c.Log.Warn("a folder belongs to no backup that is known here", "server", s.Name, "folder", o.Path, "bytes", o.Bytes)
				}
			}
		}
		if len(servers) < leftoverBatch {
			return
		}
	}
}
