package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// statusOf maps the codes of findings to HTTP's; every other code is a 422.
var statusOf = map[backup.Code]int{
	backup.CodeForbidden:        http.StatusForbidden,
	backup.CodeNotFound:         http.StatusNotFound,
	backup.CodeGone:             http.StatusGone,
	backup.CodeBackupInProgress: http.StatusConflict,
	backup.CodeNotCompleted:     http.StatusConflict,
	backup.CodeNameTaken:        http.StatusConflict,
	backup.CodeConflict:         http.StatusConflict,
	backup.CodeNotSimulated:     http.StatusConflict,
}

// problemOf translates an error of a use case.
func problemOf(err error) *api.Problem {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*backup.FindingsError](err); ok {
		first := refused.Findings[0]
		status, ok := statusOf[first.Code]
		if !ok {
			status = http.StatusUnprocessableEntity
		}
		return &api.Problem{Title: first.Summary, Status: status, Detail: first.Detail, Code: first.Code,
			Field: first.Path, Fix: first.Fix, Findings: refused.Findings}
	}
	switch {
	case errors.Is(err, controlplane.ErrNotFound):
		return &api.Problem{Title: "Not found", Status: http.StatusNotFound, Code: backup.CodeNotFound, Detail: "There is no " + strings.TrimSuffix(err.Error(), ": "+controlplane.ErrNotFound.Error()) + "."}
	case errors.Is(err, controlplane.ErrConflict):
		return &api.Problem{Title: "Somebody else changed it in between", Status: http.StatusConflict, Code: backup.CodeConflict,
			Detail: err.Error() + ".", Fix: "Read it again, then decide.", Retryable: true}
	case errors.Is(err, controlplane.ErrDiskFull):
		return &api.Problem{Title: "The disk of the control plane is full", Status: http.StatusInsufficientStorage, Code: "CONTROL_PLANE_DISK_FULL",
			Detail: "Nothing was changed: " + err.Error() + ".",
			Fix:    "Free space on the file system of the data directory, or on the PostgreSQL server, then try again. Backups under way are not lost: they are written down as soon as there is space.", Retryable: true}
	case errors.Is(err, context.Canceled):
		return &api.Problem{Title: "The request was given up", Status: 499, Code: "CANCELLED", Retryable: true}
	}
	if f, ok := errors.AsType[*backup.Failure](err); ok {
		explained := api.FromFailure(f)
		return &api.Problem{Title: explained.Title, Status: http.StatusBadGateway, Code: backup.Code(explained.Code),
			Detail: explained.Cause, Fix: strings.Join(explained.Fix, " "), Retryable: true}
	}
	return &api.Problem{Title: "The control plane failed", Status: http.StatusInternalServerError, Code: "INTERNAL",
		Detail: err.Error(), Retryable: true}
}

// newProblem is how huma tells of a request that does not fit its schema.
func newProblem(status int, message string, errs ...error) huma.StatusError {
	p := &api.Problem{Title: message, Status: status, Code: backup.CodeInvalidArgument}
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			if p.Detail == "" && err != nil {
				p.Detail = err.Error()
			}
			continue
		}
		d := detail.ErrorDetail()
		path := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body"), ".")
		p.Findings = append(p.Findings, backup.Finding{Severity: backup.SeverityError, Path: path,
			Code: backup.CodeInvalidArgument, Summary: "Invalid request", Detail: d.Message})
	}
	if len(p.Findings) > 0 {
		p.Field, p.Detail = p.Findings[0].Path, p.Findings[0].Detail
	}
	return p
}

func writeProblem(w http.ResponseWriter, p *api.Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if this fails
}
