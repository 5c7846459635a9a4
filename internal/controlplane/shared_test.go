package controlplane_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/river"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// fleet is a runner on servers that several control planes reach. It writes down who did what under which lease.
type fleet struct {
	mu     sync.Mutex
	busy   map[backup.ID]bool
	leases map[lease]int
	calls  map[string]map[backup.ID]int
	byWhom map[string]int
	errors []string

	underWay, most int // backups between their preflight and their end
}

type lease struct {
	id      backup.ID
	attempt int64
}

// driver is one control plane's way to the fleet.
type driver struct {
	*fleet
	name string
}

// do notes a call, during which nobody else may be at the backup.
func (d driver) do(call string, b backup.Backup) {
	d.mu.Lock()
	if d.busy[b.ID] {
		d.errors = append(d.errors, d.name+" does "+call+" to "+string(b.ID)+" while another is at it")
	}
	d.busy[b.ID] = true
	d.leases[lease{b.ID, b.Work.Attempt}]++
	if d.calls[call] == nil {
		d.calls[call] = map[backup.ID]int{}
	}
	d.calls[call][b.ID]++
	d.byWhom[d.name]++
	if call == "preflight" {
		d.underWay++
		d.most = max(d.most, d.underWay)
	}
	d.mu.Unlock()
	time.Sleep(time.Millisecond) // a server is not instantly done
	d.mu.Lock()
	d.busy[b.ID] = false
	d.mu.Unlock()
}

func (d driver) Preflight(_ context.Context, _ controlplane.Target, b backup.Backup) (controlplane.Preflight, error) {
	d.do("preflight", b)
	return controlplane.Preflight{HostKey: "ssh-ed25519 AAAA"}, nil
}

func (d driver) Start(_ context.Context, _ controlplane.Target, b backup.Backup) (backup.Job, error) {
	d.do("start", b)
	return backup.Job{PID: 42, StartTime: 7, BootID: "boot"}, nil
}

func (d driver) Watch(_ context.Context, _ controlplane.Target, b backup.Backup) (backup.Observation, error) {
	d.do("watch", b)
	seen := backup.Observation{Job: b.Job, Alive: true, Progress: backup.Progress{Step: "archive", Bytes: 10}}
	if b.Progress.Bytes > 0 {
		seen.Result = archived
		d.mu.Lock()
		d.underWay--
		d.mu.Unlock()
	}
	return seen, nil
}

func (d driver) Cancel(_ context.Context, _ controlplane.Target, b backup.Backup, _ bool) error {
	d.do("cancel", b)
	return nil
}

func (d driver) Clean(_ context.Context, _ controlplane.Target, b backup.Backup) error {
	d.do("clean", b)
	return nil
}

func (driver) Download(context.Context, controlplane.Target, backup.Backup, io.Writer) error {
	return nil
}

func (driver) Folders(context.Context, controlplane.Target) ([]controlplane.Folder, error) {
	return nil, nil
}

func (driver) Forget(backup.ServerID) {}

func TestThreeProcessesOnOneDatabaseMakeEveryBackupOnce(t *testing.T) {
	t.Parallel()
	const processes, backups, places = 3, 50, 4
	database := testbed.StartPostgres(t)
	f := &fleet{busy: map[backup.ID]bool{}, leases: map[lease]int{}, calls: map[string]map[backup.ID]int{}, byWhom: map[string]int{}}
	planes, stores := make([]*controlplane.ControlPlane, processes), make([]*store.Store, processes)
	for i := range planes {
		s, err := store.OpenPostgres(t.Context(), database, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[i] = s
		planes[i] = controlplane.New(controlplane.Config{Store: s, Runner: driver{f, string(rune('a' + i))}, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Clock: bubble{}})
	}
	made := (&bench{ControlPlane: planes[0], t: t}).addServer(func(s *backup.ServerSpec) { // a key to record would be a step more
		s.MaxConcurrentBackups = places
		s.RecordHostKey, s.HostKey = false, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGn1dPqpoBJ0nRd+v0PfBnqz4qwNOF9ZEl9fQZQ2PZlL"
	})
	ids := make([]backup.ID, backups)
	for i := range ids {
		b, err := planes[i%processes].CreateBackup(t.Context(), request(made))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = b.ID
	}

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i, cp := range planes {
		if err := river.Migrate(ctx, stores[i].Conns()); err != nil {
			t.Fatal(err)
		}
		w, err := river.Work(ctx, stores[i].Conns(), cp, 16)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		wg.Go(func() { cp.Sweep(ctx) })
	}
	for i, id := range ids {
		for ended := false; !ended; { // a wait through another process than the one that took the request
			got, err := planes[(i+1)%processes].Wait(t.Context(), []backup.ID{id}, "", time.Minute)
			if err != nil || len(got) != 1 {
				t.Fatalf("%d backups, %v", len(got), err)
			}
			if ended = got[0].Status.Finished(); ended && got[0].Status != backup.StatusCompleted {
				t.Errorf("backup %s: %s", id, got[0].Status)
			}
		}
	}
	cancel()
	wg.Wait()

	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.errors {
		t.Error(e)
	}
	for l, n := range f.leases {
		if n != 1 {
			t.Errorf("%d steps of backup %s under lease %d", n, l.id, l.attempt)
		}
	}
	for call, want := range map[string]int{"preflight": 1, "start": 1, "watch": 2, "cancel": 0, "clean": 0} {
		for _, id := range ids {
			if got := f.calls[call][id]; got != want {
				t.Errorf("backup %s: %s %d times, want %d", id, call, got, want)
			}
		}
	}
	if f.most != places {
		t.Errorf("up to %d backups were made at a time, want %d", f.most, places)
	}
	if len(f.byWhom) != processes {
		t.Errorf("the work was not shared: %v", f.byWhom)
	}
	t.Logf("steps made: %v", f.byWhom)
}
