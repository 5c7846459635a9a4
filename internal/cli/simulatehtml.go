package cli

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

//go:embed simulate.html.tmpl
var simulatePage string

//go:embed simulate.css
var simulateStyle string

// htmlTemplate escapes every text for the place that it is written to: names come from outside. It is read when it is wanted, not
// at the start of every program.
func htmlTemplate() *template.Template {
	return template.Must(template.New("simulate").Funcs(template.FuncMap{
		"whole": func(cell string) bool { return len(cell) <= 32 }, // on one line, because it is short
	}).Parse(simulatePage))
}

// htmlPolicy forbids the page everything but its own style: it runs no script and asks for nothing, wherever it is opened.
func htmlPolicy() string {
	sum := sha256.Sum256([]byte(simulateStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// htmlPage is what a file of --html shows. It holds nothing that differs from one simulation to the next of the same scenario.
type htmlPage struct {
	Policy     string
	Style      template.CSS
	Source     string
	Start, End string
	Length     string
	Version    string
	Zones      string
	Seed       uint64
	Parts      []htmlPart
	Without    []string  // titles of what has no schedules
	Compared   htmlTable // before and after a plan
}

// htmlPart is one simulation.
type htmlPart struct {
	ID                 string // that ids within begin with
	Title              string // "" where there is one part only
	Fleet              string
	Verdict            string
	Holds              bool
	Assertions         []simulatedAssertion
	Tiles              []htmlTile
	Gantt              *gantt
	Daily              daily
	Heat               heat
	Disks, Vaults      []curve
	NoCurves           string
	DisksLeft          string
	VaultsLeft         string
	Schedules, Servers htmlTable
	VaultTable         htmlTable
	Clocks             []string
	ClocksLeft         string
	Hash               string
	Runs               int64
}

type htmlTile struct{ Name, Value, Note, Class string }

// htmlTable has its first column as the headers of its rows.
type htmlTable struct {
	Headers []string
	Rows    [][]string
	LeftOut string
}

// So much is shown, the worst first. All of it is in --json.
const (
	htmlRows   = 100
	htmlCurves = 24
	htmlClocks = 50
	htmlWrong  = 20
)

// titled is a simulation and what it is called where there are two.
type titled struct {
	title string
	*simulation
}

// withHTML simulates, and writes the page of it where --html wants one. The file is opened before: a path that cannot be written is
// told at once.
func (c *cli) withHTML(o simulateOptions, simulate func() ([]titled, error)) error {
	out, finish := c.out, func() error { return nil }
	if o.html != "" && o.html != "-" {
		f, err := os.Create(o.html)
		if err != nil {
			return usageError{fmt.Errorf("--html: %w", err)}
		}
		out, finish = f, f.Close
	}
	parts, err := simulate()
	if err == nil && o.html != "" {
		err = c.writeHTML(out, o, parts)
	}
	return errors.Join(err, finish())
}

// writeHTML writes the page of simulations of the same time.
func (c *cli) writeHTML(out io.Writer, o simulateOptions, parts []titled) error {
	page := htmlPage{Policy: htmlPolicy(), Style: template.CSS(simulateStyle), Source: o.source(), Version: c.version} //nolint:gosec // our own style
	for _, p := range parts {
		if p.simulation == nil {
			page.Without = append(page.Without, p.title)
			continue
		}
		sc := p.scenario
		page.Start, page.End, page.Zones, page.Seed = people(sc.Start), people(sc.End), p.Zones, p.Seed
		page.Length = lengthInWords(sc.End - sc.Start)
		page.Parts = append(page.Parts, partOf(p, fmt.Sprintf("p%d", len(page.Parts)+1), o.parallelism))
	}
	if len(page.Parts) > 1 {
		page.Compared = comparedOf(page.Parts)
	}
	w := bufio.NewWriter(out)
	return errors.Join(htmlTemplate().Execute(w, page), w.Flush())
}

// source says what is simulated.
func (o *simulateOptions) source() string {
	name := func(kind, path string) string {
		if path == "-" {
			return "the " + kind + " on standard input"
		}
		return "the " + kind + " " + plain(filepath.Base(path))
	}
	switch {
	case o.scenario != "":
		return name("scenario", o.scenario)
	case o.plan != "":
		return name("plan", o.plan)
	case o.synthetic > 0:
		return "a made-up fleet"
	}
	return "the schedules of the control plane"
}

func lengthInWords(seconds int64) string {
	if seconds%86400 == 0 {
		return several(seconds/86400, "day", "days")
	}
	return forPeople(seconds)
}

// several is "1 day" or "3 days".
func several(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + more
}

func partOf(p titled, id string, parallelism int) htmlPart {
	sc, r := p.scenario.Scenario, p.report
	order := worstSchedules(r)
	out := htmlPart{ID: id, Title: p.title, Hash: p.Hash, Runs: p.Runs, Fleet: several(int64(len(sc.Servers)), "server", "servers") + ", " + several(int64(len(sc.Schedules)), "schedule", "schedules"),
		Gantt: ganttOf(sc, order, parallelism), Daily: dailyOf(sc, r), Heat: heatOf(r)}
	if len(sc.Vaults) > 0 {
		out.Fleet += ", " + several(int64(len(sc.Vaults)), "vault", "vaults")
	}
	out.judge(p.Assertions)
	servers := worstServers(sc, r)
	out.curves(sc, r, servers)
	out.Schedules = scheduleTable(p.simulation, order)
	out.Servers = serverTable(p.simulation, servers)
	out.VaultTable = vaultTable(p.simulation)
	out.Clocks = clockLines(p.Schedules)
	for i, line := range out.Clocks {
		out.Clocks[i] = plain(line)
	}
	if n := len(out.Clocks) - htmlClocks; n > 0 {
		out.Clocks, out.ClocksLeft = out.Clocks[:htmlClocks], leftOut(htmlClocks, htmlClocks+n, "changes")
	}
	out.Tiles = tilesOf(p.simulation, &out, order, servers)
	return out
}

// judge says whether the assertions hold.
func (p *htmlPart) judge(assertions []simulatedAssertion) {
	broken := 0
	for _, a := range assertions {
		shown := simulatedAssertion{Name: a.Name, Holds: a.Holds}
		for i, w := range a.Wrong {
			if i == htmlWrong {
				shown.Wrong = append(shown.Wrong, fmt.Sprintf("and %d more: --json has all", len(a.Wrong)-htmlWrong))
				break
			}
			shown.Wrong = append(shown.Wrong, plain(w))
		}
		if !a.Holds {
			broken++
		}
		p.Assertions = append(p.Assertions, shown)
	}
	switch p.Holds = broken == 0; {
	case len(assertions) == 0:
	case p.Holds:
		p.Verdict = "All that is asserted holds"
	default:
		p.Verdict = fmt.Sprintf("%d of %s do not hold", broken, several(int64(len(assertions)), "assertion", "assertions"))
		if broken == 1 {
			p.Verdict = fmt.Sprintf("1 of %s does not hold", several(int64(len(assertions)), "assertion", "assertions"))
		}
	}
}

// worstSchedules are the schedules, those first of which the largest share of due times has no good end, then those with the
// longest time without a good backup.
func worstSchedules(r *simulator.Report) []int {
	share := make([]float64, len(r.Schedules))
	for i := range r.Schedules {
		s := &r.Schedules[i]
		bad, due := s.Of(simulator.Failed)+s.Of(simulator.Missed), int64(0)
		for _, n := range s.Unsent() {
			bad += n
		}
		for _, n := range s.Outcomes {
			due += n
		}
		share[i] = float64(bad) / float64(max(due, 1))
	}
	return sorted(len(r.Schedules), func(a, b int) int {
		return cmp.Or(cmp.Compare(share[b], share[a]), cmp.Compare(r.Schedules[b].MaxGap, r.Schedules[a].MaxGap))
	})
}

// worstServers are the servers, those first whose disk is full, then the fullest, then those with the most collisions.
func worstServers(sc *simulator.Scenario, r *simulator.Report) []int {
	full := func(i int) int64 { return cmp.Or(r.Servers[i].FullAt, 1<<62) }
	return sorted(len(r.Servers), func(a, b int) int {
		return cmp.Or(cmp.Compare(full(a), full(b)), cmp.Compare(sc.PeakPercent(r, b), sc.PeakPercent(r, a)),
			cmp.Compare(r.Servers[b].Collisions, r.Servers[a].Collisions))
	})
}

// sorted are the numbers below n in an order; ties keep theirs.
func sorted(n int, compare func(a, b int) int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	return order
}

// curves draws the disks and the vaults.
func (p *htmlPart) curves(sc *simulator.Scenario, r *simulator.Report, servers []int) {
	if sc.End-sc.Start < 86400 {
		p.NoCurves = "Disks and vaults are looked at once a day, and the simulation is shorter than one."
		return
	}
	for _, i := range servers[:min(len(servers), htmlCurves)] {
		s := &r.Servers[i]
		p.Disks = append(p.Disks, curveOf(plain(sc.Servers[i].Name), sc.Start, sc.End, slices.Concat([]int64{sc.Servers[i].Others}, s.Used), sc.Servers[i].Disk, s.PeakBytes, s.FullAt))
	}
	p.DisksLeft = leftOut(len(p.Disks), len(servers), "servers")
	vaults := sorted(len(sc.Vaults), func(a, b int) int { return cmp.Compare(r.Vaults[b].PeakBytes, r.Vaults[a].PeakBytes) })
	for _, i := range vaults[:min(len(vaults), htmlCurves)] {
		v := &r.Vaults[i]
		p.Vaults = append(p.Vaults, curveOf(plain(sc.Vaults[i].Name), sc.Start, sc.End, slices.Concat([]int64{0}, v.Bytes), sc.Vaults[i].Capacity, v.PeakBytes, 0))
	}
	p.VaultsLeft = leftOut(len(p.Vaults), len(vaults), "vaults")
}

// leftOut says how much of something is not shown, "" where all of it is.
func leftOut(shown, all int, things string) string {
	if shown == all {
		return ""
	}
	return fmt.Sprintf("%d of %d %s are shown, the worst first; %d are left out: --json has all.", shown, all, things, all-shown)
}

func scheduleTable(s *simulation, order []int) htmlTable {
	t := htmlTable{Headers: []string{"Schedule", "Cron", "Time zone", "Completed", "Failed", "Not run", "Retries", "Longest time without a good backup"}}
	if len(s.Vaults) > 0 {
		t.Headers = append(t.Headers, "Not sent to its vault")
	}
	for _, i := range order[:min(len(order), htmlRows)] {
		x := &s.Schedules[i]
		longest := forPeople(x.MaxGap)
		if at := s.report.Schedules[i].MaxGapAt; at > 0 {
			longest += ", until " + people(at)
		}
		cells := []string{x.Server + "/" + x.Name, x.Cron, x.Timezone, grouped(x.completed), counted(x.Failed), counted(x.Reasons), grouped(x.Retries), longest, counted(x.Unsent)}
		t.add(cells[:len(t.Headers)]...)
	}
	t.LeftOut = leftOut(len(t.Rows), len(order), "schedules")
	return t
}

func serverTable(s *simulation, order []int) htmlTable {
	t := htmlTable{Headers: []string{"Server", "Disk, at its fullest", "Of its size", "Full since", "Collisions", "Busiest hour"}}
	for _, i := range order[:min(len(order), htmlRows)] {
		x := &s.Servers[i]
		of, full := "no end", "never"
		if x.Disk > 0 {
			of = fmt.Sprintf("%.0f %% of %s", x.PeakPercent, diagnosis.Bytes(x.Disk))
		}
		if at := s.report.Servers[i].FullAt; at > 0 {
			full = people(at)
		}
		t.add(x.Name, diagnosis.Bytes(x.Peak), of, full, grouped(x.Collisions), x.Busiest)
	}
	t.LeftOut = leftOut(len(t.Rows), len(order), "servers")
	return t
}

func vaultTable(s *simulation) htmlTable {
	t := htmlTable{Headers: []string{"Vault", "Peak", "Capacity"}}
	for _, x := range s.Vaults[:min(len(s.Vaults), htmlRows)] {
		capacity := "no end"
		if x.Capacity > 0 {
			capacity = diagnosis.Bytes(x.Capacity)
		}
		t.add(x.Name, diagnosis.Bytes(x.Peak), capacity)
	}
	t.LeftOut = leftOut(len(t.Rows), len(s.Vaults), "vaults")
	return t
}

func (t *htmlTable) add(cells ...string) {
	for i := range cells {
		cells[i] = plain(cells[i])
	}
	t.Rows = append(t.Rows, cells)
}

// tilesOf are the figures that a person reads first.
func tilesOf(s *simulation, p *htmlPart, schedules, servers []int) []htmlTile {
	tile := func(name string, n int64, bad bool, note string) htmlTile {
		class := ""
		if bad && n > 0 {
			class = "bad"
		}
		return htmlTile{name, grouped(n), note, class}
	}
	notRun := s.Totals["skipped"] + s.Totals["missed"] + s.Totals["caught_up"]
	unfinished := ""
	if n := s.Totals["unfinished"]; n > 0 {
		unfinished = grouped(n) + " more were not over at the end"
	}
	tiles := []htmlTile{
		tile("Due times", s.Totals["due_times"], false, p.Fleet),
		tile("Completed", s.Totals["completed"], false, unfinished),
		tile("Failed", s.Totals["failed"], true, "after "+several(s.Totals["retries"], "retry", "retries")),
		tile("Due, but not run", notRun, false, wrongInWords([6]int64{simulator.Skipped: s.Totals["skipped"], simulator.Missed: s.Totals["missed"], simulator.CaughtUp: s.Totals["caught_up"]})),
	}
	if len(schedules) > 0 {
		i := slices.MaxFunc(schedules, func(a, b int) int { return cmp.Compare(s.Schedules[a].MaxGap, s.Schedules[b].MaxGap) })
		tiles = append(tiles, htmlTile{"Longest time without a good backup", forPeople(s.Schedules[i].MaxGap), plain(s.scenario.FullName(i)), ""})
	}
	collisions := int64(0)
	for i := range s.Servers {
		collisions += s.Servers[i].Collisions
	}
	if len(servers) > 0 {
		worst := &s.Servers[servers[0]]
		switch {
		case worst.FullAt != "":
			tiles = append(tiles, htmlTile{"Fullest disk", "full", plain(worst.Name) + ", since " + people(s.report.Servers[servers[0]].FullAt), "bad"})
		case worst.Disk > 0:
			tiles = append(tiles, htmlTile{"Fullest disk", fmt.Sprintf("%.0f %%", worst.PeakPercent), plain(worst.Name), ""})
		}
	}
	return append(tiles, tile("Collisions", collisions, false, "runs that began on a server while another went on"))
}

// comparedOf sets the figures of the parts side by side.
func comparedOf(parts []htmlPart) (t htmlTable) {
	t.Headers = []string{"Figure"}
	row := map[string]int{}
	for i := range parts {
		t.Headers = append(t.Headers, parts[i].Title)
		for _, tile := range parts[i].Tiles {
			k, ok := row[tile.Name]
			if !ok {
				k = len(t.Rows)
				row[tile.Name] = k
				t.Rows = append(t.Rows, append([]string{tile.Name}, slices.Repeat([]string{"-"}, len(parts))...))
			}
			t.Rows[k][i+1] = tile.Value
		}
	}
	return t
}
