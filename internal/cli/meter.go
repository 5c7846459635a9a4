package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

const (
	drawEvery = time.Second      // a terminal's line is drawn anew
	sayEvery  = 10 * time.Second // a line is printed elsewhere, if something changed
	// rateAfter is how long bytes are watched before their rate is told.
	rateAfter = 2 * time.Second
)

// meter shows how a backup goes: one line that changes, or a line for every change.
type meter struct {
	out    io.Writer
	live   bool
	width  func() int
	before api.Backup // the last completed one of the same source, zero if there is none

	said  string
	drawn bool
	step  string
	bytes int64     // that the step had when it was first seen
	since time.Time // and when that was
}

// show shows a backup as it is now.
func (m *meter) show(b api.Backup, now time.Time) {
	step := stepOf(b)
	if step != m.step || b.Progress.Bytes < m.bytes {
		m.step, m.bytes, m.since = step, b.Progress.Bytes, now
	}
	if m.live {
		m.draw(m.line(b, now))
		return
	}
	news := step
	if b.Progress.Bytes > 0 {
		news += ", " + size(b.Progress.Bytes)
	}
	if news != m.said {
		m.said = news
		fmt.Fprintf(m.out, "%s  %s\n", clock(now), news)
	}
}

func stepOf(b api.Backup) string {
	switch n := len(b.Tries); {
	case n > 0 && b.Progress.Step == "" && !finished(b):
		return fmt.Sprintf("try %d, after: %s", n+1, plain(b.Tries[n-1].Title))
	case b.Status != string(backup.StatusRunning):
		return b.Status
	case b.Progress.Step == "":
		return "starting"
	}
	return plain(b.Progress.Step)
}

// line is step, bytes, rate, time spent, and the time left where it can be known.
func (m *meter) line(b api.Backup, now time.Time) string {
	parts := []string{m.step}
	rate := m.rate(b, now)
	if b.Progress.Bytes > 0 {
		parts = append(parts, size(b.Progress.Bytes))
	}
	if rate > 0 {
		parts = append(parts, size(int64(rate))+"/s")
	}
	parts = append(parts, span(now.Sub(b.CreatedAt)))
	if left := m.left(b, rate); left > 0 {
		parts = append(parts, "about "+span(left)+" left")
	}
	return strings.Join(parts, "  ")
}

// rate is how many bytes a second this step has made since it was first seen; 0 while nothing can be said.
func (m *meter) rate(b api.Backup, now time.Time) float64 {
	took := now.Sub(m.since)
	if took < rateAfter || b.Progress.Bytes <= m.bytes {
		return 0
	}
	return float64(b.Progress.Bytes-m.bytes) / took.Seconds()
}

// left is how long writing the archive still takes if it becomes as large as the last one; 0 where nobody knows.
func (m *meter) left(b api.Backup, rate float64) time.Duration {
	missing := m.before.SizeBytes - b.Progress.Bytes
	if m.step != "archive" || rate <= 0 || missing <= 0 {
		return 0
	}
	return max(time.Second, time.Duration(float64(missing)/rate*float64(time.Second)))
}

// span is a duration in whole seconds, never a negative one: clocks differ.
func span(d time.Duration) string { return max(0, d).Round(time.Second).String() }

// draw replaces the line, cut to the terminal's width.
func (m *meter) draw(line string) {
	if w := m.width(); w > 1 && utf8.RuneCountInString(line) >= w {
		line = string([]rune(line)[:w-1])
	}
	fmt.Fprint(m.out, "\r\x1b[K"+line)
	m.drawn = true
}

// end removes the line.
func (m *meter) end() {
	if m.drawn {
		fmt.Fprint(m.out, "\r\x1b[K")
	}
}
