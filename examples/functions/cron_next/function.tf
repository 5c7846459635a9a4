# 02:30 does not exist on 8 March 2026 in New York, so the backup of that night is made at 03:00.
output "next_backups" {
  value = provider::cloudaipilot::cron_next("30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00", 2)
  # ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]
}

# H is a time of the schedule's own, made from its server's name and its own.
output "spread" {
  value = provider::cloudaipilot::cron_next("H 3 * * *", "UTC", "2026-03-07T12:00:00Z", 1, "web-1/nightly")
  # ["2026-03-08T03:11:00Z"]
}
