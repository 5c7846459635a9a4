variable "host" {
  description = "Name or address of the server."
  type        = string
}

variable "port" {
  description = "Port of the server's SSH daemon."
  type        = number
  default     = 22
}

variable "user" {
  description = "Login user. Its authorized_keys gets the output public_key."
  type        = string
  default     = "cloudpilot"
}

variable "host_key" {
  description = "The server's host key, as in /etc/ssh/ssh_host_ed25519_key.pub: \"ssh-ed25519 AAAA...\"."
  type        = string
}

variable "backup_dir" {
  description = "Folder on the server for the archives. The default may be emptied when the server boots."
  type        = string
  default     = "/tmp/cloudpilot-backups"
}

variable "paths" {
  description = "What to back up."
  type        = list(string)
  default     = ["/var/www"]
}

variable "release" {
  description = "The release this backup comes before."
  type        = string
  default     = "1"
}
