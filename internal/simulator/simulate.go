package simulator

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Options says how to simulate. None changes what comes out.
type Options struct {
	Parallelism int  // how many parts of the fleet are simulated at a time; 0: 1
	Daily       bool // fill in Report.Days
	// Emit is told of every event, in the order of time; ties by schedule and due time. It is called by one goroutine. An
	// error of it ends the simulation. Zero: nobody is told.
	Emit func(Event) error
	// Going is asked on the way, at least once for every month of every part, with how many runs of that part are under way or
	// wait. An error of it ends the simulation. It is called by several goroutines. Zero: nobody is asked.
	Going func(open int) error
}

// Simulate runs a scenario and says what happened.
func Simulate(sc *Scenario, o Options) (*Report, error) {
	engines := newEngines(sc)
	var d days
	if o.Daily {
		d = newDays(sc)
	}
	err := simulate(sc, engines, o, d)
	if err != nil {
		return nil, err
	}
	r := &Report{Days: d, Schedules: make([]ScheduleReport, len(sc.Schedules)), Servers: make([]ServerReport, len(sc.Servers)), Vaults: make([]VaultReport, len(sc.Vaults)), Hash: mix(sc.Seed, uint64(sc.Start)^uint64(sc.End)<<20)} //nolint:gosec // the bits are wanted
	for _, e := range engines {
		e.into(r)
	}
	return r, nil
}

// simulate simulates all parts: each as a whole, or, where somebody wants to hear the events in the order of time, all of them
// a day at a time.
func simulate(sc *Scenario, engines []*engine, o Options, d days) error {
	if o.Emit == nil {
		var adding sync.Mutex
		var ended error
		each(engines, o.Parallelism, func(e *engine) {
			if d != nil {
				e.days = newDays(sc)
			}
			err := e.whole(o.Going)
			adding.Lock()
			defer adding.Unlock()
			ended = cmp.Or(ended, err)
			d.add(e.days)
			e.rest()
		})
		return ended
	}
	heard := make([][]Event, len(engines))
	for i, e := range engines {
		e.emit = func(event Event) { heard[i] = append(heard[i], event) }
	}
	var all []Event
	for until := sc.Start; until < sc.End; {
		until = min(until+day, sc.End)
		each(engines, o.Parallelism, func(e *engine) {
			e.until(until)
			if until == sc.End {
				e.close()
			}
		})
		for _, e := range engines {
			if o.Going != nil {
				if err := o.Going(e.open()); err != nil {
					return err
				}
			}
		}
		all = all[:0]
		for i := range heard {
			all = append(all, heard[i]...)
			heard[i] = heard[i][:0]
		}
		for _, event := range inOrder(all) {
			d.count(sc.Start, event.Due, event.Outcome)
			if err := o.Emit(event); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole simulates a part from the beginning to the end.
func (g *engine) whole(going func(open int) error) error {
	for until := g.sc.Start; until < g.sc.End; {
		if going != nil {
			if err := going(g.open()); err != nil {
				return err
			}
		}
		until = min(until+30*day, g.sc.End)
		g.until(until)
	}
	g.close()
	return nil
}

// inOrder sorts events by time, ties by schedule and due time, and returns them.
func inOrder(events []Event) []Event {
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Schedule, b.Schedule), cmp.Compare(a.Due, b.Due))
	})
	return events
}

// each does something with every part, so many at a time.
func each(engines []*engine, parallelism int, do func(*engine)) {
	if parallelism <= 1 {
		for _, e := range engines {
			do(e)
		}
		return
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(parallelism, len(engines)) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(engines)) {
					return
				}
				do(engines[i])
			}
		})
	}
	wg.Wait()
}

// newEngines divides the fleet into parts that share nothing: servers, with those that send to the same vault where that has
// a capacity.
func newEngines(sc *Scenario) []*engine {
	part := make([]int, len(sc.Servers)) // of a server: the lowest server of its part
	for i := range part {
		part[i] = i
	}
	root := func(i int) int {
		for part[i] != i {
			part[i] = part[part[i]]
			i = part[i]
		}
		return i
	}
	shares := make([]int, len(sc.Vaults))
	for i := range shares {
		shares[i] = -1
	}
	for i := range sc.Schedules {
		s := &sc.Schedules[i]
		if s.Vault == NoVault || sc.Vaults[s.Vault].Capacity == 0 {
			continue
		}
		if other := shares[s.Vault]; other >= 0 {
			a, b := root(s.Server), root(other)
			part[max(a, b)] = min(a, b)
		}
		shares[s.Vault] = s.Server
	}
	numbers := newClasses(sc)
	b := builder{sc: sc, classes: numbers, faults: numbers.faults(sc.Faults), engines: map[int]*engine{}, servers: make([]int32, len(sc.Servers)), vaults: map[[2]int]int32{}}
	for i := range sc.Servers {
		b.server(root(i), i)
	}
	for i := range sc.Schedules {
		b.schedule(root(sc.Schedules[i].Server), i)
	}
	return b.finish()
}

// builder makes engines.
type builder struct {
	sc      *Scenario
	classes *classes
	faults  []fault
	engines map[int]*engine
	order   []*engine
	servers []int32 // of the scenario: its number in its engine
	vaults  map[[2]int]int32
}

func (b *builder) server(part, i int) {
	e := b.engines[part]
	if e == nil {
		e = &engine{sc: b.sc, classes: b.classes, faults: b.faults, nextDay: b.sc.Start + day}
		b.engines[part] = e
		b.order = append(b.order, e)
	}
	b.servers[i] = int32(len(e.servers)) //nolint:gosec // an index
	e.servers = append(e.servers, serverState{Server: &b.sc.Servers[i], index: i, faults: b.classes.faults(b.sc.Servers[i].Faults), nextExpiry: never})
}

func (b *builder) schedule(part, i int) {
	e, s := b.engines[part], &b.sc.Schedules[i]
	state := scheduleState{Schedule: s, index: i, server: b.servers[s.Server], vault: NoVault, policy: s.Policy, expanded: b.sc.Start - 1,
		chunk: 8 * day, lastGood: b.sc.Start}
	state.state.Decided = b.sc.Start - 1
	state.policy.Blackouts, state.policy.Maintenance = slices.Clone(s.Policy.Blackouts), slices.Clone(s.Policy.Maintenance) // they remember
	state.report = ScheduleReport{classes: b.classes, failed: make([]int64, len(b.classes.names)), unsent: make([]int64, len(b.classes.names))}
	state.perByte = perByteOf(&b.sc.Servers[s.Server])
	if s.Vault != NoVault {
		state.perByte += (1 << perByteBits) / uint64(cmp.Or(b.sc.Vaults[s.Vault].BytesPerSec, DefaultBytesPerSec)) //nolint:gosec // positive
		key := [2]int{part, s.Vault}
		v, ok := b.vaults[key]
		if !ok {
			v = int32(len(e.vaults)) //nolint:gosec // an index
			e.vaults = append(e.vaults, vaultState{Vault: &b.sc.Vaults[s.Vault], index: s.Vault, faults: b.classes.faults(b.sc.Vaults[s.Vault].Faults)})
			b.vaults[key] = v
		}
		state.vault = v
	}
	server := &e.servers[state.server]
	state.nth = int32(len(server.schedules))                             //nolint:gosec // an index
	server.schedules = append(server.schedules, int32(len(e.schedules))) //nolint:gosec // an index
	if server.expiries == nil {
		server.expiries = ownLines[int64](1)[:0]
	}
	server.expiries = append(server.expiries, never)
	e.schedules = append(e.schedules, state)
}

func (b *builder) finish() []*engine {
	for _, e := range b.order {
		e.wakes = newWakes(len(e.schedules))
		for i := range e.schedules {
			e.wakes.set(int32(i), e.wakeOf(&e.schedules[i], b.sc.Start-1))
		}
	}
	return b.order
}

// rest gives up what only the simulation itself needs: a fleet's parts are simulated one after another.
func (g *engine) rest() {
	for i := range g.schedules {
		s := &g.schedules[i]
		s.due, s.archives, s.sent = nil, archives{}, archives{}
	}
	g.days = nil
}

// into adds what an engine found to the report.
func (g *engine) into(r *Report) {
	for i := range g.schedules {
		s := &g.schedules[i]
		r.Schedules[s.index] = s.report
		for o, n := range s.report.Outcomes {
			r.Totals[o] += n
		}
	}
	for i := range g.servers {
		r.Servers[g.servers[i].index] = g.servers[i].report
	}
	for i := range g.vaults {
		r.Vaults[g.vaults[i].index].add(g.vaults[i].report)
	}
	r.Runs = r.Totals[Completed] + r.Totals[Failed]
	r.Hash = mix(r.Hash, g.hash)
}
