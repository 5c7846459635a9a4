// Command bench reads the output of "go test -bench" from standard input, passes it on, and ends with one table of all
// figures that have a peer: the metrics UNIT, peer-UNIT and ratio-UNIT of a benchmark.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var rows []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		rows = append(rows, figures(lines.Text())...)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the benchmarks: %w", err)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nBENCHMARK\tUNIT\tOURS\tPEER\tRATIO")
	for _, row := range rows {
		fmt.Fprintln(table, row)
	}
	return table.Flush()
}

// The number behind the name is that of the processors.
var result = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// figures are the rows of one benchmark's line, in the order of their units.
func figures(line string) (rows []string) {
	found := result.FindStringSubmatch(line)
	if found == nil {
		return nil
	}
	metrics := map[string]string{}
	fields := strings.Fields(found[2])
	for i := 0; i+1 < len(fields); i += 2 {
		metrics[fields[i+1]] = fields[i]
	}
	for unit, ours := range metrics {
		if ratio, ok := metrics["ratio-"+unit]; ok {
			rows = append(rows, strings.Join([]string{found[1], unit, ours, metrics["peer-"+unit], ratio}, "\t"))
		}
	}
	slices.Sort(rows)
	return rows
}
