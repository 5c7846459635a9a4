output "public_key" {
  description = "The line to add to ~/.ssh/authorized_keys of the login user."
  value       = cloudaipilot_server.web.public_key
}

output "backup" {
  description = "Where the archive is, and how to check it."
  value = {
    id         = cloudaipilot_backup.before_release.id
    status     = cloudaipilot_backup.before_release.status
    path       = cloudaipilot_backup.before_release.path
    size_bytes = cloudaipilot_backup.before_release.size_bytes
    sha256     = cloudaipilot_backup.before_release.sha256
    expires_at = cloudaipilot_backup.before_release.expires_at
  }
}
