# A bad week, in a second: the server is away on Wednesday, and others fill its disk. No server is touched, nor the network.

variables {
  name     = "web-1"
  host     = "203.0.113.10"
  host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3ytoVBdVKWrETfAtHUpqZnPNn5dnzOJyMBzfvP7kMp"
  paths    = ["/etc", "/var/www"]
}

provider "cloudaipilot" {
  simulate   = true
  simulation = { scenario = file("tests/bad-week.yaml") }
}

# The same simulated control plane, a week later.
provider "cloudaipilot" {
  alias      = "a_week_later"
  simulate   = true
  simulation = { scenario = file("tests/bad-week.yaml"), elapsed = "7d" }
}

# And once somebody has grown its disk.
provider "cloudaipilot" {
  alias      = "with_a_larger_disk"
  simulate   = true
  simulation = { scenario = replace(file("tests/bad-week.yaml"), "disk: 40GiB", "disk: 80GiB"), elapsed = "7d" }
}

run "on_monday" {
  assert {
    condition     = output.health.verdict == "healthy"
    error_message = "The schedule is ${output.health.verdict} at once: ${jsonencode(output.health)}"
  }
}

# Only refresh looks at what the week has done. Any other plan would be about making the failed backup again.
run "after_a_bad_week" {
  plan_options {
    mode = refresh-only
  }
  providers = {
    cloudaipilot = cloudaipilot.a_week_later
  }

  assert {
    condition     = output.health.verdict == "unhealthy"
    error_message = "Nobody would notice: ${jsonencode(output.health)}"
  }

  assert {
    condition     = output.health.codes.last_attempt == "NO_SPACE_LEFT"
    error_message = "The last backup should have failed on a full disk: ${jsonencode(output.health)}"
  }

  assert {
    condition     = output.health.checks.server_reachable_at_due_times == "warning"
    error_message = "The outage on Wednesday is forgotten: ${jsonencode(output.health)}"
  }

  assert {
    condition     = cloudaipilot_backup_schedule.nightly.unresolved_failure != null
    error_message = "The failed backup is not drift."
  }
}

# The next apply makes the failed backup again.
run "after_the_next_apply" {
  providers = {
    cloudaipilot = cloudaipilot.with_a_larger_disk
  }

  assert {
    condition     = cloudaipilot_backup_schedule.nightly.unresolved_failure == null
    error_message = "The backup was not made again."
  }
}
