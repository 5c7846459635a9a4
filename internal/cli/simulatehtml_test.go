package cli_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// hostileServer is a name that would run, and ask for something, wherever it is not escaped.
const hostileServer = `</title></style><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror="alert(2)">'"{{.}}`

// hostileScenario has every kind of event in its first days, a disk that fills up, and names that mean harm.
const hostileScenario = `
start: 2026-03-05T00:00:00Z
for: 40d
servers:
  - name: '` + `</title></style><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror="alert(2)">''"{{.}}` + `'
    disk: 50GiB
    used_by_others: 46GiB
    bytes_per_second: 300KiB
  - name: web-2
    disk: 1TiB
    faults: [{class: ssh_auth_failed, from: 2026-03-06T00:00:00Z, until: 2026-03-07T00:00:00Z}]
vaults:
  - name: "off\"site' onload=x"
    capacity: 30GiB
control_plane_outages: [{from: 2026-03-06T20:00:00Z, until: 2026-03-07T05:00:00Z}]
schedules:
  - {name: nightly, server: '</title></style><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror="alert(2)">''"{{.}}', vault: "off\"site' onload=x", cron: "*/30 2 * * *", timezone: America/New_York, size: 2GiB, retention_days: 90}
  - {name: missed, server: web-2, cron: "15 */4 * * *", missed_runs: skip, size: 1GiB}
  - {name: often, server: web-2, cron: "*/20 * * * *", size: 10MiB, retention_days: 2}
  - {name: a23456789012345678901234567890123456789012345678901234567890123, server: web-2, cron: "*/20 5 * * *", size: 10MiB, retention_days: 2}
assert:
  max_gap: 26h
  no_collisions: true
`

// htmlOf simulates and returns the page.
func htmlOf(t *testing.T, status int, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if got, _, errOut := run(t, append([]string{"simulate", "--html", file}, args...)...); got != status {
		t.Fatalf("simulate %q: exit status %d, want %d: %s", args, got, status, errOut)
	}
	return read(t, file)
}

func hostileFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hostile<b>.yaml")
	if err := os.WriteFile(file, []byte(hostileScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHTMLTellsTheStoryOfTheSimulation(t *testing.T) {
	t.Parallel()
	const example = "../../examples/simulate/full-disk.yaml"
	page := htmlOf(t, 3, "--scenario", example)
	for _, want := range []string{
		"What the scenario full-disk.yaml will do", "From 1 Jan 2026 00:00 UTC to 2 Mar 2026 00:00 UTC, 60 days",
		"✗ 2 of 2 assertions do not hold", "web-1: a backup met a full disk on 2026-02-10 01:00 UTC",
		"<dt>Completed</dt><dd>40</dd>", "<dt>Failed</dt><dd>20</dd>", "<dt>Longest time without a good backup</dt><dd>20d 23h</dd>",
		"web-1/nightly: completed, 1 Jan 2026 01:00 UTC to 1 Jan 2026 01:00 UTC, 1.0 GiB", // in the Gantt
		"<title>Thu 01:00 UTC: 9</title>",                                                 // in the heat map
		"On 20 of 60 days; the worst is 10 Feb 2026, with 1 failed.",
		"full on 10 Feb 2026", "peak 50.0 GiB, 100 % of 50.0 GiB", "20 disk_full",
		"seed 0", "Time zone database 2025c", simulate(t, 3, "--scenario", example).Hash,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if again := htmlOf(t, 3, "--scenario", example, "--parallelism", "7"); again != page {
		t.Error("the same scenario gives another page")
	}
	status, out, _ := run(t, "simulate", "--scenario", example, "--html", "-")
	if status != 3 || out != page {
		t.Errorf("exit status %d, and standard output is not the page", status)
	}
}

func TestHTMLOfAPlanComparesBeforeAndAfter(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	page := htmlOf(t, 0, "--plan", file, "--from", "2026-01-01T00:00:00Z", "--for", "10d")
	for _, want := range []string{"Before and after", `<th scope="col">Before the plan</th><th scope="col">After the plan</th>`,
		`<th scope="row" class="whole">Completed</th><td class="whole">10</td><td class="whole">260</td>`, `id="p2-gantt"`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="[^"]*"`).FindAllString(page, -1) {
		if seen[id] {
			t.Errorf("two things have%s", id)
		}
		seen[id] = true
	}
}

func TestHTMLNeedsNothingAndRunsNothing(t *testing.T) {
	t.Parallel()
	page := htmlOf(t, 3, "--scenario", hostileFile(t))
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	meta := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(page)
	if meta == nil || html.UnescapeString(meta[1]) != policy {
		t.Errorf("the policy is %q, want %q", meta, policy)
	}
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1) {
		name := strings.ToLower(regexp.MustCompile(`^</?([a-zA-Z!]*)`).FindStringSubmatch(tag)[1])
		switch name {
		case "script", "img", "link", "iframe", "object", "embed", "a", "form", "input", "base", "use", "image", "foreignobject":
			t.Errorf("the page holds %s", tag)
		}
		unquoted := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`)
		if regexp.MustCompile(`\s(on\w+|src|href|style)\s*=`).MatchString(unquoted) {
			t.Errorf("the page holds %s", tag)
		}
	}
	if strings.Contains(style[1], "http") || strings.Contains(style[1], "@import") {
		t.Error("the style asks for something")
	}
	if !strings.Contains(page, html.EscapeString("</title></style><script>alert(1)")) {
		t.Error("the name of the server is not in the page")
	}
}

func TestHTMLOfALargeFleetIsSmallAndSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	page := htmlOf(t, 0, "--synthetic", "1000", "--from", "2026-01-01T00:00:00Z", "--for", "45d")
	if n := len(page); n > 1<<20 {
		t.Errorf("it has %d bytes", n)
	}
	for _, want := range []string{"40 of 1000 schedules are shown, the worst of the whole time; 960 are left out.",
		"100 of 1000 schedules are shown, the worst first; 900 are left out: --json has all.", "24 of 250 servers are shown", "100 of 250 servers are shown"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if fine := htmlOf(t, 3, "--scenario", "../../examples/simulate/collision-after-dst.yaml"); !strings.Contains(fine, "Nothing: every due time had its run, and none failed.") {
		t.Error("where nothing goes wrong, something does")
	}
	if short := htmlOf(t, 0, "--synthetic", "3", "--from", "2026-01-01T00:00:00Z", "--for", "90m"); !strings.Contains(short, "the simulation is shorter than one") || !strings.Contains(short, "Run by run") {
		t.Error("what is shorter than a day has curves")
	}
}

func TestHTMLRefusesAPathThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--html: open /nowhere/page.html: no such file": {"--html", "/nowhere/page.html"},
		"both write to -, which has room for one":       {"--html", "-", "--events", "-"},
	} {
		if status, _, errOut := run(t, append([]string{"simulate", "--synthetic", "1"}, args...)...); status != 2 || !strings.Contains(errOut, want) {
			t.Errorf("exit status %d, %s", status, errOut)
		}
	}
}

// inBrowser is what a page looks like from within.
type inBrowser struct {
	Title, Text, Ground           string
	Scripts, Images               int
	Wide, Viewport                int
	Gantt, Heat, Daily, Curves    int
	Flat, Unnamed, Unheard, Faint []string
}

// look measures a page: charts without a size or a name, cells without a header, texts that are hard to read.
const look = `(() => {
  const all = q => [...document.querySelectorAll(q)], size = e => e.getBoundingClientRect();
  const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3) };
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05) };
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c } return [255, 255, 255] };
  const faint = [];
  for (const e of all('body *')) {
    if (!size(e).width || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const svg = e.closest('svg'), s = getComputedStyle(e);
    if (svg && e.tagName !== 'text') continue;
    const cell = svg && e.parentElement.querySelector(':scope > rect');
    const ratio = contrast(rgb(svg ? s.fill : s.color), cell ? rgb(getComputedStyle(cell).fill) : ground(svg ? svg.parentElement : e));
    if (ratio < 4.5) faint.push(e.tagName + ' ' + e.textContent.slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return {
    title: document.title, text: document.body.innerText, ground: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length, images: document.images.length,
    wide: document.documentElement.scrollWidth, viewport: document.documentElement.clientWidth,
    gantt: all('svg.gantt').length, heat: all('svg.heat').length, daily: all('svg.daily').length, curves: all('svg.curve').length,
    flat: all('svg.chart, svg.chart .completed, svg.chart .line, svg.chart .area, svg.chart .mark, svg.daily .failed, svg.heat rect').filter(e => size(e).width < .5 || size(e).height < .5).map(e => e.outerHTML.slice(0, 200)),
    unnamed: all('svg.chart').filter(e => e.getAttribute('role') !== 'img' || !(e.querySelector('title') || {}).textContent).map(e => e.outerHTML.slice(0, 200)),
    unheard: all('th:not([scope])').map(e => e.outerHTML.slice(0, 200)),
    faint: faint,
  };
})()`

// TestHTMLInABrowser opens pages in a real browser, on a telephone and on a desk, by day, by night and on paper.
func TestHTMLInABrowser(t *testing.T) {
	t.Parallel()
	browser := testbed.StartChromium(t)
	pages := map[string]string{
		"hostile": htmlOf(t, 3, "--scenario", hostileFile(t)),
		"story":   htmlOf(t, 3, "--scenario", "../../examples/simulate/full-disk.yaml"),
		"large":   htmlOf(t, 0, "--synthetic", "200", "--from", "2026-01-01T00:00:00Z", "--for", "30d"),
	}
	charts := map[string]int{"hostile": 3, "story": 1, "large": 24} // curves
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, pages[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	t.Cleanup(s.Close)

	grounds := map[bool]string{}
	for name := range pages {
		for _, view := range []testbed.View{{Width: 360, Height: 740}, {Width: 1280, Height: 900, Dark: true}, {Width: 360, Height: 740, Dark: true}, {Width: 794, Height: 1123, Print: true}} {
			at := fmt.Sprintf("%s, %+v", name, view)
			p := browser.Open(s.URL+"/"+name, view)
			var seen inBrowser
			p.Eval(look, &seen)
			if diff := cmp.Diff([]string{s.URL + "/" + name}, p.Requests); diff != "" {
				t.Errorf("%s: it asks for more than itself:\n%s", at, diff)
			}
			if len(p.Messages) > 0 {
				t.Errorf("%s: the console says %q", at, p.Messages)
			}
			if seen.Scripts+seen.Images > 0 || seen.Gantt != 1 || seen.Heat != 1 || seen.Daily != 1 || seen.Curves != charts[name] {
				t.Errorf("%s: %d scripts, %d images, %d, %d and %d charts, %d curves", at, seen.Scripts, seen.Images, seen.Gantt, seen.Heat, seen.Daily, seen.Curves)
			}
			if seen.Wide > seen.Viewport || seen.Viewport != view.Width {
				t.Errorf("%s: %d pixels wide of %d", at, seen.Wide, seen.Viewport)
			}
			for problem, found := range map[string][]string{"has no size": seen.Flat, "has no name": seen.Unnamed, "heads nothing": seen.Unheard, "is hard to read": seen.Faint} {
				if len(found) > 0 {
					t.Errorf("%s: %d times something %s, such as %s", at, len(found), problem, found[0])
				}
			}
			if name == "hostile" && (!strings.Contains(seen.Text, hostileServer+"/nightly") || seen.Title != "What the scenario hostile<b>.yaml will do") {
				t.Errorf("%s: the names are not shown as text", at)
			}
			grounds[view.Dark] = seen.Ground
			if dir := os.Getenv("SCREENSHOTS"); dir != "" {
				p.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%t-%t.png", name, view.Width, view.Dark, view.Print)))
			}
		}
	}
	if grounds[false] == grounds[true] || grounds[true] == "" {
		t.Errorf("by day and by night the ground is %v", grounds)
	}
}
