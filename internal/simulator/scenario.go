package simulator

import (
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// Scenario is a fleet and what happens to it. Times are seconds since 1970 in UTC, sizes bytes.
type Scenario struct {
	Start, End int64 // due times t with Start <= t < End are simulated
	Seed       uint64

	Servers   []Server
	Vaults    []Vault
	Schedules []Schedule
	Outages   []Span  // of the control plane: nobody is there to start anything
	Faults    []Fault // that can hit any run
}

// Span is the time from From to before Until.
type Span struct{ From, Until int64 }

func (s Span) contains(t int64) bool { return s.From <= t && t < s.Until }

// Server is a machine that backups are made on, and the disk that they lie on.
type Server struct {
	Name          string
	Disk          int64 // of the backup folder's file system; 0: without end
	Others        int64 // used by others when the simulation starts
	OthersPerDay  int64 // by which that grows
	BytesPerSec   int64 // of archive that it writes; 0: DefaultBytesPerSec
	MaxConcurrent int   // places for backups; 0: 1
	Faults        []Fault
}

// DefaultBytesPerSec is what gzip makes on one processor, about.
const DefaultBytesPerSec = 30 << 20

// Vault is where archives go besides.
type Vault struct {
	Name        string
	Capacity    int64 // 0: without end
	BytesPerSec int64 // of upload; 0: DefaultBytesPerSec
	Faults      []Fault
}

// Schedule is what makes backups of a server.
type Schedule struct {
	Name       string
	Server     int // index into Scenario.Servers
	Vault      int // index into Scenario.Vaults, NoVault for none
	Expression cron.Expression
	Zone       *cron.Zone
	Policy     scheduler.Policy
	Retention  int64 // seconds
	Bytes      int64 // of an archive when the simulation starts
	PerDay     int64 // by which archives grow
	Seconds    int64 // that a run takes besides what its bytes take
}

// ClockChanges are the changes of the clocks that concern due times of a schedule, with what becomes of those.
func (sc *Scenario) ClockChanges(schedule int) []cron.ClockChange {
	s := &sc.Schedules[schedule]
	return s.Expression.ClockChanges(s.Zone, sc.Start, sc.End)
}

// NoVault is the vault of a schedule whose archives stay on the server.
const NoVault = -1

// Fault makes runs fail that begin while it lasts. One with Slower above 1 makes them take longer instead.
type Fault struct {
	Span
	Class  diagnosis.Class
	Chance float64 // that it hits a run; 0 is always
	Slower float64 // by how much: 2 is half as fast
}
