package diagnosis

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// text is a text as the signatures see it: lower case, one kind of quotes, one space, escapes undone, and what was
// found in it.
type text struct {
	in    string
	lines []lineStart
	hits  [][]int // by phrase: the lines that have it, the first and the last maxHits/2 of them
	sets  [][]int // by set of phrases: the lines that have any of them, once they were asked for
}

type lineStart struct{ in, normal int }

const maxHits = 24

// read normalises a text and looks for every phrase of the knowledge, in one pass each.
func read(s string) *text {
	t := &text{in: s, hits: make([][]int, len(lexicon().phrases)), sets: make([][]int, len(lexicon().sets))}
	normal := t.normalise()
	t.lines = slices.Clip(t.lines)
	line := 0
	lexicon().matcher.find(normal, func(phrase, end int) {
		for line+1 < len(t.lines) && t.lines[line+1].normal < end {
			line++
		}
		t.hit(phrase, line)
	})
	t.oldLocks()
	t.bareNames()
	return t
}

func (t *text) hit(phrase int, line int) {
	lines := t.hits[phrase]
	switch n := len(lines); {
	case n > 0 && lines[n-1] == line:
	case n < maxHits:
		t.hits[phrase] = append(lines, line)
	default:
		copy(lines[maxHits/2:], lines[maxHits/2+1:])
		lines[maxHits-1] = line
	}
}

// normalise fills t.lines, and returns the text that is searched. A line break is a space there, so that a message
// that somebody's mail program wrapped is still found; t.lines knows where the lines were.
func (t *text) normalise() []byte {
	s := t.in
	out := make([]byte, 1, len(s)+2)
	out[0] = ' '
	t.lines = append(t.lines, lineStart{0, 0})
	space := func() {
		if out[len(out)-1] != ' ' {
			out = append(out, ' ')
		}
	}
	newline := func(next int) {
		space()
		if last := &t.lines[len(t.lines)-1]; last.normal == len(out) {
			last.in = next // an empty line is none
			return
		}
		t.lines = append(t.lines, lineStart{next, len(out)})
	}
	url := false
	for i := 0; i < len(s); {
		c := s[i]
		if url = (url || c == ':' && strings.HasPrefix(s[i:], "://")) && c > ' ' && c != '"'; c == '\'' {
			url = false
		}
		switch {
		case c == '\n':
			newline(i + 1)
			i++
		case c <= ' ':
			if c == 0x1b {
				i += escapeSequence(s[i:])
				continue
			}
			space()
			i++
		case c == '\\':
			n, r := backslash(s[i:])
			i += n
			switch r {
			case '\n':
				newline(i)
			case 0:
			default:
				if r == 0x1b {
					if strings.HasPrefix(s[i:], "[") {
						i += escapeSequence("\x1b"+s[i:]) - 1
					}
					continue
				}
				out = appendNormal(out, r)
			}
		case c == '&':
			n, r := entity(s[i:])
			i += n
			out = appendNormal(out, r)
		case c == '=' && i+1 < len(s) && s[i+1] == '\n': // quoted-printable's soft line break
			i += 2
		case c == '?' && url: // what a URL asks for is no message: names of headers stand there, and signatures
			for i < len(s) && s[i] > ' ' && s[i] < utf8.RuneSelf && strings.IndexByte(`"'<>\\`+"`", s[i]) < 0 {
				i++
			}
		case 'A' <= c && c <= 'Z':
			out = append(out, c+'a'-'A')
			i++
		case c == '"' || c == '`':
			out = append(out, '\'')
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			i += n
			out = appendNormal(out, r)
		}
	}
	space()
	return out
}

func appendNormal(out []byte, r rune) []byte {
	switch {
	case r == '‘' || r == '’' || r == '“' || r == '”' || r == '„' || r == '«' || r == '»' || r == '"' || r == '`':
		return append(out, '\'')
	case unicode.IsSpace(r) || r == utf8.RuneError || unicode.IsControl(r):
		if out[len(out)-1] == ' ' {
			return out
		}
		return append(out, ' ')
	}
	return utf8.AppendRune(out, unicode.ToLower(r))
}

// escapeSequence is the length of the terminal's escape sequence at the beginning of s: colours and the like.
func escapeSequence(s string) int {
	if len(s) < 2 || s[1] != '[' {
		return 1
	}
	for i := 2; i < len(s) && i < 32; i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1
		}
	}
	return 2
}

// backslash undoes an escape of JSON, Go, PHP and their like: its length, and what it stands for, 0 for nothing. Text
// that was escaped several times has several backslashes before the same letter.
func backslash(s string) (int, rune) {
	n := 1
	for n < len(s) && s[n] == '\\' && n < 8 {
		n++
	}
	if n == len(s) {
		return n, 0
	}
	switch s[n] {
	case 'n':
		return n + 1, '\n'
	case 'r', 't':
		return n + 1, ' '
	case '"', '\'', '/':
		return n + 1, rune(s[n])
	case 'u':
		if r, ok := hex(s[n+1:], 4); ok {
			return n + 5, r
		}
	case 'x':
		if r, ok := hex(s[n+1:], 2); ok {
			return n + 3, r
		}
	case '\n': // a shell's continued line
		return n + 1, ' '
	}
	return n, '\\'
}

func hex(s string, digits int) (rune, bool) {
	if len(s) < digits {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[:digits]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

var entities = map[string]rune{"&quot;": '\'', "&#39;": '\'', "&apos;": '\'', "&#34;": '\'', "&lt;": '<', "&gt;": '>', "&amp;": '&', "&#10;": ' ', "&nbsp;": ' '}

func entity(s string) (int, rune) {
	if end := strings.IndexByte(s[:min(len(s), 8)], ';'); end > 0 {
		if r, ok := entities[s[:end+1]]; ok {
			return end + 1, r
		}
	}
	return 1, '&'
}

// oldLocks marks the locks that are older than half an hour, which is what restic itself calls stale.
func (t *text) oldLocks() {
	created, old := lexicon().phrasesOf("locksince")[0], lexicon().phrasesOf("oldlock")[0]
	for _, line := range t.hits[created] {
		raw := t.raw(line)
		from, to := strings.LastIndexByte(raw, '('), strings.LastIndex(raw, " ago)")
		if from < 0 || to < from {
			continue
		}
		if age, err := time.ParseDuration(raw[from+1 : to]); err == nil && age >= 30*time.Minute {
			t.hit(old, line)
		}
	}
}

// bareNames marks the lines in which a program in Python did not find a file that has no folder: it is a command that it
// wanted to run.
func (t *text) bareNames() {
	missing, bare := lexicon().phrasesOf("namedfile")[0], lexicon().phrasesOf("barename")[0]
	for _, line := range t.hits[missing] {
		_, name, _ := strings.Cut(strings.ToLower(t.raw(line)), "no such file or directory: ")
		name = strings.TrimLeft(name, "b'\"\\")
		if end := strings.IndexAny(name, "'\"\\ \n"); end > 0 && !strings.ContainsAny(name[:end], "/.:") {
			t.hit(bare, line)
		}
	}
}

func (t *text) raw(n int) string {
	to := len(t.in)
	if n+1 < len(t.lines) {
		to = t.lines[n+1].in
	}
	return t.in[t.lines[n].in:min(to, t.lines[n].in+4096)]
}

// frame says whether a line is one of a stack trace, in the manner of Python, Java, .NET, JavaScript, PHP or Go. What its
// names and its source say is no message.
func (t *text) frame(n int) bool {
	line := strings.TrimLeft(t.raw(n), " \t")
	switch {
	case strings.HasPrefix(line, "at "):
		return strings.Contains(line, "(") || strings.Contains(line, ".js:")
	case strings.HasPrefix(line, "#"):
		number, place, ok := strings.Cut(line[1:], " ")
		return ok && number != "" && strings.Trim(number, "0123456789") == "" && (strings.HasPrefix(place, "/") || strings.Contains(place, "): ") || strings.HasPrefix(place, "[internal"))
	case pythonFrame(line), strings.Contains(line, ".go:") && strings.Contains(line, " +0x"):
		return true
	}
	return n > 0 && indent(t.raw(n)) > 0 && pythonFrame(strings.TrimLeft(t.raw(n-1), " \t")) && indent(t.raw(n)) > indent(t.raw(n-1))
}

func pythonFrame(line string) bool {
	return (strings.HasPrefix(line, `File "`) || strings.HasPrefix(line, `File \"`)) && strings.Contains(line, ", line ")
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// plainLine undoes the escapes of a line that is shown.
func plainLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	return strings.TrimSuffix(strings.NewReplacer(`\\\"`, `"`, `\"`, `"`, `\t`, " ", `\\n`, "", "\x1b[0m", "").Replace(s), `\n`)
}
