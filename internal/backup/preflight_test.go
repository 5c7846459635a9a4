package backup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var preflightNow = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func archiveOf(id ID, days int, size int64) Backup {
	return Backup{ID: id, Spec: Spec{ServerID: "srv_1", Type: TypeFiles, RetentionDays: 30}, Status: StatusCompleted, SizeBytes: size, CreatedAt: preflightNow.AddDate(0, 0, -days)}
}

func TestExpectedSizeGrowsAsTheLastArchiveDid(t *testing.T) {
	t.Parallel()
	spec := archiveOf("", 0, 0).Spec
	other := archiveOf("bk_o", 0, 999)
	other.Type = TypeFull
	failed := archiveOf("bk_f", 0, 999)
	failed.Status = StatusFailed
	for name, test := range map[string]struct {
		before      []Backup
		last, grown int64
	}{
		"none":        {nil, 0, 0},
		"one":         {[]Backup{archiveOf("a", 1, 100)}, 100, 100},
		"grew":        {[]Backup{archiveOf("b", 1, 130), archiveOf("a", 2, 100)}, 130, 160},
		"shrank":      {[]Backup{archiveOf("b", 1, 70), archiveOf("a", 2, 100)}, 70, 70},
		"others only": {[]Backup{other, failed}, 0, 0},
	} {
		if last, grown := ExpectedSize(spec, test.before); last != test.last || grown != test.grown {
			t.Errorf("%s: %d and %d", name, last, grown)
		}
	}
}

func TestRoomNamesTheRetentionThatFits(t *testing.T) {
	t.Parallel()
	archives := []Backup{archiveOf("c", 2, 30), archiveOf("b", 10, 20), archiveOf("a", 20, 10)}
	for name, test := range map[string]struct {
		archives []Backup
		missing  int64
		want     *Room
	}{
		"none":                  {nil, 5, nil},
		"the oldest is enough":  {archives, 5, &Room{3, 60, 30, 20, 10}},
		"two are":               {archives, 25, &Room{3, 60, 30, 10, 30}},
		"the newest never goes": {archives, 31, &Room{3, 60, 30, 0, 0}},
		"not known":             {archives, 0, &Room{3, 60, 30, 0, 0}},
	} {
		if diff := cmp.Diff(test.want, RoomOf(test.archives, test.missing, 30, preflightNow)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestClockOffsetForgivesTheWayThere(t *testing.T) {
	t.Parallel()
	asked, answered := preflightNow.Add(700*time.Millisecond), preflightNow.Add(2300*time.Millisecond)
	for server, want := range map[time.Duration]time.Duration{0: 0, 2 * time.Second: 0, -7 * time.Second: -7 * time.Second, 10 * time.Second: 7700 * time.Millisecond} {
		if got := ClockOffset(preflightNow.Add(server), asked, answered); got != want {
			t.Errorf("%s: %s", server, got)
		}
	}
}
