resource "cloudaipilot_backup_schedule" "nightly" {
  server_id      = cloudaipilot_server.web.id
  name           = "nightly"
  type           = "files"
  cron           = "30 2 * * *"
  timezone       = "Europe/Berlin"
  retention_days = 14
  files          = { include = ["/etc", "/var/www"], exclude = ["*.log"] }
}

# H chooses the minute from the names of server and schedule, so that not all servers start at once.
resource "cloudaipilot_backup_schedule" "weekly" {
  server_id      = cloudaipilot_server.web.id
  name           = "weekly"
  type           = "files"
  cron           = "H 4 * * SUN"
  retention_days = 90
  files          = { include = ["/"], exclude = ["/var/cache"] }
  paused         = true
}
