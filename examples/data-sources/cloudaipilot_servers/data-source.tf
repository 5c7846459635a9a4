data "cloudaipilot_servers" "production" {
  environment = "production"
  name_regex  = "^web-"
}

# The same schedule for each of them.
resource "cloudaipilot_backup_schedule" "production" {
  for_each  = toset(data.cloudaipilot_servers.production.ids)
  server_id = each.value
  name      = "nightly-etc"
  type      = "files"
  cron      = "H 2 * * *"
  files     = { include = ["/etc"] }
}
