package simulator

import (
	"cmp"
	"math/bits"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// A failed login or connection is known after that many seconds.
const connectSeconds = 10

// try begins a try and says when it will have ended.
func (g *engine) try(slot int32, t int64) {
	r := &g.runs[slot]
	s := &g.schedules[r.schedule]
	server := &g.servers[s.server]
	server.expire(g, t)
	server.running++
	server.report.begins(t, server.running)
	if r.tries++; r.tries == 1 {
		r.begin = t
	}
	r.trying = true
	free := server.free(t, g.sc.Start)
	seconds, full := g.meet(s, server, r, t, free)
	switch {
	case full && t+seconds <= g.sc.End: // else nobody sees it
		server.report.full(t + seconds)
	case r.class == 0:
		r.reserved = r.bytes
		server.used += r.bytes
		server.report.peak(server, t, g.sc.Start)
	}
	g.ends.push(t+max(seconds, 1), slot)
}

// meet says what a try that begins at t ends with, and after how many seconds: a fault, a disk that is full, or a good archive.
func (g *engine) meet(s *scheduleState, server *serverState, r *run, t, free int64) (seconds int64, full bool) {
	r.bytes = min(max(s.Bytes+grown(s.PerDay, t-g.sc.Start), 0), mostBytes)
	seconds = min(s.Seconds+s.transfer(r.bytes), mostSeconds)
	class, slower := g.faultAt(s, r, server.faults, t)
	if slower > 1 {
		seconds = int64(min(float64(seconds)*slower, mostSeconds))
	}
	r.class, r.reserved = class, 0
	switch {
	case class != 0 && g.classes.connects(class):
		seconds = connectSeconds
	case class != 0: // somewhere in the middle
		seconds = int64(float64(g.chance(s, r, 0xffff)) / (1 << 64) * float64(seconds))
	case server.Disk > 0 && r.bytes > free:
		r.class, full = g.classes.diskFull, true
		seconds = int64(float64(seconds) * float64(max(free, 0)) / float64(r.bytes))
	}
	return seconds, full
}

// An archive is no larger, and a try takes no longer: numbers that nobody has are to stay numbers.
const (
	mostBytes   = 1 << 60
	mostSeconds = 1 << 33 // 272 years, which a time.Duration still holds
)

// grown is by how much something has grown after so many seconds; what shrinks grows by less than nothing.
func grown(perDay, seconds int64) int64 {
	if -1<<30 < perDay && perDay < 1<<30 {
		return perDay * seconds / day
	}
	high, low := bits.Mul64(uint64(max(perDay, -perDay)), uint64(max(seconds, 0))) //nolint:gosec // not negative
	by := uint64(mostBytes)
	if high < day {
		by, _ = bits.Div64(high, low, day)
		by = min(by, mostBytes)
	}
	if perDay < 0 {
		return -int64(by)
	}
	return int64(by)
}

const perByteBits = 44

// perByteOf is what a byte takes to a server's disk, in seconds times 2^perByteBits.
func perByteOf(s *Server) uint64 {
	return (1 << perByteBits) / uint64(cmp.Or(s.BytesPerSec, DefaultBytesPerSec)) //nolint:gosec // positive
}

// transfer is how many seconds so many bytes take.
func (s *scheduleState) transfer(n int64) int64 {
	high, low := bits.Mul64(uint64(n), s.perByte)           //nolint:gosec // not negative
	return int64(high<<(64-perByteBits) | low>>perByteBits) //nolint:gosec // 2^62 bytes take no longer than that
}

// fault is a Fault that is quickly looked at.
type fault struct {
	Span
	class  uint8
	below  uint64 // it hits where a number as good as random is below; 0 is always
	slower float64
}

// faultAt returns the class of the fault that hits a run, 0 for none, and by how much others slow it down.
func (g *engine) faultAt(s *scheduleState, r *run, local []fault, t int64) (class uint8, slower float64) {
	for i := range local {
		g.hit(&local[i], s, r, t, uint64(i), &class, &slower)
	}
	for i := range g.faults {
		g.hit(&g.faults[i], s, r, t, 1<<16|uint64(i), &class, &slower)
	}
	return class, slower
}

// hit adds what a fault does to a run, if it does.
func (g *engine) hit(f *fault, s *scheduleState, r *run, t int64, salt uint64, class *uint8, slower *float64) {
	if !f.contains(t) || f.below > 0 && g.chance(s, r, salt) >= f.below {
		return
	}
	*slower = max(*slower, f.slower)
	if *class == 0 {
		*class = f.class
	}
}

// chance is a number as good as random about a try, and the same whenever the same is asked.
func (g *engine) chance(s *scheduleState, r *run, salt uint64) uint64 {
	return scheduler.Chance(g.sc.Seed^s.policy.Seed^(salt+1)<<48^uint64(r.tries)<<32, r.due) //nolint:gosec // the bits are wanted
}

// upload puts an archive into its vault, or says why not.
func (g *engine) upload(s *scheduleState, r *run, t int64) (class uint8) {
	v := &g.vaults[s.vault]
	class, _ = g.faultAt(s, r, v.faults, t)
	if class == 0 && v.Capacity > 0 && v.used+r.bytes > v.Capacity {
		class = g.classes.vaultFull
	}
	if class == 0 {
		v.used += r.bytes
		s.sent.add(archive{expires: r.begin + s.Retention, bytes: r.bytes})
		v.report.PeakBytes = max(v.report.PeakBytes, v.used)
	}
	return class
}

// pause returns after how many seconds a run that failed is tried again, as the control plane would.
func (g *engine) pause(s *scheduleState, r *run) (seconds int64, again bool) {
	if r.class == 0 {
		return 0, false
	}
	pause, again := diagnosis.PauseAfter(g.classes.names[r.class], backup.TriggerScheduled, int(r.tries), g.chance(s, r, 0xfffe))
	return int64(pause / time.Second), again
}
