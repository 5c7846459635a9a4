package apiserver

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// register is the table of routes.
func register(a huma.API, h *handlers) {
	op(a, "get-control-plane", http.MethodGet, "/v1/control-plane", "Say who answers", h.controlPlane)

	op(a, "list-servers", http.MethodGet, "/v1/servers", "List the servers", h.listServers)
	op(a, "create-server", http.MethodPost, "/v1/servers", "Add a server", h.createServer)
	op(a, "validate-server", http.MethodPost, "/v1/servers/validate_only", "Say what adding a server would meet, and do nothing", h.validateServer)
	op(a, "get-server", http.MethodGet, "/v1/servers/{id}", "Show a server", h.getServer)
	op(a, "update-server", http.MethodPatch, "/v1/servers/{id}", "Change a server in place", h.updateServer)
	op(a, "validate-server-update", http.MethodPost, "/v1/servers/{id}/validate_only", "Say what changing a server would meet, and do nothing", h.validateServerUpdate)
	op(a, "delete-server", http.MethodDelete, "/v1/servers/{id}", "Forget a server and its key; its archives stay", h.deleteServer)

	op(a, "create-backup", http.MethodPost, "/v1/servers/{id}/backups", "Make a backup", h.createBackup)
	op(a, "validate-backup", http.MethodPost, "/v1/backups/validate_only", "Say what making a backup would meet, and do nothing", h.validateBackup)
	op(a, "list-backups", http.MethodGet, "/v1/backups", "List backups, or wait for some of them", h.listBackups)
	op(a, "get-backup", http.MethodGet, "/v1/backups/{id}", "Show a backup or its tombstone, or wait for it", h.getBackup)
	op(a, "update-backup", http.MethodPatch, "/v1/backups/{id}", "Change a backup's record", h.updateBackup)
	op(a, "cancel-backup", http.MethodPost, "/v1/backups/{id}/cancel", "Ask for an end of an unfinished backup", h.cancelBackup)
	op(a, "delete-backup", http.MethodDelete, "/v1/backups/{id}", "Delete a finished backup and its archive", h.deleteBackup)
	op(a, "get-backup-log", http.MethodGet, "/v1/backups/{id}/log", "Show how a backup went", h.backupLog)
	op(a, "download-backup", http.MethodGet, "/v1/backups/{id}/archive", "Download an archive (.tar.gz)", h.download)
	op(a, "get-last-failure", http.MethodGet, "/v1/failures/last", "Show the last failure of a server, or that of a backup", h.lastFailure)

	op(a, "list-activities", http.MethodGet, "/v1/activities", "List the activity log, newest first", h.listActivities)
	op(a, "get-activity", http.MethodGet, "/v1/activities/{id}", "Show an activity and its log", h.getActivity)
}
