data "cloudaipilot_schedule_health" "nightly" {
  schedule_id = cloudaipilot_backup_schedule.nightly.id
}

# Every plan and apply says when the schedule is not healthy, and why. A check never stops them.
check "nightly_is_healthy" {
  assert {
    condition     = data.cloudaipilot_schedule_health.nightly.healthy
    error_message = join("\n", [for c in data.cloudaipilot_schedule_health.nightly.checks : "${c.name}: ${c.evidence}" if c.status == "failed"])
  }
}
