variable "name" {
  description = "Name of the server."
  type        = string
}

variable "host" {
  description = "Its address."
  type        = string
}

variable "host_key" {
  description = "Its host key, a line of /etc/ssh/ssh_host_ed25519_key.pub there."
  type        = string
}

variable "paths" {
  description = "What to back up every night."
  type        = list(string)
}

variable "cron" {
  description = "When to back it up, in UTC."
  type        = string
  default     = "30 2 * * *"
}

variable "retention_days" {
  description = "How long to keep each archive."
  type        = number
  default     = 30
}
