output "in_words" {
  value = provider::cloudaipilot::cron_describe("*/15 9-17 * * MON-FRI")
  # "Every 15 minutes in the hours 9 to 17 on Monday to Friday"
}

# A module can check what it is given before anything else happens.
variable "backup_cron" {
  type    = string
  default = "30 2 * * *"
  validation {
    condition     = can(provider::cloudaipilot::cron_describe(var.backup_cron))
    error_message = "backup_cron must be a cron expression of five fields, such as \"30 2 * * *\"."
  }
}
