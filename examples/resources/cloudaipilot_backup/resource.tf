resource "cloudaipilot_backup" "before_release" {
  server_id      = cloudaipilot_server.web.id
  type           = "files"
  retention_days = 30

  files = {
    include = ["/etc", "/var/www"]
    exclude = ["*.log", "/var/www/cache"]
  }

  # A new value makes a new backup.
  triggers = {
    release = "2.4.0"
  }

  # "delete" removes the archive together with the resource.
  on_destroy = "retain"

  timeouts = {
    create = "30m"
  }
}
