package diagnosis

import (
	"cmp"
	"embed"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

//go:embed testdata/corpus/*.txt
var corpusFiles embed.FS

// example is one text of the corpus: what it is, and where such a text comes from. A header line says so:
//
//	-- class | source [| stage] --
type example struct {
	class  Class
	source string
	stage  backup.Stage
	text   string
	seen   bool // all of its file was looked at while the knowledge was written
	field  bool // as it came: nobody chose it for its class
}

// heldOut is the part of the corpus that is not looked at while the knowledge is written: a quarter, by its hash, of all
// files but seen.txt.
func (e example) heldOut() bool {
	if e.seen {
		return false
	}
	h := fnv.New32a()
	h.Write([]byte(e.text))
	return h.Sum32()%4 == 0
}

func corpus(t testing.TB) []example {
	t.Helper()
	var out []example
	files, err := corpusFiles.ReadDir("testdata/corpus")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := corpusFiles.ReadFile("testdata/corpus/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			head, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
			if head, found := strings.CutSuffix(head, " --"); ok && found {
				parts := strings.Split(head, " | ")
				e := example{class: Class(parts[0]), source: parts[1], seen: f.Name() == "seen.txt", field: f.Name() == "field.txt"}
				if len(parts) > 2 {
					e.stage = backup.Stage(parts[2])
				}
				out = append(out, e)
				continue
			}
			out[len(out)-1].text += line
		}
	}
	return out
}

// count is how often a class was right, was missed (another or unknown was said), and was said wrongly.
type count struct{ right, missed, wrongly int }

type score struct {
	right, wrong, unsure int
	classes              map[Class]*count
}

func (s *score) of(c Class) *count {
	if s.classes == nil {
		s.classes = map[Class]*count{}
	}
	if s.classes[c] == nil {
		s.classes[c] = &count{}
	}
	return s.classes[c]
}

func (s *score) add(want, got Class) {
	switch got {
	case want:
		s.right++
		s.of(want).right++
		return
	case ClassUnknown:
		s.unsure++
	default:
		s.wrong++
	}
	s.of(want).missed++
	s.of(got).wrongly++
}

func (s *score) total() int { return s.right + s.wrong + s.unsure }

func (s *score) String() string {
	return fmt.Sprintf("%d of %d right (%.1f %%), %d wrong, %d unknown", s.right, s.total(), 100*float64(s.right)/float64(max(s.total(), 1)), s.wrong, s.unsure)
}

// TestScore holds the engine to its corpus. make diagnosis-score prints it class by class; the misses of the held-out
// parts are never printed. The field's texts were taken as they came, so that many are of causes no class names well; the rest was
// chosen for its class.
func TestScore(t *testing.T) {
	t.Parallel()
	parts := []struct {
		name         string
		score        score
		right, wrong int // at least so many of 100 must be right, at most so many wrong
	}{
		{"open part", score{}, 90, 5}, {"held-out part", score{}, 90, 5},
		{"the field, open part", score{}, 77, 20}, {"the field, held-out part", score{}, 66, 25},
	}
	misses := os.Getenv("DIAGNOSIS_MISSES") != ""
	for _, e := range corpus(t) {
		r, part := Text(Input{Text: e.text, Stage: e.stage}), 0
		if e.heldOut() {
			part++
		} else if misses && r.Class != e.class {
			t.Logf("want %s, got %s (%.2f, %q), alternatives %v:\n%s", e.class, r.Class, r.Confidence, r.Evidence, r.Alternatives, e.text)
		}
		if e.field {
			part += 2
		}
		parts[part].score.add(e.class, r.Class)
	}
	if os.Getenv("DIAGNOSIS_SCORE") != "" {
		t.Log("\n" + table(&parts[0].score, &parts[1].score))
	}
	for i := range parts {
		p, s := &parts[i], &parts[i].score
		t.Logf("%-25s %s", p.name+":", s)
		if 100*s.right < p.right*s.total() || 100*s.wrong > p.wrong*s.total() {
			t.Errorf("%s: %s; at least %d of 100 must be right, and at most %d wrong", p.name, s, p.right, p.wrong)
		}
	}
}

func table(open, held *score) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "class\topen: precision\trecall\ttexts\theld out: precision\trecall\ttexts")
	classes := maps.Clone(open.classes)
	maps.Copy(classes, held.classes)
	for _, c := range slices.SortedFunc(maps.Keys(classes), func(a, b Class) int { return cmp.Compare(a, b) }) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c, open.of(c), held.of(c))
	}
	w.Flush()
	return out.String()
}

func (c *count) String() string {
	ratio := func(n, of int) string {
		if of == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", float64(n)/float64(of))
	}
	return fmt.Sprintf("%s\t%s\t%d", ratio(c.right, c.right+c.wrongly), ratio(c.right, c.right+c.missed), c.right+c.missed)
}
