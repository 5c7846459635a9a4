data "cloudaipilot_preflight" "nightly" {
  schedule_id = cloudaipilot_backup_schedule.nightly.id
}

# Every plan and apply asks the server, and says what tonight's backup would fail of. A check never stops them.
check "nightly_could_run" {
  assert {
    condition     = data.cloudaipilot_preflight.nightly.ok
    error_message = join("\n", [for c in data.cloudaipilot_preflight.nightly.checks : "${c.name}: ${c.evidence}" if c.status == "failed"])
  }
}
