package simulator

import "slices"

// Opening simulates the first seconds of a scenario once more, and returns what became of the due times in them of the schedules
// that are wanted, in the order that Options.Emit has. It costs as much as those seconds do in the whole simulation, which need
// not keep its events. Runs that have not ended by then are Unfinished.
func Opening(sc *Scenario, seconds int64, wanted []int, parallelism int) []Event {
	first := *sc
	first.End = min(sc.Start+seconds, sc.End)
	isWanted := make([]bool, len(sc.Schedules))
	for _, i := range wanted {
		isWanted[i] = true
	}
	engines := slices.DeleteFunc(newEngines(&first), func(e *engine) bool { // no part knows of another
		return !slices.ContainsFunc(e.schedules, func(s scheduleState) bool { return isWanted[s.index] })
	})
	heard := make([][]Event, len(engines))
	for i, e := range engines {
		e.emit = func(event Event) {
			if isWanted[event.Schedule] {
				heard[i] = append(heard[i], event)
			}
		}
	}
	each(engines, parallelism, func(e *engine) {
		e.until(first.End)
		e.close()
		e.rest()
	})
	return inOrder(slices.Concat(heard...))
}
