package simulator_test

import (
	"container/heap"
	"runtime"
	"testing"
	"time"

	robfig "github.com/robfig/cron/v3"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// BenchmarkSimulate simulates 1,000 mixed schedules for a year with all that is modelled, on one processor and on all. The peer
// is what would be written by hand to learn the due times alone: a heap of what robfig/cron's Next says, which models nothing.
func BenchmarkSimulate(b *testing.B) {
	sc := synthetic(b, 1000, 365*day, 1)
	for name, parallelism := range map[string]int{"one": 1, "all": runtime.GOMAXPROCS(0)} {
		b.Run(name, func(b *testing.B) {
			var ours, peers time.Duration
			var runs, due int64
			for range 3 { // in turn, so that what else the machine does hits both
				began := time.Now()
				r, err := simulator.Simulate(sc, simulator.Options{Parallelism: parallelism})
				if err != nil {
					b.Fatal(err)
				}
				ours, runs = ours+time.Since(began), runs+r.Runs
				began = time.Now()
				due += dueTimes(b, sc, 36*day) // enough to know what each costs
				peers += time.Since(began)
			}
			each := func(took time.Duration, n int64) float64 { return float64(took.Nanoseconds()) / float64(n) }
			b.ReportMetric(each(ours, runs), "ns/run")
			b.ReportMetric(each(peers, due), "peer-ns/run")
			b.ReportMetric(each(ours, runs)/each(peers, due), "ratio-ns/run")
			b.ReportMetric(1e3/each(ours, runs), "Mruns/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkStream simulates hourly schedules for a year, in which nothing is kept but what the report needs: 10,000 of them are
// 87.6 million runs. The peer is a tenth of them: the time of a run must not grow with their number.
func BenchmarkStream(b *testing.B) {
	hourly := func(n int) (perRun, mib float64) {
		sc := synthetic(b, n, 365*day, 1)
		e, err := cron.Parse("0 * * * *", "")
		if err != nil {
			b.Fatal(err)
		}
		for i := range sc.Schedules {
			sc.Schedules[i].Expression, sc.Schedules[i].Retention, sc.Schedules[i].Bytes = e, 30*day, 200<<20
		}
		began := time.Now()
		r, err := simulator.Simulate(sc, simulator.Options{Parallelism: runtime.GOMAXPROCS(0)})
		if err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(time.Since(began).Nanoseconds()) / float64(r.Runs), float64(m.Sys) / (1 << 20)
	}
	tenth, _ := hourly(1000)
	all, mib := hourly(10_000)
	b.ReportMetric(all, "ns/run")
	b.ReportMetric(tenth, "peer-ns/run")
	b.ReportMetric(all/tenth, "ratio-ns/run")
	b.ReportMetric(mib, "MiB")
	b.ReportMetric(0, "ns/op")
}

// dueTimes counts the due times of a scenario's first seconds with robfig/cron: a tenth of the year is enough to know what each costs.
func dueTimes(b *testing.B, sc *simulator.Scenario, seconds int64) (n int64) {
	b.Helper()
	end := time.Unix(sc.Start+seconds, 0)
	var h dueHeap
	for i := range sc.Schedules {
		s := &sc.Schedules[i]
		parsed, err := robfig.ParseStandard(s.Expression.String())
		if err != nil {
			b.Fatal(err)
		}
		location, err := time.LoadLocation(s.Zone.Name())
		if err != nil {
			b.Fatal(err)
		}
		h = append(h, dueAt{parsed.Next(time.Unix(sc.Start, 0).In(location)), parsed})
	}
	heap.Init(&h)
	for !h[0].at.After(end) {
		n++
		h[0].at = h[0].schedule.Next(h[0].at)
		heap.Fix(&h, 0)
	}
	return n
}

type dueAt struct {
	at       time.Time
	schedule robfig.Schedule
}

type dueHeap []dueAt

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueAt)) } //nolint:errcheck,forcetypeassert // only due times are put in
func (h *dueHeap) Pop() any          { panic("nothing is taken out") }
