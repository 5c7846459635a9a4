terraform {
  required_version = ">= 1.11"

  required_providers {
    cloudaipilot = {
      source = "cloudaipilot/cloudaipilot"
    }
  }
}

# A module names no provider of its own: whoever uses it does, and so do its tests.

resource "cloudaipilot_server" "this" {
  name       = var.name
  host       = var.host
  host_key   = var.host_key
  backup_dir = "/var/backups/cloudpilot"
}

resource "cloudaipilot_backup_schedule" "nightly" {
  server_id      = cloudaipilot_server.this.id
  name           = "nightly"
  type           = "files"
  cron           = var.cron
  retention_days = var.retention_days
  files          = { include = var.paths }
}

data "cloudaipilot_schedule_health" "nightly" {
  schedule_id = cloudaipilot_backup_schedule.nightly.id
}
