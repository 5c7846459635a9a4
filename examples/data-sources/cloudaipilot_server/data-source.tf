# A server that somebody else added, by its name.
data "cloudaipilot_server" "shared" {
  name = "web-1"
}

resource "cloudaipilot_backup" "shared" {
  server_id = data.cloudaipilot_server.shared.id
  type      = "files"
  files     = { include = ["/etc"] }
}
