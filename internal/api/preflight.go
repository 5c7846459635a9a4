package api

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

// PreflightInput says what a preflight looks at: the source of a schedule, one that it names itself, or, empty, what every
// backup needs.
type PreflightInput struct {
	ScheduleID    string              `json:"schedule_id,omitempty" doc:"Look at what this schedule backs up"`
	Type          string              `json:"type,omitempty" doc:"files, database or full; with files or databases"`
	Files         *backup.FilesSource `json:"files,omitempty"`
	Databases     []backup.Database   `json:"databases,omitempty" maxItems:"100"`
	RetentionDays *int                `json:"retention_days,omitempty" doc:"1 to 365; 30 if left out"`
}

// Spec is the backup that is asked about.
func (in PreflightInput) Spec(server backup.ServerID) backup.Spec {
	return BackupInput{Type: in.Type, Files: in.Files, Databases: in.Databases, RetentionDays: in.RetentionDays}.Spec(server)
}

// Preflight is what a backup would meet on a server now.
type Preflight struct {
	ServerID   string  `json:"server_id"`
	ServerName string  `json:"server_name"`
	ScheduleID string  `json:"schedule_id,omitempty"`
	OK         bool    `json:"ok" doc:"No check failed. Warnings do not count"`
	Verdict    string  `json:"verdict" enum:"healthy,warning,unhealthy"`
	Failed     int     `json:"failed" doc:"How many checks failed"`
	Checks     []Check `json:"checks" doc:"key, resolve, connect, host_key, login, shell, tools, sudo, sources, backup_dir, space, database, clock"`
}

// PreflightLine is one line of a preflight that is told while it goes on. Each has one of the three: a check, as soon as its
// answer is known, and at the end either all of it or why it broke off.
type PreflightLine struct {
	Check     *Check     `json:"check,omitempty"`
	Preflight *Preflight `json:"preflight,omitempty"`
	Problem   *Problem   `json:"problem,omitempty"`
}

// FromPreflight translates the answers of a preflight.
func FromPreflight(s backup.Server, schedule string, checks []backup.Check) Preflight {
	verdict := backup.VerdictOf(checks)
	out := Preflight{ServerID: string(s.ID), ServerName: s.Name, ScheduleID: schedule, OK: verdict != backup.VerdictUnhealthy, Verdict: string(verdict), Checks: []Check{}}
	for _, c := range checks {
		if c.Status == backup.CheckFailed {
			out.Failed++
		}
		out.Checks = append(out.Checks, FromCheck(c))
	}
	return out
}
