package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func backupFacts() facts[api.Backup] {
	type b = api.Backup
	progress := facts[api.Progress]{
		"step":  textFact("Step that it is at, or was at last.", func(p api.Progress) string { return p.Step }),
		"bytes": numberFact("Bytes of the archive written so far; null before the first.", func(p api.Progress) int64 { return p.Bytes }),
		"at":    timeFact("When the bytes last grew, by the server's clock", func(p api.Progress) *time.Time { return p.At }),
	}
	failure := func(of func(*api.Failure) string) func(b) string {
		return func(v b) string {
			if v.Failure == nil {
				return ""
			}
			return of(v.Failure)
		}
	}
	return facts[b]{
		"id":             textFact("Identifier.", func(v b) string { return v.ID }),
		"server_id":      textFact("The server that was backed up.", func(v b) string { return v.ServerID }),
		"server_name":    textFact("Its name when the backup was asked for.", func(v b) string { return v.ServerName }),
		"retention_days": numberFact("Days that the archive is kept.", func(v b) int { return v.RetentionDays }),
		"status":         textFact("`pending`, `running`, `completed` or `failed`.", func(v b) string { return v.Status }),
		"trigger":        textFact("Who asked for it: `manual` or `scheduled`.", func(v b) string { return v.Trigger }),
		"schedule_id":    textFact("The schedule that asked for it; null where a person did.", func(v b) string { return v.ScheduleID }),
		"due_at":         timeFact("The due time that it was made for; null where a person asked for it", func(v b) *time.Time { return v.DueAt }),
		"managed":        flagFact("Whether a resource of Terraform keeps it.", func(v b) bool { return v.Managed }),
		"activity_id":    textFact("Its entry in the activity log.", func(v b) string { return v.ActivityID }),
		"created_at":     timeFact("When it was asked for", func(v b) *time.Time { return &v.CreatedAt }),
		"started_at":     timeFact("When it began (null until then)", func(v b) *time.Time { return v.StartedAt }),
		"finished_at":    timeFact("When it was completed or failed (null until then)", func(v b) *time.Time { return v.FinishedAt }),
		"expires_at":     timeFact("When the retention is over", func(v b) *time.Time { return &v.ExpiresAt }),
		"path":           textFact("Path of the archive on the server; null until it is completed.", func(v b) string { return v.Path }),
		"size_bytes":     numberFact("Size of the archive in bytes; null until it is completed.", func(v b) int64 { return v.SizeBytes }),
		"sha256":         textFact("SHA-256 of the archive, in hex; null until it is completed.", func(v b) string { return v.SHA256 }),
		"entries":        numberFact("Members of the archive; null until it is completed.", func(v b) int64 { return v.Entries }),
		"warnings":       textsFact("What a completed backup has to say, such as files that changed while they were read.", func(v b) []string { return v.Warnings }),
		"progress":       partFact("How far it has come.", progress, func(v b) *api.Progress { return &v.Progress }),
		"error_code":     textFact("Why it failed, as a code; null if it did not.", failure(func(f *api.Failure) string { return f.Code })),
		"error_message":  textFact("Why it failed, in words; null if it did not. The data source `cloudaipilot_backup_failure` says how to fix it.", failure(func(f *api.Failure) string { return f.Cause })),
	}.with(sourceFacts(func(v b) string { return v.Type }, func(v b) backup.FilesSource { return v.Files }, func(v b) []backup.Database { return v.Databases }))
}

var (
	oneStatus = stringvalidator.OneOf(namesOf(backup.Statuses, func(s backup.Status) string { return string(s) })...)
	oneType   = stringvalidator.OneOf(string(backup.TypeFiles), string(backup.TypeDatabase), string(backup.TypeFull))
)

func newBackupDataSource() datasource.DataSource {
	id, server := path.MatchRoot("id"), path.MatchRoot("server_id")
	return one("backup", "the backup", "A backup, found by its identifier, or the newest of a server. That none matches is an error: `cloudaipilot_backups` with `limit = 1` asks whether there is one.", backupFacts(), map[string]schema.Attribute{
		"id":        choice("Identifier. Exactly one of `id` and `server_id` is given.", stringvalidator.ExactlyOneOf(server), identifier(backup.ParseID)),
		"server_id": choice("The server whose newest backup is meant.", identifier(backup.ParseServerID)),
		"status":    choice("Status; with `server_id`, the newest of this status is meant: `pending`, `running`, `completed` or `failed`.", stringvalidator.ConflictsWith(id), oneStatus),
		"type":      choice("`files`, `database`, or `full` for both; with `server_id`, the newest of this type is meant.", stringvalidator.ConflictsWith(id), oneType),
	}, findBackup)
}

func newBackupsDataSource() datasource.DataSource {
	return many("backups", "backups", "Backups, newest first, whoever asked for them; those that were deleted or have expired are not among them. Filters narrow each other.", backupFacts(), map[string]schema.Attribute{
		"server_id":   onlyOf("Only those of this server. It may be a server that was deleted."),
		"schedule_id": filter("Only those that this schedule asked for.", identifier(backup.ParseScheduleID)),
		"status":      filter("Only those that are `pending`, `running`, `completed` or `failed`.", oneStatus),
		"type":        filter("Only those of this type: `files`, `database` or `full`.", oneType),
		"limit": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
			MarkdownDescription: "How many at most. Default: all."},
	}, func(ctx context.Context, s *session, q question) ([]api.Backup, error) {
		return newestBackups(ctx, s, q, q.number("limit"))
	})
}

// newestBackups asks every time: a status changes by itself, and the pages of all backups that were ever made may be many.
func newestBackups(ctx context.Context, s *session, q question, limit int) ([]api.Backup, error) {
	return s.client.Backups(ctx, apiclient.BackupFilter{ServerID: q.text("server_id"), ScheduleID: q.text("schedule_id"), Status: q.text("status"), Type: q.text("type"), Newest: true, Limit: limit})
}

func findBackup(ctx context.Context, s *session, q question) (api.Backup, error) {
	if q.given("id") {
		return backupWithID(ctx, s, q.text("id"))
	}
	newest, err := newestBackups(ctx, s, q, 1)
	if err != nil {
		return api.Backup{}, err
	}
	if len(newest) == 0 {
		return api.Backup{}, noBackup(ctx, s, q)
	}
	return newest[0], nil
}

// noBackup is the error of a server without the backup that is meant.
func noBackup(ctx context.Context, s *session, q question) error {
	id := q.text("server_id")
	server, known, err := s.servers.find(ctx, id)
	if err != nil {
		return err
	}
	what := strings.Join(strings.Fields(q.text("status")+" "+q.text("type")+" backup"), " ")
	if !known {
		return &noneError{"server_id", fmt.Sprintf("There is no %s of server %s", what, id),
			"The control plane of " + s.place + " has no server with this identifier either. It was deleted, or it belongs to another control plane."}
	}
	return &noneError{"server_id", fmt.Sprintf("There is no %s of server %s", what, server.Name),
		"None was made on server " + id + ", or it was deleted or has expired. Where it is fine that there is none, use the data source cloudaipilot_backups with limit = 1: its list is empty then."}
}

func backupWithID(ctx context.Context, s *session, id string) (api.Backup, error) {
	v, found, err := ifFound(s.client.Backup(ctx, id))
	switch {
	case err != nil:
		return v, err
	case !found:
		return v, noneWithID(s, "backup", id)
	case v.DeletedAt != nil:
		return v, &noneError{"id", "There is no backup " + id + " any more",
			fmt.Sprintf("It was of server %s, and its archive was removed on %s (%s).", v.ServerName, v.DeletedAt.UTC().Format(time.RFC3339), v.DeleteReason)}
	}
	return v, nil
}
