# The id is the first column of "cloudaipilot backup list".
terraform import cloudaipilot_backup.before_release bk_01JCXM8B5D3F7H9K1M2P4R6T8V
