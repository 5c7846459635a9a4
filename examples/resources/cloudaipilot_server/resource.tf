resource "cloudaipilot_server" "web" {
  name        = "web-1"
  host        = "203.0.113.10"
  user        = "cloudpilot"
  host_key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0"
  backup_dir  = "/var/backups/cloudaipilot"
  environment = "production"
}

# Add this line to ~cloudpilot/.ssh/authorized_keys on the server.
output "public_key" {
  value = cloudaipilot_server.web.public_key
}
