package cron_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	robfig "github.com/robfig/cron/v3"
)

// benchExpressions fire often and rarely, evenly and in spots.
var benchExpressions = []string{
	"* * * * *", "*/5 * * * *", "0 * * * *", "30 3 * * *", "0 */6 * * *", "15 2 * * 1-5", "0 0 * * 0", "0 4 1 * *", "45 23 28-31 * *", "0 0 1 1 *", "0 12 13 * 5", "0 0 29 2 *",
}

// BenchmarkNext measures Next beside that of robfig/cron in the same run, in turn with it: look at the ratio. Each asks for the
// time after the last answer, from 2026 on, and begins anew after 50 of them, before robfig's limit of five years is met.
func BenchmarkNext(b *testing.B) {
	const rounds = 5
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "expression\tzone\tours, ns\trobfig, ns\ttimes faster\t")
	logs, least := 0.0, math.Inf(1)
	for _, zone := range []string{"UTC", "America/New_York"} {
		z := mustZone(b, zone)
		location, err := time.LoadLocation(zone) // as users of robfig do
		if err != nil {
			b.Fatal(err)
		}
		for _, text := range benchExpressions {
			e := mustParse(b, text)
			theirs, err := robfig.ParseStandard(text)
			if err != nil {
				b.Fatal(err)
			}
			ours, peer := math.Inf(1), math.Inf(1)
			for range rounds {
				ours = min(ours, each(location, 20_000, func(at time.Time) time.Time {
					next, _ := e.Next(z, at)
					return next
				}))
				peer = min(peer, each(location, 2_000, theirs.Next))
			}
			ratio := peer / ours
			logs, least = logs+math.Log(ratio), min(least, ratio)
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.0f\t%.1f\t\n", text, strings.TrimPrefix(zone, "America/"), ours, peer, ratio)
		}
	}
	mean := math.Exp(logs / float64(2*len(benchExpressions)))
	fmt.Fprintf(w, "geometric mean\t\t\t\t%.1f\t\n", mean)
	b.ReportMetric(mean, "times-faster")
	b.ReportMetric(least, "times-faster-at-least")
	b.ReportMetric(0, "ns/op")
}

// each returns the nanoseconds that one call takes.
func each(location *time.Location, n int, next func(time.Time) time.Time) float64 {
	begin := time.Date(2026, 1, 1, 0, 0, 30, 0, location)
	at := begin
	start := time.Now()
	for i := range n {
		if i%50 == 0 {
			at = begin
		}
		at = next(at)
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

// BenchmarkNextUnix is the search alone.
func BenchmarkNextUnix(b *testing.B) {
	for _, zone := range []string{"UTC", "America/New_York"} {
		for _, text := range benchExpressions {
			b.Run(strings.ReplaceAll(text, " ", "_")+"/"+zone, func(b *testing.B) {
				z, e := mustZone(b, zone), mustParse(b, text)
				b.ReportAllocs()
				var at int64 = 1767225600
				for b.Loop() {
					next, ok := e.NextUnix(z, at)
					if at = next; !ok {
						at = 1767225600
					}
				}
			})
		}
	}
}
