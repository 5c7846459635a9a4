data "cloudaipilot_backup_schedule" "nightly" {
  server_id = cloudaipilot_server.web.id
  name      = "nightly"
}

output "nightly_cron" {
  value = data.cloudaipilot_backup_schedule.nightly.cron
}
