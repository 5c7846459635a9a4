package metrics_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// document is a file of the module.
func document(t *testing.T, path ...string) string {
	t.Helper()
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// described is what a guide must say of a metric.
type described struct {
	Type   string
	Labels []string
}

// ours are the metrics of a scrape that are not those of Go and of the process.
func ours(t *testing.T) map[string]described {
	t.Helper()
	_, text := scrape(t, full())
	found := map[string]described{}
	for _, family := range typed.FindAllStringSubmatch(text, -1) {
		d := described{Type: family[2], Labels: []string{}}
		sample := regexp.MustCompile(`(?m)^` + family[1] + `(?:_count)?(?:\{(.*)\})? `).FindStringSubmatch(text)
		for _, label := range labelled.FindAllStringSubmatch(sample[1], -1) {
			d.Labels = append(d.Labels, label[1])
		}
		slices.Sort(d.Labels)
		found[family[1]] = d
	}
	return found
}

var (
	row      = regexp.MustCompile("(?m)^\\| `(cloudaipilot_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\| [^|]+ \\|$")
	quoted   = regexp.MustCompile("`([a-z]+)`")
	typed    = regexp.MustCompile(`(?m)^# TYPE (cloudaipilot_[a-z_]+) ([a-z]+)$`)
	labelled = regexp.MustCompile(`([a-z]+)="`)
	named    = regexp.MustCompile(`\bcloudaipilot_[a-z_]+`)
)

func TestGuideTellsOfEveryMetric(t *testing.T) {
	t.Parallel()
	guide := map[string]described{}
	for _, r := range row.FindAllStringSubmatch(document(t, "templates", "guides", "metrics.md"), -1) {
		d := described{Type: r[2], Labels: []string{}}
		for _, label := range quoted.FindAllStringSubmatch(r[3], -1) {
			d.Labels = append(d.Labels, label[1])
		}
		slices.Sort(d.Labels)
		guide[r[1]] = d
	}
	if diff := cmp.Diff(guide, ours(t)); diff != "" {
		t.Errorf("the guide (-) and the metrics (+) differ:\n%s", diff)
	}
}

func TestAlertsAskForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	there := ours(t)
	names := named.FindAllString(document(t, "examples", "serve", "alerts.yml"), -1)
	if len(names) < 4 {
		t.Fatalf("only %q", names)
	}
	for _, name := range names {
		if _, ok := there[name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestPrometheusTakesTheExamples has Prometheus' own tool read them, and run the tests of the alerts.
func TestPrometheusTakesTheExamples(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool on this machine: it comes with Prometheus, the Debian package prometheus")
	}
	// run copies the examples into a folder of their own, with the alerts changed, and says whether promtool is content.
	run := func(alerts func(string) string, args ...string) (string, error) {
		dir := t.TempDir()
		for _, name := range []string{"prometheus.yml", "alerts.yml", "alerts_test.yml"} {
			text := document(t, "examples", "serve", name)
			if name == "alerts.yml" {
				text = alerts(text)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	asTheyAre := func(text string) string { return text }
	for _, args := range [][]string{
		{"check", "config", "--syntax-only", "prometheus.yml"}, // the token's file is not on this machine
		{"check", "rules", "alerts.yml"},
		{"test", "rules", "alerts_test.yml"},
	} {
		if out, err := run(asTheyAre, args...); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// Each of these would let somebody sleep, or wake them for nothing: the tests must see it.
	for name, change := range map[string][]string{
		"a server without any backup is forgotten": {"time() - max by (server) (cloudaipilot_last_success_timestamp_seconds) >", "time() - max by (server) (cloudaipilot_last_success_timestamp_seconds > 0) >"},
		"a new server is late at once":             {"_created_timestamp_seconds) > 26 * 3600", "_created_timestamp_seconds) > 0"},
		"every process rings by itself":            {"max(cloudaipilot_queue_age_seconds)", "cloudaipilot_queue_age_seconds"},
		"who moves a schedule is woken":            {`, reason!="rescheduled"`, ""},
		"who cancels is woken":                     {`, class!="CANCELLED"`, ""},
		"any target that is down rings":            {`up{job="cloudaipilot"}`, "up"},
	} {
		broken := func(text string) string { return strings.Replace(text, change[0], change[1], 1) }
		if broken(document(t, "examples", "serve", "alerts.yml")) == document(t, "examples", "serve", "alerts.yml") {
			t.Errorf("%s: nothing to break", name)
		}
		if out, err := run(broken, "test", "rules", "alerts_test.yml"); err == nil || !strings.Contains(out, "exp:") {
			t.Errorf("%s, and the tests do not see it: %v\n%s", name, err, out)
		}
	}
}
