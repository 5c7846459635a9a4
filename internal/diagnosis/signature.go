package diagnosis

import (
	"slices"
	"strings"
	"sync"
)

// A signature says which words speak for a class. Its terms are joined by " & ":
//
//	no space left on device      the words stand in a line
//	cannot open & {denied}       both stand in the same line; {denied} is any of a group of words, see words.go
//	exit 23 & ~{nofile}          the second within three lines of the first
//	{refused} & @ssh             the group is the context: near, or elsewhere in the text, which counts a little less
//	{denied} & !publickey        the second does not stand in the same line (!~ near, !^ anywhere)
//	killed & ^dmesg              the second stands anywhere
//
// "|" at the beginning or the end of words is the boundary of a word; a digit there is one by itself. All is in lower case,
// with ' for every quote.
type signature struct {
	terms    []term
	strength float64
}

type term struct {
	set     int // of phrases: any of them
	where   reach
	not     bool
	context string
}

type reach int

const (
	sameLine reach = iota
	near
	anywhere
	context
)

const nearLines = 3

// The strengths.
const (
	certain = 0.95 // only this cause writes these words
	likely  = 0.75
	hint    = 0.55 // enough where nothing else is said
	guess   = sure // enough where nothing else is said at all, and not in a mere warning
)

// book is the knowledge, compiled.
type book struct {
	phrases    []string
	ids        map[string]int
	sets       [][]int        // of phrases that mean the same; nil is for one that nothing stands in
	groups     map[string]int // the set of each group of words
	alone      map[int]int    // the set of a phrase alone
	signatures map[Class][]signature
	matcher    *matcher
}

var lexicon = sync.OnceValue(newBook)

func newBook() *book {
	const size = 6000 // about as many phrases as there are
	b := &book{ids: make(map[string]int, size), phrases: make([]string, 0, size), sets: make([][]int, 0, size), groups: map[string]int{}, alone: make(map[int]int, size), signatures: map[Class][]signature{}}
	for name, words := range words {
		var set []int
		for _, w := range words {
			set = append(set, b.phrase(w))
		}
		b.groups[name] = len(b.sets)
		b.sets = append(b.sets, set)
	}
	for _, e := range knowledge {
		signatures := make([]signature, 0, len(e.certain)+len(e.likely)+len(e.hints)+len(e.guesses))
		for i, list := range [][]string{e.certain, e.likely, e.hints, e.guesses} { // the strongest first
			for _, s := range list {
				signatures = append(signatures, b.compile(s, []float64{certain, likely, hint, guess}[i]))
			}
		}
		b.signatures[e.class] = signatures
	}
	b.matcher = newMatcher(b.phrases)
	return b
}

func (b *book) phrase(s string) int {
	id, ok := b.ids[s]
	if !ok {
		id = len(b.phrases)
		b.ids[s] = id
		b.phrases = append(b.phrases, s)
	}
	return id
}

func (b *book) phrasesOf(group string) []int { return b.sets[b.groups[group]] }

// only is the set of one phrase.
func (b *book) only(phrase int) int {
	set, ok := b.alone[phrase]
	if !ok {
		set = len(b.sets)
		b.alone[phrase] = set
		b.sets = append(b.sets, []int{phrase})
	}
	return set
}

func (b *book) compile(s string, strength float64) signature {
	sig := signature{strength: strength}
	for part := range strings.SplitSeq(s, " & ") {
		var t term
		part, t.not = strings.CutPrefix(part, "!")
		switch {
		case strings.HasPrefix(part, "~"):
			t.where, part = near, part[1:]
		case strings.HasPrefix(part, "^"):
			t.where, part = anywhere, part[1:]
		case strings.HasPrefix(part, "@"):
			t.where, t.context, part = context, part[1:], "{"+part[1:]+"}"
		}
		if strings.HasPrefix(part, "{") {
			set, ok := b.groups[strings.Trim(part, "{}")]
			if !ok {
				panic("the signature " + s + " names a group that is not there")
			}
			t.set = set
		} else {
			t.set = b.only(b.phrase(part))
		}
		sig.terms = append(sig.terms, t)
	}
	return sig
}

// judge says how surely the text speaks for a class, and in which line.
func (t *text) judge(e *entry, contexts []string) (finding, bool) {
	best := finding{entry: e, line: -1}
	for _, s := range lexicon().signatures[e.class] {
		if best.score >= s.strength {
			break // the rest is weaker
		}
		for _, line := range t.linesOf(s.terms[0].set) {
			score := t.holds(s, line, contexts)
			if score <= best.score {
				continue
			}
			if score *= t.weight(e, line); score > best.score {
				best.score, best.line, best.set = score, line, s.terms[0].set
			}
			if best.score >= s.strength {
				break
			}
		}
	}
	return best, best.score > 0
}

var none = []int{}

// linesOf are the lines that have any phrase of a set, in their order.
func (t *text) linesOf(set int) []int {
	if lines := t.sets[set]; lines != nil {
		return lines
	}
	lines := none
	phrases := lexicon().sets[set]
	if len(phrases) == 1 {
		lines = append(lines, t.hits[phrases[0]]...)
	} else {
		for _, p := range phrases {
			lines = append(lines, t.hits[p]...)
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	t.sets[set] = lines
	return lines
}

// holds is the strength of a signature whose first term stands in a line, 0 where another does not hold.
func (t *text) holds(s signature, line int, contexts []string) float64 {
	score := s.strength
	for _, term := range s.terms[1:] {
		var there bool
		switch term.where {
		case sameLine:
			there = t.within(term.set, line, 0)
		case near:
			there = t.within(term.set, line, nearLines)
		case anywhere:
			there = len(t.linesOf(term.set)) > 0
		case context:
			there = slices.Contains(contexts, term.context) || t.within(term.set, line, nearLines)
			if !there && len(t.linesOf(term.set)) > 0 {
				there = true
				if !term.not {
					score *= 0.9
				}
			}
		}
		if there == term.not {
			return 0
		}
	}
	return score
}

// within says whether a line, or one no further than distance, has any phrase of a set.
func (t *text) within(set int, line, distance int) bool {
	lines := t.linesOf(set)
	i, _ := slices.BinarySearch(lines, line-distance)
	return i < len(lines) && lines[i] <= line+distance
}

// weight is how much a line counts: one that only warns, tells of a message that could not be sent, or says where in a
// program the error arose, says little of why the backup failed.
func (t *text) weight(e *entry, line int) float64 {
	g := lexicon().groups
	if e.family != "controller" && e.family != "false_result" && t.within(g["notice"], line, 0) {
		return 0.4
	}
	if t.frame(line) {
		return 0.4
	}
	if t.within(g["soft"], line, 0) && !t.within(g["hard"], line, 0) {
		return 0.8
	}
	return 1
}

// contextsOf is what a stage says of where an error comes from.
func contextsOf(stage string) []string {
	switch stage {
	case "connect":
		return []string{"ssh"}
	case "upload":
		return []string{"s3"}
	case "dump":
		return []string{"db"}
	}
	return nil
}
