package controlplane

import (
	"context"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// ScheduleHealth is the judgement on a schedule, and what it rests on.
type ScheduleHealth struct {
	backup.Health
	backup.Standing
}

// ScheduleHealth answers the playbook's questions about a schedule [KB 12-06]. It reads records alone and asks no server: whether
// that can be reached is known from the due times.
func (c *ControlPlane) ScheduleHealth(ctx context.Context, id backup.ScheduleID) (ScheduleHealth, error) {
	s, err := c.Schedule(ctx, id)
	if err != nil {
		return ScheduleHealth{}, err
	}
	standing, err := c.standing(ctx, s)
	return ScheduleHealth{Health: backup.Judge(standing), Standing: standing}, err
}

func (c *ControlPlane) standing(ctx context.Context, s backup.Schedule) (backup.Standing, error) {
	out := backup.Standing{Schedule: s, Backups: map[backup.ID]backup.Backup{}, Grace: scheduler.Grace * time.Second, BeginsWithin: lateAfter, Now: c.now()}
	server, err := c.Store.Server(ctx, s.ServerID)
	if err != nil {
		return out, err
	}
	out.ServerName = server.Name
	if out.NotRun, err = c.notDispatched(ctx, s.ScheduleSpec); err != nil {
		return out, err
	}
	if out.Runs, err = c.Store.Runs(ctx, RunFilter{ScheduleID: s.ID, Limit: backup.HealthRuns}); err != nil {
		return out, err
	}
	var ids []backup.ID
	for _, r := range out.Runs {
		if r.BackupID != "" {
			ids = append(ids, r.BackupID)
		}
	}
	if len(ids) > 0 {
		made, err := c.Store.Backups(ctx, BackupFilter{IDs: ids})
		if err != nil {
			return out, err
		}
		for _, b := range made {
			out.Backups[b.ID] = b
		}
	}
	good, err := c.Store.Backups(ctx, BackupFilter{ScheduleID: s.ID, Statuses: []backup.Status{backup.StatusCompleted}, Newest: true, Page: Page{Limit: 1}})
	if len(good) > 0 {
		out.LastGood = &good[0]
	}
	return out, err
}
