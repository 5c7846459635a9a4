data "cloudaipilot_activities" "web" {
  server_id = cloudaipilot_server.web.id
  limit     = 20
}

output "failed_activities" {
  value = [for a in data.cloudaipilot_activities.web.activities : "${a.created_at} ${a.title}" if a.status == "failed"]
}
