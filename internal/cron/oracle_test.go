package cron_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// full is for "make test-full": all changes of every zone from 1970 to 2045.
func full() bool { return os.Getenv("CLOUDAIPILOT_TEST_FULL") != "" }

var allChangesWalked atomic.Bool

// oracleExpressions are plain numbers, lists and stars, which the oracle reads for itself.
var oracleExpressions = []string{
	"* * * * *", "*/30 * * * *", "7,30 * * * 0,6", "0 * 1-15 * *", // elapsed time
	"30 2 * * *", "30 1 * * *", "0 0 * * *", "15,45 0-23 * * *", "*/10 */2 * * *", "59 23 * * 6,0", "0-30 1-3 * 3,4,10,11 *", "30 0 1-7 * 0", "45 */3 */2 * 0-5",
}

// TestNextAgreesWithTheCalendarMinuteByMinute walks the minutes around every change of every zone's offset, with Go's time
// package as the calendar and the rule in its plainest words, and asks Next at each of them.
func TestNextAgreesWithTheCalendarMinuteByMinute(t *testing.T) {
	t.Parallel()
	from, until, around := 2020, 2030, 5*time.Hour
	if full() {
		from, until = 1970, 2045
		if allChangesWalked.Swap(true) {
			t.Skip("the same every time: once is enough")
		}
	}
	seen, changes, asked := map[string]bool{}, 0, 0
	for _, name := range cron.ZoneNames() {
		z := mustZone(t, name)
		key := fmt.Sprint(z.Spans())
		if seen[key] {
			continue // another name of the same
		}
		seen[key] = true
		for i, change := range offsetChanges(z.Location(), from, until) {
			changes++
			if !full() && i >= 4 && (changes+i)%4 != 0 {
				continue // years are much alike
			}
			asked += askAround(t, z, change, around)
			if t.Failed() {
				return
			}
		}
	}
	if changes < 1500 || asked < 1e6 {
		t.Errorf("only %d changes and %d questions", changes, asked)
	}
	t.Logf("%d zones, %d changes, %d questions", len(seen), changes, asked)
}

// TestNextAgreesOnLostDays asks around changes of the day itself, which are rare.
func TestNextAgreesOnLostDays(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]time.Time{
		"Pacific/Apia":      time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC),
		"Pacific/Kwajalein": time.Date(1993, 8, 21, 12, 0, 0, 0, time.UTC),
		"Antarctica/Casey":  time.Date(2010, 3, 4, 15, 0, 0, 0, time.UTC),
		"Africa/Monrovia":   time.Date(1972, 1, 7, 0, 44, 30, 0, time.UTC), // an offset of 44 minutes and 30 seconds
	} {
		z := mustZone(t, name)
		if z.OffsetAt(change.Unix()) == z.OffsetAt(change.Unix()-1) {
			t.Errorf("%s does not change at %s", name, change)
		}
		askAround(t, z, change.Unix(), 30*time.Hour)
	}
}

// askAround compares Next with the oracle, asked at every minute from before a change until after it.
func askAround(t *testing.T, z *cron.Zone, change int64, around time.Duration) (asked int) {
	t.Helper()
	step := int64(60)
	if change%60 != 0 || z.OffsetAt(change)%60 != 0 || z.OffsetAt(change-1)%60 != 0 {
		step = 30
	}
	half := int64(around / time.Second)
	// More before, for the times that a change back repeats.
	minutes := walk(z.Location(), change-half-half, change+half, step)
	for _, text := range oracleExpressions {
		e, due := mustParse(t, text), dueTimes(oracleRule(t, text), minutes)
		next := 0
		for at := change - half; at < change+half; at += step {
			for next < len(due) && due[next] <= at {
				next++
			}
			if next == len(due) {
				break
			}
			asked++
			after := at
			if at+step == change {
				after = change - 1 // the last second before it, from which the same is next
			}
			if got, ok := e.NextUnix(z, after); !ok || got != due[next] {
				show := func(unix int64) string { return time.Unix(unix, 0).In(z.Location()).Format(time.RFC3339) }
				t.Errorf("%s in %s after %s: %s, the calendar says %s", text, z.Name(), show(after), show(got), show(due[next]))
				break
			}
		}
	}
	return asked
}

// minute is an instant and what the wall clock says.
type minute struct {
	unix, wall                    int64 // wall: seconds, as if the wall clock were UTC
	minute, hour, day, month, dow int
	again                         bool     // the wall clock has said this before
	lost                          []minute // what it skipped right before, and never says
}

func walk(location *time.Location, from, until, step int64) []minute {
	var all []minute
	first := map[int64]bool{}
	for at := from; at <= until; at += step {
		local := time.Unix(at, 0).In(location)
		m := wallMinute(time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC).Unix())
		m.unix, m.again = at, first[m.wall]
		first[m.wall] = true
		for lost := m.wall - 1; len(all) > 0 && lost > all[len(all)-1].wall; lost-- {
			if lost%60 == 0 && !first[lost] {
				m.lost = append(m.lost, wallMinute(lost))
			}
		}
		all = append(all, m)
	}
	return all
}

// dueTimes is the rule in its plainest words.
func dueTimes(r oracle, minutes []minute) (due []int64) {
	for _, m := range minutes {
		matches := m.wall%60 == 0 && r.matches(m)
		if !r.elapsed {
			matches = matches && !m.again                               // each wall-clock time is due once, the first time
			matches = matches || slices.ContainsFunc(m.lost, r.matches) // and lost ones at the first instant after
		}
		if matches {
			due = append(due, m.unix)
		}
	}
	return due
}

func wallMinute(wall int64) minute {
	at := time.Unix(wall, 0).UTC()
	return minute{unix: wall, wall: wall, minute: at.Minute(), hour: at.Hour(), day: at.Day(), month: int(at.Month()), dow: int(at.Weekday())}
}

// oracle is an expression read in the simplest way.
type oracle struct {
	fields                 [5]uint64 // one bit for each value
	elapsed                bool
	domStarred, dowStarred bool
}

func (o oracle) matches(m minute) bool {
	has := func(field, value int) bool { return o.fields[field]>>value&1 == 1 }
	if !has(0, m.minute) || !has(1, m.hour) || !has(3, m.month) {
		return false
	}
	if !o.domStarred && !o.dowStarred {
		return has(2, m.day) || has(4, m.dow)
	}
	return has(2, m.day) && has(4, m.dow)
}

func oracleRule(t *testing.T, text string) oracle {
	t.Helper()
	words := strings.Fields(text)
	o := oracle{elapsed: words[1] == "*", domStarred: words[2][0] == '*', dowStarred: words[4][0] == '*'}
	for i, bounds := range [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}} {
		for item := range strings.SplitSeq(words[i], ",") {
			item, stepText, stepped := strings.Cut(item, "/")
			step := 1
			if stepped {
				step = number(t, stepText)
			}
			first, last := bounds[0], bounds[1]
			if item != "*" {
				low, high, ranged := strings.Cut(item, "-")
				first, last = number(t, low), number(t, low)
				if ranged {
					last = number(t, high)
				}
			}
			for n := first; n <= last; n += step {
				o.fields[i] |= 1 << n
			}
		}
	}
	return o
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// offsetChanges finds the changes of a zone's offset by looking at it every six hours.
func offsetChanges(location *time.Location, from, until int) (changes []int64) {
	offset := func(at int64) int {
		_, offset := time.Unix(at, 0).In(location).Zone()
		return offset
	}
	end := time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at := time.Date(from, 1, 3, 0, 0, 0, 0, time.UTC).Unix(); at < end; at += 6 * 3600 {
		low, high := at, at+6*3600
		if offset(low) == offset(high) {
			continue
		}
		for high-low > 1 {
			if middle := (low + high) / 2; offset(middle) == offset(at) {
				low = middle
			} else {
				high = middle
			}
		}
		changes = append(changes, high)
	}
	return changes
}
