# The id is the first column of "cloudaipilot server list".
terraform import cloudaipilot_server.web srv_01JCXM6Y0V8Q2T4W5ZK3N7B9RA
