package simulator

// wakes are the times at which schedules are to be looked at, the soonest first; ties go to the lower number.
type wakes struct {
	at    []int64 // by schedule
	heap  []int32
	place []int32 // of a schedule in heap
}

func newWakes(n int) wakes {
	w := wakes{at: ownLines[int64](n), heap: ownLines[int32](n), place: ownLines[int32](n)}
	for i := range n {
		w.at[i], w.heap[i], w.place[i] = never, int32(i), int32(i)
	}
	return w
}

// ownLines makes a slice that shares no cache line with another: parts of a fleet are simulated by different processors.
func ownLines[T int32 | int64](n int) []T {
	const line = 64 / 4 // of the smaller ones
	return make([]T, n, (n+line-1)/line*line)
}

func (w *wakes) first() (at int64, ok bool) {
	if len(w.heap) == 0 {
		return never, false
	}
	at = w.at[w.heap[0]]
	return at, at < never
}

func (w *wakes) before(a, b int32) bool {
	return w.at[a] < w.at[b] || w.at[a] == w.at[b] && a < b
}

// set changes the time of a schedule.
func (w *wakes) set(i int32, at int64) {
	w.at[i] = at
	k := w.place[i]
	for k > 0 {
		up := (k - 1) / 2
		if !w.before(i, w.heap[up]) {
			break
		}
		w.put(k, w.heap[up])
		k = up
	}
	for n := int32(len(w.heap)); ; { //nolint:gosec // as many as schedules
		down := 2*k + 1
		if down >= n {
			break
		}
		if down+1 < n && w.before(w.heap[down+1], w.heap[down]) {
			down++
		}
		if !w.before(w.heap[down], i) {
			break
		}
		w.put(k, w.heap[down])
		k = down
	}
	w.put(k, i)
}

func (w *wakes) put(k, i int32) { w.heap[k], w.place[i] = i, k }

// ends are the times at which tries and pauses end, the soonest first; ties go to the one that was known first.
type ends struct {
	heap  []end
	count int64
}

type end struct {
	at, number int64
	slot       int32
}

func (a end) before(b end) bool { return a.at < b.at || a.at == b.at && a.number < b.number }

func (e *ends) first() (at int64, ok bool) {
	if len(e.heap) == 0 {
		return never, false
	}
	return e.heap[0].at, true
}

func (e *ends) push(at int64, slot int32) {
	x := end{at, e.count, slot}
	e.count++
	e.heap = append(e.heap, x)
	k := len(e.heap) - 1
	for k > 0 && x.before(e.heap[(k-1)/2]) {
		e.heap[k] = e.heap[(k-1)/2]
		k = (k - 1) / 2
	}
	e.heap[k] = x
}

func (e *ends) pop() (slot int32) {
	slot = e.heap[0].slot
	last := len(e.heap) - 1
	x := e.heap[last]
	e.heap = e.heap[:last]
	k := 0
	for down := 1; down < last; down = 2*k + 1 {
		if down+1 < last && e.heap[down+1].before(e.heap[down]) {
			down++
		}
		if !e.heap[down].before(x) {
			break
		}
		e.heap[k] = e.heap[down]
		k = down
	}
	if last > 0 {
		e.heap[k] = x
	}
	return slot
}
