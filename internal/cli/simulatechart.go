package cli

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// px is a length in a chart, in tenths of a pixel: whole numbers are the same on every machine.
type px int64

func (p px) String() string {
	if p%10 == 0 {
		return strconv.FormatInt(int64(p/10), 10)
	}
	return strconv.FormatFloat(float64(p)/10, 'f', 1, 64)
}

// scaled is n of whole as a part of length. n is from 0 to whole.
func scaled(n, whole int64, length px) px {
	high, low := bits.Mul64(uint64(max(n, 0)), uint64(length)) //nolint:gosec // neither is negative
	share, _ := bits.Div64(high, low, uint64(max(whole, n, 1)))
	return px(share) //nolint:gosec // at most length
}

// shape is something drawn, with the words that a pointer on it shows.
type shape struct{ Class, Path, Title string }

// bar is a rectangle as a path.
func bar(x, y, width, height px) string {
	return fmt.Sprintf("M%s %sh%sv%sh-%sz", x, y, width, height, width)
}

// tick is a mark of an axis.
type tick struct {
	At, Label px // where its line and its words are
	Text      string
	Major     bool
}

// gantt is when the runs of the first days are.
type gantt struct {
	Title, Summary, LeftOut string
	Width, Height           px
	Left, Top, Bottom       px // of the plot
	Hours                   []tick
	Rows                    []ganttRow
}

type ganttRow struct {
	Name, Label   string // the label is as much of the name as has room
	Y, Base, Line px     // its top, the base line of its label, the line below it
	Shapes        []shape
}

const (
	ganttSeconds = 3 * 86400
	ganttRows    = 40
	ganttShapes  = 40 // of a row that are told one by one; more are one shape of each kind

	ganttLeft   px = 1900
	ganttWidth  px = 7600
	ganttTop    px = 280
	ganttHeight px = 200 // of a row
)

// ganttOf draws the first days of the schedules, in that order, as far as there is room.
func ganttOf(sc *simulator.Scenario, order []int, parallelism int) *gantt {
	span := min(sc.End-sc.Start, ganttSeconds)
	shown := order[:min(len(order), ganttRows)]
	rows := make([][]simulator.Event, len(sc.Schedules))
	total := map[string]int64{}
	for _, e := range simulator.Opening(sc, span, shown, parallelism) {
		rows[e.Schedule] = append(rows[e.Schedule], e)
		total[e.Outcome.String()]++
		total["due_times"]++
	}
	g := &gantt{Title: "The first three days", Width: ganttLeft + ganttWidth + 100, Left: ganttLeft, Top: ganttTop, Bottom: ganttTop + px(len(shown))*ganttHeight,
		Hours: ticksOf(sc.Start, span, ganttLeft, ganttWidth, 12)}
	if span < ganttSeconds {
		g.Title = "Run by run"
	}
	g.Height = g.Bottom + 60
	g.Summary = fmt.Sprintf("From %s for %s: %s.", people(sc.Start), simulator.Short(time.Duration(span)*time.Second), outcomesInWords(total))
	if n := len(order) - len(shown); n > 0 {
		g.LeftOut = fmt.Sprintf("%d of %d schedules are shown, the worst of the whole time; %d are left out.", len(shown), len(order), n)
	}
	for k, i := range shown {
		y := ganttTop + px(k)*ganttHeight
		name := plain(sc.FullName(i))
		row := ganttRow{Name: name, Label: short(name, 26), Y: y, Base: y + 140, Line: y + ganttHeight}
		row.Shapes = ganttShapesOf(rows[i], name, sc.Start, span, y)
		g.Rows = append(g.Rows, row)
	}
	return g
}

func ganttShapesOf(events []simulator.Event, name string, start, span int64, y px) (shapes []shape) {
	slices.SortFunc(events, func(a, b simulator.Event) int { return cmp.Compare(a.Due, b.Due) })
	at := func(t int64) px { return ganttLeft + scaled(min(max(t-start, 0), span), span, ganttWidth) }
	merged := map[string]*shape{}
	var kinds []string
	counts := map[string]int{}
	add := func(class, path, title string) {
		if len(events) <= ganttShapes {
			shapes = append(shapes, shape{class, path, title})
			return
		}
		if merged[class] == nil {
			merged[class] = &shape{Class: class}
			kinds = append(kinds, class)
		}
		merged[class].Path += path
		counts[class]++
	}
	for i := range events {
		e := &events[i]
		if e.Begin > e.Due {
			add("waits", bar(at(e.Due), y+90, max(at(e.Begin)-at(e.Due), 10), 20), name+": waits from "+people(e.Due)+" to "+people(e.Begin))
		}
		if e.Begin > 0 || e.Outcome == simulator.Unfinished {
			begin := cmp.Or(e.Begin, e.Due)
			add(e.Outcome.String(), bar(at(begin), y+40, max(at(e.At)-at(begin), 25), 120), name+": "+eventInWords(e))
		}
		if e.Outcome != simulator.Completed && e.Outcome != simulator.Unfinished {
			add("mark "+e.Outcome.String(), markOf(e.Outcome, at(max(e.Begin, e.Due)), y+100), name+": "+eventInWords(e))
		}
	}
	for _, class := range kinds {
		s := merged[class]
		s.Title = fmt.Sprintf("%s: %d %s", name, counts[class], strings.ReplaceAll(strings.TrimPrefix(class, "mark "), "_", " "))
		shapes = append(shapes, *s)
	}
	return shapes
}

// markOf is the sign of an outcome, so that no colour says it alone: a cross for a failed run, a diamond for a skipped due time,
// a saltire in a box for a missed one, a triangle for one that another run caught up.
func markOf(o simulator.Outcome, x, y px) string {
	switch o {
	case simulator.Failed:
		return fmt.Sprintf("M%s %sl8 8m0 -8l-8 8", x-40, y-40)
	case simulator.Skipped:
		return fmt.Sprintf("M%s %sl4.5 4.5l-4.5 4.5l-4.5 -4.5z", x, y-45)
	case simulator.Missed:
		return fmt.Sprintf("M%s %sh8v8h-8zl8 8m0 -8l-8 8", x-40, y-40)
	case simulator.CaughtUp, simulator.Completed, simulator.Unfinished:
	}
	return fmt.Sprintf("M%s %sl4.5 8h-9z", x, y-40)
}

// eventInWords says what became of a due time.
func eventInWords(e *simulator.Event) string {
	word := strings.ReplaceAll(e.Outcome.String(), "_", " ")
	switch {
	case e.Begin > 0:
		if e.Class != "" {
			word += " (" + string(e.Class) + ")"
		}
		return fmt.Sprintf("%s, %s to %s, %s", word, people(e.Begin), people(e.At), diagnosis.Bytes(e.Bytes))
	case e.Reason != 0:
		word += " (" + string(e.Reason.Word()) + ")"
	case e.By != 0:
		word += " by the run due " + people(e.By)
	}
	return fmt.Sprintf("%s, due %s", word, people(e.Due))
}

// ticksOf marks an axis of time at round times: minutes, hours, days, Mondays or first days of a month, about as many as most.
func ticksOf(start, span int64, left, width px, most int64) (ticks []tick) {
	const day, monday = 86400, 4 * 86400
	last := start + span - span/30 // what is behind has no room for its words
	add := func(t int64, format string, major bool) {
		at := left + scaled(t-start, span, width)
		ticks = append(ticks, tick{At: at, Label: at, Text: time.Unix(t, 0).UTC().Format(format), Major: major})
	}
	for _, step := range []int64{60, 300, 900, 3600, 3 * 3600, 6 * 3600, day, 2 * day, 7 * day, 14 * day} {
		if span/step > most {
			continue
		}
		for t := monday + (start-monday+step-1)/step*step; t <= last; t += step {
			if t%day == 0 {
				add(t, "2 Jan", step < day)
			} else {
				add(t, "15:04", false)
			}
		}
		return ticks
	}
	months := 1
	for span/(31*day)/int64(months) > most {
		months++
	}
	first := time.Unix(start, 0).UTC()
	for t := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); t.Unix() <= last; t = t.AddDate(0, months, 0) {
		if t.Unix() >= start {
			add(t.Unix(), "Jan 2006", false)
		}
	}
	return ticks
}

// daily is how many due times of each day failed or were not run.
type daily struct {
	Summary             string
	Width, Height       px
	Left, Right, Bottom px // of the plot
	Failed, NotRun      string
	Counts, Days        []tick
}

const (
	dailyTop    px = 160
	dailyBottom px = 1300
	dailyBars      = 370 // more are one for several days
)

// dailyOf draws what went wrong day by day, nothing where nothing did.
func dailyOf(sc *simulator.Scenario, r *simulator.Report) daily {
	d := daily{Width: ganttLeft + ganttWidth + 100, Height: 1560, Left: 600, Right: ganttLeft + ganttWidth, Bottom: dailyBottom}
	bad, worst := 0, 0
	notRun := func(day int) int64 {
		of := r.Days[day]
		return of[simulator.Skipped] + of[simulator.Missed] + of[simulator.CaughtUp]
	}
	wrong := func(day int) int64 { return r.Days[day][simulator.Failed] + notRun(day) }
	for day := range r.Days {
		if wrong(day) > 0 {
			bad++
		}
		if wrong(day) > wrong(worst) {
			worst = day
		}
	}
	if bad == 0 {
		d.Summary = "Nothing: every due time had its run, and none failed."
		return d
	}
	each := (len(r.Days) + dailyBars - 1) / dailyBars
	bars := (len(r.Days) + each - 1) / each
	sums := make([][2]int64, bars) // failed, not run
	most := int64(1)
	for day := range r.Days {
		sum := &sums[day/each]
		sum[0], sum[1] = sum[0]+r.Days[day][simulator.Failed], sum[1]+notRun(day)
		most = max(most, sum[0]+sum[1])
	}
	var failed, skipped strings.Builder
	across := func(bar int) px { return d.Left + scaled(int64(bar), int64(bars), d.Right-d.Left) }
	for i, sum := range sums {
		x, width := across(i), max(across(i+1)-across(i)-5, 10)
		high := scaled(sum[0], most, dailyBottom-dailyTop)
		if sum[0] > 0 {
			failed.WriteString(bar(x, dailyBottom-high, width, high))
		}
		if sum[1] > 0 {
			more := scaled(sum[0]+sum[1], most, dailyBottom-dailyTop) - high
			skipped.WriteString(bar(x, dailyBottom-high-more, width, more))
		}
	}
	d.Failed, d.NotRun = failed.String(), skipped.String()
	for _, n := range []int64{0, most} {
		y := dailyBottom - scaled(n, most, dailyBottom-dailyTop)
		d.Counts = append(d.Counts, tick{At: y, Label: y + 35, Text: compact(n)})
	}
	d.Days = ticksOf(sc.Start, sc.End-sc.Start, d.Left, d.Right-d.Left, 9)
	d.Summary = fmt.Sprintf("On %d of %s; the worst is %s, with %s.", bad, several(int64(len(r.Days)), "day", "days"),
		time.Unix(sc.Start+int64(worst)*86400, 0).UTC().Format("2 Jan 2006"), wrongInWords(r.Days[worst]))
	if each > 1 {
		d.Summary += fmt.Sprintf(" A bar is %d days.", each)
	}
	return d
}

// wrongInWords says what went wrong.
func wrongInWords(of [6]int64) string {
	var parts []string
	for _, o := range []simulator.Outcome{simulator.Failed, simulator.Skipped, simulator.Missed, simulator.CaughtUp} {
		if of[o] > 0 {
			parts = append(parts, grouped(of[o])+" "+strings.ReplaceAll(o.String(), "_", " "))
		}
	}
	return strings.Join(parts, ", ")
}

// heat is how many runs begin in each hour of the week.
type heat struct {
	Summary       string
	Width, Height px
	Cells         []heatCell
	Hours, Days   []tick
	Legend        []heatLevel
	Total, Most   int64
	Busiest       string
}

type heatCell struct {
	X, Y, TextX, TextY px
	Level              int
	Count, Title       string
}

type heatLevel struct {
	Level int
	Text  string
}

const (
	heatLevels    = 6
	heatLeft   px = 420
	heatTop    px = 240
	heatWidth  px = 300 // of a cell
	heatHeight px = 240
)

func heatOf(r *simulator.Report) heat {
	var hours [168]int64
	h := heat{Width: heatLeft + 24*heatWidth + 10, Height: heatTop + 7*heatHeight + 10}
	for i := range r.Servers {
		for k, n := range r.Servers[i].Hours {
			hours[k] += n
			h.Total += n
		}
	}
	h.Most = slices.Max(hours[:])
	empty := 0
	for k, n := range hours {
		x, y := heatLeft+px(k%24)*heatWidth, heatTop+px(k/24)*heatHeight
		level := int((n*heatLevels + h.Most - 1) / max(h.Most, 1))
		cell := heatCell{X: x, Y: y, TextX: x + heatWidth/2, TextY: y + 160, Level: level, Title: fmt.Sprintf("%s: %d", hourOfWeek(k), n)}
		if n > 0 {
			cell.Count = compact(n)
		} else {
			empty++
		}
		h.Cells = append(h.Cells, cell)
	}
	for hour := range px(24) {
		h.Hours = append(h.Hours, tick{Label: heatLeft + hour*heatWidth + heatWidth/2, Text: fmt.Sprintf("%02d", int(hour))})
	}
	for day := range px(7) {
		h.Days = append(h.Days, tick{Label: heatTop + day*heatHeight + 160, Text: hourOfWeek(int(day) * 24)[:3]})
	}
	for level, from := 1, int64(1); level <= heatLevels && h.Most > 0; level++ {
		if to := h.Most * int64(level) / heatLevels; to >= from {
			text := compact(from)
			if to > from {
				text += " to " + compact(to)
			}
			h.Legend = append(h.Legend, heatLevel{level, text})
			from = to + 1
		}
	}
	h.Summary = "Nothing begins."
	if h.Most > 0 {
		h.Busiest = hourOfWeek(slices.Index(hours[:], h.Most))
		h.Summary = fmt.Sprintf("%s begin, most of them, %s, in the hour %s.", several(h.Total, "try", "tries"), grouped(h.Most), h.Busiest)
		if empty > 0 {
			h.Summary += fmt.Sprintf(" In %d of the 168 hours of the week none does.", empty)
		}
	}
	return h
}

// curve is how many bytes lie on a disk or in a vault, day by day.
type curve struct {
	Name, Caption, Summary string
	Width, Height          px
	Line, Area             string
	Left, Right, Bottom    px // of the plot
	Bytes, Days            []tick
	Capacity               px // the height of its line, 0 for none
	Full                   px // where it is full first, 0 for never
	FullLabel              px
	FullText               string
	FullAnchor             string
}

const (
	curveWidth  px = 3600
	curveHeight px = 1900
	curveLeft   px = 640
	curveRight  px = 3520
	curveTop    px = 160
	curveBottom px = 1620
	curvePoints    = 240 // more are no finer on a screen
)

// curveOf draws bytes at the start and at the end of each day. full is when there was no room first, 0 for never.
func curveOf(name string, start, end int64, bytes []int64, capacity, peak, full int64) curve {
	c := curve{Name: name, Width: curveWidth, Height: curveHeight, Left: curveLeft, Right: curveRight, Bottom: curveBottom}
	top := max(capacity, peak, 1)
	up := func(n int64) px { return curveBottom - scaled(n, top, curveBottom-curveTop) }
	across := func(t int64) px { return curveLeft + scaled(t-start, end-start, curveRight-curveLeft) }

	var line strings.Builder
	step := (len(bytes) + curvePoints - 1) / curvePoints
	for i := 0; i < len(bytes); i += max(step, 1) {
		last := min(i+max(step, 1), len(bytes)) - 1
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&line, "%s%s %s", verb, across(min(start+int64(last)*86400, end)), up(slices.Max(bytes[i:last+1])))
	}
	c.Line = line.String()
	last := across(min(start+int64(len(bytes)-1)*86400, end))
	c.Area = fmt.Sprintf("%sL%s %sL%s %sz", c.Line, last, curveBottom, curveLeft, curveBottom)
	for _, share := range []int64{0, 1, 2} {
		n := top / 2 * share
		if share == 2 {
			n = top
		}
		text := diagnosis.Bytes(n)
		if n == 0 {
			text = "0"
		}
		c.Bytes = append(c.Bytes, tick{At: up(n), Label: up(n) + 35, Text: text})
	}
	c.Days = ticksOf(start, end-start, curveLeft, curveRight-curveLeft, 4)
	c.Caption = "peak " + diagnosis.Bytes(peak)
	if capacity > 0 {
		c.Capacity = up(capacity)
		c.Caption += fmt.Sprintf(", %.0f %% of %s", 100*float64(peak)/float64(capacity), diagnosis.Bytes(capacity))
	}
	c.Summary = plain(name) + ": " + c.Caption
	if full > 0 {
		c.Full, c.FullText, c.FullAnchor = across(min(full, end)), "full on "+time.Unix(full, 0).UTC().Format("2 Jan 2006"), "start"
		c.FullLabel = c.Full + 60
		if c.Full > (curveLeft+curveRight)/2 {
			c.FullLabel, c.FullAnchor = c.Full-60, "end"
		}
		c.Summary += ", full since " + people(full)
	}
	return c
}

// people writes a time for people.
func people(t int64) string { return time.Unix(t, 0).UTC().Format("2 Jan 2006 15:04 UTC") }

// compact writes a count in little room: 980, 12k, 3.4M.
func compact(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10)
	case n < 10_000:
		return fmt.Sprintf("%d.%dk", n/1000, n/100%10)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%d.%dM", n/1_000_000, n/100_000%10)
}

// grouped writes a count with commas: 5,832,892.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// short cuts a text to so many characters.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
