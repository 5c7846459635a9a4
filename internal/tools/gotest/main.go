// Command gotest runs "go test -json" with its arguments and prints what a person wants to see: go test's own line
// for each package, the output of what failed, what was skipped and why, and at the end how many tests passed,
// failed and were skipped. With -sum <file> the numbers are added to those already in the file, so that
// several runs give one total.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

type counts struct {
	Passed, Failed, Skipped int
}

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

func main() {
	args := os.Args[1:]
	sum := ""
	if len(args) >= 2 && args[0] == "-sum" {
		sum, args = args[1], args[2:]
	}
	if err := run(sum, args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(sum string, args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // G204: go test, with the caller's arguments.
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c, err := report(out, os.Stdout)
	if failed := cmd.Wait(); failed != nil {
		err = errors.Join(err, fmt.Errorf("go test: %w", failed))
		c.Failed = max(c.Failed, 1) // a package that did not build has no test that failed
	}
	fmt.Println(c)
	if sum != "" {
		err = errors.Join(err, add(sum, c))
	}
	return err
}

// report reads events until they end and writes the readable form.
func report(in io.Reader, out io.Writer) (counts, error) {
	var c counts
	type test struct{ pkg, name string }
	output := map[test][]string{}
	parents := map[test]bool{}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		var e event
		if json.Unmarshal(scanner.Bytes(), &e) != nil {
			fmt.Fprintln(out, scanner.Text())
			continue
		}
		id := test{e.Package, e.Test}
		switch e.Action {
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "run":
			// Only the leaves of a tree of subtests are counted.
			if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
				parents[test{e.Package, e.Test[:i]}] = true
			}
		case "output":
			if e.Test == "" {
				// A package's own lines: its verdict, and what it prints outside of tests.
				if line := strings.TrimSpace(e.Output); !noise(line) {
					fmt.Fprint(out, e.Output)
				}
				continue
			}
			output[id] = append(output[id], e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				continue
			}
			switch e.Action {
			case "fail":
				fmt.Fprintf(out, "%s", strings.Join(output[id], ""))
			case "skip":
				fmt.Fprintf(out, "skipped %s: %s\n", e.Test, reason(output[id]))
			}
			if !parents[id] {
				c.count(e.Action)
			}
			delete(output, id)
		}
	}
	// What never ended: a panic or a timeout took the process down.
	var left []test
	for id := range output {
		left = append(left, id)
	}
	slices.SortFunc(left, func(a, b test) int { return strings.Compare(a.pkg+a.name, b.pkg+b.name) })
	for _, id := range left {
		fmt.Fprintf(out, "did not end: %s %s\n%s", id.pkg, id.name, strings.Join(output[id], ""))
		if !parents[id] {
			c.Failed++
		}
	}
	return c, scanner.Err()
}

// noise is what go test prints for a package without telling anything.
func noise(line string) bool {
	return line == "" || line == "PASS" || line == "FAIL" || strings.HasSuffix(line, "[no test files]")
}

func (c *counts) count(action string) {
	switch action {
	case "pass":
		c.Passed++
	case "fail":
		c.Failed++
	case "skip":
		c.Skipped++
	}
}

// reason is what the test said to t.Skip.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, line, _ = strings.Cut(text, ": ")
		}
		return line
	}
	return "no reason given"
}

func add(file string, c counts) error {
	var total counts
	text, err := os.ReadFile(file)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d passed, %d failed, %d skipped", &total.Passed, &total.Failed, &total.Skipped)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("read the total so far: %w", err)
	}
	total.Passed, total.Failed, total.Skipped = total.Passed+c.Passed, total.Failed+c.Failed, total.Skipped+c.Skipped
	return os.WriteFile(file, []byte(total.String()+"\n"), 0o600)
}
