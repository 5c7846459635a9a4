// Package backup is the domain: servers, backups, failures, findings, activities, and the rules about them.
//
// It owns what is valid and which status may follow which. It does no I/O, reads no clock and knows no SQL,
// HTTP, SSH or Terraform. Start reading at backup.go, then rules.go.
package backup
