package simulator

import (
	"cmp"
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

const day = 24 * 3600

// engine simulates a part of the fleet that shares nothing with the rest: servers, their schedules, and the vaults whose
// capacity they share. It holds what it works on close together, because memory is what costs time here.
type engine struct {
	sc        *Scenario
	classes   *classes
	faults    []fault // that can hit any run
	servers   []serverState
	vaults    []vaultState
	schedules []scheduleState

	now     int64
	wakes   wakes   // of the schedules. What was to be while nobody was there is so when somebody is again, in the same order
	ends    ends    // of tries, and of pauses before the next one
	freed   []int32 // servers on which a place was left, or is wanted, at this instant
	owing   int     // schedules that owe a start
	due     []int32 // schedules to be looked at in one instant
	begun   uint32  // runs
	runs    []run   // by slot
	unused  []int32 // slots
	outage  int     // the first of Scenario.Outages that is not over
	nextDay int64   // when the disks are looked at again

	decisions []scheduler.Decision
	hash      uint64
	emit      func(Event) // nil: nobody wants to know
	days      days        // nil: the same
	_         [64]byte    // see ownLines
}

type serverState struct {
	*Server
	index      int // in Scenario.Servers
	faults     []fault
	schedules  []int32 // of the engine
	running    int
	waiting    []int32 // slots of runs that wait for a place, the oldest first
	owing      int     // schedules that owe a start
	freed      bool    // it is in engine.freed
	used       int64   // by archives, those in the making included
	expiries   []int64 // when the oldest archive of each schedule may go, close together
	nextExpiry int64   // the soonest of them

	report ServerReport
}

type vaultState struct {
	*Vault
	index  int // in Scenario.Vaults
	faults []fault
	used   int64
	report VaultReport
}

type scheduleState struct {
	*Schedule
	index  int // in Scenario.Schedules
	server int32
	nth    int32 // of its server
	vault  int32 // of the engine, or NoVault
	policy scheduler.Policy
	state  scheduler.State

	perByte uint64 // seconds that a byte takes, to the disk and to the vault, times 2^perByteBits

	due      []int64 // expanded, from
	at       int     // on not decided, up to
	expanded int64
	chunk    int64 // how many seconds are expanded at a time

	running  int
	archives archives // on the server
	sent     archives // in the vault
	lastGood int64    // when the run of the newest good backup began: what it holds is of that time
	report   ScheduleReport
}

// run is one due time's way to its end.
type run struct {
	schedule int32
	tries    int32
	trying   bool // else it waits for a place or for its next try
	class    uint8
	number   uint32 // the older the lower
	due      int64
	begin    int64 // of the first try
	bytes    int64
	reserved int64
}

// until simulates up to a time, that one included. In each instant jobs end, then those get places who wait for them, and then
// the scheduler decides: as the control plane does it.
func (g *engine) until(end int64) {
	for {
		wake, _ := g.wakes.first()
		ends, _ := g.ends.first()
		if len(g.freed) > 0 && ends > g.now {
			g.fill(g.now)
			continue
		}
		at := max(wake, g.now)
		if wake < ends {
			at = max(at, g.down(wake))
		}
		if ends <= at {
			at = ends
		}
		if at > end || at == never {
			g.sample(end)
			return
		}
		g.sample(at)
		g.now = at
		if ends <= at {
			g.ended(g.ends.pop(), at)
			continue
		}
		g.decide(at)
	}
}

// decide looks at the schedules whose wake has come: first at those that owe a start, the longest owed first.
func (g *engine) decide(t int64) {
	if g.owing == 0 {
		g.step(g.wakes.heap[0], t)
		return
	}
	g.due = g.due[:0]
	for {
		wake, ok := g.wakes.first()
		if !ok || wake > t {
			break
		}
		g.due = append(g.due, g.wakes.heap[0])
		g.wakes.set(g.wakes.heap[0], never)
	}
	slices.SortStableFunc(g.due, func(a, b int32) int {
		switch owedA, owedB := g.schedules[a].state.Owed, g.schedules[b].state.Owed; {
		case len(owedA) > 0 && len(owedB) > 0:
			return cmp.Or(cmp.Compare(owedA[0], owedB[0]), cmp.Compare(a, b))
		case len(owedA) > 0:
			return -1
		case len(owedB) > 0:
			return 1
		}
		return 0
	})
	for _, i := range g.due {
		g.step(i, t)
	}
}

// open is how many runs are under way or wait.
func (g *engine) open() int { return len(g.runs) - len(g.unused) }

// down returns when the control plane is back, 0 if it is there at t.
func (g *engine) down(t int64) int64 {
	for g.outage < len(g.sc.Outages) && g.sc.Outages[g.outage].Until <= t {
		g.outage++
	}
	if g.outage < len(g.sc.Outages) && g.sc.Outages[g.outage].contains(t) {
		return g.sc.Outages[g.outage].Until
	}
	return 0
}

// step has the scheduler decide for a schedule, and does what it decides.
func (g *engine) step(i int32, t int64) {
	s := &g.schedules[i]
	server := &g.servers[s.server]
	for s.expanded < t {
		s.expand(g.sc.End - 1)
	}
	until := s.at
	for until < len(s.due) && s.due[until] <= t {
		until++
	}
	for extra := until - s.at - scheduler.MostDecided; extra > 0; extra = 0 {
		outcome, reason := s.policy.Together(s.due[s.at], s.due[s.at+extra-1])
		for ; extra > 0; extra-- {
			s.state.Decided = s.due[s.at]
			g.tell(s, outcomeOf[outcome], 0, t, &run{due: s.due[s.at]}, reason, 0)
			s.at++
		}
	}
	owing := len(s.state.Owed) > 0
	world := scheduler.World{Running: s.running, Free: server.places() - server.running - len(server.waiting)}
	g.decisions = s.policy.Step(&s.state, s.due[s.at:until], t, world, g.decisions[:0])
	for s.at < len(s.due) && s.due[s.at] <= s.state.Decided {
		s.at++
	}
	if still := len(s.state.Owed) > 0; still != owing {
		by := map[bool]int{true: 1, false: -1}[still]
		server.owing, g.owing = server.owing+by, g.owing+by
	}
	g.wakes.set(i, g.wakeOf(s, t))
	for k := range g.decisions {
		g.carryOut(i, &g.decisions[k], t)
	}
}

func (g *engine) wakeOf(s *scheduleState, t int64) int64 {
	for s.at == len(s.due) && s.expanded < g.sc.End-1 {
		s.expand(g.sc.End - 1)
	}
	next := int64(0)
	if s.at < len(s.due) {
		next = s.due[s.at]
	}
	wake := s.policy.Wake(&s.state, next, t)
	if wake == 0 {
		return never
	}
	return max(wake, t+1)
}

// expand finds the next due times. How many at a time changes nothing but the speed.
func (s *scheduleState) expand(end int64) {
	if s.at > 0 {
		s.due = s.due[:copy(s.due, s.due[s.at:])]
		s.at = 0
	}
	before, until := len(s.due), min(s.expanded+s.chunk, end)
	s.due = s.Expression.AppendBetween(s.due, s.Zone, s.expanded, until)
	switch found := len(s.due) - before; {
	case found < 32:
		s.chunk *= 2
	case found > 256 && s.chunk > day:
		s.chunk /= 2
	}
	s.expanded = until
	if until == end {
		s.expanded = never // nothing comes behind
	}
}

var outcomeOf = map[scheduler.Outcome]Outcome{scheduler.Skip: Skipped, scheduler.Miss: Missed, scheduler.CaughtUp: CaughtUp}

func (g *engine) carryOut(i int32, d *scheduler.Decision, t int64) {
	s := &g.schedules[i]
	if d.Outcome != scheduler.Start {
		g.tell(s, outcomeOf[d.Outcome], 0, t, &run{due: d.Due}, d.Reason, d.By)
		return
	}
	slot := g.slot()
	g.begun++
	g.runs[slot] = run{schedule: i, due: d.Due, number: g.begun}
	s.running++
	if server := &g.servers[s.server]; server.running >= server.places() {
		server.waiting = append(server.waiting, slot)
		return
	}
	g.try(slot, t)
}

// free notes that a place was left on a server, or is wanted, at this instant, if there is somebody to have it.
func (g *engine) free(server int32) {
	if s := &g.servers[server]; !s.freed && (len(s.waiting) > 0 || s.owing > 0) {
		s.freed = true
		g.freed = append(g.freed, server)
	}
}

// fill gives the places that are free to those who wait, and has the schedules looked at that owe a start.
func (g *engine) fill(t int64) {
	for _, n := range g.freed {
		server := &g.servers[n]
		server.freed = false
		for len(server.waiting) > 0 && server.running < server.places() {
			next := server.waiting[0]
			server.waiting = slices.Delete(server.waiting, 0, 1)
			g.try(next, t)
		}
		if server.owing == 0 {
			continue
		}
		for _, i := range server.schedules {
			if len(g.schedules[i].state.Owed) > 0 {
				g.wakes.set(i, t)
			}
		}
	}
	g.freed = g.freed[:0]
}

func (s *serverState) places() int { return max(s.MaxConcurrent, 1) }

// ended goes on where a try or a pause has ended.
func (g *engine) ended(slot int32, t int64) {
	if back := g.down(t); back > 0 { // the job on the server ends; nobody sees it
		g.ends.push(back, slot)
		return
	}
	r := &g.runs[slot]
	s := &g.schedules[r.schedule]
	server := &g.servers[s.server]
	if !r.trying { // the pause before its next try is over
		younger := slices.IndexFunc(server.waiting, func(other int32) bool { return g.runs[other].number > r.number })
		if younger < 0 {
			younger = len(server.waiting)
		}
		server.waiting = slices.Insert(server.waiting, younger, slot)
		g.free(s.server)
		return
	}
	server.running--
	g.free(s.server)
	r.trying = false
	if pause, again := g.pause(s, r); again {
		g.ends.push(t+pause, slot)
	} else {
		g.finish(s, server, r, t)
		g.unused = append(g.unused, slot)
	}
}

// finish notes how a run ended.
func (g *engine) finish(s *scheduleState, server *serverState, r *run, t int64) {
	s.running--
	outcome, class := Failed, r.class
	if class == 0 {
		outcome = Completed
		s.archives.add(archive{expires: r.begin + s.Retention, bytes: r.bytes})
		next := s.archives.next()
		server.expiries[s.nth], server.nextExpiry = next, min(server.nextExpiry, next)
		if s.vault != NoVault {
			class = g.upload(s, r, t)
		}
		s.report.good(t, s.lastGood)
		s.lastGood = r.begin
	}
	g.tell(s, outcome, class, t, r, 0, 0)
}

// expire removes what has expired on a server, and in the vaults of its schedules.
func (s *serverState) expire(g *engine, t int64) {
	if t < s.nextExpiry {
		return
	}
	soonest := never
	for k, at := range s.expiries {
		if at <= t {
			of := &g.schedules[s.schedules[k]]
			s.used -= of.archives.expire(t)
			if of.vault != NoVault {
				g.vaults[of.vault].used -= of.sent.expire(t)
			}
			at = of.archives.next()
			s.expiries[k] = at
		}
		soonest = min(soonest, at)
	}
	s.nextExpiry = soonest
}

// occupied is what lies on a server's disk, and free what is left of it.
func (s *serverState) occupied(t, start int64) int64 {
	if s.OthersPerDay == 0 {
		return s.used + s.Others
	}
	return s.used + s.Others + grown(s.OthersPerDay, t-start)
}

func (s *serverState) free(t, start int64) int64 { return s.Disk - s.occupied(t, start) }

// sample notes how full the disks and vaults are, once a day.
func (g *engine) sample(t int64) {
	for ; g.nextDay <= t; g.nextDay += day {
		for i := range g.servers {
			s := &g.servers[i]
			s.expire(g, g.nextDay)
			s.report.sample(s, g.nextDay, g.sc.Start)
		}
		for i := range g.vaults {
			g.vaults[i].report.Bytes = append(g.vaults[i].report.Bytes, g.vaults[i].used)
		}
	}
}

// close tells what became of every due time that has no end yet.
func (g *engine) close() {
	open := make([][]run, len(g.schedules))
	done := map[int32]bool{}
	for _, slot := range g.unused {
		done[slot] = true
	}
	for slot, r := range g.runs {
		if !done[int32(slot)] {
			open[r.schedule] = append(open[r.schedule], r)
		}
	}
	for i := range g.schedules {
		s := &g.schedules[i]
		for _, due := range slices.Concat(s.state.Owed, s.due[s.at:]) {
			open[i] = append(open[i], run{due: due})
		}
		slices.SortFunc(open[i], func(a, b run) int { return cmp.Compare(a.due, b.due) })
		for k := range open[i] {
			g.tell(s, Unfinished, 0, g.sc.End, &open[i][k], 0, 0)
		}
		s.report.gap(g.sc.End, s.lastGood)
	}
}

// tell counts what became of a due time, hashes it, and hands it on.
func (g *engine) tell(s *scheduleState, outcome Outcome, class uint8, at int64, r *run, reason scheduler.Reason, by int64) {
	s.report.count(outcome, class, reason, r.tries)
	g.days.count(g.sc.Start, r.due, outcome)
	small := uint64(outcome) | uint64(reason)<<8 | uint64(class)<<16 | uint64(r.tries)<<24 //nolint:gosec // small numbers
	h := mix(g.hash, uint64(at)^uint64(s.index)<<40)                                       //nolint:gosec // the bits are wanted
	h = mix(h, uint64(r.due)^small<<32)                                                    //nolint:gosec // the bits are wanted
	g.hash = mix(h, uint64(r.bytes)^uint64(r.begin^by)<<24)                                //nolint:gosec // the bits are wanted
	if g.emit != nil {
		g.emit(Event{At: at, Schedule: s.index, Due: r.due, Outcome: outcome, Reason: reason, Class: g.classes.name(class), By: by,
			Begin: r.begin, Tries: int(r.tries), Bytes: r.bytes})
	}
}

func (g *engine) slot() int32 {
	if n := len(g.unused); n > 0 {
		slot := g.unused[n-1]
		g.unused = g.unused[:n-1]
		return slot
	}
	g.runs = append(g.runs, run{})
	return int32(len(g.runs) - 1) //nolint:gosec // as many as run at once
}
