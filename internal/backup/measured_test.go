package backup

import (
	"testing"
	"time"
)

func TestMeasureLooksAtTheSameSourceAlone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	of := Spec{ServerID: "srv_1", Type: TypeFiles, Files: FilesSource{Include: []string{"/etc"}}}
	archive := func(days int, size int64, took time.Duration, change ...func(*Backup)) Backup {
		begun := at.AddDate(0, 0, -days)
		b := Backup{Spec: of, Status: StatusCompleted, SizeBytes: size, CreatedAt: begun, StartedAt: begun, FinishedAt: begun.Add(took)}
		for _, c := range change {
			c(&b)
		}
		return b
	}
	const mib = 1 << 20
	for name, test := range map[string]struct {
		archives []Backup
		want     Measured
	}{
		"none":                 {nil, Measured{}},
		"one":                  {[]Backup{archive(0, 20*mib, 2*time.Second)}, Measured{Bytes: 20 * mib, BytesPerSec: 10 * mib, Archives: 1}},
		"growing":              {[]Backup{archive(0, 30*mib, 3*time.Second), archive(4, 10*mib, time.Second)}, Measured{Bytes: 30 * mib, BytesPerSec: 10 * mib, PerDay: 5 * mib, Archives: 2}},
		"shrinking":            {[]Backup{archive(0, 10*mib, time.Second), archive(4, 30*mib, time.Second)}, Measured{Bytes: 10 * mib, BytesPerSec: 10 * mib, Archives: 2}},
		"too small for a rate": {[]Backup{archive(0, 900, 2*time.Second)}, Measured{Bytes: 900, Archives: 1}},
		"another source": {[]Backup{archive(0, 20*mib, time.Second, func(b *Backup) { b.Files.Include = []string{"/srv"} }),
			archive(1, 10*mib, time.Second, func(b *Backup) { b.Status = StatusFailed })}, Measured{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Measure(of, test.archives); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
