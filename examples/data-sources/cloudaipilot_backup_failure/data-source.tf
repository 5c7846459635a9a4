data "cloudaipilot_backup_failure" "web" {
  server_id = cloudaipilot_server.web.id
}

# Warns at every plan until a good backup follows the one that failed.
check "backups_work" {
  assert {
    condition     = !data.cloudaipilot_backup_failure.web.failed || data.cloudaipilot_backup_failure.web.resolved
    error_message = "${data.cloudaipilot_backup_failure.web.code}: ${coalesce(data.cloudaipilot_backup_failure.web.cause, "no failure")}"
  }
}

# Warns when there has been no good backup for two days.
check "backups_are_recent" {
  assert {
    condition     = try(timecmp(timeadd(data.cloudaipilot_backup_failure.web.last_success_at, "48h"), plantimestamp()) > 0, false)
    error_message = "The last good backup of the server is older than two days, or there is none."
  }
}

output "what_to_do" {
  value = data.cloudaipilot_backup_failure.web.fix
}
