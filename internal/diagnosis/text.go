package diagnosis

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// MaxText is how much of a text is read: of a longer one its first and its last half of this.
const MaxText = 1 << 20

// Input is the error text of a backup, from any tool, and what else is known.
type Input struct {
	Text       string
	Stage      backup.Stage    // optional: what was going on
	ExitStatus int             // optional
	Evidence   backup.Evidence // optional: fills the fix with real values
}

// Result is what a text means: the root cause first, not the last line.
type Result struct {
	Diagnosis
	Alternatives []Alternative
}

// Alternative is another cause that the text would allow, or an effect that was seen beside the root.
type Alternative struct {
	Class      Class
	Confidence float64
}

const (
	sure            = 0.5 // below it the answer is unknown
	maxAlternatives = 5
	maxEvidence     = 500
)

// Text says what a text means. It takes time linear in the text's length, and masks the secrets in all it returns.
func Text(in Input) Result {
	t := read(bounded(decoded(in.Text)))
	contexts := contextsOf(string(in.Stage))
	var found []finding
	for i := range knowledge {
		if f, ok := t.judge(&knowledge[i], contexts); ok {
			found = append(found, f)
		}
	}
	found = append(found, byExitStatus(in.ExitStatus, found)...)
	found = rank(found)
	if len(found) == 0 || found[0].score < sure {
		return unsure(in, found)
	}
	root := found[0]
	line := t.line(root)
	d := root.entry.explain(backup.Failure{Stage: in.Stage, Text: line, ExitStatus: in.ExitStatus, Evidence: in.Evidence}, nil)
	return Result{d.with(confidence(found), line), alternatives(found[1:])}
}

func unsure(in Input, found []finding) Result {
	r := Result{unknown.explain(backup.Failure{Stage: in.Stage, Evidence: in.Evidence}, nil), alternatives(found)}
	r.Cause = "Nothing in the text says why it failed."
	r.Fix = []string{"Give more of it: the whole log, with what the tools themselves wrote.", "Run the command by hand, and keep all it prints: COMMAND >log 2>&1"}
	return r
}

// bounded keeps the head and the tail of a text that is too long: what went wrong stands at either.
func bounded(s string) string {
	if len(s) <= MaxText {
		return s
	}
	return s[:MaxText/2] + "\n" + s[len(s)-MaxText/2:]
}

// decoded is a text in UTF-8: what PowerShell and other programs of Windows write is UTF-16, with a mark in front.
func decoded(s string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		return s[3:]
	case strings.HasPrefix(s, "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(s, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return s
	}
	units := make([]uint16, 0, len(s)/2)
	for i := 2; i+1 < len(s); i += 2 {
		units = append(units, order.Uint16([]byte(s[i:i+2])))
	}
	return string(utf16.Decode(units))
}

// finding is a class that a text speaks for.
type finding struct {
	entry     *entry
	score     float64
	line      int
	set       int  // of the words that stand there
	explained bool // a root that was found too makes it appear
}

// byExitStatus is what the status alone says, where the text says nothing.
func byExitStatus(status int, found []finding) []finding {
	class := map[int]Class{137: "oom_killed", 127: "remote_command_missing", 124: "job_timeout"}[status]
	if class == "" || slices.ContainsFunc(found, func(f finding) bool { return f.score >= sure }) {
		return nil
	}
	return []finding{{entry: entryOf(class), score: 0.6, line: -1}}
}

// rank puts the root first: what is not explained by another, then the surest, then what stands first.
func rank(found []finding) []finding {
	for i := range found {
		found[i].explained = slices.ContainsFunc(found, func(root finding) bool {
			if root.score <= guess && !weakClasses()[found[i].entry.class] {
				return false
			}
			return root.score >= sure && explains(root.entry, found[i].entry) && !explains(found[i].entry, root.entry)
		})
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		if a.explained != b.explained {
			if a.explained {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.line, b.line))
	})
	return found
}

// confidence is lower where another root is nearly as likely.
func confidence(found []finding) float64 {
	c := found[0].score
	if len(found) > 1 && !found[1].explained && found[1].score >= sure {
		c -= 0.15
	}
	return rounded(c)
}

func alternatives(found []finding) []Alternative {
	out := []Alternative{}
	for _, f := range found[:min(len(found), maxAlternatives)] {
		c := f.score
		if f.explained {
			c /= 2
		}
		out = append(out, Alternative{f.entry.class, rounded(c)})
	}
	return out
}

func rounded(f float64) float64 { return float64(int(f*100+0.5)) / 100 }

// line is the original line that decided, without secrets; of a long one the part around the words that did.
func (t *text) line(f finding) string {
	if f.line < 0 || f.line >= len(t.lines) {
		return ""
	}
	from, to := t.lines[f.line].in, len(t.in)
	if f.line+1 < len(t.lines) {
		to = t.lines[f.line+1].in
	}
	if to-from <= maxEvidence {
		return t.show(from, to)
	}
	said := from + t.said(f.set, t.in[from:to])
	if shown := t.show(max(from, said-maxEvidence/3), to); shown != insideSecret {
		return shown
	}
	return t.show(said, to)
}

// said is where in a line the words of a set stand, 0 where that cannot be told.
func (t *text) said(set int, line string) int {
	lower := strings.ToLower(line)
	if len(lower) != len(line) {
		return 0
	}
	first := len(line)
	for _, p := range lexicon().sets[set] {
		if i := strings.Index(lower, strings.Trim(lexicon().phrases[p], "|")); i >= 0 {
			first = min(first, i)
		}
	}
	return first % len(line)
}

const insideSecret = "(inside a secret)"

// show masks a part of the text. A secret may begin before it: what stands there is masked with it, and then left away.
func (t *text) show(from, to int) string {
	for from > 0 && from < len(t.in) && !utf8.RuneStart(t.in[from]) {
		from--
	}
	if open := strings.LastIndex(t.in[:from], pemBegin); open >= 0 && !strings.Contains(t.in[open:from], pemEnd) && from-open < 16384 {
		return insideSecret
	}
	masked := Mask(t.in[max(0, from-4096):from] + "\x00" + t.in[from:min(to, from+2*maxEvidence)])
	i := strings.LastIndexByte(masked, 0)
	if i < 0 {
		return insideSecret
	}
	return backup.Excerpt(strings.TrimSpace(plainLine(masked[i+1:])), maxEvidence)
}
