// Package river wakes the steps of backups where several processes share one PostgreSQL database.
//
// It implements controlplane.Waker with River, whose tables lie beside the records: a wake-up is a job, and any of the
// processes may take it. Rows are the truth and wake-ups are hints: one that is lost is made up for by the sweep, one too many
// finds nothing to do. It must not decide anything about a backup. Start reading at Waker.
package river
