package controlplane

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// KeyWish says what to do about a server's key pair.
type KeyWish struct {
	Private  []byte // the user's own private key, PEM; nil: none is brought
	Generate bool   // make a pair, if the present one is not generated
	None     bool   // have none
}

// CheckServer returns what is to be said about a server's settings. self is the server they are for, empty for a
// new one.
func (c *ControlPlane) CheckServer(ctx context.Context, s backup.ServerSpec, self backup.ServerID, unknown backup.Paths) ([]backup.Finding, error) {
	findings := backup.Validate(backup.ServerRules, s, unknown)
	if unknown.Covers("name") {
		return findings, nil
	}
	other, err := c.Store.ServerByName(ctx, s.Name)
	switch {
	case isNotFound(err):
		return findings, nil
	case err != nil:
		return nil, err
	case other.ID != self:
		findings = append(findings, nameTaken(s.Name, other.ID))
	}
	return findings, nil
}

func nameTaken(name string, other backup.ServerID) backup.Finding {
	return backup.Finding{Severity: backup.SeverityError, Path: "name", Code: backup.CodeNameTaken,
		Summary: "The server's name is taken",
		Detail:  fmt.Sprintf("Another server is already called %q (%s).", name, other),
		Fix:     "Choose another name, or import that server."}
}

// CreateServer checks, makes or takes the key pair, and records.
func (c *ControlPlane) CreateServer(ctx context.Context, spec backup.ServerSpec, key KeyWish, o Idempotency) (backup.Server, error) {
	s, err := c.createServer(ctx, spec, key, o)
	if err == nil {
		return s, nil
	}
	if id, _ := c.once(ctx, o); id != "" { // its own repetition was faster, and has the name
		return c.Store.Server(ctx, backup.ServerID(id))
	}
	return s, err
}

func (c *ControlPlane) createServer(ctx context.Context, spec backup.ServerSpec, key KeyWish, o Idempotency) (backup.Server, error) {
	if id, err := c.once(ctx, o); err != nil || id != "" {
		if err != nil {
			return backup.Server{}, err
		}
		return c.Store.Server(ctx, backup.ServerID(id))
	}
	findings, err := c.CheckServer(ctx, spec, "", nil)
	if err != nil {
		return backup.Server{}, err
	}
	if refused := backup.Refuses(findings); len(refused) > 0 {
		return backup.Server{}, &backup.FindingsError{Findings: refused}
	}
	now := c.now()
	s := backup.Server{ID: backup.ServerID(c.newID(backup.ServerIDPrefix, now)), ServerSpec: spec,
		KeySource: backup.KeyNone, CreatedAt: now, UpdatedAt: now, Version: 1}
	if s, err = c.withKey(s, key); err != nil {
		return backup.Server{}, err
	}
	err = c.Store.InsertServer(ctx, s, c.instant(backup.ActivityServerCreate, s, "Server "+s.Name+" added"), o)
	if errors.Is(err, ErrNameTaken) {
		return backup.Server{}, &backup.FindingsError{Findings: []backup.Finding{nameTaken(s.Name, "added a moment ago")}}
	}
	return s, err
}

// UpdateServer checks and records new settings, in place. version is the one the caller saw; 0 accepts any.
func (c *ControlPlane) UpdateServer(ctx context.Context, id backup.ServerID, version int64, change func(*backup.ServerSpec), key KeyWish) (backup.Server, error) {
	s, err := c.Server(ctx, id)
	if err != nil {
		return s, err
	}
	if version != 0 && version != s.Version {
		return s, fmt.Errorf("update server %s: %w", s.Name, ErrConflict)
	}
	before := s.ServerSpec
	change(&s.ServerSpec)
	findings, err := c.CheckServer(ctx, s.ServerSpec, id, nil)
	if err != nil {
		return s, err
	}
	if refused := backup.Refuses(findings); len(refused) > 0 {
		return s, &backup.FindingsError{Findings: refused}
	}
	if before.Host != s.Host || before.Privilege != s.Privilege {
		if err := c.idle(ctx, s, "its host and privilege do not change under it"); err != nil {
			return s, err
		}
	}
	if before.Host != s.Host || before.Port != s.Port || !s.RecordHostKey {
		s.RecordedHostKey = "" // it was another machine's
	}
	if s, err = c.withKey(s, key); err != nil {
		return s, err
	}
	s.UpdatedAt, s.Version = c.now(), s.Version+1
	if s.Name != before.Name { // its schedules' times may depend on it
		if err := c.dropSchedules(ctx, id); err != nil {
			return s, err
		}
	}
	if err := c.Store.UpdateServer(ctx, s, c.instant(backup.ActivityServerUpdate, s, "Server "+s.Name+" changed")); err != nil {
		return s, fmt.Errorf("update server %s: %w", s.Name, err)
	}
	c.Runner.Forget(id)
	if err := c.Store.WakeSchedules(ctx, id, s.UpdatedAt); err != nil {
		c.Log.Warn("the schedules of a changed server are looked at when they are due", "server", s.Name, "error", err)
	}
	c.nudge()
	return s, nil
}

// DeleteServer forgets a server and its key. Its archives stay where they are.
func (c *ControlPlane) DeleteServer(ctx context.Context, id backup.ServerID) error {
	s, err := c.Server(ctx, id)
	if err != nil {
		return err
	}
	if err := c.idle(ctx, s, "a server is not deleted under it"); err != nil {
		return err
	}
	if schedules, err := c.Store.Schedules(ctx, ScheduleFilter{ServerID: id}); err != nil || len(schedules) > 0 {
		if err != nil {
			return err
		}
		return refuse(backup.CodeConflict, "", "Server "+s.Name+" has schedules",
			fmt.Sprintf("%d of them, such as %s (%s), would have nothing to back up.", len(schedules), schedules[0].Name, schedules[0].ID), "Delete them first; on the command line: cloudaipilot schedule list, and cloudaipilot schedule remove SERVER/NAME")
	}
	title := "Server " + s.Name + " deleted"
	c.sweepServer(ctx, id, func(b backup.Backup, err error) { // the last chance: its key goes with it
		if err != nil {
			title = fmt.Sprintf("Server %s deleted, and files may remain there in %s, such as of backup %s: %s", s.Name, b.Dir, b.ID, backup.Excerpt(err.Error(), 300))
		}
	})
	s.DeletedAt, s.UpdatedAt, s.Version = c.now(), c.now(), s.Version+1
	s.SealedKey, s.KeySource = "", backup.KeyNone
	if err := c.Store.UpdateServer(ctx, s, c.instant(backup.ActivityServerDelete, s, title)); err != nil {
		return fmt.Errorf("delete server %s: %w", s.Name, err)
	}
	c.Runner.Forget(id)
	return nil
}

// idle refuses what must not be done to a server that is being backed up.
func (c *ControlPlane) idle(ctx context.Context, s backup.Server, why string) error {
	running, err := c.Store.Backups(ctx, BackupFilter{ServerID: s.ID,
		Statuses: []backup.Status{backup.StatusPending, backup.StatusRunning}, Page: Page{Limit: 1}})
	if err != nil || len(running) == 0 {
		return err
	}
	return refuse(backup.CodeBackupInProgress, "", "Server "+s.Name+" is being backed up",
		fmt.Sprintf("The backup %s is %s; %s.", running[0].ID, running[0].Status, why), "Wait for it, or cancel it first.")
}

// Server returns a server that exists.
func (c *ControlPlane) Server(ctx context.Context, id backup.ServerID) (backup.Server, error) {
	s, err := c.Store.Server(ctx, id)
	if err == nil && !s.DeletedAt.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return backup.Server{}, fmt.Errorf("server %s: %w", id, err)
	}
	return s, nil
}

// withKey carries out what is wished about the key pair.
func (c *ControlPlane) withKey(s backup.Server, wish KeyWish) (backup.Server, error) {
	private, source := wish.Private, backup.KeyProvided
	var public string
	var err error
	switch {
	case private != nil:
		if public, err = c.Keys.PublicLine(private); err != nil {
			return s, refuse(backup.CodeInvalidArgument, "private_key", "Invalid private key", err.Error()+".",
				"Give an unencrypted OpenSSH or PEM private key.")
		}
	case wish.None:
		s.KeySource, s.PublicKey, s.SealedKey = backup.KeyNone, "", ""
		return s, nil
	case wish.Generate && s.KeySource != backup.KeyGenerated:
		source = backup.KeyGenerated
		if private, public, err = c.Keys.Generate("cloudaipilot-" + s.Name); err != nil {
			return s, fmt.Errorf("make a key pair: %w", err)
		}
	default:
		return s, nil
	}
	sealed, err := c.Sealer.Seal(string(s.ID), private)
	if err != nil {
		return s, fmt.Errorf("seal the private key: %w", err)
	}
	s.KeySource, s.PublicKey, s.SealedKey = source, public, sealed
	return s, nil
}

// target opens the server's key. A server without one is an honest target too: the runner says what is missing.
func (c *ControlPlane) target(s backup.Server) (Target, error) {
	if s.SealedKey == "" {
		return Target{Server: s}, nil
	}
	private, err := c.Sealer.Open(string(s.ID), s.SealedKey)
	if err != nil {
		return Target{}, fmt.Errorf("open the private key of server %s: %w", s.Name, err)
	}
	return Target{Server: s, PrivateKey: private}, nil
}

// instant is the activity of something that is done at once.
func (c *ControlPlane) instant(t backup.ActivityType, s backup.Server, title string) backup.Activity {
	now := c.now()
	return backup.Activity{ID: backup.ActivityID(c.newID(backup.ActivityIDPrefix, now)), Type: t, TargetID: string(s.ID),
		ServerID: s.ID, Title: title, Status: backup.ActivityCompleted, CreatedAt: now, FinishedAt: now}
}

// Servers lists the servers that exist.
func (c *ControlPlane) Servers(ctx context.Context, page Page) ([]backup.Server, error) {
	return c.Store.Servers(ctx, page)
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// ServersNamed returns the server of that name, if there is one.
func (c *ControlPlane) ServersNamed(ctx context.Context, name string) ([]backup.Server, error) {
	s, err := c.Store.ServerByName(ctx, name)
	if isNotFound(err) {
		return nil, nil
	}
	return []backup.Server{s}, err
}
