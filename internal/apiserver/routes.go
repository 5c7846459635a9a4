package apiserver

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

const (
	viewer = backup.RoleViewer
	member = backup.RoleMember
	admin  = backup.RoleAdmin
	owner  = backup.RoleOwner
)

// register is the table of routes and of who may use them [KB 12-13].
func register(a huma.API, h *handlers) {
	op(a, viewer, "get-control-plane", http.MethodGet, "/v1/control-plane", "Say who answers", h.controlPlane)

	op(a, viewer, "list-servers", http.MethodGet, "/v1/servers", "List the servers", h.listServers)
	op(a, admin, "create-server", http.MethodPost, "/v1/servers", "Add a server", h.createServer)
	op(a, viewer, "validate-server", http.MethodPost, "/v1/servers/validate_only", "Say what adding a server would meet, and do nothing", h.validateServer)
	op(a, viewer, "get-server", http.MethodGet, "/v1/servers/{id}", "Show a server", h.getServer)
	op(a, admin, "update-server", http.MethodPatch, "/v1/servers/{id}", "Change a server in place", h.updateServer)
	op(a, viewer, "validate-server-update", http.MethodPost, "/v1/servers/{id}/validate_only", "Say what changing a server would meet, and do nothing", h.validateServerUpdate)
	op(a, admin, "delete-server", http.MethodDelete, "/v1/servers/{id}", "Forget a server and its key; its archives stay", h.deleteServer)
	op(a, member, "test-server", http.MethodPost, "/v1/servers/{id}/test", "Connect to a server and look whether a backup could begin; nothing is changed", h.testServer)
	op(a, admin, "recover-server", http.MethodPost, "/v1/servers/{id}/recover", "Remove from a server what failed and deleted backups left there, and tell what nobody here knows", h.recoverServer)
	op(a, viewer, "validate-server-recovery", http.MethodPost, "/v1/servers/{id}/recover/validate_only", "Say what lies on a server without a backup, and remove nothing", h.validateServerRecovery)
	op(a, member, "preflight-server", http.MethodPost, "/v1/servers/{id}/preflight", "Do what a backup does before it begins, and tell the answer of every check; nothing is changed", h.preflight)
	op(a, member, "watch-preflight", http.MethodPost, "/v1/servers/{id}/preflight/watch", "Do the same, and tell each check in a line of JSON as soon as its answer is known", h.watchPreflight)

	op(a, viewer, "list-schedules", http.MethodGet, "/v1/schedules", "List the schedules", h.listSchedules)
	op(a, admin, "create-schedule", http.MethodPost, "/v1/schedules", "Add a schedule", h.createSchedule)
	op(a, viewer, "validate-schedule", http.MethodPost, "/v1/schedules/validate_only", "Say what adding a schedule would meet, and do nothing", h.validateSchedule)
	op(a, viewer, "list-runs", http.MethodGet, "/v1/schedules/{id}/runs", "List what became of a schedule's due times, newest first", h.listRuns)
	op(a, viewer, "get-schedule", http.MethodGet, "/v1/schedules/{id}", "Show a schedule", h.getSchedule)
	op(a, admin, "update-schedule", http.MethodPatch, "/v1/schedules/{id}", "Change a schedule in place, pause or resume it", h.updateSchedule)
	op(a, viewer, "validate-schedule-update", http.MethodPost, "/v1/schedules/{id}/validate_only", "Say what changing a schedule would meet, and do nothing", h.validateScheduleUpdate)
	op(a, viewer, "get-schedule-health", http.MethodGet, "/v1/schedules/{id}/health", "Say whether a schedule does what it is for, and what shows it", h.scheduleHealth)
	op(a, viewer, "forecast-schedule", http.MethodGet, "/v1/schedules/{id}/forecast", "Say what will become of a schedule, and what its archives will take", h.scheduleForecast)
	op(a, viewer, "forecast-planned-schedule", http.MethodPost, "/v1/schedules/forecast", "Say what would become of a schedule that is only planned, and do nothing", h.plannedForecast)
	op(a, admin, "delete-schedule", http.MethodDelete, "/v1/schedules/{id}", "Delete a schedule; the backups it made stay", h.deleteSchedule)

	op(a, member, "create-backup", http.MethodPost, "/v1/servers/{id}/backups", "Make a backup", h.createBackup)
	op(a, viewer, "validate-backup", http.MethodPost, "/v1/backups/validate_only", "Say what making a backup would meet, and do nothing", h.validateBackup)
	op(a, viewer, "list-backups", http.MethodGet, "/v1/backups", "List backups, or wait for some of them", h.listBackups)
	op(a, viewer, "get-backup", http.MethodGet, "/v1/backups/{id}", "Show a backup or its tombstone, or wait for it", h.getBackup)
	op(a, admin, "update-backup", http.MethodPatch, "/v1/backups/{id}", "Change a backup's record", h.updateBackup)
	op(a, member, "cancel-backup", http.MethodPost, "/v1/backups/{id}/cancel", "Ask for an end of an unfinished backup", h.cancelBackup)
	op(a, member, "retry-backup", http.MethodPost, "/v1/backups/{id}/retry", "Make a failed backup again, unless its cause still stands", h.retryBackup)
	op(a, admin, "recover-backup", http.MethodPost, "/v1/backups/{id}/recover", "End a backup that hangs, and remove what is left of one that is over", h.recoverBackup)
	op(a, viewer, "validate-recovery", http.MethodPost, "/v1/backups/{id}/recover/validate_only", "Say what a recovery would do, and do nothing", h.validateRecovery)
	op(a, admin, "delete-backup", http.MethodDelete, "/v1/backups/{id}", "Delete a finished backup and its archive", h.deleteBackup)
	op(a, viewer, "get-backup-log", http.MethodGet, "/v1/backups/{id}/log", "Show how a backup went", h.backupLog)
	op(a, admin, "download-backup", http.MethodGet, "/v1/backups/{id}/archive", "Download an archive (.tar.gz)", h.download)
	op(a, viewer, "get-last-failure", http.MethodGet, "/v1/failures/last", "Show the last failure of a server or a schedule, or that of a backup", h.lastFailure)

	op(a, viewer, "get-simulation", http.MethodGet, "/v1/simulation", "Say what time it is in a simulated control plane, and what became of the due times so far", h.simulation)
	op(a, admin, "advance-simulation", http.MethodPost, "/v1/simulation/advance", "Have the time of a simulated control plane pass, and everything happen that is due", h.advance)

	op(a, viewer, "list-activities", http.MethodGet, "/v1/activities", "List the activity log, newest first", h.listActivities)
	op(a, viewer, "get-activity", http.MethodGet, "/v1/activities/{id}", "Show an activity and its log", h.getActivity)

	op(a, owner, "list-tokens", http.MethodGet, "/v1/tokens", "List the tokens", h.listTokens)
	op(a, owner, "create-token", http.MethodPost, "/v1/tokens", "Make a token; it is shown this once", h.createToken)
	op(a, owner, "revoke-token", http.MethodDelete, "/v1/tokens/{id}", "Let nobody in with a token any more", h.revokeToken)
}
