// Package simulator says what schedules will do: a fleet's year within a second.
//
// It drives the decisions of package scheduler, the same that the control plane makes, through virtual time, and models
// around them what a run needs: time, a place on its server, space on a disk, a server that answers. It does no I/O, has
// no clock, and takes chance from a hash of (seed, schedule, due time) alone: the same scenario gives the same events on
// every machine, however many processors work on it. Start reading at scenario.go, then engine.go.
package simulator
