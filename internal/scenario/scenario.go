package scenario

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// MaxBytes bounds a scenario file: some ten thousand schedules.
const MaxBytes = 16 << 20

// scenarioFile is a scenario as it is written, in YAML or JSON. Sizes are "500MiB", durations "90m" or "30d", times RFC 3339.
type scenarioFile struct {
	Start     string             `yaml:"start"`
	For       string             `yaml:"for"`
	Seed      uint64             `yaml:"seed"`
	Servers   []scenarioServer   `yaml:"servers"`
	Vaults    []scenarioVault    `yaml:"vaults"`
	Schedules []ScheduleSettings `yaml:"schedules"`
	Outages   []scenarioSpan     `yaml:"control_plane_outages"`
	Faults    []scenarioFault    `yaml:"faults"`
	Assert    scenarioAssert     `yaml:"assert"`
}

type scenarioServer struct {
	Name        string          `yaml:"name"`
	Disk        string          `yaml:"disk"`
	Used        string          `yaml:"used_by_others"`
	UsedPerDay  string          `yaml:"used_by_others_per_day"`
	PerSecond   string          `yaml:"bytes_per_second"`
	Concurrent  int             `yaml:"max_concurrent_backups"`
	Maintenance []Window        `yaml:"maintenance_windows"`
	Faults      []scenarioFault `yaml:"faults"`
}

type scenarioVault struct {
	Name      string          `yaml:"name"`
	Capacity  string          `yaml:"capacity"`
	PerSecond string          `yaml:"bytes_per_second"`
	Faults    []scenarioFault `yaml:"faults"`
}

// ScheduleSettings is a schedule as a scenario writes it.
type ScheduleSettings struct {
	Name          string   `yaml:"name"`
	Server        string   `yaml:"server"`
	Vault         string   `yaml:"vault"`
	Cron          string   `yaml:"cron"`
	Timezone      string   `yaml:"timezone"`
	RetentionDays *int     `yaml:"retention_days"`
	Size          string   `yaml:"size"`
	GrowthPerDay  string   `yaml:"growth_per_day"`
	Overlap       string   `yaml:"overlap"`
	MissedRuns    string   `yaml:"missed_runs"`
	MaxMissedRuns *int     `yaml:"max_missed_runs"`
	Deadline      int      `yaml:"starting_deadline_seconds"`
	Jitter        int      `yaml:"jitter_seconds"`
	Blackouts     []Window `yaml:"blackout_windows"`
	Paused        bool     `yaml:"paused"`
}

// Window is a time in which no backup starts, as a scenario writes it.
type Window struct {
	Cron     string `yaml:"cron"`
	Minutes  int    `yaml:"duration_minutes"`
	Timezone string `yaml:"timezone"`
}

type scenarioSpan struct {
	From  string `yaml:"from"`
	Until string `yaml:"until"`
}

type scenarioFault struct {
	Span   scenarioSpan `yaml:",inline"`
	Class  string       `yaml:"class"`
	Chance float64      `yaml:"chance"`
	Slower float64      `yaml:"slower"`
}

// scenarioAssert is what a simulation must show. What is left out may be anything.
type scenarioAssert struct {
	MaxGap          string   `yaml:"max_gap"`
	NoCollisions    bool     `yaml:"no_collisions"`
	NoFailures      bool     `yaml:"no_failures"`
	DiskPeakPercent *float64 `yaml:"disk_peak_percent"`
}

// Scenario is what is simulated, and what is asked of it.
type Scenario struct {
	*simulator.Scenario
	Assertions []simulator.Assertion
}

// Horizon is the time that is simulated, in seconds since 1970.
type Horizon struct{ Start, End int64 }

// Options say what decides before the file does.
type Options struct {
	// Horizon makes of the file's start and for, as they are written there, the time that is simulated.
	Horizon func(start, length string) (Horizon, error)
	Seed    *uint64 // nil: the file's
	// Stage says that the schedules come from elsewhere: those of the file need no cron, for they only say how large archives
	// are, and there may be none.
	Stage   bool
	Classes []diagnosis.Class // that a fault may have; nil: all that are known
}

// Parse reads a scenario. Its errors name the field.
func Parse(raw []byte, o Options) (Scenario, error) {
	var f scenarioFile
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return Scenario{}, errors.New(strings.NewReplacer("yaml: ", "", "unmarshal errors:\n  ", "", " in type scenario.", " in ", "scenarioFile", "a scenario").Replace(err.Error()))
	}
	b := scenarioBuilder{file: f, servers: map[string]int{}, vaults: map[string]int{}, stage: o.Stage, classes: o.Classes}
	if b.classes == nil {
		b.classes = diagnosis.Classes()
	}
	b.horizon(o)
	for i, s := range f.Servers {
		b.server(fmt.Sprintf("servers[%d]", i), s)
	}
	for i, v := range f.Vaults {
		b.vault(fmt.Sprintf("vaults[%d]", i), v)
	}
	for i, s := range f.Schedules {
		b.schedule(fmt.Sprintf("schedules[%d]", i), s)
	}
	for i, s := range f.Outages {
		b.out.Outages = append(b.out.Outages, b.span(fmt.Sprintf("control_plane_outages[%d]", i), s))
	}
	slices.SortFunc(b.out.Outages, func(x, y simulator.Span) int { return int(x.From - y.From) })
	for i := 1; i < len(b.out.Outages); i++ {
		if b.out.Outages[i].From < b.out.Outages[i-1].Until {
			b.wrong("control_plane_outages", "two of them overlap: join them")
		}
	}
	b.out.Faults = b.faults("faults", f.Faults)
	asserts := b.asserts(f.Assert)
	if len(f.Schedules) == 0 && b.err == nil && !o.Stage {
		b.wrong("schedules", "there are none: name at least one, with server and cron")
	}
	return Scenario{&b.out, asserts}, b.err
}

// scenarioBuilder checks and translates. It keeps the first error.
type scenarioBuilder struct {
	file            scenarioFile
	out             simulator.Scenario
	servers, vaults map[string]int
	windows         [][]backup.Window // of the servers
	stage           bool
	classes         []diagnosis.Class
	err             error
}

func (b *scenarioBuilder) wrong(at, format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...))
	}
}

func (b *scenarioBuilder) horizon(o Options) {
	h, err := o.Horizon(b.file.Start, b.file.For)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.out.Start, b.out.End = h.Start, h.End
	b.out.Seed = b.file.Seed
	if o.Seed != nil {
		b.out.Seed = *o.Seed
	}
}

func (b *scenarioBuilder) server(at string, s scenarioServer) {
	if _, taken := b.servers[s.Name]; taken || s.Name == "" {
		b.wrong(at+".name", "%q: every server needs a name of its own", plain(s.Name))
	}
	if s.Concurrent < 0 || s.Concurrent > 32 {
		b.wrong(at+".max_concurrent_backups", "%d: allowed are 1 to 32", s.Concurrent)
	}
	b.servers[s.Name] = len(b.out.Servers)
	maintenance := windows(s.Maintenance)
	if refused := backup.CheckWindows("maintenance_windows", maintenance); len(refused) > 0 {
		b.wrong(at+"."+refused[0].Path, "%s", strings.TrimSpace(refused[0].Detail+" "+refused[0].Fix))
	}
	b.windows = append(b.windows, maintenance)
	b.out.Servers = append(b.out.Servers, simulator.Server{Name: s.Name, Disk: b.size(at+".disk", s.Disk), Others: b.size(at+".used_by_others", s.Used),
		OthersPerDay: b.size(at+".used_by_others_per_day", s.UsedPerDay), BytesPerSec: b.size(at+".bytes_per_second", s.PerSecond),
		MaxConcurrent: s.Concurrent, Faults: b.faults(at+".faults", s.Faults)})
}

func (b *scenarioBuilder) vault(at string, v scenarioVault) {
	if _, taken := b.vaults[v.Name]; taken || v.Name == "" {
		b.wrong(at+".name", "%q: every vault needs a name of its own", plain(v.Name))
	}
	b.vaults[v.Name] = len(b.out.Vaults)
	b.out.Vaults = append(b.out.Vaults, simulator.Vault{Name: v.Name, Capacity: b.size(at+".capacity", v.Capacity),
		BytesPerSec: b.size(at+".bytes_per_second", v.PerSecond), Faults: b.faults(at+".faults", v.Faults)})
}

func (b *scenarioBuilder) schedule(at string, s ScheduleSettings) {
	server, ok := b.servers[s.Server]
	if !ok {
		b.wrong(at+".server", "there is no server %q in the scenario%s", plain(s.Server), meant(s.Server, b.servers))
		return
	}
	vault := simulator.NoVault
	if s.Vault != "" {
		if vault, ok = b.vaults[s.Vault]; !ok {
			b.wrong(at+".vault", "there is no vault %q in the scenario%s", plain(s.Vault), meant(s.Vault, b.vaults))
			return
		}
	}
	size, growth := b.size(at+".size", cmp.Or(s.Size, "1GiB")), b.size(at+".growth_per_day", s.GrowthPerDay)
	if b.stage {
		b.sizes(at, simulator.Schedule{Name: s.Name, Server: server, Vault: vault, Bytes: size, PerDay: growth, Seconds: simulator.RunSeconds})
		return
	}
	added, err := Scheduled(s.Spec(), b.out.Servers[server].Name, b.windows[server])
	if err != nil {
		b.wrong(at, "%w", err)
		return
	}
	added.Server, added.Vault, added.Bytes, added.PerDay = server, vault, size, growth
	b.out.Schedules = append(b.out.Schedules, added)
}

// sizes adds a schedule of which only the name and the sizes count.
func (b *scenarioBuilder) sizes(at string, s simulator.Schedule) {
	for _, other := range b.out.Schedules {
		if other.Server == s.Server && other.Name == s.Name {
			b.wrong(at+".name", "%q: the server has another schedule of that name", plain(s.Name))
		}
	}
	b.out.Schedules = append(b.out.Schedules, s)
}

// Spec is the schedule's settings. What the scenario leaves out is as it would be for any schedule.
func (s ScheduleSettings) Spec() backup.ScheduleSpec {
	spec := backup.DefaultScheduleSpec()
	spec.Name, spec.Cron, spec.Paused = s.Name, s.Cron, s.Paused
	spec.Spec = backup.Spec{Type: backup.TypeFiles, Files: backup.FilesSource{Include: []string{"/"}}, RetentionDays: orGiven(s.RetentionDays, backup.DefaultRetentionDays)}
	spec.Timezone = cmp.Or(s.Timezone, backup.DefaultTimezone)
	spec.Overlap, spec.MissedRuns = backup.Overlap(cmp.Or(s.Overlap, string(spec.Overlap))), backup.MissedRuns(cmp.Or(s.MissedRuns, string(spec.MissedRuns)))
	spec.MaxMissedRuns = orGiven(s.MaxMissedRuns, spec.MaxMissedRuns)
	spec.StartDeadline, spec.Jitter = manySeconds(s.Deadline), manySeconds(s.Jitter)
	spec.Blackouts = windows(s.Blackouts)
	return spec
}

// Scheduled is a schedule's settings as the simulator has them. The rules are those of any schedule.
func Scheduled(spec backup.ScheduleSpec, server string, maintenance []backup.Window) (simulator.Schedule, error) {
	if refused := backup.Refuses(backup.CheckSchedule(spec, backup.Paths{"server_id"})); len(refused) > 0 {
		return simulator.Schedule{}, fmt.Errorf("%s: %s", refused[0].Path, strings.TrimSpace(refused[0].Detail+" "+refused[0].Fix))
	}
	t, err := scheduler.TimetableOf(spec, backup.ServerSpec{Name: server, MaintenanceWindows: maintenance})
	if err != nil {
		return simulator.Schedule{}, err
	}
	return simulator.Schedule{Name: spec.Name, Vault: simulator.NoVault, Expression: t.Expression, Zone: t.Zone, Policy: t.Policy,
		Retention: int64(spec.RetentionDays) * 24 * 3600, Seconds: simulator.RunSeconds}, nil
}

// manySeconds is a number of seconds, far beyond what is allowed as well.
func manySeconds(n int) time.Duration {
	return time.Duration(min(max(n, -1), 366*24*3600)) * time.Second
}

func windows(given []Window) (out []backup.Window) {
	for _, w := range given {
		out = append(out, backup.Window{Cron: w.Cron, DurationMinutes: w.Minutes, Timezone: w.Timezone})
	}
	return out
}

func (b *scenarioBuilder) faults(at string, given []scenarioFault) (out []simulator.Fault) {
	for i, f := range given {
		at := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case f.Slower != 0 && f.Class != "":
			b.wrong(at, "class and slower are given: a fault either makes runs fail, or makes them slower")
		case f.Slower != 0 && (f.Slower <= 1 || f.Slower > 1000 || math.IsNaN(f.Slower)):
			b.wrong(at+".slower", "%v: allowed is more than 1, which is no slower, up to 1000", f.Slower)
		case f.Slower == 0 && !slices.Contains(diagnosis.Classes(), diagnosis.Class(f.Class)):
			b.wrong(at+".class", "%q is no class of failures%s", plain(f.Class), near(f.Class, names(b.classes)))
		case f.Slower == 0 && !slices.Contains(b.classes, diagnosis.Class(f.Class)):
			b.wrong(at+".class", "%q does not happen on a simulated server; what does: %s", plain(f.Class), strings.Join(names(b.classes), ", "))
		case math.IsNaN(f.Chance) || f.Chance < 0 || f.Chance > 1:
			b.wrong(at+".chance", "%v: allowed are 0 to 1", f.Chance)
		}
		out = append(out, simulator.Fault{Span: b.span(at, f.Span), Class: diagnosis.Class(f.Class), Chance: f.Chance, Slower: f.Slower})
	}
	return out
}

// span is from the beginning, or to the end, of the simulation where nothing else is said.
func (b *scenarioBuilder) span(at string, s scenarioSpan) simulator.Span {
	out := simulator.Span{From: b.out.Start, Until: b.out.End + 1}
	for _, bound := range []struct {
		name, text string
		to         *int64
	}{{"from", s.From, &out.From}, {"until", s.Until, &out.Until}} {
		if bound.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, bound.text)
		if err != nil {
			b.wrong(at+"."+bound.name, "%q is no time in RFC 3339; write 2026-03-08T06:30:00Z", plain(bound.text))
		}
		*bound.to = t.Unix()
	}
	if out.From >= out.Until {
		b.wrong(at, "until is not after from")
	}
	return out
}

func (b *scenarioBuilder) size(at, text string) int64 {
	n, err := ParseSize(text)
	if err != nil {
		b.wrong(at, "%w", err)
	}
	return n
}

func (b *scenarioBuilder) asserts(a scenarioAssert) (out []simulator.Assertion) {
	if a.MaxGap != "" {
		most, err := ParseSpan(a.MaxGap)
		if err != nil {
			b.wrong("assert.max_gap", "%w", err)
		}
		out = append(out, simulator.MaxGap(most))
	}
	if a.NoCollisions {
		out = append(out, simulator.NoCollisions())
	}
	if a.NoFailures {
		out = append(out, simulator.NoFailures())
	}
	if p := a.DiskPeakPercent; p != nil {
		if *p < 0 || *p > 100 || math.IsNaN(*p) {
			b.wrong("assert.disk_peak_percent", "%v: allowed are 0 to 100", *p)
		}
		out = append(out, simulator.DiskPeak(*p))
	}
	return out
}

// units of sizes, the longest names first.
var units = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"PiB", 1 << 50}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"PB", 1e15}, {"B", 1}, {"", 1}}

// ParseSize reads a size such as 500MiB, 1.5 TB or 1000; nothing is 0.
func ParseSize(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return 0, nil
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(trimmed, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n < 0 || n*u.bytes > 1<<60 {
			break
		}
		return int64(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is no size: write a number and a unit, such as 500MiB or 1.5TB, up to 1024PiB", plain(text))
}

// ParseSpan reads a duration such as 90m, 26h, 30d or 1d12h.
func ParseSpan(text string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		days, rest = "0", text
	}
	n, err := strconv.ParseFloat(days, 64)
	var d time.Duration
	if err == nil && rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || math.IsNaN(n) || n < 0 || n > 36500 || d < 0 || d > 36500*24*time.Hour {
		return 0, fmt.Errorf("%q is no duration: write 90m, 26h or 30d", plain(text))
	}
	return time.Duration(n*24*float64(time.Hour)) + d, nil
}

func orGiven(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

// plain is a text that somebody wrote as it may be shown.
func plain(s string) string { return backup.Excerpt(s, 4096) }

func meant(name string, known map[string]int) string {
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	return near(name, names)
}

func near(name string, known []string) string {
	if n := backup.Nearest(name, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

func names(classes []diagnosis.Class) (names []string) {
	for _, c := range classes {
		names = append(names, string(c))
	}
	return names
}
