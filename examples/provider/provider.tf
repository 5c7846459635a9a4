terraform {
  required_version = ">= 1.11"

  required_providers {
    cloudaipilot = {
      source = "cloudaipilot/cloudaipilot"
    }
  }
}

# The control plane runs inside the provider and keeps its records in data_dir.
provider "cloudaipilot" {
  data_dir = ".cloudaipilot"
}
