package cron_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// A new zoneinfo.zip needs a new ZoneVersion: lib/time/update.bash of the Go release names it.
func TestZoneVersionBelongsToTheDatabase(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	if got, want := hex.EncodeToString(sum[:]), "8f55634d05f8bca1f7bc7c69c5933428c69357e0bdf565e5ba224e3f88ff12e8"; got != want {
		t.Errorf("the database has changed (%s): set ZoneVersion, then this sum", got)
	}
	script, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "lib", "time", "update.bash")) //nolint:staticcheck // the Go that runs the tests
	if err != nil {
		t.Skip("this Go has no lib/time/update.bash")
	}
	own, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "lib", "time", "zoneinfo.zip")) //nolint:staticcheck // the same
	if err == nil && string(own) == string(raw) && !strings.Contains(string(script), "\nDATA="+cron.ZoneVersion+"\n") {
		t.Errorf("ZoneVersion is %s, and Go says otherwise", cron.ZoneVersion)
	}
}

func TestEveryZoneLoads(t *testing.T) {
	t.Parallel()
	names := cron.ZoneNames()
	if len(names) < 590 {
		t.Errorf("only %d zones", len(names))
	}
	for _, name := range names {
		z := mustZone(t, name)
		if z.Name() != name || z.Location().String() != name {
			t.Errorf("%s is called %s, %s", name, z.Name(), z.Location())
		}
	}
	for _, link := range []string{"US/Eastern", "UTC", "GMT", "Etc/GMT+5", "EST5EDT", "Asia/Calcutta", "Europe/Kiev", "Europe/Kyiv"} {
		mustZone(t, link)
	}
	if first, second := mustZone(t, "Europe/Berlin"), mustZone(t, "Europe/Berlin"); first != second {
		t.Error("a zone is loaded twice")
	}
}

// The search relies on it: a span is at least as long as the changes at its ends move the clock.
func TestChangesLieFarApart(t *testing.T) {
	t.Parallel()
	for _, name := range cron.ZoneNames() {
		spans := mustZone(t, name).Spans()
		for i := 2; i < len(spans); i++ {
			length := spans[i][0] - spans[i-1][0]
			before, after := spans[i-1][1]-spans[i-2][1], spans[i][1]-spans[i-1][1]
			if length < max(before, -before, after, -after) {
				t.Errorf("%s: %d seconds from %s, changes of %d and %d seconds", name, length, time.Unix(spans[i-1][0], 0).UTC(), before, after)
			}
		}
	}
}

// Go's ZoneBounds errs on the last day of leap years (golang/go#81583): the table must not.
func TestZonesAreThoseOfGo(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(5, 6))
	for _, name := range cron.ZoneNames() {
		z := mustZone(t, name)
		same := func(at int64) {
			local := time.Unix(at, 0).In(z.Location())
			if _, offset := local.Zone(); int64(offset) != z.OffsetAt(at) {
				t.Errorf("%s at %s: offset %d, Go says %d", name, local, z.OffsetAt(at), offset)
			}
		}
		for range 200 {
			same(chance.Int64N(7_289_568_000))
		}
		for year := 2036; year <= 2200; year += 4 {
			for hour := range 5 {
				same(time.Date(year, 12, 31, 6*hour, 0, 0, 0, time.UTC).Unix())
			}
		}
		for _, span := range z.Spans()[1:] {
			same(span[0])
			same(span[0] - 1)
		}
	}
}

func TestZoneErrorsSuggestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Europe/Berln":     "did you mean Europe/Berlin?",
		"europe/berlin":    "did you mean Europe/Berlin?",
		"berlin":           "did you mean Europe/Berlin?",
		"Asia/Berlin":      "did you mean Europe/Berlin?",
		"New York":         "did you mean America/New_York?",
		"America/New-York": "did you mean America/New_York?",
		"utc":              "did you mean UTC",
		"US/Estern":        "did you mean US/Eastern?",
		"PST":              "did you mean America/Los_Angeles?",
		"":                 "the time zone is empty; name the place",
		"Local":            "another zone on every machine",
		"local":            "another zone on every machine",
		"UTC+2":            "Etc/GMT-2",
		"+02:00":           "Etc/GMT-2",
		"/etc/localtime":   "files are not read",
		"../../etc/passwd": "files are not read",
		"Mars/Olympus":     "name the place",
		"Eur\x1b[2Jope":    "Eur·[2Jope",
	} {
		_, err := cron.LoadZone(name)
		if _, ok := errors.AsType[*cron.ZoneError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadZone(%q): %v; want %q", name, err, want)
		}
	}
	if _, err := cron.LoadZone(strings.Repeat("x", 1<<20)); err == nil || len(err.Error()) > 300 {
		t.Errorf("a long name: %v", err)
	}
}

func TestDistanceCountsTypingErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"berlin", "berlin", 0}, {"berln", "berlin", 1}, {"brelin", "berlin", 1}, {"barlin", "berlin", 1}, {"xy", "berlin", 4}, {"tokio", "tokyo", 1}} {
		if got := cron.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
