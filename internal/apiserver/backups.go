package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// maxWait bounds one long poll.
const maxWait = time.Minute

// BackupPath names a backup.
type BackupPath struct {
	ID string `path:"id" maxLength:"64"`
}

// id checks the identifier: paths on servers are made of it.
func (p BackupPath) id() (backup.ID, error) {
	id, err := backup.ParseID(p.ID)
	if err != nil {
		return "", &api.Problem{Title: "There is no such backup", Status: http.StatusNotFound, Code: backup.CodeNotFound, Detail: err.Error() + "."}
	}
	return id, nil
}

// WaitQuery asks for a long poll.
type WaitQuery struct {
	Wait   string `query:"wait" maxLength:"16" doc:"Answer when a backup is finished, or after this time, at most 1m: 30s"`
	Client string `query:"client" maxLength:"64" doc:"Names the client that waits"`
}

func (w WaitQuery) patience() (time.Duration, error) {
	if w.Wait == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(w.Wait)
	if err != nil || d < 0 || d > maxWait {
		return 0, &api.Problem{Title: "Invalid wait", Status: http.StatusUnprocessableEntity, Code: backup.CodeInvalidArgument, Field: "wait",
			Detail: fmt.Sprintf("wait is %q; allowed are 0s to %s.", backup.Excerpt(w.Wait, 20), maxWait)}
	}
	return d, nil
}

func (h *handlers) createBackup(ctx context.Context, in *struct {
	Idempotent
	ServerPath
	Body api.BackupInput
},
) (*body[api.Backup], error) {
	once, err := in.of([]any{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	b, err := h.plane.CreateBackup(ctx, controlplane.CreateRequest{Spec: in.Body.Spec(backup.ServerID(in.ID)),
		Trigger: backup.TriggerManual, Managed: in.Body.Managed, Client: in.Body.Client, Once: once})
	return answer(api.FromBackup(b), err)
}

func (h *handlers) validateBackup(ctx context.Context, in *struct {
	ServerID string `query:"server_id" maxLength:"64"`
	Body     api.BackupInput
},
) (*body[api.Findings], error) {
	return findings(h.plane.CheckBackup(ctx, in.Body.Spec(backup.ServerID(in.ServerID)), in.Body.Unknown))
}

func (h *handlers) listBackups(ctx context.Context, in *struct {
	PageQuery
	WaitQuery
	IDs      []string `query:"id" maxItems:"1000" doc:"Only these, tombstones included"`
	ServerID string   `query:"server_id" maxLength:"64"`
	Schedule string   `query:"schedule_id" maxLength:"64" doc:"Only those that this schedule asked for"`
	Status   []string `query:"status" enum:"pending,running,completed,failed"`
	Type     []string `query:"type" enum:"files,database,full,snapshot"`
	Managed  string   `query:"managed" enum:"true,false" doc:"Only those that Terraform keeps, or only the others"`
	Order    string   `query:"order" enum:"oldest,newest" default:"oldest"`
},
) (*body[api.List[api.Backup]], error) {
	f := controlplane.BackupFilter{ServerID: backup.ServerID(in.ServerID), ScheduleID: backup.ScheduleID(in.Schedule), Newest: in.Order == "newest", Page: in.page()}
	for _, raw := range in.IDs {
		id, err := BackupPath{raw}.id()
		if err != nil {
			return nil, err
		}
		f.IDs = append(f.IDs, id)
	}
	for _, s := range in.Status {
		f.Statuses = append(f.Statuses, backup.Status(s))
	}
	for _, t := range in.Type {
		f.Types = append(f.Types, backup.Type(t))
	}
	if in.Managed != "" {
		managed := in.Managed == "true"
		f.Managed = &managed
	}
	patience, err := in.patience()
	if err != nil {
		return nil, err
	}
	if patience > 0 && len(f.IDs) > 0 {
		if _, err := h.plane.Wait(ctx, f.IDs, in.Client, patience); err != nil {
			return nil, err
		}
	}
	backups, err := h.plane.Backups(ctx, f)
	return answer(listOf(backups, in.Limit, api.FromBackup, func(b backup.Backup) string { return string(b.ID) }), err)
}

func (h *handlers) getBackup(ctx context.Context, in *struct {
	BackupPath
	WaitQuery
},
) (*body[api.Backup], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	patience, err := in.patience()
	if err != nil {
		return nil, err
	}
	if patience > 0 {
		if _, err := h.plane.Wait(ctx, []backup.ID{id}, in.Client, patience); err != nil {
			return nil, err
		}
	}
	b, err := h.plane.Backup(ctx, id)
	return answer(api.FromBackup(b), err)
}

func (h *handlers) updateBackup(ctx context.Context, in *struct {
	BackupPath
	Body api.BackupPatch
},
) (*body[api.Backup], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := h.plane.UpdateBackup(ctx, id, controlplane.BackupChange{RetentionDays: in.Body.RetentionDays, Managed: in.Body.Managed, Acknowledged: in.Body.Acknowledged})
	return answer(api.FromBackup(b), err)
}

func (h *handlers) cancelBackup(ctx context.Context, in *BackupPath) (*body[api.Backup], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := h.plane.CancelBackup(ctx, id)
	return answer(api.FromBackup(b), err)
}

func (h *handlers) retryBackup(ctx context.Context, in *struct {
	Idempotent
	BackupPath
	Body api.Force
},
) (*body[api.Backup], error) {
	once, err := in.of([]any{"retry", in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := h.plane.RetryBackup(ctx, id, in.Body.Force, once)
	return answer(api.FromBackup(b), err)
}

func (h *handlers) recoverBackup(ctx context.Context, in *struct {
	BackupPath
	Body api.Force
},
) (*body[api.Recovery], error) {
	return recovery(ctx, in.BackupPath, in.Body, h.plane.RecoverBackup)
}

func (h *handlers) validateRecovery(ctx context.Context, in *struct {
	BackupPath
	Body api.Force
},
) (*body[api.Recovery], error) {
	return recovery(ctx, in.BackupPath, in.Body, h.plane.PreviewRecovery)
}

func recovery(ctx context.Context, path BackupPath, in api.Force, do func(context.Context, backup.ID, bool) (controlplane.Recovery, error)) (*body[api.Recovery], error) {
	id, err := path.id()
	if err != nil {
		return nil, err
	}
	r, err := do(ctx, id, in.Force)
	out := api.Recovery{Backup: api.FromBackup(r.Backup), Actions: []api.RecoveryAction{}}
	for _, a := range r.Actions {
		out.Actions = append(out.Actions, api.RecoveryAction(a))
	}
	return answer(out, err)
}

func (h *handlers) deleteBackup(ctx context.Context, in *BackupPath) (*body[api.Deleted], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	leftover, err := h.plane.DeleteBackup(ctx, id)
	return answer(api.Deleted{Leftover: leftover}, err)
}

func (h *handlers) backupLog(ctx context.Context, in *BackupPath) (*body[api.BackupLog], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := h.plane.Backup(ctx, id)
	if err != nil {
		return nil, err
	}
	_, lines, err := h.plane.Activity(ctx, b.Activity)
	return answer(api.BackupLog{Lines: api.FromLog(lines), Output: b.Output}, err)
}

func (h *handlers) download(ctx context.Context, in *BackupPath) (*huma.StreamResponse, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, copyTo, err := h.plane.Download(ctx, id)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/gzip")
		c.SetHeader("Content-Length", strconv.FormatInt(b.SizeBytes, 10))
		c.SetHeader("Content-Disposition", `attachment; filename="`+string(b.ID)+`.tar.gz"`)
		c.SetHeader(api.ChecksumHeader, b.SHA256)
		w := &lateHeader{Context: c}
		if err := copyTo(w); err != nil {
			w.fail(err)
		}
	}}, nil
}

// lateHeader sends the status with the first byte, so that a failure before it is still told properly.
type lateHeader struct {
	huma.Context
	begun bool
}

func (w *lateHeader) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.SetStatus(http.StatusOK)
	}
	return w.BodyWriter().Write(p)
}

// fail tells the client: with a problem while that is possible, else by breaking off before the promised length.
func (w *lateHeader) fail(err error) {
	writer, ok := w.BodyWriter().(http.ResponseWriter)
	if w.begun || !ok {
		panic(http.ErrAbortHandler)
	}
	for _, h := range []string{"Content-Length", "Content-Disposition", api.ChecksumHeader} {
		writer.Header().Del(h)
	}
	writeProblem(writer, problemOf(err))
}

func (h *handlers) lastFailure(ctx context.Context, in *struct {
	ServerID   string `query:"server_id" maxLength:"64"`
	ScheduleID string `query:"schedule_id" maxLength:"64"`
	BackupID   string `query:"backup_id" maxLength:"64"`
},
) (*body[api.LastFailure], error) {
	given := 0
	for _, id := range []string{in.ServerID, in.ScheduleID, in.BackupID} {
		if id != "" {
			given++
		}
	}
	if given != 1 {
		return nil, &api.Problem{Title: "Name a server, a schedule or a backup", Status: http.StatusUnprocessableEntity, Code: backup.CodeInvalidArgument,
			Field: "server_id", Detail: "Exactly one of server_id, schedule_id and backup_id must be given."}
	}
	var id backup.ID
	if in.BackupID != "" {
		var err error
		if id, err = (BackupPath{in.BackupID}).id(); err != nil {
			return nil, err
		}
	}
	last, err := h.plane.LastFailure(ctx, controlplane.FailureOf{Server: backup.ServerID(in.ServerID), Schedule: backup.ScheduleID(in.ScheduleID), Backup: id})
	out := api.LastFailure{Failed: last.Failed, Resolved: last.Resolved, ConsecutiveFailures: last.Failures}
	if last.Failed {
		wire := api.FromBackup(last.Backup)
		out.Backup, out.Failure = &wire, wire.Failure
	}
	if !last.LastSuccess.IsZero() {
		out.LastSuccessAt = &last.LastSuccess
	}
	return answer(out, err)
}
