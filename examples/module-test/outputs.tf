output "schedule_id" {
  description = "The schedule."
  value       = cloudaipilot_backup_schedule.nightly.id
}

output "public_key" {
  description = "The line for authorized_keys on the server."
  value       = cloudaipilot_server.this.public_key
}

output "health" {
  description = "Whether the schedule does what it is for (healthy, warning or unhealthy), the answer of each check, and how many of its last ten due times started a backup."
  value = {
    verdict = data.cloudaipilot_schedule_health.nightly.verdict
    checks  = { for c in data.cloudaipilot_schedule_health.nightly.checks : c.name => c.status }
    codes   = { for c in data.cloudaipilot_schedule_health.nightly.checks : c.name => c.code if c.code != null }
    backups = length([for r in data.cloudaipilot_schedule_health.nightly.runs : r if r.outcome == "started"])
  }
}
