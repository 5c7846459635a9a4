// Package cli is the command line, for people and scripts.
//
// Each command asks the control plane of a data directory through its API and prints a table, or with --json what the
// API said. Exit statuses are an interface: see Run. Start reading at cli.go.
package cli
