// Package provider is the Terraform provider: one file per resource and data source, and one for the functions.
//
// It translates between configuration, plan, state and the control plane's API, and holds no rule of its own: what is
// valid is asked of the domain and of the control plane's dry run. Start reading at provider.go, then
// backup_resource.go.
package provider
