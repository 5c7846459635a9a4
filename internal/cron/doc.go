// Package cron says when a cron expression is due, in any time zone, from 1970 to 2200.
//
// It owns the grammar, its error messages, the rule about clock changes and the zone database that is embedded in the
// binary. It does no I/O and has no clock. Start reading at parse.go, then next.go, which holds the rule.
package cron
