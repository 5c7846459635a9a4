package scheduler_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	. "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// TestGuideIsRight computes the examples of the guide anew.
func TestGuideIsRight(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../templates/guides/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.SplitSeq(string(raw), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 || !strings.Contains(line, "<br>") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		checked++
		got := tell(t, settings(t, cells[0]), cells[1], cells[2])
		if diff := cmp.Diff(strings.Split(cells[3], "<br>"), got); diff != "" {
			t.Errorf("%s\n%s", line, diff)
		}
	}
	if checked != 11 {
		t.Errorf("%d examples were checked, want 11", checked)
	}
}

func settings(t *testing.T, text string) (p Policy) {
	t.Helper()
	p.Bound = 10
	if open, lasts, ok := strings.Cut(strings.TrimPrefix(text, "blackout="), " for "); ok {
		minutes, err := strconv.ParseInt(strings.TrimSuffix(lasts, " min"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		p.Blackouts = []Window{window(t, open, minutes*60)}
		return p
	}
	for field := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(field, "=")
		number, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "overlap":
			p.Overlap = map[string]Overlap{"skip": OverlapSkip, "queue_one": OverlapQueueOne, "allow": OverlapAllow}[value]
		case "missed_runs":
			p.Missed = map[string]Missed{"run_latest": MissedRunLatest, "skip": MissedSkip, "run_all": MissedRunAll}[value]
		case "max_missed_runs":
			p.Bound = int(number)
		case "starting_deadline_seconds":
			p.Deadline = number
		default:
			t.Fatalf("unknown setting %s", field)
		}
	}
	return p
}

// tell plays the hours of the guide minute by minute and returns what the records say in the end.
func tell(t *testing.T, p Policy, takes, nobody string) (records []string) {
	t.Helper()
	lasts, err := time.ParseDuration(strings.TrimSuffix(takes, " min") + "m")
	if err != nil {
		t.Fatal(err)
	}
	var down, up int64
	if from, until, ok := strings.Cut(nobody, " to "); ok {
		down, up = at(from), at(until)
	}
	e, s := expression(t, "0 * * * *"), State{Decided: at("00:30")}
	var all []Decision
	var ends []int64
	for now := at("00:30"); now < at("05:30"); now += 60 {
		if now >= down && now < up {
			continue
		}
		due, _ := p.Due(&s, &e, cron.UTC, now, 100, nil)
		ends = slices.DeleteFunc(ends, func(e int64) bool { return e <= now })
		before := len(all)
		all = p.Step(&s, due, now, World{Running: len(ends), Free: 1}, all)
		for _, d := range all[before:] {
			if d.Outcome == Start {
				ends = append(ends, now+int64(lasts/time.Second))
			}
		}
	}
	slices.SortFunc(all, func(a, b Decision) int { return int(a.Due - b.Due) })
	for _, line := range say(all) {
		if d, by, ok := strings.Cut(line, " caught_up "); ok {
			line = fmt.Sprintf("%s caught_up by %s", d, by)
		}
		records = append(records, line)
	}
	return records
}
