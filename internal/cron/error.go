package cron

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is what is wrong with an expression.
type Error struct {
	Expression string
	Field      string // "minute", "hour", "day of the month", "month" or "day of the week"; empty for the whole
	Value      string // the part that is wrong; may be empty
	Allowed    string // the values that the field takes, such as "0 to 59"; may be empty
	Column     int    // of Value, in characters from 1; 0 where no place is to blame
	Reason     string // what is wrong, in one line, the value and the allowed range included
	Hint       string // what was probably meant, or what to do; may be empty
}

// Error says what is wrong, shows where, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Reason)
	if line, caret := e.excerpt(); e.Column > 0 {
		fmt.Fprintf(&b, "\n    %s\n    %s^", line, strings.Repeat(" ", caret))
	}
	if e.Hint != "" {
		b.WriteString("\n" + e.Hint)
	}
	return b.String()
}

// window is how much of a long expression is shown.
const window = 72

// excerpt returns the expression, or the part of it around the column, on one line, and how far in the column is.
func (e *Error) excerpt() (line string, before int) {
	runes := []rune(printable(e.Expression))
	before = max(e.Column-1, 0)
	start := max(0, min(before-window/2, len(runes)-window))
	end := min(start+window, len(runes))
	line, before = string(runes[start:end]), before-start
	if start > 0 {
		line, before = "…"+line, before+1
	}
	if end < len(runes) {
		line += "…"
	}
	return line, before
}

// printable keeps one column for each character and leaves control characters out.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r):
			return '·'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
}

// excerpt is the beginning of a text from outside, fit for a message.
func excerpt(s string, limit int) string {
	runes := []rune(printable(s))
	if len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return string(runes)
}
