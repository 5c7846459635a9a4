package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// meant says what was meant, where that is a valid expression.
func (p *parser) meant(words ...string) string {
	text := strings.ReplaceAll(strings.Join(words, " "), "?", "*")
	if p.guess || len(words) != len(fieldSpecs) || text == p.text {
		return ""
	}
	if _, err := parse(parser{text: text, seed: "any", guess: true}); err != nil {
		return ""
	}
	return text
}

func texts(words []word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.text
	}
	return all
}

// sentences joins what there is to say.
func sentences(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// didYouMean is empty where nothing was found.
func didYouMean(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("Did you mean %q?", text)
}

// foreign finds what other schedulers write around an expression.
func (p *parser) foreign(words []word) error {
	lower := strings.ToLower(strings.TrimSpace(p.text))
	first := words[0]
	switch {
	case strings.HasPrefix(lower, "tz=") || strings.HasPrefix(lower, "cron_tz="):
		return p.failAt(first, "a time zone does not belong into the expression", "Take it out and give the time zone in its own place (timezone, or --timezone on the command line).")
	case strings.HasPrefix(lower, "cron("):
		inner := strings.TrimSuffix(strings.TrimSpace(p.text)[len("cron("):], ")")
		parts := strings.Fields(inner)
		return p.failAt(first, "cron(...) is the form of AWS, which is not supported", sentences("Take the wrapper off, leave out the sixth field, the year, and write * for ?.", didYouMean(p.meant(parts[:min(5, len(parts))]...))))
	case strings.HasPrefix(lower, "rate("):
		return p.failAt(first, "rate(...) is the form of AWS, which is not supported", sentences("Write the times as five fields.", didYouMean(rate(lower))))
	case strings.ContainsAny(first.text[:1], "\"'`"):
		return p.failAt(first, "a quotation mark does not belong into the expression", "Take the quotation marks off.")
	}
	return nil
}

// rate turns rate(15 minutes) into what cron has for it, or nothing.
func rate(lower string) string {
	parts := strings.Fields(strings.Trim(strings.TrimPrefix(lower, "rate("), ") "))
	if len(parts) != 2 {
		return ""
	}
	return every(parts[0], strings.TrimSuffix(parts[1], "s"))
}

// every is an expression for each so many minutes, hours or days, where they divide evenly.
func every(count, unit string) string {
	n, err := strconv.Atoi(count)
	switch {
	case err != nil || n < 1:
		return ""
	case n == 1 && unit == "minute":
		return "* * * * *"
	case unit == "minute" && n < 60 && 60%n == 0:
		return fmt.Sprintf("*/%d * * * *", n)
	case n == 1 && unit == "hour":
		return "0 * * * *"
	case unit == "hour" && n < 24 && 24%n == 0:
		return fmt.Sprintf("0 */%d * * *", n)
	case n == 1 && unit == "day":
		return "0 0 * * *"
	}
	return ""
}

// everyDuration turns the 90m of @every 90m into what cron has for it, or nothing.
func everyDuration(text string) string {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d%time.Minute != 0:
		return ""
	case d%time.Hour != 0:
		return every(strconv.Itoa(int(d/time.Minute)), "minute")
	case d == 24*time.Hour:
		return every("1", "day")
	}
	return every(strconv.Itoa(int(d/time.Hour)), "hour")
}

func macroHint(name string, behind []string) string {
	if name == "@reboot" {
		return "@reboot is the start of a machine, not a time. Write the times at which the schedule is due."
	}
	if strings.HasPrefix(name, "@every") {
		return sentences("@every counts from the start of a program, which a schedule does not have. Write the times.", didYouMean(everyDuration(strings.Join(behind, ""))))
	}
	known := make([]string, 0, len(macros))
	for macro := range macros {
		known = append(known, macro)
	}
	slices.Sort(known)
	return didYouMean(nearest(name, known))
}

func characterHint(r rune) string {
	switch r {
	case '\u00a0', '\u2007', '\u202f', '\u3000':
		return "It looks like a space but is another character, as web pages have it. Type a space."
	case '–', '—', '−', '‐', '‑':
		return "It looks like a hyphen but is another character, as word processors write it. Type - instead."
	case '∗', '＊', '⁎', '×':
		return "It looks like a star but is another character. Type * instead."
	}
	return "Expressions are written in digits, letters and * , - / only."
}

// wrongCount explains an expression that has not five fields.
func (p *parser) wrongCount(words []word) *Error {
	t := texts(words)
	n := len(words)
	reason := fmt.Sprintf("the expression has %d fields; five are needed: minute, hour, day of the month, the month, day of the week", n)
	if n == 1 {
		reason = strings.Replace(reason, "1 fields", "one field", 1)
	}
	if n < len(fieldSpecs) {
		return p.failAt(word{at: len(p.text)}, reason, "Fill up with *; 30 3 * * * is every day at 03:30.")
	}
	at := words[len(fieldSpecs)]
	switch {
	case n == 6 && (t[2] == "?" || t[4] == "?" || isYear(t[5])):
		return p.failAt(at, reason, sentences("Six fields with the year last, as in AWS: years are not supported.", didYouMean(p.meant(t[:5]...))))
	case n == 6 && p.meant(t[1:]...) != "":
		return p.failAt(words[0], reason, sentences("Six fields with seconds first, as in Quartz: seconds are not supported.", didYouMean(p.meant(t[1:]...))))
	case n == 7 && p.meant(t[1:6]...) != "":
		return p.failAt(words[0], reason, sentences("Seven fields with seconds and year, as in Quartz: neither is supported.", didYouMean(p.meant(t[1:6]...))))
	case p.meant(t[:5]...) != "":
		return p.failAt(at, reason, "Seconds, years, users and commands do not belong into the expression.")
	}
	return p.failAt(at, reason, "Lists have no spaces: 1,15 and not 1, 15. Seconds and years are not supported.")
}

func isYear(s string) bool { return len(s) >= 4 && isNumber(s[:4]) }

// wordHint explains a value that is neither a number nor a name.
func (p *parser) wordHint(i int, s string) string {
	upper := strings.ToUpper(s)
	switch {
	case s == "?":
		return sentences("? is Quartz for \"no value\"; cron writes *.", didYouMean(p.meant(texts(p.words)...)))
	case s == "":
		return "A number is missing before or behind a hyphen."
	case strings.HasPrefix(s, "*"):
		return "A star stands alone or with a step, such as */5."
	case strings.Contains(s, "#"):
		return "# is Quartz for the n-th weekday of a month, which cron cannot say. Choose a day of the month."
	case i == fieldDom && (upper == "L" || upper == "LW"), i == fieldDow && isLast(upper):
		return "L is Quartz for the last day, which cron cannot say. The 28th is a day that every month has."
	case i == fieldDom && strings.HasSuffix(upper, "W"):
		return "W is Quartz for the nearest working day, which cron cannot say. Choose days of the week, such as MON-FRI."
	case upper == "H" || strings.HasPrefix(upper, "H("):
		return "The letter for a hashed value is a capital H, alone or in front: H, H(0-7), H/15."
	case strings.ContainsAny(s, ":"):
		return "Write minute and hour in their own fields: 03:30 is 30 3."
	}
	names := fieldSpecs[i].names
	if len(names) == 0 {
		return ""
	}
	if len(upper) > 3 && slices.Contains(names, upper[:3]) {
		return didYouMean(upper[:3])
	}
	return didYouMean(nearest(upper, names))
}

// isLast finds 5L and FRIL, Quartz for the last Friday.
func isLast(upper string) bool { return strings.HasSuffix(upper, "L") && len(upper) <= 4 }

// rangeHint explains a number that is too small or too large.
func (p *parser) rangeHint(i, n int) string {
	t := texts(p.words)
	swapped := func(a, b int) string {
		if t[a] == "*" || t[b] == "*" {
			return ""
		}
		s := slices.Clone(t)
		s[a], s[b] = s[b], s[a]
		return p.meant(s...)
	}
	instead := func(text string) string {
		s := slices.Clone(t)
		s[i] = text
		return didYouMean(p.meant(s...))
	}
	switch {
	case i == fieldMinute && n == 60:
		return sentences("The full hour is minute 0.", instead("0"))
	case i == fieldHour && n == 24:
		return sentences("Midnight is hour 0.", instead("0"))
	case i == fieldHour && swapped(fieldMinute, fieldHour) != "":
		return sentences("The minute comes before the hour.", didYouMean(swapped(fieldMinute, fieldHour)))
	case i == fieldMonth && swapped(fieldDom, fieldMonth) != "":
		return sentences("The day comes before the month.", didYouMean(swapped(fieldDom, fieldMonth)))
	case i == fieldDom && n == 0:
		return "The first day of a month is 1; every day is *."
	case i == fieldMonth && n == 0:
		return "January is 1; every month is *."
	case i == fieldDow:
		return "Both 0 and 7 are Sunday, 1 is Monday, 6 is Saturday; every day is *."
	}
	return ""
}

func stepHint(i, n int) string {
	switch {
	case i == fieldMinute && n > 60 && n%60 == 0 && 24%(n/60) == 0:
		return fmt.Sprintf("Steps stay within one field: every %d minutes is 0 */%d * * *.", n, n/60)
	case i == fieldMinute && n > 60:
		return "Steps stay within one field: minutes begin anew with every hour."
	case i == fieldHour && n > 24:
		return "Steps stay within one field: hours begin anew with every day."
	}
	return ""
}

// never explains an expression whose days do not exist.
func (p *parser) never(r rule) *Error {
	var months []string
	for month := range 13 {
		if r.month>>month&1 == 1 {
			months = append(months, time.Month(month).String())
		}
	}
	days := 30
	if r.month == 1<<2 {
		days = 29
	}
	verb := "has"
	if len(months) > 1 {
		verb = "have"
	}
	w := p.words[fieldDom]
	e := p.fail(fieldDom, w, fmt.Sprintf("the expression never fires: its day of the month is %s, and %s %s at most %d days", excerpt(w.text, 40), and(months), verb, days),
		"The last day that every month has is 28.")
	if p.words[fieldDow].text[0] == '*' && p.words[fieldDow].text != "*" {
		e.Hint = sentences(e.Hint, "A day of the week that begins with * does not add days.")
	}
	return e
}

// and joins a list the English way.
func and(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
