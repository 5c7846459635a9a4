package simulated

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// Records are what the servers are put together from again when a process begins: what lies on their disks, and which jobs run there.
type Records interface {
	Backups(ctx context.Context, f controlplane.BackupFilter) ([]backup.Backup, error)
	Schedule(ctx context.Context, id backup.ScheduleID) (backup.Schedule, error)
}

// Fleet is the servers of a scenario.
type Fleet struct {
	fates   *simulator.Fates
	records Records
	now     func() time.Time

	mu    sync.Mutex
	disks map[backup.ServerID]map[backup.ID]int64 // bytes of the archives on them
	jobs  map[backup.ID]*job
	names map[backup.ScheduleID]string
}

var _ runner.Fleet = (*Fleet)(nil)

// New returns the servers of a scenario at the time of a clock.
func New(sc *simulator.Scenario, records Records, now func() time.Time) *Fleet {
	return &Fleet{fates: simulator.NewFates(sc), records: records, now: now,
		disks: map[backup.ServerID]map[backup.ID]int64{}, jobs: map[backup.ID]*job{}, names: map[backup.ScheduleID]string{}}
}

// Forget implements runner.Fleet: nothing is open.
func (*Fleet) Forget(backup.ServerID) {}

// Close implements runner.Fleet.
func (*Fleet) Close() {}

// Reach implements runner.Fleet. A job that has begun goes on through an outage and is seen to, as in the simulator: a fault hits
// what begins while it lasts.
func (f *Fleet) Reach(ctx context.Context, t controlplane.Target, b backup.Backup) (runner.Host, string, error) {
	h := &host{fleet: f, target: t, backup: b, key: hostKey(t.Server.Host)}
	if trusted := t.Server.TrustedHostKey(); trusted != "" {
		h.key = trusted
	}
	if len(t.PrivateKey) == 0 {
		return nil, "", plays["ssh_not_configured"].refuse(h)
	}
	var err error
	if h.schedule, err = f.nameOf(ctx, b.ScheduleID); err == nil {
		h.used, err = f.used(ctx, b.ServerID)
	}
	if err != nil {
		return nil, "", err
	}
	if h.fate = h.meets(); simulator.Connects(h.fate.Class) {
		return nil, "", plays[h.fate.Class].refuse(h)
	}
	return h, h.key, nil
}

// QuietUntil is when something happens to the job of a backup by itself; zero where that is not known. To one that hangs nothing
// does for long.
func (f *Fleet) QuietUntil(id backup.ID) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, ok := f.jobs[id]
	switch {
	case !ok || !j.ended.IsZero():
		return time.Time{}
	case plays[j.class].hangs && !f.now().Before(j.ends):
		return f.now().Add(24 * time.Hour) // nothing does
	}
	return j.ends
}

// nameOf is the name of a schedule.
func (f *Fleet) nameOf(ctx context.Context, id backup.ScheduleID) (string, error) {
	f.mu.Lock()
	name, ok := f.names[id]
	f.mu.Unlock()
	if ok || id == "" {
		return name, nil
	}
	s, err := f.records.Schedule(ctx, id)
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", id, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[id] = s.Name
	return s.Name, nil
}

// used is what archives hold of a server's disk.
func (f *Fleet) used(ctx context.Context, server backup.ServerID) (bytes int64, err error) {
	f.mu.Lock()
	disk, ok := f.disks[server]
	f.mu.Unlock()
	if !ok {
		if disk, err = f.recorded(ctx, server); err != nil {
			return 0, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, ok := f.disks[server]; ok {
		disk = known
	}
	f.disks[server] = disk
	for _, n := range disk {
		bytes += n
	}
	return bytes, nil
}

// recorded is what lies on a server's disk by the records.
func (f *Fleet) recorded(ctx context.Context, server backup.ServerID) (map[backup.ID]int64, error) {
	disk, filter := map[backup.ID]int64{}, controlplane.BackupFilter{ServerID: server, Page: controlplane.Page{Limit: 1000}}
	for {
		page, err := f.records.Backups(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, b := range page {
			if j, ok := parseJob(b.Job); ok && b.OnServer && b.Status != backup.StatusFailed && j.class == "" {
				disk[b.ID] = j.bytes
			}
		}
		if len(page) < filter.Page.Limit {
			return disk, nil
		}
		filter.Page.After = string(page[len(page)-1].ID)
	}
}

// put notes what a backup holds of a server's disk; 0 bytes remove it.
func (f *Fleet) put(server backup.ServerID, id backup.ID, bytes int64) {
	if f.disks[server] == nil {
		return // not read yet: the records know
	}
	if bytes == 0 {
		delete(f.disks[server], id)
		return
	}
	f.disks[server][id] = bytes
}

// meets is what the backup of a host meets now: as a try of its schedule, and else what whoever looks at the server does.
func (h *host) meets() simulator.Fate {
	b, now := h.backup, h.fleet.now().Unix()
	switch {
	case b.ID == "" || b.Status.Finished():
		return simulator.Fate{Class: h.fleet.fates.Certain(h.target.Server.Name, now)}
	case b.Job != (backup.Job{}):
		return simulator.Fate{}
	}
	due := b.DueAt
	if due.IsZero() {
		due = b.CreatedAt
	}
	fate := h.fleet.fates.Of(simulator.Try{Server: h.target.Server.Name, Schedule: h.schedule, Due: due.Unix(), Number: len(b.Tries) + 1, At: now, Used: h.used})
	if plays[fate.Class].databases && len(b.Databases) == 0 {
		fate.Class, fate.Written = "", fate.Bytes // it has none that could fail
	}
	return fate
}

// hostKey is the line of the host key that a server presents of which none is known yet.
func hostKey(host string) string {
	return "ssh-ed25519 " + keyText("host key of "+host)
}

var _ runner.Host = (*host)(nil)

// host is a server that let us in.
type host struct {
	fleet    *Fleet
	target   controlplane.Target
	backup   backup.Backup
	key      string
	schedule string // whose backup it is; empty: nobody's
	used     int64  // by archives
	fate     simulator.Fate
}

// space is what the server's disk has.
func (h *host) space() (free, total int64) {
	free, total = h.fleet.fates.Disk(h.target.Server.Name, h.fleet.now().Unix(), h.used)
	if total == 0 {
		return endless, endless
	}
	return free, total
}

// endless is what a disk says of itself that the scenario gives no size, and inodes how many every disk has.
const (
	endless = 1 << 50
	inodes  = 1 << 24
)

// Check implements runner.Host.
func (h *host) Check(_ context.Context, r ssh.CheckRequest) (ssh.CheckReport, error) {
	free, total := h.space()
	report := ssh.CheckReport{GNUTar: true, SudoOK: h.target.Server.Privilege == backup.PrivilegeSudo, Folder: ssh.FolderOK, FreeBytes: free, TotalBytes: total,
		FreeInodes: inodes, TotalInodes: inodes, BootID: bootID, Time: h.fleet.now().Unix()}
	for range r.Include {
		report.Paths = append(report.Paths, ssh.PathOK)
	}
	for range r.Databases {
		report.Databases = append(report.Databases, ssh.DatabaseReport{State: ssh.DatabaseOK})
	}
	if check := plays[h.fate.Class].check; check != nil {
		return report, check(&report, h)
	}
	return report, nil
}

// address is where the server would be.
func (h *host) address() string {
	return net.JoinHostPort(h.target.Server.Host, strconv.Itoa(h.target.Server.Port))
}
