package simulator

// archives are a schedule's good backups in one place, oldest first, in a ring that grows.
type archives struct {
	ring        []archive
	first, kept int
}

type archive struct {
	expires, bytes int64
}

func (a *archives) add(x archive) {
	if a.kept == len(a.ring) {
		grown := make([]archive, max(8, 2*len(a.ring)))
		for i := range a.kept {
			grown[i] = a.ring[(a.first+i)%len(a.ring)]
		}
		a.ring, a.first = grown, 0
	}
	i := a.first + a.kept
	if i >= len(a.ring) {
		i -= len(a.ring)
	}
	a.ring[i] = x
	a.kept++
}

// expire removes what expired by t, and returns its bytes. The newest stays, whatever its age: retention by age alone deletes
// the last good backup while the newer ones fail.
func (a *archives) expire(t int64) (freed int64) {
	for a.kept > 1 && a.ring[a.first].expires <= t {
		freed += a.ring[a.first].bytes
		a.kept--
		if a.first++; a.first == len(a.ring) {
			a.first = 0
		}
	}
	return freed
}

// next returns when something expires, or never.
func (a *archives) next() int64 {
	if a.kept <= 1 {
		return never
	}
	return a.ring[a.first].expires
}

const never = int64(1) << 62
