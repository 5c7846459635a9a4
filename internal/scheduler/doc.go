// Package scheduler decides what becomes of every due time of a schedule: it starts, is skipped, missed or caught up.
//
// It owns the policies, and nothing else: it does no I/O, has no clock, and takes chance from a hash alone, so that the
// control plane, which drives it from the database, and the simulator, which drives it from memory, decide the same.
// Times are seconds since 1970 in UTC. Start reading at policy.go, then step.go, which holds the rules.
package scheduler
