// Package apiclient is the Go client of the control plane's HTTP API.
//
// It retries what is safe to repeat: reads, and writes that carry an idempotency key. Which transport carries the
// requests (network, socket, memory) is the caller's choice. Start reading at New.
package apiclient
