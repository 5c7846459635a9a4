output "in_words" {
  value = provider::cloudaipilot::cron_describe("*/15 9-17 * * MON-FRI")
  # "Every 15 minutes in the hours 9 to 17 on Monday to Friday"
}
