package cron_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func TestClockChangesSayWhatTheRuleDoes(t *testing.T) {
	t.Parallel()
	from, until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for _, tt := range []struct {
		text, zone string
		want       []string
	}{
		{"30 2 * * *", "UTC", nil},
		{"30 2 * * *", "Asia/Tokyo", nil},
		{"30 4 * * *", "America/New_York", nil},
		{"30 2 * 5 *", "America/New_York", nil},
		{"30 2 * * *", "America/New_York", []string{"moved: On 8 March 2026 the clocks of America/New_York skip 02:30: the run is at 03:00 instead."}},
		{"*/10 2 * * *", "America/New_York", []string{"moved: On 8 March 2026 the clocks of America/New_York skip 02:00 to 02:50, 6 due times: one run at 03:00 takes their place."}},
		{"0 2,3 * * *", "America/New_York", []string{"moved: On 8 March 2026 the clocks of America/New_York skip 02:00: the run at 03:00 stands for that too."}},
		{"30 1 * * *", "America/New_York", []string{"run_once: On 1 November 2026 01:30 comes twice in America/New_York: the run is at the first."}},
		{"*/20 1 * * *", "America/New_York", []string{"run_once: On 1 November 2026 01:00 to 01:40 come twice in America/New_York: each of the 3 due times has its run at the first."}},
		{"30 * * * *", "America/New_York", []string{"run_twice: On 1 November 2026 01:30 comes twice in America/New_York: the hour field is *, so there is a run both times."}},
		{"*/15 * * * *", "America/New_York", []string{"run_twice: On 1 November 2026 01:00 to 01:45 come twice in America/New_York: the hour field is *, so there is a run both times."}},
		{"0 0 * * *", "Africa/Cairo", []string{"moved: On 24 April 2026 the clocks of Africa/Cairo skip 00:00: the run is at 01:00 instead."}},
		{"45 1 * * *", "Australia/Lord_Howe", []string{"run_once: On 5 April 2026 01:45 comes twice in Australia/Lord_Howe: the run is at the first."}},
	} {
		e := mustParse(t, tt.text)
		var got []string
		for _, c := range e.ClockChanges(mustZone(t, tt.zone), from, until) {
			got = append(got, string(c.Effect)+": "+c.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s in %s:\n%s", tt.text, tt.zone, diff)
		}
	}
}

// TestClockChangesAreWhatNextDoes holds what is said of a change to the due times around it, in every zone.
func TestClockChangesAreWhatNextDoes(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(11, 12))
	seen := map[cron.ClockEffect]int{}
	for _, name := range cron.ZoneNames() {
		z := mustZone(t, name)
		spans := z.Spans()
		for i := 1; i < len(spans); i++ {
			if spans[i][0] < 2*86400 || chance.IntN(4) > 0 { // a quarter of them is enough
				continue
			}
			text := oracleExpressions[chance.IntN(len(oracleExpressions))]
			e, change := mustParse(t, text), spans[i][0]
			want := observed(e, z, change, spans[i-1][1], spans[i][1])
			if strings.Fields(text)[1] == "*" && want.Effect == cron.ClockMoved { // an hour that did not pass loses nothing
				want = cron.ClockChange{}
			}
			var got cron.ClockChange
			for _, got = range e.ClockChanges(z, change, change+1) {
				seen[got.Effect]++
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(cron.ClockChange{})); diff != "" {
				t.Fatalf("%s in %s at %d:\n%s", text, name, change, diff)
			}
			if len(e.ClockChanges(z, change-9, change)) > 0 || len(e.ClockChanges(z, change+1, change+9)) > 0 {
				t.Fatalf("%s in %s: the change at %d is told outside its second", text, name, change)
			}
		}
	}
	for _, effect := range []cron.ClockEffect{cron.ClockMoved, cron.ClockOnce, cron.ClockTwice} {
		if seen[effect] < 100 {
			t.Errorf("%d times %s, which proves little", seen[effect], effect)
		}
	}
}

// observed is what a change from one offset to another does, as the due times around it show.
func observed(e *cron.Expression, z *cron.Zone, change, before, after int64) (c cron.ClockChange) {
	low, high := change+min(before, after), change+max(before, after)
	shown := map[int64]int{} // how often a time of the wall clock is due
	atOnce := false
	for at := range e.Between(z, change-(high-low)-1, change+(high-low)-1) {
		shown[at+z.OffsetAt(at)]++
		atOnce = atOnce || at == change
	}
	for wall := range e.Between(cron.UTC, low-1, high-1) {
		c.At, c.Effect, c.Last = change, [3]cron.ClockEffect{cron.ClockMoved, cron.ClockOnce, cron.ClockTwice}[shown[wall]], wall
		if c.Times++; c.Times == 1 {
			c.First = wall
		}
	}
	if c.Effect == cron.ClockMoved && atOnce {
		next, ok := e.NextUnix(cron.UTC, high-1)
		c.Anyway = ok && next == high
	}
	return c
}
