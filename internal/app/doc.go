// Package app puts a control plane together and makes it reachable: the composition root.
//
// Embedded is the control plane of a data directory inside this process: one process owns a directory and answers all
// others over its socket; reading takes no ownership and creates nothing. Start reading at embedded.go.
package app
