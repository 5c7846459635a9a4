package cron_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// TestPublishedCases holds us to what others published about their schedulers: testdata/published.tsv. Where "published" is
// not empty, the source's rule is another one, and the note says which.
func TestPublishedCases(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/published.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")[1:]
	if len(lines) != 291 {
		t.Errorf("%d cases, want 291", len(lines))
	}
	for i, line := range lines {
		c := strings.Split(line, "\t")
		if len(c) != 8 || c[5] == "" || c[6] == "" {
			t.Fatalf("line %d has no source, no rule or not 8 columns: %q", i+2, line)
		}
		expression, zone, after, expected, published, source, note := c[0], c[1], c[2], c[3], c[4], c[5], c[7]
		if published != "" && (note == "" || published == expected) {
			t.Errorf("line %d: %s differs from %s without a reason", i+2, source, expected)
		}
		e, err := cron.Parse(expression, "")
		if expected == "NEVER" {
			if err == nil || !strings.Contains(err.Error(), "never fires") {
				t.Errorf("line %d: Parse(%q) = %v, want that it never fires", i+2, expression, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("line %d: %v", i+2, err)
			continue
		}
		from, err := time.Parse(time.RFC3339, after)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339, expected)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := e.Next(mustZone(t, zone), from); !ok || !got.Equal(want) {
			t.Errorf("line %d: %s in %s after %s: %s, want %s (%s)", i+2, expression, zone, after, got.Format(time.RFC3339), expected, source)
		}
	}
}
