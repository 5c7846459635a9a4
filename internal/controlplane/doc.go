// Package controlplane holds the use cases and is the only writer of the store.
//
// A backup moves by short, idempotent steps: look at the row and at the server, do the next thing, come back later.
// Rows are the truth, wake-ups are hints. It knows the domain only; the store, the servers and the clock come in
// through the interfaces of ports.go. Start reading at CreateBackup (backups.go), then Step (steps.go).
package controlplane
