// Package testbed provides the real things tests and the demo run against: an OpenSSH daemon,
// an SSH server written in Go, PostgreSQL, broken networks, full disks, nasty files, a browser, Terraform
// with this provider.
// It knows nothing of the product beyond the provider's name and must not import its packages.
// Everything it starts or writes is ended and removed by t.Cleanup or by a Close method.
// Start reading at StartSSHD; setup.sh installs what the machine must have.
package testbed
