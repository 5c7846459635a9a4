package controlplane

import (
	"context"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// PreflightRequest asks what a backup of a server would meet now. A schedule's source is taken where one is named; with
// neither, what every backup needs is looked at.
type PreflightRequest struct {
	Spec     backup.Spec
	Schedule backup.ScheduleID
}

// PreflightReport is the answer of every check.
type PreflightReport struct {
	Server backup.Server
	Checks []backup.Check
}

// Preflight does on a server, changing nothing there or in the records, what a backup does before it begins, and tells
// the answer of every check. A server out of reach is an answer too.
func (c *ControlPlane) Preflight(ctx context.Context, r PreflightRequest) (PreflightReport, error) {
	return c.WatchPreflight(ctx, r, nil)
}

// WatchPreflight is Preflight that tells each answer as soon as it is known, if tell is not nil.
func (c *ControlPlane) WatchPreflight(ctx context.Context, r PreflightRequest, tell func(backup.Check)) (PreflightReport, error) {
	server, err := c.Server(ctx, r.Spec.ServerID)
	if err != nil {
		return PreflightReport{}, err
	}
	spec, err := c.preflightSpec(ctx, r)
	if err != nil {
		return PreflightReport{}, err
	}
	t, err := c.target(server)
	if err != nil {
		return PreflightReport{}, err
	}
	b := backup.Backup{Spec: spec, ServerName: server.Name, Dir: server.BackupDir}
	if err := c.expect(ctx, &t, spec); err != nil {
		return PreflightReport{}, err
	}
	complete := func(check backup.Check) backup.Check {
		if check.Failure != nil {
			c.addRoom(ctx, b, check.Failure)
		}
		return placed(check, backup.Placement{Spec: spec, Server: server})
	}
	if tell != nil {
		t.Tell = func(check backup.Check) { tell(complete(check)) }
	}
	found, err := c.lookAt(ctx, t, b)
	if ctx.Err() != nil {
		return PreflightReport{}, ctx.Err()
	}
	if len(found.Checks) == 0 { // no answer of a server: something here went wrong
		return PreflightReport{}, err
	}
	for i, check := range found.Checks {
		found.Checks[i] = complete(check)
	}
	return PreflightReport{Server: server, Checks: found.Checks}, nil
}

// preflightSpec is the source that is asked for. A request without one looks at what every backup needs.
func (c *ControlPlane) preflightSpec(ctx context.Context, r PreflightRequest) (backup.Spec, error) {
	if r.Schedule != "" {
		s, err := c.Schedule(ctx, r.Schedule)
		if err == nil && s.ServerID != r.Spec.ServerID {
			return backup.Spec{}, &backup.FindingsError{Findings: []backup.Finding{{Severity: backup.SeverityError, Path: "schedule_id",
				Code: backup.CodeInvalidArgument, Summary: "The schedule is one of another server",
				Detail: "The schedule " + s.Name + " backs up the server " + string(s.ServerID) + ".", Fix: "Name a schedule of this server, or that server."}}}
		}
		return s.Spec, err
	}
	if r.Spec.Type == "" && len(r.Spec.Files.Include)+len(r.Spec.Databases) == 0 {
		return r.Spec, nil
	}
	if refused := backup.Refuses(backup.Validate(backup.Rules, r.Spec, nil)); len(refused) > 0 {
		return backup.Spec{}, &backup.FindingsError{Findings: refused}
	}
	return r.Spec, nil
}

// lookAt has the runner look at a server over a connection of its own: one that is open already shows neither another host
// key nor a login that is no longer let in.
func (c *ControlPlane) lookAt(ctx context.Context, t Target, b backup.Backup) (Preflight, error) {
	t.Server.ID = backup.ServerID(c.newID(backup.ServerIDPrefix, c.now()))
	defer c.Runner.Forget(t.Server.ID)
	within, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return c.Runner.Preflight(within, t, b)
}

// placed warns of a backup folder that may not keep its archives, which is said at plan time too.
func placed(check backup.Check, p backup.Placement) backup.Check {
	if check.Name != backup.PreflightBackupDir || check.Status != backup.CheckOK || p.Spec.RetentionDays == 0 {
		return check
	}
	for _, f := range backup.Validate(backup.PlacementRules, p, nil) {
		if f.Code == backup.CodeShortLived {
			check.Status, check.Code, check.Fix = backup.CheckWarning, f.Code, []string{f.Fix}
			check.Evidence += " " + f.Detail
		}
	}
	return check
}

// expect judges from the records how large the next archive of a source will be.
func (c *ControlPlane) expect(ctx context.Context, t *Target, spec backup.Spec) error {
	if spec.Type == "" {
		return nil
	}
	archives, err := c.archives(ctx, spec.ServerID)
	t.LastBytes, t.GrownBytes = backup.ExpectedSize(spec, archives)
	return err
}

// archives are the newest completed backups of a server.
func (c *ControlPlane) archives(ctx context.Context, server backup.ServerID) ([]backup.Backup, error) {
	return c.Store.Backups(ctx, BackupFilter{ServerID: server, Statuses: []backup.Status{backup.StatusCompleted}, Newest: true, Page: Page{Limit: 1000}})
}

// addRoom adds to a failure on the server what its archives hold of the disk. It is kept with the failure rather than looked
// up when that is read: by then they may be gone, and the failure would tell another story. Records that cannot be read
// make the failure no worse.
func (c *ControlPlane) addRoom(ctx context.Context, b backup.Backup, f *backup.Failure) {
	switch f.Fact {
	case backup.FactSpaceShort, backup.FactToolFailed, backup.FactDumpFailed:
	default:
		return
	}
	archives, err := c.archives(ctx, b.ServerID)
	if err != nil {
		c.Log.Warn("the archives of a server could not be counted", "server", b.ServerID, "error", err)
		return
	}
	needed := f.Evidence.NeededBytes
	if needed == 0 {
		needed, _ = backup.ExpectedSize(b.Spec, archives)
	}
	f.Evidence.Room = backup.RoomOf(archives, needed-f.Evidence.FreeBytes-f.Evidence.BytesDone, b.RetentionDays, c.now())
}
