# The newest completed backup of a server, whoever asked for it.
data "cloudaipilot_backup" "latest" {
  server_id = cloudaipilot_server.web.id
  status    = "completed"
}

# Warns at every plan while it is older than two days.
check "backup_is_recent" {
  assert {
    condition     = timecmp(timeadd(data.cloudaipilot_backup.latest.created_at, "48h"), plantimestamp()) > 0
    error_message = "The last backup of ${data.cloudaipilot_backup.latest.server_name} is of ${data.cloudaipilot_backup.latest.created_at}."
  }
}
