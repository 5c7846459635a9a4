data "cloudaipilot_backup_schedules" "all" {}

output "paused_schedules" {
  value = [for s in data.cloudaipilot_backup_schedules.all.schedules : s.name if s.paused]
}
