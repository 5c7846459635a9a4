package cron

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	robfig "github.com/robfig/cron/v3"
)

// MaxLength is how long an expression may be, in bytes.
const MaxLength = 1024

// fieldSpec is what a field takes.
type fieldSpec struct {
	name            string
	lowest, highest int
	names           []string // of the values from lowest on
	hashed          int      // the highest value that H takes: 28 for days, so that H never loses a month
}

func (s *fieldSpec) allowed() string {
	text := fmt.Sprintf("%d to %d", s.lowest, s.highest)
	if len(s.names) > 0 {
		text += fmt.Sprintf(" or %s to %s", s.names[0], s.names[len(s.names)-1])
	}
	return text
}

// The fields, in their order.
const (
	fieldMinute = iota
	fieldHour
	fieldDom
	fieldMonth
	fieldDow
)

var fieldSpecs = [5]fieldSpec{
	{name: "minute", lowest: 0, highest: 59, hashed: 59},
	{name: "hour", lowest: 0, highest: 23, hashed: 23},
	{name: "day of the month", lowest: 1, highest: 31, hashed: 28},
	{name: "month", lowest: 1, highest: 12, hashed: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of the week", lowest: 0, highest: 7, hashed: 6, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// robfigParser gets what the checks in this file let through, written out in numbers. On its own it panics on "TZ=UTC", takes
// "*/61", "*-5" and "@every -1h", and knows no 7.
var robfigParser = robfig.NewParser(robfig.Minute | robfig.Hour | robfig.Dom | robfig.Month | robfig.Dow)

// Parse reads five fields: minute, hour, day of the month, the month, day of the week; or @hourly, @daily, @midnight, @weekly,
// @monthly, @yearly, @annually. A field holds *, numbers, names, ranges, steps and lists of them; 0 and 7 are Sunday.
//
// H stands for a number that is a hash of the seed, so that schedules spread: H in the whole field, H(0-7) in a range, H/15
// every 15 from a hashed start. The seed of a schedule is "server name/schedule name". To check an expression whose seed is not
// known yet, any seed will do: all are valid or none, but for days that only some months have.
//
// The error is an *Error, also for an expression that would never fire.
func Parse(text, seed string) (Expression, error) {
	return parse(parser{text: text, seed: seed})
}

func parse(p parser) (Expression, error) {
	text := p.text
	if len(text) > MaxLength {
		return Expression{}, &Error{Expression: excerpt(text, window), Reason: fmt.Sprintf("the expression has %d bytes; at most %d are allowed", len(text), MaxLength),
			Hint: "Write ranges and steps such as 0-30 or */5 instead of long lists, or make two schedules."}
	}
	words := split(text)
	if err := p.checkForm(words); err != nil {
		return Expression{}, err
	}
	if words[0].text[0] == '@' {
		expanded, err := p.macro(words)
		if err != nil {
			return Expression{}, err
		}
		words = split(expanded)
	}
	if len(words) != len(fieldSpecs) {
		return Expression{}, p.wrongCount(words)
	}
	p.words = words
	return p.read()
}

// word is a part of an expression, and where it begins, in bytes.
type word struct {
	text string
	at   int
}

// split cuts at ASCII white space, and at no other: what looks like a space but is none is reported.
func split(text string) []word {
	var words []word
	for at := 0; at < len(text); {
		length := strings.IndexAny(text[at:], " \t\r\n")
		if length < 0 {
			length = len(text) - at
		}
		if length > 0 {
			words = append(words, word{text[at : at+length], at})
		}
		at += length + 1
	}
	return words
}

type parser struct {
	text, seed string
	words      []word
	guess      bool // the text is a guess at what was meant: no guesses about it
}

// read reads five words.
func (p *parser) read() (Expression, error) {
	var fields [5]string
	for i := range fieldSpecs {
		plain, err := p.field(i, p.words[i])
		if err != nil {
			return Expression{}, err
		}
		fields[i] = plain
	}
	schedule, err := robfigParser.Parse(strings.Join(fields[:], " "))
	spec, ok := schedule.(*robfig.SpecSchedule)
	if err != nil || !ok {
		return Expression{}, &Error{Expression: p.text, Reason: fmt.Sprintf("the expression cannot be read: %v", err)}
	}
	r := rule{
		minute: spec.Minute & allMinutes, hour: uint32(spec.Hour & allHours), dom: uint32(spec.Dom & allDays), month: uint16(spec.Month & allMonths), dow: uint8(spec.Dow & allWeekdays),
		elapsed: fields[fieldHour] == "*",
		// cronie 1.7, entry.c: DOM_STAR and DOW_STAR are set where the field begins with a star.
		either: p.words[fieldDom].text[0] != '*' && p.words[fieldDow].text[0] != '*',
	}
	if !r.either && r.dom&possibleDays(r.month) == 0 {
		return Expression{}, p.never(r)
	}
	return compile(p.text, r), nil
}

// field checks one field and writes it in the numbers that robfig's parser knows.
func (p *parser) field(i int, w word) (string, error) {
	var items []string
	for at := 0; at <= len(w.text); {
		item, _, _ := strings.Cut(w.text[at:], ",")
		r, err := p.item(i, word{item, w.at + at})
		if err != nil {
			return "", err
		}
		items = append(items, r.write(i))
		at += len(item) + 1
	}
	return strings.Join(items, ","), nil
}

// values are the values from first to last, each step.
type values struct {
	first, last, step int
	all               bool // written as a star
}

// write writes values for robfig's parser.
func (v values) write(field int) string {
	switch {
	case v.all && v.step == 1:
		return "*"
	case v.all && field == fieldDow:
		v.last = 6 // 7 is the same Sunday again
	case field == fieldDow && v.last == 7: // list them, with 0 for 7
		var days []string
		for day := v.first; day <= 7; day += v.step {
			days = append(days, strconv.Itoa(day%7))
		}
		return strings.Join(days, ",")
	}
	return fmt.Sprintf("%d-%d/%d", v.first, v.last, v.step)
}

// item reads one part of a list: *, a value, a range or H, with or without a step.
func (p *parser) item(i int, w word) (values, error) {
	spec := &fieldSpecs[i]
	if w.text == "" {
		return values{}, p.fail(i, w, "a value is missing", "Take the comma out that has nothing before or behind it.")
	}
	base, step, stepped := strings.Cut(w.text, "/")
	v := values{step: 1}
	if stepped {
		n, err := p.step(i, word{step, w.at + len(base) + 1})
		if err != nil {
			return values{}, err
		}
		v.step = n
	}
	low, high, ranged := strings.Cut(base, "-")
	switch {
	case base == "*":
		v.first, v.last, v.all = spec.lowest, spec.highest, true
		return v, nil
	case base == "H" || strings.HasPrefix(base, "H("):
		return p.hash(i, word{base, w.at}, v.step, stepped)
	case ranged:
		return p.span(i, w, v, low, high)
	}
	n, err := p.value(i, word{base, w.at})
	if err != nil {
		return values{}, err
	}
	v.first, v.last = n, n
	if stepped { // N/step goes on to the end of the field, as in robfig's and Vixie's successors
		v.last = max(n, highestOf(i))
	}
	return v, nil
}

// highestOf is the last value of a field, Sunday counted once.
func highestOf(i int) int {
	if i == fieldDow {
		return 6
	}
	return fieldSpecs[i].highest
}

// span reads a range.
func (p *parser) span(i int, w word, v values, low, high string) (values, error) {
	first, err := p.value(i, word{low, w.at})
	if err != nil {
		return values{}, err
	}
	last, err := p.value(i, word{high, w.at + len(low) + 1})
	if err != nil {
		return values{}, err
	}
	if i == fieldDow && last == 0 && first > 0 {
		last = 7 // FRI-SUN
	}
	if first > last {
		hint := fmt.Sprintf("A range goes upwards: write %s.", around(i, first, last))
		return values{}, p.fail(i, word{low + "-" + high, w.at}, fmt.Sprintf("range %s-%s ends before it begins", low, high), hint)
	}
	v.first, v.last = first, last
	return v, nil
}

// around writes a range that goes over the end of the field.
func around(i, first, last int) string {
	part := func(a, b int) string {
		if a == b {
			return strconv.Itoa(a)
		}
		return fmt.Sprintf("%d-%d", a, b)
	}
	return part(first, highestOf(i)) + "," + part(fieldSpecs[i].lowest, last)
}

func (p *parser) step(i int, w word) (int, error) {
	spec := &fieldSpecs[i]
	most := highestOf(i) - spec.lowest + 1
	n, err := strconv.Atoi(w.text)
	if !isNumber(w.text) || err != nil || n < 1 || n > most {
		e := p.fail(i, w, fmt.Sprintf("step %s is not allowed in the %s: steps are 1 to %d", quoted(w.text), spec.name, most), stepHint(i, n))
		e.Allowed = fmt.Sprintf("1 to %d", most)
		return 0, e
	}
	return n, nil
}

// value reads a number or a name.
func (p *parser) value(i int, w word) (int, error) {
	spec := &fieldSpecs[i]
	for n, name := range spec.names {
		if strings.EqualFold(w.text, name) {
			return spec.lowest + n, nil
		}
	}
	n, err := strconv.Atoi(w.text)
	if !isNumber(w.text) || err != nil {
		return 0, p.fail(i, w, fmt.Sprintf("%s is no %s: allowed is %s", quoted(w.text), spec.name, spec.allowed()), p.wordHint(i, w.text))
	}
	if n < spec.lowest || n > spec.highest {
		return 0, p.fail(i, w, fmt.Sprintf("%s %s is out of range: allowed is %s", spec.name, w.text, spec.allowed()), p.rangeHint(i, n))
	}
	return n, nil
}

func isNumber(s string) bool { return s != "" && len(s) <= 9 && strings.Trim(s, "0123456789") == "" }

func quoted(s string) string { return fmt.Sprintf("%q", excerpt(s, 40)) }

// fail is an error about a part of a field.
func (p *parser) fail(i int, w word, reason, hint string) *Error {
	e := p.failAt(w, reason, hint)
	e.Field, e.Allowed = fieldSpecs[i].name, fieldSpecs[i].allowed()
	if !strings.Contains(reason, e.Field) {
		e.Reason = e.Field + ": " + reason + ": allowed is " + e.Allowed
	}
	return e
}

// failAt is an error about a part of the expression.
func (p *parser) failAt(w word, reason, hint string) *Error {
	return &Error{Expression: p.text, Value: excerpt(w.text, window), Column: utf8.RuneCountInString(p.text[:min(w.at, len(p.text))]) + 1, Reason: reason, Hint: hint}
}

// checkForm looks for what is no expression at all.
func (p *parser) checkForm(words []word) error {
	if len(words) == 0 {
		return &Error{Expression: p.text, Reason: "the expression is empty", Hint: "Write five fields: minute, hour, day of the month, the month, day of the week; 30 3 * * * is every day at 03:30."}
	}
	for at, r := range p.text {
		if r > unicode.MaxASCII || r < ' ' && !strings.ContainsRune(" \t\r\n", r) || r == 0x7f {
			_, size := utf8.DecodeRuneInString(p.text[at:])
			return p.failAt(word{p.text[at : at+size], at}, fmt.Sprintf("character %s (%U) does not belong into an expression", quoted(string(r)), r), characterHint(r))
		}
	}
	return p.foreign(words)
}

func (p *parser) macro(words []word) (string, error) {
	name := strings.ToLower(words[0].text)
	expanded, ok := macros[name]
	if !ok {
		return "", p.failAt(words[0], fmt.Sprintf("there is no %s: allowed are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually", excerpt(words[0].text, 20)), macroHint(name, texts(words[1:])))
	}
	if len(words) > 1 {
		return "", p.failAt(words[1], "nothing may stand behind "+words[0].text, "")
	}
	return expanded, nil
}
