// Package scenario reads what the simulator simulates, from YAML or JSON: sizes are "500MiB", durations "90m" or "30d",
// times RFC 3339.
//
// It checks every value and names the field of one that is not good. It does no I/O and has no clock: what a file leaves
// open, its caller decides. Start reading at scenario.go.
package scenario
