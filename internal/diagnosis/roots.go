package diagnosis

import (
	"strings"
	"sync"
)

// roots says which cause makes which others appear.
var roots = []struct{ root, effects string }{
	// What fills or breaks a disk breaks all that writes to it.
	{"disk_full disk_quota_exceeded filesystem_read_only", "partial_transfer tar_fatal_unknown db_unreachable db_connection_lost db_corruption offsite_connection_reset ssh_connection_dropped file_permission_denied path_not_found repo_locked_active oom_killed memory_exhausted io_error container_not_running disk_space_insufficient_predicted offsite_object_missing upload_tool_broken controller_restarted invalid_config offsite_failure_reported_success"},
	{"disk_space_insufficient_predicted", "disk_full tar_fatal_unknown"},
	{"disk_quota_exceeded", "disk_full"},
	{"io_error", "filesystem_read_only partial_transfer tar_fatal_unknown db_corruption file_vanished db_connection_lost ssh_connection_dropped path_not_found"},
	{"oom_killed memory_exhausted", "partial_transfer ssh_connection_dropped db_connection_lost db_unreachable offsite_connection_reset offsite_network_timeout tar_fatal_unknown container_not_running controller_restarted upload_tool_broken repo_locked_stale repo_locked_active"},
	{"oom_killed", "memory_exhausted"},
	{"db_packet_too_big", "memory_exhausted db_connection_lost"},

	// SSH: the login before what needs it.
	{"ssh_key_permissions ssh_key_invalid ssh_not_configured ssh_too_many_auth_failures ssh_account_expired ssh_shell_disabled ssh_host_key_changed", "ssh_auth_failed ssh_connection_dropped ssh_remote_exec_failed ssh_host_key_unknown partial_transfer file_permission_denied path_not_found"},
	{"ssh_key_permissions", "ssh_key_invalid ssh_not_configured backup_folder_unsafe"},
	{"ssh_host_key_unknown ssh_auth_failed ssh_session_limit ssh_connection_refused ssh_connection_timeout ssh_no_route server_offline dns_failure", "ssh_connection_dropped partial_transfer ssh_remote_exec_failed repo_locked_active"},
	{"ssh_auth_failed ssh_host_key_unknown", "file_permission_denied path_not_found"},
	{"server_offline", "ssh_no_route ssh_connection_timeout ssh_connection_refused"},
	{"ssh_no_route ssh_connection_refused", "ssh_connection_timeout"},
	{"ssh_shell_disabled sudo_password_required remote_command_missing file_permission_denied", "ssh_remote_exec_failed ssh_connection_dropped partial_transfer"},
	{"ssh_connection_dropped", "partial_transfer tar_fatal_unknown"},
	{"dns_failure", "offsite_unavailable offsite_network_timeout offsite_connection_reset db_unreachable ssh_auth_failed ssh_connection_refused ssh_connection_timeout offsite_key_invalid registry_rate_limited"},

	// Files.
	{"sudo_password_required", "file_permission_denied"},
	{"remote_command_missing", "path_not_found tar_fatal_unknown partial_transfer upload_tool_broken ssh_auth_failed container_not_running db_unreachable invalid_config"},
	{"file_permission_denied path_not_found", "partial_transfer tar_fatal_unknown upload_tool_broken"},
	{"file_vanished", "path_not_found file_changed_during_read partial_transfer tar_fatal_unknown"},
	{"file_changed_during_read", "tar_fatal_unknown"},
	{"partial_transfer", "tar_fatal_unknown"},
	{"backup_folder_unsafe", "file_permission_denied"},
	{"repo_locked_stale", "repo_locked_active"},
	{"repo_locked_active repo_locked_stale", "job_timeout offsite_network_timeout memory_exhausted"},

	// Containers and databases.
	{"container_missing container_not_running container_network registry_rate_limited", "db_unreachable partial_transfer remote_command_missing path_not_found container_not_running invalid_config"},
	{"registry_rate_limited", "container_missing offsite_throttled offsite_unavailable"},
	{"container_network", "container_missing"},
	{"db_host_unresolvable", "dns_failure db_unreachable db_auth_failed"},
	{"db_auth_failed db_privilege_missing db_client_version_mismatch db_connection_limit db_pooler_incompatible db_standby_conflict db_corruption db_host_unresolvable db_unreachable db_packet_too_big", "db_unreachable db_connection_lost partial_transfer file_permission_denied path_not_found invalid_config tar_fatal_unknown"},
	{"db_privilege_missing db_client_version_mismatch db_pooler_incompatible", "db_auth_failed"},
	{"db_client_version_mismatch", "db_privilege_missing remote_command_missing upload_tool_broken"},
	{"db_pooler_incompatible", "db_privilege_missing db_connection_limit"},
	{"db_connection_limit", "db_auth_failed"},
	{"db_corruption", "db_connection_lost partial_transfer io_error"},
	{"db_connection_lost", "partial_transfer db_unreachable"},

	// Offsite: what is wrong with the clock or the request, before what the storage makes of it.
	{"offsite_clock_skew", "offsite_signature_mismatch offsite_access_denied offsite_key_invalid offsite_network_timeout offsite_connection_reset tls_untrusted_ca offsite_object_missing offsite_credentials_expired"},
	{"offsite_kms_denied", "offsite_access_denied offsite_object_missing"},
	{"offsite_api_incompatible", "offsite_access_denied offsite_signature_mismatch offsite_unavailable invalid_config offsite_region_mismatch offsite_object_missing"},
	{"offsite_region_mismatch", "offsite_signature_mismatch offsite_access_denied offsite_object_missing offsite_bucket_missing invalid_config offsite_key_invalid"},
	{"offsite_signature_mismatch offsite_credentials_expired offsite_key_invalid", "offsite_access_denied offsite_object_missing invalid_config"},
	{"offsite_signature_mismatch offsite_credentials_expired", "offsite_key_invalid"},
	{"offsite_credentials_expired", "offsite_signature_mismatch"},
	{"offsite_storage_full", "offsite_access_denied offsite_throttled offsite_unavailable disk_full disk_quota_exceeded offsite_connection_reset disk_space_insufficient_predicted"},
	{"offsite_access_denied offsite_bucket_missing", "offsite_object_missing file_permission_denied invalid_config"},
	{"offsite_bucket_missing", "path_not_found offsite_access_denied"},
	{"offsite_bucket_name_taken", "offsite_access_denied invalid_config"},
	{"offsite_throttled", "offsite_unavailable offsite_network_timeout offsite_access_denied offsite_connection_reset"},
	{"tls_untrusted_ca", "offsite_unavailable offsite_connection_reset offsite_object_missing offsite_network_timeout invalid_config offsite_key_invalid"},
	{"offsite_unavailable offsite_network_timeout offsite_connection_reset", "offsite_object_missing job_timeout invalid_config"},
	{"offsite_network_timeout", "offsite_unavailable offsite_connection_reset"},
	{"offsite_object_missing", "path_not_found"},
	{"upload_tool_broken", "invalid_config path_not_found"},
	{"invalid_config", "offsite_object_missing path_not_found partial_transfer"},
	{"offsite_object_missing", "partial_transfer"},

	// The controller.
	{"controller_restarted", "job_timeout oom_killed ssh_connection_dropped repo_locked_stale job_stuck_no_progress"},
	{"job_timeout", "job_stuck_no_progress offsite_network_timeout"},
	{"job_stuck_no_progress", "ssh_connection_dropped"},
	{"dispatcher_not_running", "schedule_missed_runs container_not_running"},
	{"schedule_invalid_timezone", "schedule_invalid_cron invalid_config"},
	{"schedule_invalid_cron", "invalid_config"},
	{"server_offline", "schedule_missed_runs"},
	{"notification_failed", "no_reason_recorded empty_backup_reported_success ssh_auth_failed offsite_key_invalid offsite_access_denied dns_failure ssh_connection_refused"},
	{"status_report_lost", "no_reason_recorded job_stuck_no_progress offsite_connection_reset ssh_connection_refused dns_failure offsite_unavailable"},
	{"empty_backup_reported_success offsite_failure_reported_success false_failure", "no_reason_recorded"},
	{"false_failure", "offsite_failure_reported_success"},
	{"ssh_not_configured ssh_key_permissions ssh_key_invalid ssh_auth_failed ssh_host_key_unknown ssh_host_key_changed ssh_account_expired", "server_offline"},
	{"offsite_bucket_name_taken", "offsite_bucket_missing"},
	{"offsite_bucket_missing offsite_access_denied offsite_key_invalid offsite_region_mismatch offsite_signature_mismatch offsite_storage_full offsite_api_incompatible", "offsite_connection_reset"},
	{"file_permission_denied filesystem_read_only", "repo_locked_active"},
}

// weak are the classes that any other explains, but for one another where roots says nothing.
const weak = "warning_account_will_expire file_changed_during_read tar_fatal_unknown no_reason_recorded empty_backup_reported_success offsite_failure_reported_success false_failure notification_failed status_report_lost schedule_missed_runs"

var explained = sync.OnceValue(func() map[Class]map[Class]bool {
	table := map[Class]map[Class]bool{}
	for _, r := range roots {
		for root := range strings.FieldsSeq(r.root) {
			for effect := range strings.FieldsSeq(r.effects) {
				if table[Class(root)] == nil {
					table[Class(root)] = map[Class]bool{}
				}
				table[Class(root)][Class(effect)] = true
			}
		}
	}
	return table
})

var weakClasses = sync.OnceValue(func() map[Class]bool {
	set := map[Class]bool{}
	for class := range strings.FieldsSeq(weak) {
		set[Class(class)] = true
	}
	return set
})

// explains says whether the root makes the effect appear.
func explains(root, effect *entry) bool {
	if root.class == effect.class {
		return false
	}
	return explained()[root.class][effect.class] || weakClasses()[effect.class] && !weakClasses()[root.class]
}
