package controlplane_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// life is a made-up fleet, what happens to it, and a control plane that lives through it.
type life struct {
	*controlplane.ControlPlane
	t        *testing.T
	store    *store.Store
	clock    *clock
	seed     uint64
	scenario *simulator.Scenario
	servers  []backup.ServerSpec
	specs    []backup.ScheduleSpec // as the scenario's schedules
	ids      []backup.ScheduleID

	looks   []int64 // at which each schedule has something to decide, as far as no event comes before
	jobs    map[backup.ID]*lifeJob
	active  map[backup.ID]*lifeJob // those with a step to come
	waited  int                    // backups that had to wait for a place
	stepped int
}

// lifeJob is one backup, as those see it who make its steps.
type lifeJob struct {
	at    int64 // of its next step
	phase int   // steps of one instant are made in this order, and of one phase in that of the backups' ids
	begin int64 // of its first try
	end   int64 // of the job on the server, 0: there is none
	fails *backup.Failure
}

// The phases of an instant: places are free before they are wanted.
const (
	phaseEnd   = iota // of a job, or of the pause before the next try
	phaseQueue        // a place is wanted
	phaseBegin        // one was found
)

// failures are what can befall a run, by the class that the diagnosis finds.
var failures = func() map[diagnosis.Class]backup.Failure {
	all := map[diagnosis.Class]backup.Failure{}
	for _, f := range []backup.Failure{
		{Stage: backup.StageConnect, Fact: backup.FactTimeout, Text: "i/o timeout"},
		{Stage: backup.StageConnect, Fact: backup.FactRefused, Text: "connection refused"},
		{Stage: backup.StageConnect, Fact: backup.FactAuthFailed, Text: "publickey"},
		{Stage: backup.StageVerify, Fact: backup.FactArchiveEmpty, Text: "no entries"},
		{Stage: backup.StageArchive, Fact: backup.FactPathMissing, Text: "/etc is missing"},
	} {
		all[diagnosis.Explain(f).Class] = f
	}
	return all
}()

// begins are days before clocks change somewhere, and some others.
var begins = []string{"2026-03-06", "2026-03-27", "2026-04-03", "2026-04-22", "2026-09-25", "2026-10-02", "2026-10-23", "2026-10-30", "2026-02-27", "2026-12-30"}

func newLife(t *testing.T, s *store.Store, seed uint64) *life {
	t.Helper()
	l := &life{t: t, store: s, clock: &clock{}, seed: seed, jobs: map[backup.ID]*lifeJob{}, active: map[backup.ID]*lifeJob{}}
	l.makeUp(rand.New(rand.NewPCG(seed, 7)))
	l.clock.set(time.Unix(l.scenario.Start-1, 0).UTC())
	l.ControlPlane = controlplane.New(controlplane.Config{Store: s, Runner: l, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Clock: l.clock, Pause: l.pause})
	l.UseWaker(l)
	var ids []backup.ServerID
	for _, spec := range l.servers {
		made, err := l.CreateServer(t.Context(), spec, controlplane.KeyWish{Generate: true}, controlplane.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	for i := range l.specs {
		l.specs[i].ServerID = ids[l.scenario.Schedules[i].Server]
		made, err := l.CreateSchedule(t.Context(), l.specs[i], controlplane.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		l.ids = append(l.ids, made.ID)
	}
	return l
}

// makeUp makes up the fleet and what happens to it.
func (l *life) makeUp(r *rand.Rand) {
	const hour = 3600
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	one := func(in int) bool { return r.IntN(in) == 0 }
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Asia/Kolkata"}
	day, err := time.Parse(time.DateOnly, begins[r.IntN(len(begins))])
	if err != nil {
		l.t.Fatal(err)
	}
	start := day.Unix() + r.Int64N(24*hour)
	sc := &simulator.Scenario{Start: start, End: start + (36+r.Int64N(36))*hour, Seed: r.Uint64()}
	length := sc.End - sc.Start
	l.scenario = sc

	for from := start + r.Int64N(length/2); !one(5) && from < sc.End; from += 60 + r.Int64N(length/3) {
		long := []int64{20, 61, 300, 2 * hour, 4 * hour, 8 * hour, 20 * hour}[r.IntN(7)] + r.Int64N(60)
		sc.Outages = append(sc.Outages, simulator.Span{From: from, Until: from + long})
		from += long
	}
	minutes := l.seed%16 == 5 // more due times in an outage than it leaves records of
	if minutes {
		sc.Outages = []simulator.Span{{From: start + hour, Until: start + 21*hour}}
	}
	window := func() []backup.Window {
		if !one(3) {
			return nil
		}
		return []backup.Window{{Cron: pick("0 2 * * *", "30 */4 * * *", "15 1-5 * * *", "0 0 * * 6"), DurationMinutes: 1 + r.IntN(150), Timezone: pick(zones...)}}
	}
	classes := make([]diagnosis.Class, 0, len(failures))
	for class := range failures {
		classes = append(classes, class)
	}
	slices.Sort(classes)
	faults := func(most int) (all []simulator.Fault) {
		for range r.IntN(most + 1) {
			f := simulator.Fault{Class: classes[r.IntN(len(classes))], Chance: []float64{0, 0, 0.3, 0.7}[r.IntN(4)]}
			f.From = start + r.Int64N(length)
			f.Until = f.From + 60 + r.Int64N(8*hour)
			if one(3) {
				f.Class, f.Slower = "", 1+3*r.Float64()
			}
			all = append(all, f)
		}
		return all
	}
	sc.Faults = faults(1)
	for i := range 1 + r.IntN(2) {
		spec := backup.DefaultServerSpec()
		spec.Name, spec.Host, spec.HostKey = fmt.Sprintf("web-%d", i+1), "203.0.113.10", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGn1dPqpoBJ0nRd+v0PfBnqz4qwNOF9ZEl9fQZQ2PZlL"
		spec.MaxConcurrentBackups, spec.MaintenanceWindows = 1+r.IntN(3)*r.IntN(2), window()
		l.servers = append(l.servers, spec)
		sc.Servers = append(sc.Servers, simulator.Server{Name: spec.Name, MaxConcurrent: spec.MaxConcurrentBackups, Faults: faults(5)})
	}
	for i := range 2 + r.IntN(5) {
		on := r.IntN(len(l.servers))
		s := backup.DefaultScheduleSpec()
		s.Name, s.Type, s.Files = fmt.Sprintf("s-%d", i+1), backup.TypeFiles, backup.FilesSource{Include: []string{"/etc"}}
		s.Cron, s.Timezone = pick("0 * * * *", "H * * * *", "*/20 * * * *", "30 2 * * *", "0,30 0-4 * * *", "15 */3 * * *", "H H(1-4) * * *", "0 2 * * 1-6", "* 2 * * *", "*/7 1,2,3 * * *"), pick(zones...)
		s.Overlap = backup.Overlap(pick(string(backup.OverlapSkip), string(backup.OverlapQueueOne), string(backup.OverlapAllow)))
		s.MissedRuns, s.MaxMissedRuns = backup.MissedRuns(pick(string(backup.MissedRunLatest), string(backup.MissedSkip), string(backup.MissedRunAll))), 1+r.IntN(4)
		s.StartDeadline = []time.Duration{0, 0, 90 * time.Second, 15 * time.Minute, 3 * time.Hour}[r.IntN(5)]
		if one(3) {
			s.Jitter = []time.Duration{30 * time.Second, 80 * time.Second, 10 * time.Minute}[r.IntN(2+min(1, int(s.StartDeadline/time.Minute)/15))]
		}
		s.Blackouts = window()
		if s.Paused = one(6); s.Paused {
			s.PausedUntil = time.Unix(start+r.Int64N(length), 0).UTC()
		}
		takes := []int64{5, 40, 600, 3000, 8000}[r.IntN(5)] + r.Int64N(60)
		if minutes && i == 0 {
			s.Cron, s.Overlap, s.MissedRuns, takes = "* * * * *", backup.OverlapSkip, backup.MissedRunLatest, takes+3000
		}
		if s.Overlap == backup.OverlapAllow { // else no end of backups waits
			takes = min(takes, 700)
		}
		t, err := scheduler.TimetableOf(s, l.servers[on])
		if err != nil {
			l.t.Fatal(err)
		}
		l.specs = append(l.specs, s)
		sc.Schedules = append(sc.Schedules, simulator.Schedule{Name: s.Name, Server: on, Vault: simulator.NoVault, Expression: t.Expression, Zone: t.Zone,
			Policy: t.Policy, Retention: 30 * 24 * hour, Seconds: takes})
	}
	for many := 200; ; sc.End -= hour { // a run takes longer to live through than to foretell
		due := 0
		for i, s := range sc.Schedules {
			if l.specs[i].Cron != "* * * * *" {
				due += len(slices.Collect(s.Expression.Between(s.Zone, sc.Start-1, sc.End-1)))
			}
		}
		if due <= many || sc.End-sc.Start <= 24*hour {
			return
		}
	}
}

// live lets the time pass until the scenario's end: at each instant jobs end, then those get places who wait for them, and
// then the dispatcher looks. While the control plane is down, nothing of it happens but on the servers.
func (l *life) live() {
	l.looks = make([]int64, len(l.ids))
	for now := l.scenario.Start - 1; ; {
		wake := l.wake(now)
		id, at := l.first(now)
		if now = min(at, wake); now >= l.scenario.End {
			return
		}
		l.clock.set(time.Unix(now, 0).UTC())
		if at <= wake {
			l.step(id)
			continue
		}
		if _, err := l.DispatchOnce(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
		l.looked(now)
	}
}

// wake is when the dispatcher looks. What is owed it looks at every ten seconds besides, for the case that nobody calls it; here
// somebody always does, and it would take most of the time.
func (l *life) wake(now int64) int64 {
	wake := int64(math.MaxInt64)
	for i, s := range l.kept() {
		at := s.Timing.WakeAt.Unix()
		switch {
		case s.Timing.WakeAt.IsZero():
			continue
		case len(s.Timing.Owed) > 0 && at > now:
			at = l.looks[i]
		}
		wake = min(wake, max(l.up(at), now))
	}
	return wake
}

// looked notes when what is owed is to be looked at again.
func (l *life) looked(now int64) {
	for i, s := range l.kept() {
		x := &l.scenario.Schedules[i]
		state := scheduler.State{Decided: s.Timing.DecidedUntil.Unix()}
		if !s.Timing.Back.IsZero() {
			state.Back = s.Timing.Back.Unix()
		}
		for _, o := range s.Timing.Owed {
			state.Owed = append(state.Owed, o.Unix())
		}
		next, _ := x.Expression.NextUnix(x.Zone, state.Decided)
		policy := x.Policy
		policy.Blackouts, policy.Maintenance = slices.Clone(policy.Blackouts), slices.Clone(policy.Maintenance)
		if l.looks[i] = policy.Wake(&state, next, now); l.looks[i] == 0 {
			l.looks[i] = math.MaxInt64
		}
	}
}

func (l *life) kept() []backup.Schedule {
	all, err := l.store.Schedules(l.t.Context(), controlplane.ScheduleFilter{})
	if err != nil || len(all) != len(l.ids) {
		l.t.Fatalf("%d schedules, %v", len(all), err)
	}
	return all
}

// up is when something that is to happen at a time happens: then, or as soon as the control plane is there again.
func (l *life) up(t int64) int64 {
	for _, o := range l.scenario.Outages {
		if o.From <= t && t < o.Until {
			t = o.Until
		}
	}
	return t
}

// first is the backup whose step is the next to be made, and when.
func (l *life) first(now int64) (first backup.ID, at int64) {
	at = math.MaxInt64
	for id, j := range l.active {
		when := max(l.up(j.at), now)
		if first == "" || cmp.Or(cmp.Compare(when, at), cmp.Compare(j.phase, l.active[first].phase), cmp.Compare(id, first)) < 0 {
			first, at = id, when
		}
	}
	return first, at
}

func (l *life) step(id backup.ID) {
	if l.stepped++; l.stepped > 20_000 {
		l.t.Fatalf("seed %d: no end of steps; the last is of %s: %+v", l.seed, id, l.jobs[id])
	}
	if _, _, err := l.Step(l.t.Context(), id); err != nil {
		l.t.Fatal(err)
	}
	b, err := l.store.Backup(l.t.Context(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	j := l.jobs[id]
	j.at, j.phase = b.Work.NextStepAt.Unix(), phaseBegin
	switch {
	case b.Status.Finished():
		delete(l.active, id)
	case b.Work.Step == backup.StepWatch:
		j.at, j.phase = j.end, phaseEnd
	case b.Work.Step == backup.StepClean:
		j.phase = phaseEnd
	case b.Work.Step == backup.StepQueue && b.Work.NextStepAt.After(l.clock.Now()): // whoever leaves a place calls it
		j.phase = phaseQueue
		delete(l.active, id)
		l.waited++
	case b.Work.Step == backup.StepQueue:
		j.phase = phaseQueue
	}
}

// Wake implements controlplane.Waker.
func (l *life) Wake(id backup.ID, at time.Time) {
	j := l.jobs[id]
	if j == nil {
		j = &lifeJob{phase: phaseQueue}
		l.jobs[id] = j
	}
	if j.phase == phaseQueue { // else it is known when there is something to see
		l.active[id], j.at = j, at.Unix()
	}
}

// WakeAll implements controlplane.Waker.
func (l *life) WakeAll(ids []backup.ID) {
	for _, id := range ids {
		l.Wake(id, l.clock.Now())
	}
}

// of is the schedule that made a backup.
func (l *life) of(b backup.Backup) *simulator.Schedule {
	return &l.scenario.Schedules[slices.Index(l.ids, b.ScheduleID)]
}

// chance is as good as random about a try of a backup.
func (l *life) chance(b backup.Backup, try int, about uint64) uint64 {
	return scheduler.Chance(l.scenario.Seed^l.of(b).Policy.Seed^(about+1)<<48^uint64(try)<<32, b.DueAt.Unix())
}

// pause is the control plane's, in whole seconds.
func (l *life) pause(class diagnosis.Class, b backup.Backup, tries int) (time.Duration, bool) {
	pause, again := diagnosis.PauseAfter(class, b.Trigger, tries, l.chance(b, tries, 0xfffe))
	return pause.Truncate(time.Second), again
}

// Preflight implements controlplane.Runner: with it a try begins.
func (l *life) Preflight(_ context.Context, _ controlplane.Target, b backup.Backup) (controlplane.Preflight, error) {
	if j := l.jobs[b.ID]; j.begin == 0 {
		j.begin = l.clock.Now().Unix()
	}
	return controlplane.Preflight{HostKey: "ssh-ed25519 AAAA"}, nil
}

// Start implements controlplane.Runner: what will become of the job is known from now on.
func (l *life) Start(_ context.Context, _ controlplane.Target, b backup.Backup) (backup.Job, error) {
	s, j, now, try := l.of(b), l.jobs[b.ID], l.clock.Now().Unix(), len(b.Tries)+1
	seconds, slower, class := s.Seconds, 1.0, diagnosis.Class("")
	for which, faults := range [][]simulator.Fault{l.scenario.Servers[s.Server].Faults, l.scenario.Faults} {
		for i, f := range faults {
			about := uint64(which)<<16 | uint64(i)
			if now < f.From || now >= f.Until || f.Chance > 0 && l.chance(b, try, about) >= uint64(f.Chance*(1<<63)*2) {
				continue
			}
			if slower = max(slower, f.Slower); class == "" {
				class = f.Class
			}
		}
	}
	seconds = int64(float64(seconds) * slower)
	j.fails = nil
	if f, ok := failures[class]; ok {
		if j.fails = &f; f.Stage == backup.StageConnect {
			seconds = 10
		} else {
			seconds = int64(float64(l.chance(b, try, 0xffff)) / (1 << 64) * float64(seconds))
		}
	}
	j.end = now + max(seconds, 1)
	return backup.Job{PID: 42, StartTime: 7, BootID: "boot"}, nil
}

// Watch implements controlplane.Runner.
func (l *life) Watch(_ context.Context, _ controlplane.Target, b backup.Backup) (backup.Observation, error) {
	j := l.jobs[b.ID]
	if l.clock.Now().Unix() < j.end {
		return backup.Observation{Alive: true}, nil
	}
	r := backup.Result{SizeBytes: 9}
	if j.fails != nil {
		f := *j.fails
		r = backup.Result{Failure: &f}
	}
	return backup.Observation{Result: &r}, nil
}

// Cancel implements controlplane.Runner.
func (l *life) Cancel(context.Context, controlplane.Target, backup.Backup, bool) error { return nil }

// Clean implements controlplane.Runner.
func (l *life) Clean(context.Context, controlplane.Target, backup.Backup) error { return nil }

// entry is what became of a due time, in words that both sides know.
type entry struct {
	schedule        string
	due             int64
	outcome, reason string
	by              int64
	at              int64 // of a run, when it began; else when it was decided
	end             int64 // of a run, 0: it goes on
	class           string
	tries           int
}

func (e entry) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s due %s: %s %s by %s at %s end %s %s %d tries", e.schedule, clockOf(e.due), e.outcome, e.reason, clockOf(e.by), clockOf(e.at), clockOf(e.end), e.class, e.tries))
}

func clockOf(t int64) string {
	if t == 0 {
		return "-"
	}
	return time.Unix(t, 0).UTC().Format("Jan 02 15:04:05")
}

func sorted(all []entry) []entry {
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.schedule, b.schedule)) })
	return all
}

// happened reads the ledger. What was started and has not begun is left out.
func (l *life) happened() (all []entry) {
	l.t.Helper()
	for i, id := range l.ids {
		s := &l.scenario.Schedules[i]
		for _, r := range l.records(id) {
			e := entry{schedule: s.Name, outcome: string(r.Outcome), reason: string(r.Reason), at: r.DecidedAt.Unix(), tries: 0}
			if !r.CaughtUpBy.IsZero() {
				e.by = r.CaughtUpBy.Unix()
			}
			if r.BackupID != "" {
				j := l.jobs[r.BackupID]
				b, err := l.store.Backup(l.t.Context(), r.BackupID)
				if err != nil {
					l.t.Fatal(err)
				}
				if e.at = j.begin; e.at == 0 {
					continue
				}
				if b.Status.Finished() {
					e.end, e.tries = b.FinishedAt.Unix(), len(b.Tries)+1
				}
				if b.Failure != nil {
					e.class = string(diagnosis.Explain(*b.Failure).Class)
				}
			}
			for e.due = range s.Expression.Between(s.Zone, r.DueAt.Unix()-1, r.LastAt.Unix()) { // one record may stand for many
				all = append(all, e)
			}
		}
	}
	return sorted(all)
}

// records are all of a schedule's.
func (l *life) records(id backup.ScheduleID) (all []backup.Run) {
	for filter := (controlplane.RunFilter{ScheduleID: id, Limit: 1000}); ; filter.Before = all[len(all)-1].DueAt {
		page, err := l.Runs(l.t.Context(), filter)
		if err != nil {
			l.t.Fatal(err)
		}
		if all = append(all, page...); len(page) < filter.Limit {
			return all
		}
	}
}

// foretold is what the simulator says, in the words of the ledger.
func (l *life) foretold() (all []entry) {
	l.t.Helper()
	outcomes := map[simulator.Outcome]backup.RunOutcome{simulator.Completed: backup.RunStarted, simulator.Failed: backup.RunStarted, simulator.Unfinished: backup.RunStarted,
		simulator.Skipped: backup.RunSkipped, simulator.Missed: backup.RunMissed, simulator.CaughtUp: backup.RunCaughtUp}
	_, err := simulator.Simulate(l.scenario, simulator.Options{Emit: func(e simulator.Event) error {
		x := entry{schedule: l.scenario.Schedules[e.Schedule].Name, due: e.Due, outcome: string(outcomes[e.Outcome]), reason: string(e.Reason.Word()), by: e.By, at: e.At}
		if outcomes[e.Outcome] == backup.RunStarted {
			if x.at = e.Begin; x.at == 0 {
				return nil
			}
			if e.Outcome != simulator.Unfinished && e.At < l.scenario.End {
				x.end, x.tries, x.class = e.At, e.Tries, string(e.Class)
				if f, ok := failures[e.Class]; ok && f.Offline() {
					x.outcome, x.reason = string(backup.RunMissed), string(backup.RunServerOffline)
				}
			}
		}
		if x.at < l.scenario.End {
			all = append(all, x)
		}
		return nil
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	return sorted(all)
}

// differences says where two ledgers part, and on what.
func (l *life) differences(want, got []entry) string {
	var out strings.Builder
	fmt.Fprintf(&out, "seed %d, from %s to %s: the simulator foretold other things than happened\n", l.seed, clockOf(l.scenario.Start), clockOf(l.scenario.End))
	for _, o := range l.scenario.Outages {
		fmt.Fprintf(&out, "outage %s to %s\n", clockOf(o.From), clockOf(o.Until))
	}
	for i, s := range l.servers {
		fmt.Fprintf(&out, "server %s: %d at a time, maintenance %+v\n", s.Name, s.MaxConcurrentBackups, s.MaintenanceWindows)
		for _, f := range l.scenario.Servers[i].Faults {
			fmt.Fprintf(&out, "  fault %s to %s: %q chance %g slower %g\n", clockOf(f.From), clockOf(f.Until), f.Class, f.Chance, f.Slower)
		}
	}
	for i, s := range l.specs {
		fmt.Fprintf(&out, "schedule %s of %s: %q %s overlap %s missed %s %d deadline %s jitter %s blackouts %+v paused %t until %s, %d s\n", s.Name, l.servers[l.scenario.Schedules[i].Server].Name,
			s.Cron, s.Timezone, s.Overlap, s.MissedRuns, s.MaxMissedRuns, s.StartDeadline, s.Jitter, s.Blackouts, s.Paused, s.PausedUntil.Format(time.DateTime), l.scenario.Schedules[i].Seconds)
	}
	shown := 0
	for i, k := 0, 0; (i < len(want) || k < len(got)) && shown < 12; {
		switch {
		case i < len(want) && k < len(got) && want[i] == got[k]:
			i, k = i+1, k+1
			continue
		case k == len(got) || i < len(want) && cmp.Or(cmp.Compare(want[i].due, got[k].due), cmp.Compare(want[i].schedule, got[k].schedule)) < 0:
			fmt.Fprintf(&out, "- foretold %s\n", want[i])
			i++
		case i == len(want) || cmp.Or(cmp.Compare(want[i].due, got[k].due), cmp.Compare(want[i].schedule, got[k].schedule)) > 0:
			fmt.Fprintf(&out, "+ happened %s\n", got[k])
			k++
		default:
			fmt.Fprintf(&out, "- foretold %s\n+ happened %s\n", want[i], got[k])
			i, k = i+1, k+1
		}
		shown++
	}
	return out.String()
}

// Download implements controlplane.Runner.
func (l *life) Download(context.Context, controlplane.Target, backup.Backup, io.Writer) error {
	return nil
}

// Forget implements controlplane.Runner.
func (l *life) Forget(backup.ServerID) {}

// Folders implements controlplane.Runner.
func (l *life) Folders(context.Context, controlplane.Target) ([]controlplane.Folder, error) {
	return nil, nil
}
