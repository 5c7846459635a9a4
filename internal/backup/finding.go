package backup

import (
	"slices"
	"strings"
)

// Severity says what a finding means for the request.
type Severity string

// The severities: an error refuses the request, a warning and a note do not.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Code is the stable, machine-readable name of a problem.
type Code string

// The codes a finding or an API error carries. The upper group is the panel's [KB 05-10, 12-06, 12-13].
const (
	CodeSSHNotConfigured Code = "SSH_NOT_CONFIGURED"
	CodeInvalidType      Code = "INVALID_TYPE"
	CodeInvalidConfig    Code = "INVALID_CONFIG"
	CodeBackupInProgress Code = "BACKUP_IN_PROGRESS"
	CodeNotCompleted     Code = "NOT_COMPLETED"
	CodeForbidden        Code = "FORBIDDEN"
	CodeInvalidState     Code = "INVALID_STATE"

	CodeInvalidArgument Code = "INVALID_ARGUMENT"
	CodeNotFound        Code = "NOT_FOUND"
	CodeGone            Code = "GONE"
	CodeNameTaken       Code = "NAME_TAKEN"
	CodeConflict        Code = "CONFLICT"
	CodeShortLived      Code = "SHORT_LIVED_FOLDER"
	CodeUnpinnedHostKey Code = "HOST_KEY_NOT_PINNED"
	CodeNotDispatched   Code = "DISPATCHER_NOT_RUNNING"
	CodeRetentionGap    Code = "RETENTION_SHORTER_THAN_GAP"
	CodePaused          Code = "SCHEDULE_PAUSED"
	CodeOverdue         Code = "SCHEDULE_OVERDUE"
	CodeNotSimulated    Code = "NOT_SIMULATED"
)

// Finding is one thing worth saying about a request, on the field that is to blame.
type Finding struct {
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // "files.include.2"; empty for the request as a whole
	Code     Code     `json:"code"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Fix      string   `json:"fix,omitempty"`
}

// Paths is a set of field paths.
type Paths []string

// Covers reports whether path, one of its parents or one of its children is in the set.
func (p Paths) Covers(path string) bool {
	return slices.ContainsFunc(p, func(u string) bool {
		return u == path || strings.HasPrefix(path, u+".") || strings.HasPrefix(u, path+".")
	})
}

// Rule is one check of a request. It runs when every field it reads is known.
type Rule[T any] struct {
	Reads []string
	Check func(T) []Finding
}

// Validate runs the rules whose fields are all known and returns what they found, in the rules' order.
func Validate[T any](rules []Rule[T], request T, unknown Paths) []Finding {
	var findings []Finding
	for _, r := range rules {
		if slices.ContainsFunc(r.Reads, unknown.Covers) {
			continue
		}
		findings = append(findings, r.Check(request)...)
	}
	return findings
}

// Refuses returns the findings that refuse a request.
func Refuses(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != SeverityError })
}

// FindingsError refuses a request because of its findings. It names the first of them and carries all.
type FindingsError struct{ Findings []Finding }

func (e *FindingsError) Error() string { return e.Findings[0].Summary + ": " + e.Findings[0].Detail }

func invalid(path, summary, detail, fix string) []Finding {
	return []Finding{{SeverityError, path, CodeInvalidArgument, summary, detail, fix}}
}
