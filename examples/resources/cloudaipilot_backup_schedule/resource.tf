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

# Every hour but during office hours; of those missed in an outage the newest three are made.
resource "cloudaipilot_backup_schedule" "hourly" {
  server_id                 = cloudaipilot_server.web.id
  name                      = "hourly"
  type                      = "files"
  cron                      = "0 * * * *"
  files                     = { include = ["/srv/orders"] }
  overlap                   = "queue_one"
  missed_runs               = "run_all"
  max_missed_runs           = 3
  starting_deadline_seconds = 3600
  jitter_seconds            = 300
  blackout_windows          = [{ cron = "0 9 * * MON-FRI", duration_minutes = 480, timezone = "Europe/Berlin" }]
}
