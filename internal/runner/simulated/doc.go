// Package simulated is a fleet of servers that are not there: package runner acts on them as on any others.
//
// What happens to a backup there is decided by a scenario and by the rules of package simulator; here it is put into the words that a
// real server has for it, so that a failure is explained as a real one. Nothing is connected to, and no clock is read but the one
// that is given. Start reading at fleet.go, then plays.go, which says how each class of failure shows.
package simulated
