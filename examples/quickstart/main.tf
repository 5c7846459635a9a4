terraform {
  required_version = ">= 1.11"

  required_providers {
    cloudaipilot = {
      source = "cloudaipilot/cloudaipilot"
    }
  }
}

# Without an endpoint the control plane runs inside the provider and keeps its records in .cloudaipilot/.
provider "cloudaipilot" {}

resource "cloudaipilot_server" "web" {
  name       = "web-1"
  host       = var.host
  port       = var.port
  user       = var.user
  host_key   = var.host_key
  backup_dir = var.backup_dir
}

resource "cloudaipilot_backup" "before_release" {
  server_id      = cloudaipilot_server.web.id
  type           = "files"
  retention_days = 30

  files = {
    include = var.paths
    exclude = ["*.log"]
  }

  # A new value makes a new backup.
  triggers = {
    release = var.release
  }
}
