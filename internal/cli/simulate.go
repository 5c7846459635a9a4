package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	scenario, plan, from, length, events, html string
	synthetic, parallelism                     int
	seed                                       uint64
	seedGiven                                  bool
}

// errAsserted ends a simulation that did not show what it must.
var errAsserted = errors.New("the simulation does not show what the scenario asserts")

func (c *cli) simulateCommand() *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{Use: "simulate", Short: "Say what schedules will do, before they do it", Args: cobra.NoArgs,
		Long: `Say what schedules will do, before they do it: every run and every due time without one, with its reason; how old the newest
good backup gets; when a disk fills up. What decides is what decides in the control plane, in virtual time.

Without a source, the schedules that the control plane keeps are simulated. Nothing is changed, and no server is asked. The same
scenario and seed give the same events on every machine; their hash is printed.`,
		Example: "  cloudaipilot simulate --synthetic 1000 --for 365d",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.seedGiven = cmd.Flags().Changed("seed")
			return c.simulate(cmd.Context(), o)
		}}
	f := cmd.Flags()
	f.StringVar(&o.scenario, "scenario", "", "simulate this scenario: a YAML or JSON file, - for standard input")
	f.StringVar(&o.plan, "plan", "", `simulate what "terraform show -json PLAN" printed, before and after`)
	f.IntVar(&o.synthetic, "synthetic", 0, fmt.Sprintf("simulate a mixed fleet of so many schedules, 1 to %d", simulator.MaxSynthetic))
	f.StringVar(&o.from, "from", "", "begin at this time, in RFC 3339 (default: the scenario's, else the beginning of this day in UTC)")
	f.StringVar(&o.length, "for", "", "simulate so long, up to 3650d (default: the scenario's, else 365d)")
	f.Uint64Var(&o.seed, "seed", 0, "another seed of all that is chance (default: the scenario's, else 0)")
	f.IntVar(&o.parallelism, "parallelism", runtime.GOMAXPROCS(0), "simulate so many parts of the fleet at a time; changes no result")
	f.StringVar(&o.events, "events", "", "write every event into this file, one JSON object on a line, - for standard output")
	f.StringVar(&o.html, "html", "", "write the result with charts into this file, one page that needs nothing else, - for standard output")
	cmd.MarkFlagsMutuallyExclusive("scenario", "plan", "synthetic")
	return cmd
}

const (
	defaultHorizon = 365 * 24 * time.Hour
	maxHorizon     = 10 * 365 * 24 * time.Hour
)

// horizon is the time to simulate: the command line's, else the file's, else a year from today.
func (o *simulateOptions) horizon(start, length string) (h scenario.Horizon, err error) {
	at, named := o.from, "--from"
	if at == "" {
		at, named = start, "start"
	}
	begin := time.Now().UTC().Truncate(24 * time.Hour)
	if at != "" {
		if begin, err = time.Parse(time.RFC3339, at); err != nil {
			return h, fmt.Errorf("%s: %q is no time in RFC 3339; write 2026-03-08T06:30:00Z", named, plain(at))
		}
	}
	long, named := o.length, "--for"
	if long == "" {
		long, named = length, "for"
	}
	span := defaultHorizon
	if long != "" {
		if span, err = scenario.ParseSpan(long); err != nil {
			return h, fmt.Errorf("%s: %w", named, err)
		}
	}
	if span < time.Minute || span > maxHorizon {
		return h, fmt.Errorf("%s: %q: allowed are 1m to 3650d", named, plain(long))
	}
	h = scenario.Horizon{Start: begin.Unix(), End: begin.Add(span).Unix()}
	if begin.Year() < 1970 || time.Unix(h.End, 0).UTC().Year() > 2200 {
		return h, fmt.Errorf("times are known from 1970 to 2200 only, not from %s to %s", begin.Format(time.RFC3339), time.Unix(h.End, 0).UTC().Format(time.RFC3339))
	}
	return h, nil
}

func (c *cli) simulate(ctx context.Context, o simulateOptions) error {
	if o.parallelism < 1 || o.parallelism > 1024 {
		return usageError{fmt.Errorf("--parallelism %d: allowed are 1 to 1024", o.parallelism)}
	}
	for _, to := range []struct{ flag, path string }{{"--events", o.events}, {"--html", o.html}} {
		for _, from := range []string{o.scenario, o.plan} {
			if to.path != "-" && isSameFile(to.path, from) {
				return usageError{fmt.Errorf("%s would write over %s, which is what is simulated; name another file", to.flag, plain(from))}
			}
		}
	}
	if isSameFile(o.html, o.events) {
		return usageError{fmt.Errorf("--events and --html both write to %s, which has room for one of them; name another file", plain(o.html))}
	}
	if o.plan != "" {
		return c.simulatePlan(ctx, o)
	}
	sc, err := c.fleet(ctx, o)
	if err != nil {
		return err
	}
	var result simulation
	if err := c.withHTML(o, func() ([]titled, error) {
		result, err = c.run(ctx, sc, o)
		return []titled{{simulation: &result}}, err
	}); err != nil {
		return err
	}
	if o.events == "-" || o.html == "-" { // nothing is said beside them
		return result.verdict()
	}
	if c.json {
		err = c.printJSON(result)
	} else {
		err = c.printSimulation(result)
	}
	return errors.Join(err, result.verdict())
}

// isSameFile reports whether two paths lead to one file, or will.
func isSameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b || a != "-" && b != "-" && filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && x.Mode().IsRegular() && os.SameFile(x, y)
}

// fleet is what is to be simulated.
func (c *cli) fleet(ctx context.Context, o simulateOptions) (scenario.Scenario, error) {
	if o.scenario != "" {
		return c.readScenario(o.scenario, o)
	}
	h, err := o.horizon("", "")
	if err != nil {
		return scenario.Scenario{}, usageError{err}
	}
	if o.synthetic == 0 {
		return c.keptFleet(ctx, h, o.seed)
	}
	if o.synthetic < 0 || o.synthetic > simulator.MaxSynthetic {
		return scenario.Scenario{}, usageError{fmt.Errorf("--synthetic %d: allowed are 1 to %d", o.synthetic, simulator.MaxSynthetic)}
	}
	sc, err := simulator.Synthetic(o.synthetic, h.Start, h.End, o.seed)
	return scenario.Scenario{Scenario: sc}, err
}

// run simulates, and writes the events where they are wanted.
func (c *cli) run(ctx context.Context, sc scenario.Scenario, o simulateOptions) (simulation, error) {
	options := simulator.Options{Parallelism: o.parallelism, Daily: o.html != "", Going: func(int) error { return ctx.Err() }}
	finish := func() error { return nil }
	if o.events != "" {
		emit, end, err := c.eventWriter(ctx, sc.Scenario, o.events)
		if err != nil {
			return simulation{}, err
		}
		options.Emit, finish = emit, end
	}
	began := time.Now()
	report, err := simulator.Simulate(sc.Scenario, options)
	if err = errors.Join(err, finish()); err != nil {
		return simulation{}, err
	}
	return simulationOf(sc, report, time.Since(began)), nil
}

// eventWriter returns what writes events, and what ends the writing.
func (c *cli) eventWriter(ctx context.Context, sc *simulator.Scenario, path string) (emit func(simulator.Event) error, end func() error, err error) {
	out, closed := c.out, func() error { return nil }
	if path != "-" {
		f, err := os.Create(path)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--events: %w", err)}
		}
		out, closed = f, f.Close
	}
	w := bufio.NewWriterSize(out, 1<<16)
	encoder := json.NewEncoder(w)
	emit = func(e simulator.Event) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return encoder.Encode(eventOf(sc, e))
	}
	return emit, func() error { return errors.Join(w.Flush(), closed()) }, nil
}

// simulatedEvent is one line of --events.
type simulatedEvent struct {
	At         string `json:"at"`
	Server     string `json:"server"`
	Schedule   string `json:"schedule"`
	Due        string `json:"due_at"`
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason,omitempty"`
	Class      string `json:"class,omitempty"`
	CaughtUpBy string `json:"caught_up_by,omitempty"`
	Begin      string `json:"started_at,omitempty"`
	Seconds    int64  `json:"seconds,omitempty"`
	Tries      int    `json:"tries,omitempty"`
	Bytes      int64  `json:"bytes,omitempty"`
}

func eventOf(sc *simulator.Scenario, e simulator.Event) simulatedEvent {
	s := &sc.Schedules[e.Schedule]
	out := simulatedEvent{At: utc(e.At), Server: sc.Servers[s.Server].Name, Schedule: s.Name, Due: time.Unix(e.Due, 0).In(s.Zone.Location()).Format(time.RFC3339),
		Outcome: e.Outcome.String(), Reason: string(e.Reason.Word()), Class: string(e.Class), CaughtUpBy: utc(e.By), Begin: utc(e.Begin), Tries: e.Tries, Bytes: e.Bytes}
	if e.Begin > 0 {
		out.Seconds = e.At - e.Begin
	}
	return out
}

// utc writes a time, "" for none.
func utc(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(t, 0).UTC().Format(time.RFC3339)
}

// simulation is what a simulation showed, as --json prints it.
type simulation struct {
	Start      string               `json:"start"`
	End        string               `json:"end"`
	Seed       uint64               `json:"seed"`
	Zones      string               `json:"time_zone_database"`
	Runs       int64                `json:"runs"`
	Elapsed    float64              `json:"elapsed_seconds"`
	Hash       string               `json:"hash"`
	Totals     map[string]int64     `json:"totals"`
	Schedules  []simulatedSchedule  `json:"schedules"`
	Servers    []simulatedServer    `json:"servers"`
	Vaults     []simulatedVault     `json:"vaults"`
	Assertions []simulatedAssertion `json:"assertions"`

	scenario scenario.Scenario
	report   *simulator.Report
}

type simulatedSchedule struct {
	Server    string           `json:"server"`
	Name      string           `json:"name"`
	Cron      string           `json:"cron"`
	Timezone  string           `json:"timezone"`
	Outcomes  map[string]int64 `json:"outcomes"`
	Failed    map[string]int64 `json:"failed_by_class"`
	Unsent    map[string]int64 `json:"not_sent_by_class"`
	Reasons   map[string]int64 `json:"not_run_by_reason"`
	Retries   int64            `json:"retries"`
	MaxGap    int64            `json:"max_gap_seconds"`
	MaxGapAt  string           `json:"max_gap_at,omitempty"`
	LastGood  string           `json:"last_good_at,omitempty"`
	Clocks    []simulatedClock `json:"clock_changes"`
	completed int64
}

// simulatedClock is a change of the clocks that concerns due times of a schedule.
type simulatedClock struct {
	At     string           `json:"at"` // the first instant after it
	Effect cron.ClockEffect `json:"effect"`
	Times  int              `json:"due_times"`
	First  string           `json:"first"` // of them, on the wall clock
	Last   string           `json:"last"`
	Text   string           `json:"text"`
}

type simulatedServer struct {
	Name        string  `json:"name"`
	Disk        int64   `json:"disk_bytes"`
	Peak        int64   `json:"peak_bytes"`
	PeakPercent float64 `json:"peak_percent"`
	FullAt      string  `json:"full_at,omitempty"`
	Collisions  int64   `json:"collisions"`
	Busiest     string  `json:"busiest_hour"`
	Used        []int64 `json:"used_bytes_by_day"`
}

type simulatedVault struct {
	Name     string  `json:"name"`
	Capacity int64   `json:"capacity_bytes"`
	Peak     int64   `json:"peak_bytes"`
	Bytes    []int64 `json:"bytes_by_day"`
}

type simulatedAssertion struct {
	Name  string   `json:"name"`
	Holds bool     `json:"holds"`
	Wrong []string `json:"wrong"`
}

func simulationOf(sc scenario.Scenario, r *simulator.Report, took time.Duration) simulation {
	out := simulation{Start: utc(sc.Start), End: utc(sc.End), Seed: sc.Seed, Zones: cron.ZoneVersion, Runs: r.Runs, Elapsed: took.Seconds(),
		Hash: fmt.Sprintf("%016x", r.Hash), Totals: map[string]int64{}, Schedules: []simulatedSchedule{}, Servers: []simulatedServer{}, Vaults: []simulatedVault{}, Assertions: []simulatedAssertion{},
		scenario: sc, report: r}
	due := int64(0)
	for o, n := range r.Totals {
		out.Totals[simulator.Outcome(o).String()] = n
		due += n
	}
	out.Totals["due_times"] = due
	for i := range r.Schedules {
		out.Schedules = append(out.Schedules, scheduleOf(sc.Scenario, r, i))
		out.Totals["retries"] += r.Schedules[i].Retries
	}
	for i := range r.Servers {
		s := &r.Servers[i]
		out.Servers = append(out.Servers, simulatedServer{Name: sc.Servers[i].Name, Disk: sc.Servers[i].Disk, Peak: s.PeakBytes, PeakPercent: sc.PeakPercent(r, i),
			FullAt: utc(s.FullAt), Collisions: s.Collisions, Busiest: hourOfWeek(s.Busiest()), Used: s.Used})
	}
	for i := range r.Vaults {
		out.Vaults = append(out.Vaults, simulatedVault{sc.Vaults[i].Name, sc.Vaults[i].Capacity, r.Vaults[i].PeakBytes, r.Vaults[i].Bytes})
	}
	for _, a := range sc.Assertions {
		wrong := a.Check(sc.Scenario, r)
		out.Assertions = append(out.Assertions, simulatedAssertion{a.Name, len(wrong) == 0, append([]string{}, wrong...)})
	}
	return out
}

func scheduleOf(sc *simulator.Scenario, r *simulator.Report, i int) simulatedSchedule {
	s, found := &sc.Schedules[i], &r.Schedules[i]
	out := simulatedSchedule{Server: sc.Servers[s.Server].Name, Name: s.Name, Cron: s.Expression.Text(), Timezone: s.Zone.Name(), Outcomes: map[string]int64{},
		Failed: texts(found.Failed()), Unsent: texts(found.Unsent()), Reasons: map[string]int64{}, Retries: found.Retries, MaxGap: found.MaxGap,
		MaxGapAt: utc(found.MaxGapAt), LastGood: utc(found.LastGood), Clocks: []simulatedClock{}, completed: found.Of(simulator.Completed)}
	for _, change := range sc.ClockChanges(i) {
		out.Clocks = append(out.Clocks, simulatedClock{At: time.Unix(change.At, 0).In(s.Zone.Location()).Format(time.RFC3339), Effect: change.Effect, Times: change.Times,
			First: wallClock(change.First), Last: wallClock(change.Last), Text: change.String()})
	}
	for o, n := range found.Outcomes {
		out.Outcomes[simulator.Outcome(o).String()] = n
	}
	for reason, n := range found.NotRun() {
		out.Reasons[string(reason.Word())] = n
	}
	return out
}

// wallClock writes a local time.
func wallClock(t int64) string { return time.Unix(t, 0).UTC().Format("2006-01-02T15:04") }

func texts(counts map[diagnosis.Class]int64) map[string]int64 {
	out := map[string]int64{}
	for class, n := range counts {
		out[string(class)] = n
	}
	return out
}

func hourOfWeek(h int) string {
	return [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[h/24] + fmt.Sprintf(" %02d:00 UTC", h%24)
}

// verdict is an error where something asserted does not hold.
func (s *simulation) verdict() error {
	var broken []string
	for _, a := range s.Assertions {
		if !a.Holds {
			broken = append(broken, a.Name)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", errAsserted, strings.Join(broken, ", "))
}

// printSimulation prints tables for people.
func (c *cli) printSimulation(s simulation) error {
	fmt.Fprintf(c.out, "From %s to %s: %s\n\n", s.Start, s.End, outcomesInWords(s.Totals))
	var rows [][]string
	for _, x := range s.Schedules {
		rows = append(rows, []string{x.Server + "/" + x.Name, x.Cron, x.Timezone, strconv.FormatInt(x.completed, 10), counted(x.Failed), counted(x.Reasons), forPeople(x.MaxGap)})
	}
	if err := c.table(nil, "SCHEDULE\tCRON\t?TIME ZONE\tCOMPLETED\tFAILED\t?NOT RUN\tOLDEST NEWEST BACKUP", longest(rows)); err != nil {
		return err
	}
	rows = nil
	for _, x := range s.Servers {
		disk := "no end"
		if x.Disk > 0 {
			disk = fmt.Sprintf("%.0f %%", x.PeakPercent)
		}
		rows = append(rows, []string{x.Name, diagnosis.Bytes(x.Peak), disk, orDash(x.FullAt), strconv.FormatInt(x.Collisions, 10), x.Busiest})
	}
	fmt.Fprintln(c.out)
	if err := c.table(nil, "SERVER\tDISK PEAK\tOF DISK\tFULL SINCE\tCOLLISIONS\t?BUSIEST HOUR", longest(rows)); err != nil {
		return err
	}
	if len(s.Vaults) > 0 {
		rows = nil
		for _, x := range s.Vaults {
			rows = append(rows, []string{x.Name, diagnosis.Bytes(x.Peak), diagnosis.Bytes(x.Capacity)})
		}
		fmt.Fprintln(c.out)
		if err := c.table(nil, "VAULT\tPEAK\tCAPACITY", rows); err != nil {
			return err
		}
	}
	c.printClockChanges(s.Schedules)
	fmt.Fprintf(c.out, "\n%d runs in %.2f s, hash %s (time zones %s, seed %d)\n", s.Runs, s.Elapsed, s.Hash, s.Zones, s.Seed)
	for _, a := range s.Assertions {
		if a.Holds {
			fmt.Fprintf(c.out, "holds: %s\n", a.Name)
		}
		for i, w := range a.Wrong {
			if i == maxWrong {
				w = fmt.Sprintf("and %d more: --json has all", len(a.Wrong)-maxWrong)
			}
			fmt.Fprintf(c.out, "FAILS: %s: %s\n", a.Name, plain(w))
			if i == maxWrong {
				break
			}
		}
	}
	return nil
}

// printClockChanges says what changes of the clocks do, what surprises most first.
func (c *cli) printClockChanges(schedules []simulatedSchedule) {
	lines := clockLines(schedules)
	for i, line := range lines {
		if i == 0 {
			fmt.Fprintln(c.out)
		}
		if i == maxClocks {
			fmt.Fprintf(c.out, "clocks: and %d more: --json has all\n", len(lines)-maxClocks)
			break
		}
		fmt.Fprintf(c.out, "clocks: %s\n", plain(line))
	}
}

// clockLines are what the changes of the clocks do: first where due times move, last where an hourly schedule goes on as ever.
func clockLines(schedules []simulatedSchedule) (lines []string) {
	for _, effect := range []cron.ClockEffect{cron.ClockMoved, cron.ClockOnce, cron.ClockTwice} {
		for _, s := range schedules {
			for _, change := range s.Clocks {
				if change.Effect == effect {
					lines = append(lines, s.Server+"/"+s.Name+": "+change.Text)
				}
			}
		}
	}
	return lines
}

// maxRows is how much of a table a person reads. All of it is in --json.
const (
	maxRows   = 50
	maxWrong  = 10 // the same of what an assertion found
	maxClocks = 10 // and of what the clocks do
)

func longest(rows [][]string) [][]string {
	if len(rows) <= maxRows {
		return rows
	}
	more := make([]string, len(rows[0]))
	more[0] = fmt.Sprintf("and %d more: --json has all", len(rows)-maxRows)
	return append(rows[:maxRows], more)
}

func outcomesInWords(totals map[string]int64) string {
	parts := []string{fmt.Sprintf("%d due times", totals["due_times"])}
	for _, name := range []string{"completed", "failed", "skipped", "missed", "caught_up", "unfinished"} {
		if n := totals[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(name, "_", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

// counted writes counts by name, the most frequent first.
func counted(counts map[string]int64) string {
	if len(counts) == 0 {
		return "0"
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%d %s", counts[n], n)
	}
	return strings.Join(names, ", ")
}

// forPeople writes seconds as days, hours and minutes.
func forPeople(seconds int64) string {
	d, h, m := seconds/86400, seconds/3600%24, seconds/60%60
	switch {
	case d > 0:
		return fmt.Sprintf("%dd %02dh", d, h)
	case h > 0:
		return fmt.Sprintf("%dh %02dm", h, m)
	}
	return fmt.Sprintf("%dm", m)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
