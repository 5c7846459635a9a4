package cron_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func TestWholeDaysAreExpandedToWhatBetweenYields(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(3, 4))
	names := cron.ZoneNames()
	found := 0
	for range 3000 {
		e, z := randomExpression(t, chance), mustZone(t, names[chance.IntN(len(names))])
		after := chance.Int64N(7_000_000_000)
		until := after + chance.Int64N(20*86400)
		want := slices.Collect(e.Between(z, after, until))
		found += len(want)
		if diff := cmp.Diff(want, e.AppendBetween(nil, z, after, until)); diff != "" {
			t.Fatalf("%s in %s from %d to %d:\n%s", e.Text(), z.Name(), after, until, diff)
		}
	}
	if found < 10_000 {
		t.Errorf("only %d due times were compared", found)
	}
}

func TestExpansionAroundEveryChangeOfTheClocks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/New_York", "Europe/London", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll"} {
		z := mustZone(t, name)
		for _, text := range []string{"* * * * *", "*/7 0-23 * * *", "30 2 * * *", "0 0 * * *", "15,45 1-3 * * *", "0 */6 * * 0"} {
			e := mustParse(t, text)
			for _, s := range z.Spans()[1:] {
				for _, around := range [][2]int64{{s[0] - 90_000, s[0] + 90_000}, {s[0] - 1, s[0]}, {s[0], s[0] + 7200}, {s[0] - 7200, s[0] - 1}, {s[0] + 1, s[0] + 3599}} {
					want := slices.Collect(e.Between(z, around[0], around[1]))
					if diff := cmp.Diff(want, e.AppendBetween(nil, z, around[0], around[1])); diff != "" {
						t.Fatalf("%s in %s around %d:\n%s", text, name, s[0], diff)
					}
				}
			}
		}
	}
}

func TestExpansionHasBoundsAndTakesTheRoomItIsGiven(t *testing.T) { // not parallel: it counts allocations
	e := mustParse(t, "0 * * * *")
	if got := e.AppendBetween(nil, cron.UTC, 7289654400, 1<<62); len(got) > 48 {
		t.Errorf("%d due times behind 2200", len(got))
	}
	if got := e.AppendBetween(nil, cron.UTC, -1<<62, 3599); !slices.Equal(got, []int64{0}) {
		t.Errorf("from the beginning: %v", got)
	}
	room := make([]int64, 0, 9000)
	if n := testing.AllocsPerRun(10, func() { room = e.AppendBetween(room[:0], cron.UTC, 1767225600, 1767225600+365*86400) }); n != 0 || len(room) != 8760 {
		t.Errorf("%d due times with %v allocations", len(room), n)
	}
}

// BenchmarkAppendBetween expands a year.
func BenchmarkAppendBetween(b *testing.B) {
	for _, text := range []string{"* * * * *", "0 * * * *", "30 3 * * *"} {
		b.Run(text, func(b *testing.B) {
			e, z := mustParse(b, text), mustZone(b, "America/New_York")
			var room []int64
			for b.Loop() {
				room = e.AppendBetween(room[:0], z, 1767225600, 1767225600+365*86400)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(room)), "ns/time")
		})
	}
}
