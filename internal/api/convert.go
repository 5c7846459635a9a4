package api

import (
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// FromServer translates a server. Nothing secret is in it.
func FromServer(s backup.Server) Server {
	return Server{
		ID: string(s.ID), Name: s.Name, Host: s.Host, Port: s.Port, User: s.User,
		HostKey: s.HostKey, RecordHostKey: s.RecordHostKey, RecordedHostKey: s.RecordedHostKey,
		BackupDir: s.BackupDir, Privilege: string(s.Privilege), Environment: s.Environment,
		ConnectTimeoutSeconds:    int(s.ConnectTimeout / time.Second),
		KeepaliveIntervalSeconds: int(s.KeepaliveInterval / time.Second),
		MaxConcurrentBackups:     s.MaxConcurrentBackups,
		MaintenanceWindows:       orEmpty(s.MaintenanceWindows),
		KeySource:                string(s.KeySource), PublicKey: s.PublicKey,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version,
	}
}

// Apply puts the fields that a request names into a specification.
func (in ServerInput) Apply(s *backup.ServerSpec) {
	put(&s.Name, in.Name)
	put(&s.Host, in.Host)
	put(&s.Port, in.Port)
	put(&s.User, in.User)
	put(&s.HostKey, in.HostKey)
	put(&s.RecordHostKey, in.RecordHostKey)
	put(&s.BackupDir, in.BackupDir)
	put((*string)(&s.Privilege), in.Privilege)
	put(&s.Environment, in.Environment)
	seconds(&s.ConnectTimeout, in.ConnectTimeoutSeconds)
	seconds(&s.KeepaliveInterval, in.KeepaliveIntervalSeconds)
	put(&s.MaxConcurrentBackups, in.MaxConcurrentBackups)
	put(&s.MaintenanceWindows, in.MaintenanceWindows)
}

// Spec returns the backup that a request asks for.
func (in BackupInput) Spec(server backup.ServerID) backup.Spec {
	spec := backup.Spec{ServerID: server, Type: backup.Type(in.Type), RetentionDays: backup.DefaultRetentionDays}
	put(&spec.RetentionDays, in.RetentionDays)
	put(&spec.Files, in.Files)
	spec.Databases = in.Databases
	return spec
}

// FromSchedule translates a schedule.
func FromSchedule(s backup.Schedule) Schedule {
	out := Schedule{
		ID: string(s.ID), ServerID: string(s.ServerID), Name: s.Name, Type: string(s.Type), Files: s.Files, Databases: orEmpty(s.Databases),
		Cron: s.Cron, Timezone: s.Timezone, RetentionDays: s.RetentionDays, Encrypted: s.Encrypted, Incremental: s.Incremental, Paused: s.Paused,
		PauseReason: s.PauseReason, PausedUntil: optional(s.PausedUntil),
		Overlap: string(s.Overlap), MissedRuns: string(s.MissedRuns), MaxMissedRuns: s.MaxMissedRuns,
		StartingDeadlineSeconds: int(s.StartDeadline / time.Second), JitterSeconds: int(s.Jitter / time.Second), BlackoutWindows: orEmpty(s.Blackouts),
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version,
	}
	out.UnresolvedFailure = string(s.UnresolvedFailure)
	if s.VaultID != "" {
		out.Offsite = &Offsite{VaultID: s.VaultID}
	}
	return out
}

// Apply puts the fields that a request names into a specification.
func (in ScheduleInput) Apply(s *backup.ScheduleSpec) {
	put((*string)(&s.ServerID), in.ServerID)
	put(&s.Name, in.Name)
	put((*string)(&s.Type), in.Type)
	put(&s.Files, in.Files)
	put(&s.Databases, in.Databases)
	put(&s.Cron, in.Cron)
	put(&s.Timezone, in.Timezone)
	put(&s.RetentionDays, in.RetentionDays)
	if in.Offsite != nil {
		s.VaultID = in.Offsite.VaultID
	}
	put(&s.Encrypted, in.Encrypted)
	put(&s.Incremental, in.Incremental)
	if put(&s.Paused, in.Paused); !s.Paused {
		s.PauseReason, s.PausedUntil = "", time.Time{}
	}
	put(&s.PauseReason, in.PauseReason)
	if in.PausedUntil != nil {
		s.PausedUntil = in.PausedUntil.UTC().Truncate(time.Millisecond)
	}
	put((*string)(&s.Overlap), in.Overlap)
	put((*string)(&s.MissedRuns), in.MissedRuns)
	put(&s.MaxMissedRuns, in.MaxMissedRuns)
	manySeconds(&s.StartDeadline, in.StartingDeadlineSeconds)
	manySeconds(&s.Jitter, in.JitterSeconds)
	put(&s.Blackouts, in.BlackoutWindows)
}

// FromRun translates the record of a due time.
func FromRun(r backup.Run) Run {
	out := Run{DueAt: r.DueAt, Outcome: string(r.Outcome), Reason: string(r.Reason), BackupID: string(r.BackupID), CaughtUpBy: optional(r.CaughtUpBy),
		Count: r.Count, DecidedAt: r.DecidedAt}
	if r.Count > 1 {
		out.LastAt = &r.LastAt
	}
	return out
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func seconds(to *time.Duration, from *int) {
	if from != nil { // beyond a day it is refused anyway, and must not wrap around
		*to = time.Duration(min(max(*from, -1), 24*60*60)) * time.Second
	}
}

func manySeconds(to *time.Duration, from *int) {
	if from != nil { // beyond a year as well
		*to = time.Duration(min(max(*from, -1), 366*24*60*60)) * time.Second
	}
}

// FromBackup translates a backup or a tombstone.
func FromBackup(b backup.Backup) Backup {
	return Backup{
		ID: string(b.ID), ServerID: string(b.ServerID), ServerName: b.ServerName, Type: string(b.Type), Files: b.Files, Databases: orEmpty(b.Databases),
		RetentionDays: b.RetentionDays, Status: string(b.Status), Trigger: string(b.Trigger), Managed: b.Managed,
		ScheduleID: string(b.ScheduleID), DueAt: optional(b.DueAt),
		ActivityID: string(b.Activity), CreatedAt: b.CreatedAt, StartedAt: optional(b.StartedAt), FinishedAt: optional(b.FinishedAt),
		ExpiresAt: b.ExpiresAt, DeletedAt: optional(b.DeletedAt), DeleteReason: string(b.DeleteReason),
		Path: b.Path, SizeBytes: b.SizeBytes, SHA256: b.SHA256, Entries: b.Entries, Warnings: orEmpty(b.Warnings),
		Progress: Progress{Step: b.Progress.Step, Bytes: b.Progress.Bytes, At: optional(b.Progress.At), Moved: optional(b.Work.MovedAt)},
		RetryOf:  string(b.RetryOf), OnServer: b.OnServer, Address: b.Address, Tries: fromTries(b.Tries),
		Failure: FromFailure(b.Failure),
	}
}

func fromTries(tries []backup.Failure) []Try {
	out := []Try{}
	for _, f := range tries {
		d := diagnosis.Explain(f)
		out = append(out, Try{Stage: string(f.Stage), Class: string(d.Class), Code: d.Code, Title: d.Title, Text: f.Text, FailedAt: f.At})
	}
	return out
}

// FromFailure explains a failure; nil stays nil.
func FromFailure(f *backup.Failure) *Failure {
	if f == nil {
		return nil
	}
	d := diagnosis.Explain(*f)
	return &Failure{
		Stage: string(f.Stage), Class: string(d.Class), Code: d.Code, Title: d.Title, Cause: d.Cause,
		Fix: orEmpty(d.Fix), References: orEmpty(d.References), Retry: string(d.Retry), Confidence: d.Confidence, Said: d.Evidence,
		Text: diagnosis.Mask(f.Text), ExitStatus: f.ExitStatus, Signal: f.Signal, Attempt: max(f.Attempt, 1), FailedAt: f.At, Evidence: f.Evidence,
	}
}

// FromActivity translates an activity and its log.
func FromActivity(a backup.Activity, log []backup.LogLine) Activity {
	return Activity{
		ID: string(a.ID), Type: string(a.Type), TargetID: a.TargetID, ServerID: string(a.ServerID), Title: a.Title,
		Status: string(a.Status), Steps: orEmpty(a.Steps), CreatedAt: a.CreatedAt, FinishedAt: optional(a.FinishedAt), Log: FromLog(log),
	}
}

// FromLog translates the lines of a log.
func FromLog(lines []backup.LogLine) []LogLine {
	var out []LogLine
	for _, l := range lines {
		out = append(out, LogLine{Seq: l.Seq, At: l.At, Step: l.Step, Text: l.Text})
	}
	return out
}

// FromToken translates a token, without its hash.
func FromToken(t backup.Token) Token {
	return Token{ID: t.ID, Name: t.Name, Role: string(t.Role), CreatedAt: t.CreatedAt, ExpiresAt: optional(t.ExpiresAt),
		LastUsedAt: optional(t.LastUsedAt), RevokedAt: optional(t.RevokedAt)}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
