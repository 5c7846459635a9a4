package backup

import "time"

// Measured is what the archives of a source tell about those to come. Zero: not known.
type Measured struct {
	Bytes       int64 // of the newest
	PerDay      int64 // by which they grow
	BytesPerSec int64 // at which the newest was made
	Archives    int   // that were looked at
}

// What archives must be for what they tell to count.
const (
	measuredMost  = 30 // so many of the newest
	measuredSpan  = time.Hour * 24
	measuredBytes = 1 << 20 // the time that less takes is not that of its bytes
)

// Measure looks at the completed backups of a source, newest first.
func Measure(of Spec, newestFirst []Backup) (m Measured) {
	var newest, oldest Backup
	for _, b := range newestFirst {
		if b.Status != StatusCompleted || b.SizeBytes <= 0 || !b.Same(of) {
			continue
		}
		if oldest = b; m.Archives == 0 {
			newest = b
		}
		if m.Archives++; m.Archives == measuredMost {
			break
		}
	}
	if m.Archives == 0 {
		return m
	}
	m.Bytes = newest.SizeBytes
	if took := newest.FinishedAt.Sub(newest.StartedAt); newest.SizeBytes >= measuredBytes && took > 0 {
		m.BytesPerSec = max(int64(float64(newest.SizeBytes)/took.Seconds()), 1)
	}
	if between := newest.CreatedAt.Sub(oldest.CreatedAt); between >= measuredSpan {
		m.PerDay = max(int64(float64(newest.SizeBytes-oldest.SizeBytes)/(between.Hours()/24)), 0)
	}
	return m
}
