package app

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"

// OpenAPI returns the OpenAPI 3.1 document of the control plane's API, in JSON.
func OpenAPI() ([]byte, error) { return apiserver.OpenAPI() }
