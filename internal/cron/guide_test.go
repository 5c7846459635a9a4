package cron_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGuideIsRight computes the tables of the guide anew.
func TestGuideIsRight(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../templates/guides/cron-and-dst.md")
	if err != nil {
		t.Fatal(err)
	}
	means, due := 0, 0
	for line := range strings.SplitSeq(string(raw), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch {
		case strings.HasPrefix(line, "| `") && len(cells) == 2:
			means++
			if diff := cmp.Diff(cells[1], mustParse(t, strings.Trim(cells[0], "`")).Describe()); diff != "" {
				t.Errorf("%s:\n%s", line, diff)
			}
		case len(cells) == 5 && strings.HasPrefix(cells[1], "`"):
			due++
			want := strings.Split(cells[4], "<br>")
			if diff := cmp.Diff(want, nextTimes(t, strings.Trim(cells[1], "`"), cells[2], cells[3], len(want))); diff != "" {
				t.Errorf("%s:\n%s", line, diff)
			}
		}
	}
	if means != 7 || due != 15 {
		t.Errorf("%d meanings and %d due times were checked, want 7 and 15", means, due)
	}
}
