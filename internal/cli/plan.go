package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// maxPlan bounds a plan in bytes.
const maxPlan = 64 << 20

// terraformPlan is what "terraform show -json" says of a plan, as far as schedules go.
type terraformPlan struct {
	FormatVersion string       `json:"format_version"`
	Changes       []planChange `json:"resource_changes"`
	Configuration struct {
		Root planModule `json:"root_module"`
	} `json:"configuration"`
}

type planChange struct {
	Address string `json:"address"`
	Mode    string `json:"mode"`
	Type    string `json:"type"`
	Change  struct {
		Actions []string        `json:"actions"`
		Before  json.RawMessage `json:"before"`
		After   json.RawMessage `json:"after"`
	} `json:"change"`
}

type planModule struct {
	Resources []struct {
		Address     string                     `json:"address"`
		Expressions map[string]json.RawMessage `json:"expressions"`
	} `json:"resources"`
	Calls map[string]struct {
		Module planModule `json:"module"`
	} `json:"module_calls"`
}

// plannedServer and plannedSchedule are the resources' attributes that a simulation reads. What is not known before it is
// applied is null.
type plannedServer struct {
	ID            string          `json:"id"`
	Name          string          `json:"name"`
	MaxConcurrent int             `json:"max_concurrent_backups"`
	Maintenance   []backup.Window `json:"maintenance_windows"`
}

type plannedSchedule struct {
	Name          string          `json:"name"`
	ServerID      string          `json:"server_id"`
	Cron          string          `json:"cron"`
	Timezone      string          `json:"timezone"`
	RetentionDays *int            `json:"retention_days"`
	Paused        bool            `json:"paused"`
	Overlap       string          `json:"overlap"`
	MissedRuns    string          `json:"missed_runs"`
	MaxMissedRuns *int            `json:"max_missed_runs"`
	Deadline      int             `json:"starting_deadline_seconds"`
	Jitter        int             `json:"jitter_seconds"`
	Blackouts     []backup.Window `json:"blackout_windows"`
}

// plannedFleet is a fleet before or after a plan.
type plannedFleet struct {
	servers   map[string]plannedServer // by id, and by address where it has none yet
	schedules map[string]plannedSchedule
}

// simulatePlan simulates the schedules of a plan as they are and as they will be.
func (c *cli) simulatePlan(ctx context.Context, o simulateOptions) error {
	raw, err := c.readBounded(o.plan, maxPlan)
	if err != nil {
		return usageError{fmt.Errorf("plan %s: %w", plain(o.plan), err)}
	}
	h, err := o.horizon("", "")
	if err != nil {
		return usageError{err}
	}
	before, after, err := parsePlan(raw, h, o.seed)
	if err != nil {
		return usageError{fmt.Errorf("plan %s: %w", plain(o.plan), err)}
	}
	var result struct {
		Before *simulation `json:"before"` // null where the plan adds the first schedules
		After  *simulation `json:"after"`  // null where it removes the last ones
	}
	err = c.withHTML(o, func() ([]titled, error) {
		for _, s := range []struct {
			sc     scenario.Scenario
			result **simulation
			events string
		}{{before, &result.Before, ""}, {after, &result.After, o.events}} {
			if len(s.sc.Schedules) == 0 {
				continue
			}
			one := o
			one.events = s.events
			found, err := c.run(ctx, s.sc, one)
			if err != nil {
				return nil, err
			}
			*s.result = &found
		}
		return []titled{{"Before the plan", result.Before}, {"After the plan", result.After}}, nil
	})
	switch {
	case err != nil:
		return err
	case o.events == "-", o.html == "-":
		return nil
	case c.json:
		return c.printJSON(result)
	}
	return c.printPlanned(result.Before, result.After)
}

func (c *cli) printPlanned(before, after *simulation) error {
	for _, s := range []struct {
		title  string
		result *simulation
	}{{"BEFORE the plan", before}, {"AFTER the plan", after}} {
		fmt.Fprintf(c.out, "%s\n", s.title)
		if s.result == nil {
			fmt.Fprint(c.out, "no schedules\n\n")
			continue
		}
		if err := c.printSimulation(*s.result); err != nil {
			return err
		}
		fmt.Fprintln(c.out)
	}
	return nil
}

// parsePlan returns the fleets before and after a plan.
func parsePlan(raw []byte, h scenario.Horizon, seed uint64) (before, after scenario.Scenario, err error) {
	var p terraformPlan
	if err := json.Unmarshal(raw, &p); err != nil {
		return before, after, fmt.Errorf(`it is not what "terraform show -json PLAN" prints: %w`, err)
	}
	if p.FormatVersion == "" {
		return before, after, errors.New(`it has no format_version: make it with "terraform plan -out PLAN" and "terraform show -json PLAN"`)
	}
	was, will := newPlannedFleet(), newPlannedFleet()
	for _, change := range p.Changes {
		if change.Mode != "managed" {
			continue
		}
		if err := errors.Join(was.add(change.Type, change.Address, change.Change.Before, nil), will.add(change.Type, change.Address, change.Change.After, p.serverOf)); err != nil {
			return before, after, fmt.Errorf("%s: %w", change.Address, err)
		}
	}
	if len(was.schedules)+len(will.schedules) == 0 {
		return before, after, errors.New("no cloudaipilot_backup_schedule is in it")
	}
	if before, err = was.scenario(h, seed); err == nil {
		after, err = will.scenario(h, seed)
	}
	return before, after, err
}

func newPlannedFleet() *plannedFleet {
	return &plannedFleet{map[string]plannedServer{}, map[string]plannedSchedule{}}
}

// add notes a resource. serverOf finds the server of a schedule that is not made yet.
func (f *plannedFleet) add(kind, address string, attributes json.RawMessage, serverOf func(string) string) error {
	if len(attributes) == 0 || string(attributes) == "null" {
		return nil
	}
	switch kind {
	case "cloudaipilot_server":
		var s plannedServer
		if err := json.Unmarshal(attributes, &s); err != nil {
			return err
		}
		f.servers[address] = s
		if s.ID != "" {
			f.servers[s.ID] = s
		}
	case "cloudaipilot_backup_schedule":
		var s plannedSchedule
		if err := json.Unmarshal(attributes, &s); err != nil {
			return err
		}
		if s.ServerID == "" && serverOf != nil {
			s.ServerID = serverOf(address)
		}
		f.schedules[address] = s
	}
	return nil
}

func (f *plannedFleet) scenario(h scenario.Horizon, seed uint64) (scenario.Scenario, error) {
	sc := &simulator.Scenario{Start: h.Start, End: h.End, Seed: seed}
	number := map[string]int{}
	for _, address := range slices.Sorted(maps.Keys(f.schedules)) {
		s := f.schedules[address]
		server := f.servers[s.ServerID]
		if server.Name == "" { // another configuration's, or not known yet
			server.Name = orDash(s.ServerID)
		}
		at, ok := number[server.Name]
		if !ok {
			at = len(sc.Servers)
			number[server.Name] = at
			sc.Servers = append(sc.Servers, simulator.Server{Name: server.Name, MaxConcurrent: server.MaxConcurrent})
		}
		added, err := scenario.Scheduled(s.spec(), server.Name, server.Maintenance)
		if err != nil {
			return scenario.Scenario{}, fmt.Errorf("%s: %w", address, err)
		}
		added.Server, added.Bytes = at, usualBytes
		sc.Schedules = append(sc.Schedules, added)
	}
	return scenario.Scenario{Scenario: sc}, nil
}

func (s plannedSchedule) spec() backup.ScheduleSpec {
	f := scenario.ScheduleSettings{Name: s.Name, Cron: s.Cron, Timezone: s.Timezone, RetentionDays: s.RetentionDays, Overlap: s.Overlap, MissedRuns: s.MissedRuns,
		MaxMissedRuns: s.MaxMissedRuns, Deadline: s.Deadline, Jitter: s.Jitter, Paused: s.Paused}
	spec := f.Spec()
	spec.Blackouts = s.Blackouts
	return spec
}

// instanceKey is what stands behind a resource or a module that has several: [0] or ["a"].
var instanceKey = regexp.MustCompile(`\[(?:\d+|"(?:[^"\\]|\\.)*")\]`)

// serverOf returns the address of the server that a schedule's configuration refers to, "" where it cannot be told.
func (p *terraformPlan) serverOf(address string) string {
	module, path, prefix := p.Configuration.Root, address, ""
	for {
		name, rest, ok := strings.Cut(strings.TrimPrefix(path, "module."), ".")
		if !strings.HasPrefix(path, "module.") || !ok {
			break
		}
		prefix += "module." + name + "."
		module, path = module.Calls[instanceKey.ReplaceAllString(name, "")].Module, rest
	}
	key := instanceKey.FindString(path)
	for _, r := range module.Resources {
		if r.Address != instanceKey.ReplaceAllString(path, "") {
			continue
		}
		var e struct {
			References []string `json:"references"`
		}
		if json.Unmarshal(r.Expressions["server_id"], &e) != nil {
			return ""
		}
		for _, reference := range e.References {
			if server, ok := strings.CutSuffix(reference, ".id"); ok && strings.HasPrefix(server, "cloudaipilot_server.") {
				return prefix + strings.NewReplacer("[each.key]", key, "[count.index]", key).Replace(server)
			}
		}
	}
	return ""
}
