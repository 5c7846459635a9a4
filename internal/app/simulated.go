package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner/simulated"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// DefaultSimulatedDir is the data directory of a simulated control plane where none is named, below the working directory.
const DefaultSimulatedDir = ".cloudaipilot-simulated"

// stage is the scenario that a simulated control plane plays.
type stage struct {
	*simulator.Scenario
	named bool // somebody wrote it: it says when the time begins
}

// setStage reads the scenario, where the control plane is to be simulated.
func (c *Config) setStage() error {
	if !c.Simulate {
		return nil
	}
	if len(c.Scenario) > scenario.MaxBytes {
		return fmt.Errorf("scenario: it is larger than %s", diagnosis.Bytes(scenario.MaxBytes))
	}
	sc, err := scenario.Stage([]byte(c.Scenario), simulated.Classes())
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	c.stage = &stage{sc, len(bytes.TrimSpace([]byte(c.Scenario))) > 0}
	return nil
}

// assembleSimulated puts a control plane over a store whose servers and time are simulated. Who only reads, what time it is reads too.
func assembleSimulated(c Config, s *store.Store, start, now time.Time, reads bool) *plane {
	sc := &simulator.Scenario{Start: start.Unix()}
	if c.stage != nil {
		sc = c.stage.Scenario
	}
	config := controlplane.VirtualConfig{Start: start, Now: now, Keep: func(ctx context.Context, now time.Time) error {
		return s.SetSimulatedTime(ctx, start, now)
	}}
	for _, o := range sc.Outages {
		config.Outages = append(config.Outages, controlplane.Outage{From: time.Unix(o.From, 0), Until: time.Unix(o.Until, 0)})
	}
	if reads {
		config.Ask = func() time.Time {
			if _, at, err := s.SimulatedTime(context.Background()); err == nil && !at.IsZero() {
				return at
			}
			return now
		}
	}
	var fleet *simulated.Fleet
	config.QuietUntil = func(id backup.ID) time.Time { return fleet.QuietUntil(id) }
	v := controlplane.NewVirtual(config)
	fleet = simulated.New(sc, s, v.Now)
	c.Clock, c.virtual, c.pause = v, v, c.simulatedPause(sc.Seed)
	return c.assembleWith(s, runner.Over(fleet, v.Now), noSecrets{})
}

// simulatedPause is pauseAfter with what is up to chance following from the scenario's seed: an identifier is another one each time.
func (c Config) simulatedPause(seed uint64) func(diagnosis.Class, backup.Backup, int) (time.Duration, bool) {
	return func(class diagnosis.Class, b backup.Backup, tries int) (time.Duration, bool) {
		if c.MaxTries > 0 && tries >= c.MaxTries {
			return 0, false
		}
		return diagnosis.PauseAfter(class, b.Trigger, tries, scheduler.Chance(seed^scheduler.Seed(b.ServerName)^uint64(tries)<<32, b.DueAt.Unix())) //nolint:gosec // the bits are wanted
	}
}

// noSecrets seals nothing and keeps nothing: the key of a server that is not there opens nothing, and one that somebody brings is
// not to lie about in a folder of tests.
type noSecrets struct{}

func (noSecrets) Seal(string, []byte) (string, error) { return "simulated", nil }

func (noSecrets) Open(string, string) ([]byte, error) { return []byte("simulated"), nil }

// openSimulated opens the records of a simulated control plane, and says when its time began and what time it is. Where no server
// is left it begins anew: what a test has taken down is nothing to the next one.
func openSimulated(ctx context.Context, c Config, d dataDir) (s *store.Store, start, now time.Time, err error) {
	begin := time.Unix(c.stage.Start, 0).UTC()
	if s, err = store.OpenScratch(ctx, d.database(), begin); err != nil {
		return nil, start, now, err
	}
	start, now, err = s.SimulatedTime(ctx)
	if err == nil && !start.IsZero() {
		var empty bool
		if empty, err = isEmpty(ctx, s); empty {
			if err = errors.Join(s.Close(), d.removeRecords()); err != nil {
				return nil, start, now, err
			}
			s, err = store.OpenScratch(ctx, d.database(), begin)
			start = time.Time{}
		}
	}
	switch {
	case err != nil:
	case start.IsZero():
		start, now = begin, begin
		err = s.SetSimulatedTime(ctx, start, now)
	case c.stage.named && !start.Equal(begin):
		err = fmt.Errorf("the simulated time in %s began at %s, and the scenario begins at %s: have all scenarios of a directory begin at the same time, take down what is there, or name another directory",
			d, start.Format(time.RFC3339), begin.Format(time.RFC3339))
	}
	if err != nil && s != nil {
		return nil, start, now, errors.Join(err, s.Close())
	}
	return s, start, now, err
}

// isEmpty reports whether nobody would miss the records: there is no server, and no token that lets anybody in.
func isEmpty(ctx context.Context, s *store.Store) (bool, error) {
	servers, err := s.Servers(ctx, controlplane.Page{Limit: 1})
	if err != nil || len(servers) > 0 {
		return false, err
	}
	tokens, err := s.Tokens(ctx, controlplane.Page{Limit: 1})
	return len(tokens) == 0, err
}

// removeRecords removes the database, and nothing else.
func (d dataDir) removeRecords() error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(d.database() + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// isSimulated reports whether the directory is that of a simulated control plane.
func (d dataDir) isSimulated() (bool, error) {
	_, err := os.Lstat(d.simulatedMark())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// mayHold refuses a directory of the other kind: whoever simulates must never meet a real server, and whoever does not must never
// believe in backups that are not there.
func (d dataDir) mayHold(simulated bool) error {
	marked, err := d.isSimulated()
	if err != nil || marked == simulated {
		return err
	}
	if marked {
		return d.errSimulated()
	}
	if exists, err := d.exists(); err != nil || exists {
		return cmp.Or(err, d.errReal())
	}
	return nil
}

// claim makes the directory one of a simulated control plane, or of one that is not. The caller holds the lock.
func (d dataDir) claim(simulate bool) error {
	if err := d.mayHold(simulate); err != nil || !simulate {
		return err
	}
	return os.WriteFile(d.simulatedMark(), []byte("The control plane in this directory is simulated.\n"), 0o600)
}

func (d dataDir) errReal() error {
	return fmt.Errorf("%s holds the records of a control plane that is not simulated: name another directory to simulate one", d)
}

func (d dataDir) errSimulated() error {
	return fmt.Errorf("%s holds a simulated control plane, which makes no backups: name another data directory, or go on simulating with: %s", d, serveCommand(string(d))+" --simulate")
}
