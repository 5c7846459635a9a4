# A schedule that is only planned: nothing has to exist yet.
data "cloudaipilot_schedule_forecast" "nightly" {
  server_name    = "db-1"
  name           = "nightly"
  cron           = "30 2 * * *"
  timezone       = "Europe/Berlin"
  retention_days = 14
  from           = "2026-01-01T00:00:00Z"

  archive_bytes        = 2 * 1024 * 1024 * 1024
  growth_bytes_per_day = 0
  bytes_per_second     = 30 * 1024 * 1024
  space_bytes          = 40 * 1024 * 1024 * 1024

  lifecycle {
    postcondition {
      condition     = self.oldest_backup_seconds <= 26 * 3600 && self.space_full_at == null
      error_message = "The newest backup gets ${self.oldest_backup_seconds / 3600} hours old. ${join(" ", self.notes)}"
    }
  }
}

output "storage_gib" {
  value = data.cloudaipilot_schedule_forecast.nightly.storage_bytes / pow(1024, 3)
}
