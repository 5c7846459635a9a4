package diagnosis

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/classes.tsv
var classes string

// TestEveryClassOfTheListIsKnown holds the knowledge to the list of classes that everybody agreed on.
func TestEveryClassOfTheListIsKnown(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.Lines(classes) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(cells) < 5 || cells[0] == "class" || cells[0] == string(ClassUnknown) {
			continue
		}
		n++
		e := entryOf(Class(cells[0]))
		if e == nil {
			t.Errorf("%s is not known", cells[0])
			continue
		}
		code := cells[2]
		if code == "-" {
			code = strings.ToUpper(cells[0])
		}
		if e.family != cells[1] || e.codeOrClass() != code || string(e.retry) != cells[3] {
			t.Errorf("%s is %s, %s, %s; the list says %s, %s, %s", e.class, e.family, e.codeOrClass(), e.retry, cells[1], code, cells[3])
		}
	}
	if n < 80 {
		t.Errorf("only %d classes were compared", n)
	}
}

// TestKnowledgeIsWhole has every class once, with all that a person needs, and every signature in the form that is searched.
func TestKnowledgeIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[Class]bool{}
	for _, e := range knowledge {
		if seen[e.class] {
			t.Errorf("%s is there twice", e.class)
		}
		seen[e.class] = true
		if e.title == "" || e.cause == "" || len(e.fix) == 0 || e.family == "" || e.retry == "" || !strings.HasSuffix(e.cause, ".") {
			t.Errorf("%s lacks something: %+v", e.class, e)
		}
		if strings.ContainsAny(e.title+e.cause+strings.Join(e.fix, ""), "{}") {
			t.Errorf("%s: only what is told of our own failures may have {names}", e.class)
		}
		if len(e.own) == 0 && len(e.certain)+len(e.likely)+len(e.hints) == 0 {
			t.Errorf("nothing can name %s", e.class)
		}
		for _, s := range slices.Concat(e.certain, e.likely, e.hints) {
			if s != strings.ToLower(s) || strings.ContainsAny(s, "\"`\n\t") || strings.Contains(s, "  ") {
				t.Errorf("%s: %q can never be found: texts are searched in lower case, with ' for every quote and one space", e.class, s)
			}
		}
	}
	for name, group := range words {
		for _, s := range group {
			if s != strings.ToLower(s) || strings.ContainsAny(s, "\"`\n\t") {
				t.Errorf("%s: %q can never be found", name, s)
			}
		}
	}
	for _, r := range roots {
		for class := range strings.FieldsSeq(r.root + " " + r.effects) {
			if !seen[Class(class)] {
				t.Errorf("roots names %s, which is not known", class)
			}
		}
	}
}
