package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// table prints rows in columns, or the value as JSON, or with --quiet the column ID. Columns are separated by tabs in
// the header. On a terminal that is too narrow, columns whose name begins with ? are left out, the last ones first, and
// texts are cut; ids and times never are.
func (c *cli) table(value any, header string, rows [][]string) error {
	if c.json {
		return c.printJSON(value)
	}
	columns := strings.Split(header, "\t")
	if id := slices.Index(columns, "ID"); c.quiet && id >= 0 {
		for _, row := range rows {
			fmt.Fprintln(c.out, plain(row[id]))
		}
		return nil
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain(cell)
		}
	}
	lines, widths := fit(append([][]string{columns}, rows...), width(c.out))
	for _, line := range lines {
		if err := c.printRow(lines[0], line, widths); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		c.sayNoRecords()
	}
	return nil
}

const (
	gap       = 2 // between two columns
	narrowest = 8 // what a text is cut to at most
)

// wholeColumns are those whose cells say nothing once they are cut.
var wholeColumns = []string{"ID", "TARGET", "TIME", "CREATED", "EXPIRES", "LAST USED", "REVOKED", "NEXT DUE"}

// fit returns what of the lines fits onto the screen, and the widths of its columns. The first line is the header.
func fit(lines [][]string, screen int) ([][]string, []int) {
	var optional []bool
	for i, name := range lines[0] {
		optional = append(optional, strings.HasPrefix(name, "?"))
		lines[0][i] = strings.TrimPrefix(name, "?")
	}
	widths := make([]int, len(optional))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for screen > 0 && least(lines[0], widths) > screen {
		last := lastTrue(optional)
		if last < 0 {
			break
		}
		for i := range lines {
			lines[i] = slices.Delete(slices.Clone(lines[i]), last, last+1)
		}
		optional, widths = slices.Delete(optional, last, last+1), slices.Delete(widths, last, last+1)
	}
	for screen > 0 && total(widths) > screen {
		widest := widestText(lines[0], widths)
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return lines, widths
}

// least is how wide the columns are when every text is cut as far as can be.
func least(columns []string, widths []int) int {
	cut := slices.Clone(widths)
	for i, name := range columns {
		if !slices.Contains(wholeColumns, name) {
			cut[i] = min(cut[i], narrowest)
		}
	}
	return total(cut)
}

func total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func lastTrue(all []bool) int {
	for i, yes := range slices.Backward(all) {
		if yes {
			return i
		}
	}
	return -1
}

// widestText is the widest column that can still be cut, or -1.
func widestText(columns []string, widths []int) int {
	widest := -1
	for i, w := range widths {
		if !slices.Contains(wholeColumns, columns[i]) && w > narrowest && (widest < 0 || w > widths[widest]) {
			widest = i
		}
	}
	return widest
}

func (c *cli) printRow(columns, row []string, widths []int) error {
	var line strings.Builder
	for i, cell := range row {
		if n := utf8.RuneCountInString(cell); n > widths[i] {
			cell = string([]rune(cell)[:widths[i]-1]) + "…"
		}
		pad := strings.Repeat(" ", gap+widths[i]-utf8.RuneCountInString(cell))
		if columns[i] == "STATUS" {
			cell = c.paint(c.out, statusColor(cell), cell)
		}
		line.WriteString(cell)
		if i < len(row)-1 {
			line.WriteString(pad)
		}
	}
	_, err := fmt.Fprintln(c.out, strings.TrimRight(line.String(), " "))
	return err
}

// field is one line of a record.
type field struct{ name, value string }

// record prints the fields that have a value, or the whole value as JSON, or with --quiet the field id.
func (c *cli) record(value any, fields []field) error {
	if c.json {
		return c.printJSON(value)
	}
	if id := slices.IndexFunc(fields, func(f field) bool { return f.name == "id" }); c.quiet && id >= 0 {
		_, err := fmt.Fprintln(c.out, plain(fields[id].value))
		return err
	}
	fields = slices.DeleteFunc(fields, func(f field) bool { return f.value == "" })
	names := 0
	for _, f := range fields {
		names = max(names, utf8.RuneCountInString(f.name))
	}
	for _, f := range fields {
		value := plain(f.value)
		if f.name == "status" {
			value = c.paint(c.out, statusColor(value), value)
		}
		if _, err := fmt.Fprintf(c.out, "%-*s%s\n", names+gap, f.name, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printLine prints one JSON object on a line of its own.
func (c *cli) printLine(v any) {
	raw, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(c.out, "%s\n", raw)
	}
}

// say tells a person something beside the result.
func (c *cli) say(format string, values ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", values...)
	}
}

// sayNoRecords explains an empty list where there is nothing to list from.
func (c *cli) sayNoRecords() {
	if c.embedded == nil {
		return
	}
	dir, records := c.embedded.Dir()
	if records {
		return
	}
	what := "does not exist"
	if _, err := os.Stat(dir); err == nil {
		what = "holds none"
	}
	fmt.Fprintf(c.err, "There are no records yet: %s %s; name another with --data-dir\n", plain(dir), what)
}

// Colours, as terminals number them (ECMA-48, SGR).
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func statusColor(status string) string {
	for prefix, color := range map[string]string{"completed": green, "failed": red, "running": yellow, "pending": yellow, "queued": yellow,
		"healthy": green, "ok": green, "warning": yellow, "unhealthy": red} {
		if strings.HasPrefix(status, prefix) {
			return color
		}
	}
	return ""
}

// paint colours a text that goes to w, if colours are wanted there.
func (c *cli) paint(w io.Writer, color, text string) string {
	if color == "" || !c.colours(w) {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// colours reports whether w shows them and nobody minds (no-color.org).
func (c *cli) colours(w io.Writer) bool {
	return !c.noColor && os.Getenv("NO_COLOR") == "" && obeys(w)
}

// obeys reports whether w is a terminal that knows control sequences.
func obeys(w io.Writer) bool {
	_, ok := terminal(w)
	return ok && os.Getenv("TERM") != "dumb"
}

// terminal returns the file descriptor of the terminal that a reader or writer is.
func terminal(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// width is how many columns the terminal has that w is; 0 where it is none.
func width(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return columns
}

// plain keeps control characters of a server's making away from the terminal.
func plain(s string) string { return backup.Excerpt(s, 4096) }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// clockOrNothing is empty where there is no time.
func clockOrNothing(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

func size(n int64) string { return diagnosis.Bytes(n) }

// orEmpty makes an empty list [] in JSON instead of null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
