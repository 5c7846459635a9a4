package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	. "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

const hour = int64(3600)

// day is midnight of a Thursday, in UTC.
var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// at reads "02:30" as a time on that day.
func at(clock string) int64 {
	t, err := time.Parse("15:04:05", clock+strings.Repeat(":00", 2-strings.Count(clock, ":")))
	if err != nil {
		panic(err)
	}
	return day + int64(t.Hour())*hour + int64(t.Minute())*60 + int64(t.Second())
}

func expression(t testing.TB, text string) cron.Expression {
	e, err := cron.Parse(text, "web-1/nightly")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func window(t testing.TB, text string, seconds int64) Window {
	return NewWindow(expression(t, text), cron.UTC, seconds)
}

// call is one call of Step: at a time, in a world.
type call struct {
	at            string
	running, full int
}

// say prints decisions in the ledger's words.
func say(all []Decision) (out []string) {
	clock := func(t int64) string { return time.Unix(t, 0).UTC().Format("15:04") }
	for _, d := range all {
		s := clock(d.Due) + " " + string(d.Outcome.Word())
		if d.Reason != None {
			s += " " + string(d.Reason.Word())
		}
		if d.Outcome == CaughtUp {
			s += " " + clock(d.By)
		}
		if d.Count > 0 {
			s += fmt.Sprintf(" (%d, last %s)", d.Count, clock(d.Last))
		}
		out = append(out, s)
	}
	return out
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	hourly, nightly := "0 * * * *", "0 2 * * *"
	for _, c := range []struct {
		name   string
		cron   string
		policy Policy
		since  string
		calls  []call
		want   []string
	}{
		{"a due time starts when it comes, not before", nightly, Policy{}, "01:00", []call{{at: "01:59:59"}, {at: "02:00"}, {at: "02:00:01"}}, []string{"02:00 started"}},
		{"a start may be a minute late", nightly, Policy{Missed: MissedSkip}, "01:00", []call{{at: "02:01"}}, []string{"02:00 started"}},
		{"what is later was missed", nightly, Policy{Missed: MissedSkip}, "01:00", []call{{at: "02:01:01"}}, []string{"02:00 missed control_plane_down"}},

		{"overlap is skipped", hourly, Policy{}, "00:30", []call{{at: "01:00"}, {at: "02:00", running: 1}, {at: "03:00"}}, []string{"01:00 started", "02:00 skipped overlap", "03:00 started"}},
		{"overlap is allowed", hourly, Policy{Overlap: OverlapAllow}, "00:30", []call{{at: "01:00"}, {at: "02:00", running: 1}}, []string{"01:00 started", "02:00 started"}},
		{"one waits, and those that come meanwhile do not", hourly, Policy{Overlap: OverlapQueueOne}, "00:30",
			[]call{{at: "01:00"}, {at: "02:00", running: 1}, {at: "03:00", running: 1}, {at: "03:30"}, {at: "04:00", running: 1}, {at: "04:10"}},
			[]string{"01:00 started", "03:00 skipped overlap", "02:00 started", "04:00 started"}},
		{"one waits until its deadline", hourly, Policy{Overlap: OverlapQueueOne, Deadline: 600}, "00:30",
			[]call{{at: "01:00", running: 1}, {at: "01:10", running: 1}, {at: "01:10:01", running: 1}}, []string{"01:00 missed deadline_passed"}},

		{"the newest missed run is made, and catches up the older ones", hourly, Policy{}, "00:30", []call{{at: "04:20"}},
			[]string{"01:00 caught_up 04:00", "02:00 caught_up 04:00", "03:00 caught_up 04:00", "04:00 started"}},
		{"a run that is due just now catches up all", hourly, Policy{}, "00:30", []call{{at: "03:00:05", running: 0}},
			[]string{"01:00 caught_up 03:00", "02:00 caught_up 03:00", "03:00 started"}},
		{"what is owed waits for the run that is under way", hourly, Policy{}, "00:30", []call{{at: "02:20", running: 1}, {at: "02:30"}},
			[]string{"01:00 caught_up 02:00", "02:00 started"}},
		{"missed runs are left out", hourly, Policy{Missed: MissedSkip}, "00:30", []call{{at: "02:20"}, {at: "03:00"}},
			[]string{"01:00 missed control_plane_down", "02:00 missed control_plane_down", "03:00 started"}},
		{"all missed runs are made, one after another, no more than the bound", hourly, Policy{Missed: MissedRunAll, Bound: 2}, "00:30",
			[]call{{at: "04:20"}, {at: "04:25", running: 1}, {at: "04:30"}, {at: "05:00", running: 1}},
			[]string{"01:00 caught_up 03:00", "02:00 caught_up 03:00", "03:00 started", "04:00 started", "05:00 skipped overlap"}},
		{"all missed runs are made at once where overlap is allowed", hourly, Policy{Missed: MissedRunAll, Bound: 9, Overlap: OverlapAllow}, "00:30",
			[]call{{at: "02:20"}}, []string{"01:00 started", "02:00 started"}},

		{"the deadline counts from the due time", hourly, Policy{Deadline: 1800}, "00:30", []call{{at: "02:30"}}, []string{"01:00 caught_up 02:00", "02:00 started"}},
		{"after the deadline none is made", hourly, Policy{Deadline: 1800}, "00:30", []call{{at: "02:30:01"}},
			[]string{"01:00 missed deadline_passed", "02:00 missed deadline_passed"}},
		{"a place is waited for until the deadline", hourly, Policy{Deadline: 600}, "00:30",
			[]call{{at: "01:00", full: 1}, {at: "01:05", full: 1}, {at: "01:10:01", full: 1}}, []string{"01:00 skipped capacity"}},
		{"a place is found before the deadline", hourly, Policy{Deadline: 600}, "00:30", []call{{at: "01:00", full: 1}, {at: "01:05"}}, []string{"01:00 started"}},
		{"without a deadline a run waits for its place by itself", hourly, Policy{}, "00:30", []call{{at: "01:00", full: 1}}, []string{"01:00 started"}},

		{"a pause", hourly, Policy{Paused: true}, "00:30", []call{{at: "01:00"}}, []string{"01:00 skipped paused"}},
		{"a pause with an end", hourly, Policy{Paused: true, PausedUntil: at("02:00")}, "00:30", []call{{at: "01:00"}, {at: "02:00"}}, []string{"01:00 skipped paused", "02:00 started"}},
		{"a pause during an outage", hourly, Policy{Paused: true, PausedUntil: at("02:30")}, "00:30", []call{{at: "03:30"}},
			[]string{"01:00 skipped paused", "02:00 skipped paused", "03:00 started"}},
		{"a blackout", hourly, Policy{Blackouts: []Window{window(t, "30 1 * * *", hour)}}, "00:30", []call{{at: "01:00"}, {at: "02:00"}, {at: "03:00"}},
			[]string{"01:00 started", "02:00 skipped blackout", "03:00 started"}},
		{"a window ends before its last second", hourly, Policy{Maintenance: []Window{window(t, "0 1 * * *", hour)}}, "00:30", []call{{at: "01:00"}, {at: "02:00"}},
			[]string{"01:00 skipped maintenance", "02:00 started"}},
		{"what is owed waits for the end of a window", hourly, Policy{Maintenance: []Window{window(t, "30 2 * * *", hour)}}, "00:30", []call{{at: "02:40"}, {at: "03:00"}, {at: "03:30"}},
			[]string{"01:00 caught_up 02:00", "03:00 skipped maintenance", "02:00 started"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, s, got := expression(t, c.cron), State{Decided: at(c.since)}, []Decision(nil)
			for _, call := range c.calls {
				now := at(call.at)
				due, _ := c.policy.Due(&s, &e, cron.UTC, now, 1000, nil)
				got = c.policy.Step(&s, due, now, World{Running: call.running, Free: 1 - call.full}, got)
			}
			if diff := cmp.Diff(c.want, say(got)); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangedTimesNeverFireForThePast(t *testing.T) {
	t.Parallel()
	e := expression(t, "0 * * * *")
	p, s := Policy{Blackouts: []Window{window(t, "0 2 * * *", 60)}}, State{Decided: at("00:30"), Owed: []int64{at("00:00")}}
	due, _ := p.Due(&s, &e, cron.UTC, at("03:00"), 1000, nil)
	got := say(p.Drop(&s, due, at("03:00"), nil))
	want := []string{"00:00 missed rescheduled", "01:00 missed rescheduled", "02:00 skipped blackout", "03:00 missed rescheduled"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	if s.Decided != at("03:00") || len(s.Owed) > 0 {
		t.Errorf("left in the state: %+v", s)
	}
}

func TestLongOutageIsBounded(t *testing.T) {
	t.Parallel()
	e := expression(t, "* * * * *")
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{Policy{}, "00:01 missed control_plane_down (1051201, last 00:01)"},
		{Policy{Paused: true}, "00:01 skipped paused (1051201, last 00:01)"},
	} {
		s, now := State{Decided: day}, day+730*24*hour+101*60
		due, older := c.policy.Due(&s, &e, cron.UTC, now, 100, nil)
		if got := say([]Decision{older}); got[0] != c.want {
			t.Errorf("the oldest are decided as %q, want %q", got[0], c.want)
		}
		decided := c.policy.Step(&s, due, now, World{}, nil)
		if len(due) != 100 || len(decided) != 100 || due[0] != older.Last+60 || s.Decided != now {
			t.Errorf("%d due times and %d decisions beside it, the first due at %d", len(due), len(decided), due[0])
		}
	}
}

func TestJitterPutsOffAndSpreads(t *testing.T) {
	t.Parallel()
	starts := map[int64]int{}
	for i := range 1000 {
		p := Policy{Jitter: 599, Seed: Seed(fmt.Sprintf("web-%d/nightly", i))}
		put := p.Start(day) - day
		if put < 0 || put > 599 {
			t.Fatalf("put off by %d s", put)
		}
		starts[put/60]++
		// After an outage the same spread counts from its end.
		s, e, now := State{Decided: day}, expression(t, "0 2 * * *"), at("05:00")
		due, _ := p.Due(&s, &e, cron.UTC, now, 10, nil)
		got := p.Step(&s, due, now, World{}, nil)
		wake, want := p.Wake(&s, 0, now), now+p.Start(at("02:00"))-at("02:00")
		if want > now {
			if len(got) > 0 || wake != want {
				t.Fatalf("%v at once, and again at %d; want a start at %d", say(got), wake, want)
			}
			got = p.Step(&s, nil, wake, World{}, nil)
		}
		if diff := cmp.Diff([]string{"02:00 started"}, say(got)); diff != "" {
			t.Fatal(diff)
		}
	}
	for minute, n := range starts {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 start in minute %d of 10", n, minute)
		}
	}
}

// play drives a schedule over a day, calling Step whenever Wake says so, whenever a run ends, and at the times of extra
// calls besides. Nobody is there from down until up.
func play(t *testing.T, p Policy, e cron.Expression, lasts, down, up int64, extra []int64) (all []Decision) {
	t.Helper()
	s, now, end := State{Decided: day}, day, day+24*hour
	var ends []int64
	for now < end {
		var due []int64
		due, _ = p.Due(&s, &e, cron.UTC, now, 5000, due)
		ends = slices.DeleteFunc(ends, func(e int64) bool { return e <= now })
		before := len(all)
		all = p.Step(&s, due, now, World{Running: len(ends), Free: 1 - len(ends)}, all)
		for _, d := range all[before:] {
			if d.Outcome == Start {
				ends = append(ends, now+lasts)
			}
		}
		next, _ := e.NextUnix(cron.UTC, s.Decided)
		wake := p.Wake(&s, next, now)
		if wake > 0 && wake <= now {
			t.Fatalf("Wake says %d at %d: nobody would get on", wake, now)
		}
		for _, other := range slices.Concat(ends, extra) {
			if other > now && other < wake {
				wake = other
			}
		}
		if now = wake; now >= down && now < up {
			now = up
		}
	}
	return p.Drop(&s, func() []int64 { d, _ := p.Due(&s, &e, cron.UTC, end, 5000, nil); return d }(), end, all)
}

func TestEveryDueTimeIsDecidedOnceHoweverTheTimeIsCut(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	crons := []string{"* * * * *", "*/5 * * * *", "7 * * * *", "0 */3 * * *", "30 2,3 * * *"}
	for range 600 {
		e := expression(t, crons[r.IntN(len(crons))])
		p := Policy{Overlap: Overlap(r.IntN(3)), Missed: Missed(r.IntN(3)), Bound: 1 + r.IntN(5), Seed: r.Uint64()}
		if r.IntN(2) == 0 {
			p.Jitter = r.Int64N(120)
		}
		if r.IntN(2) == 0 {
			p.Deadline = 300 + r.Int64N(3600)
		}
		if r.IntN(3) == 0 {
			p.Paused, p.PausedUntil = true, day+r.Int64N(24*hour)
		}
		if r.IntN(2) == 0 {
			p.Blackouts = []Window{window(t, "10 */5 * * *", 60*(1+r.Int64N(100)))}
			p.Maintenance = []Window{window(t, "0 12 * * *", 60*(1+r.Int64N(100)))}
		}
		lasts, down := 1+r.Int64N(3*hour), day+r.Int64N(20*hour)
		up := down + r.Int64N(6*hour)
		all := play(t, p, e, lasts, down, up, nil)

		decided := map[int64]Outcome{}
		for _, d := range all {
			if _, twice := decided[d.Due]; twice {
				t.Fatalf("%+v: the due time %d is decided twice", p, d.Due)
			}
			decided[d.Due] = d.Outcome
		}
		n := 0
		for due := range e.Between(cron.UTC, day, day+24*hour) {
			if n++; decided[due] == 0 {
				t.Fatalf("%+v: the due time %d is not decided", p, due)
			}
		}
		for _, d := range all {
			if d.Outcome == CaughtUp && (d.By <= d.Due || decided[d.By] == 0) {
				t.Fatalf("%+v: %d is caught up by %d, which is no later due time", p, d.Due, d.By)
			}
		}
		if n != len(decided) {
			t.Fatalf("%d due times, %d decisions", n, len(decided))
		}
		extra := make([]int64, 500)
		for i := range extra {
			extra[i] = day + r.Int64N(24*hour)
		}
		if diff := cmp.Diff(say(all), say(play(t, p, e, lasts, down, up, extra))); diff != "" {
			t.Fatalf("%+v, runs of %d s, down from %d to %d: with more calls (-fewer +more):\n%s", p, lasts, down, up, diff)
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	p, s, due, dst := Policy{Jitter: 30, Seed: 7}, State{}, []int64{0}, make([]Decision, 0, 8)
	p.Blackouts = []Window{window(t, "0 0 1 1 *", hour)}
	now := day
	if n := testing.AllocsPerRun(1000, func() {
		now += hour
		due[0] = now - 40
		dst = p.Step(&s, due, now, World{}, dst[:0])
	}); n > 0 || len(dst) != 1 {
		t.Errorf("%.0f allocations a step, %d decisions", n, len(dst))
	}
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name   string
		policy Policy
	}{{"plain", Policy{}}, {"jitter", Policy{Jitter: 30, Seed: 7}}, {"windows", Policy{Blackouts: []Window{window(b, "0 1 * * *", hour)}, Maintenance: []Window{window(b, "0 9 * * 0", hour)}}}} {
		b.Run(c.name, func(b *testing.B) {
			p, s, due, dst, now := c.policy, State{}, []int64{0}, make([]Decision, 0, 8), day
			for b.Loop() {
				now += hour
				due[0] = now
				dst = p.Step(&s, due, now+30, World{}, dst[:0])
			}
		})
	}
}
