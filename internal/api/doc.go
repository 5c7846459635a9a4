// Package api holds the wire: the JSON types, routes and problem details of the control plane's HTTP API.
//
// Client and server share it; it has no behaviour of its own beyond translating from the domain. Times are RFC 3339
// in UTC. Start reading at types.go.
package api
