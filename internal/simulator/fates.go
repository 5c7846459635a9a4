package simulator

import (
	"cmp"
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// DefaultBytes is the size of an archive where nothing else is said.
const DefaultBytes = 1 << 30

// RunSeconds is what a run takes besides what its bytes take: to log in, to look, to list and to close.
const RunSeconds = 5

// Fates says what tries of backups meet, one at a time and by the rules of Simulate, for who keeps the time, the schedules and
// the disks himself. Servers and schedules go by their names; one that the scenario does not name has no faults of its own and
// a disk without end.
type Fates struct {
	sc     *Scenario
	engine engine
}

// NewFates returns the fates of a scenario. Of its schedules only names and sizes count.
func NewFates(sc *Scenario) *Fates {
	c := newClasses(sc)
	return &Fates{sc: sc, engine: engine{sc: sc, classes: c, faults: c.faults(sc.Faults)}}
}

// Try is a try of a backup. Times are seconds since 1970.
type Try struct {
	Server, Schedule string // their names; Schedule empty: nobody's
	Due              int64  // when it was due, or asked for
	Number           int    // from 1 on
	At               int64  // when it begins
	Used             int64  // bytes of archives on the server's disk
}

// Fate is what a try ends with.
type Fate struct {
	Class   diagnosis.Class // of its failure; empty: none
	Seconds int64           // after which it ends, 1 or more
	Bytes   int64           // of the whole archive
	Written int64           // of it when it ends
}

// Of says what a try meets.
func (f *Fates) Of(t Try) Fate {
	server := serverState{Server: f.server(t.Server), used: t.Used}
	server.faults = f.engine.classes.faults(server.Faults)
	s := scheduleState{Schedule: f.schedule(t.Server, t.Schedule)}
	s.perByte = perByteOf(server.Server)
	s.policy.Seed = scheduler.Seed(t.Server + "/" + t.Schedule)
	r := run{tries: int32(t.Number), due: t.Due} //nolint:gosec // a handful
	free := server.free(t.At, f.sc.Start)
	seconds, full := f.engine.meet(&s, &server, &r, t.At, free)
	out := Fate{Class: f.engine.classes.name(r.class), Seconds: max(seconds, 1), Bytes: r.bytes, Written: r.bytes}
	whole := s.Seconds + s.transfer(r.bytes)
	switch {
	case full:
		out.Written = max(free, 0)
	case r.class != 0 && f.engine.classes.connects(r.class):
		out.Written = 0
	case r.class != 0:
		out.Written = int64(float64(r.bytes) * min(float64(seconds)/float64(max(whole, 1)), 1))
	}
	return out
}

// Certain is the class of the fault that hits whatever is done on a server at a time; empty where none does. Those that hit by
// chance hit tries alone.
func (f *Fates) Certain(server string, at int64) diagnosis.Class {
	for _, fault := range slices.Concat(f.server(server).Faults, f.sc.Faults) {
		if fault.contains(at) && fault.Slower <= 1 && (fault.Chance <= 0 || fault.Chance >= 1) {
			return fault.Class
		}
	}
	return ""
}

// Disk says how large a server's disk is, and how much of it is free besides so many bytes of archives. A total of 0 is a
// disk without end.
func (f *Fates) Disk(server string, at, used int64) (free, total int64) {
	s := serverState{Server: f.server(server), used: used}
	if s.Disk == 0 {
		return 0, 0
	}
	return max(s.free(at, f.sc.Start), 0), s.Disk
}

// Connects reports whether a failure of a class shows when the server is called.
func Connects(class diagnosis.Class) bool {
	family := diagnosis.FamilyOf(class)
	return family == "ssh" || family == "network"
}

func (f *Fates) server(name string) *Server {
	for i := range f.sc.Servers {
		if f.sc.Servers[i].Name == name {
			return &f.sc.Servers[i]
		}
	}
	return &Server{Name: name}
}

// schedule is the one of that name, else the first of its server, else what is said of none.
func (f *Fates) schedule(server, name string) *Schedule {
	var first *Schedule
	for i := range f.sc.Schedules {
		s := &f.sc.Schedules[i]
		if f.sc.Servers[s.Server].Name != server {
			continue
		}
		if s.Name == name {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return cmp.Or(first, &Schedule{Name: name, Bytes: DefaultBytes, Seconds: RunSeconds})
}
