data "cloudaipilot_backups" "web" {
  server_id = cloudaipilot_server.web.id
  status    = "completed"
}

output "bytes_of_backups" {
  value = sum(concat([0], data.cloudaipilot_backups.web.backups[*].size_bytes))
}

# The last three failures of any server.
data "cloudaipilot_backups" "failed" {
  status = "failed"
  limit  = 3
}
