# A week in which nothing happens.

variables {
  name     = "web-1"
  host     = "203.0.113.10"
  host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3ytoVBdVKWrETfAtHUpqZnPNn5dnzOJyMBzfvP7kMp"
  paths    = ["/etc", "/var/www"]
}

provider "cloudaipilot" {
  simulate = true
}

provider "cloudaipilot" {
  alias      = "a_week_later"
  simulate   = true
  simulation = { elapsed = "7d" }
}

run "on_the_first_day" {
  assert {
    condition     = output.health.verdict == "healthy"
    error_message = "The schedule is ${output.health.verdict} at once: ${jsonencode(output.health)}"
  }
}

run "after_a_good_week" {
  providers = {
    cloudaipilot = cloudaipilot.a_week_later
  }

  assert {
    condition     = output.health.verdict == "healthy" && output.health.checks.last_attempt == "ok"
    error_message = "Nothing happened, and the schedule is ${output.health.verdict}: ${jsonencode(output.health)}"
  }

  assert {
    condition     = output.health.backups == 7
    error_message = "Of seven nights ${output.health.backups} have a backup."
  }

  assert {
    condition     = cloudaipilot_backup_schedule.nightly.unresolved_failure == null
    error_message = "A backup failed."
  }
}
