data "cloudaipilot_backup_failure" "web" {
  server_id = cloudaipilot_server.web.id
}

# Warns at every plan while the last backup of the server is a failed one.
check "backups_work" {
  assert {
    condition     = !data.cloudaipilot_backup_failure.web.failed
    error_message = "${data.cloudaipilot_backup_failure.web.code}: ${coalesce(data.cloudaipilot_backup_failure.web.message, "no message")}"
  }
}
