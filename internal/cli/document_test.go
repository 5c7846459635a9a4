package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestReferenceInTheGuideIsThatOfTheCommands(t *testing.T) {
	t.Parallel()
	status, reference, errOut := run(t, "reference")
	if status != 0 {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	want := read(t, "../../templates/guides/command-line.md") + reference
	if diff := cmp.Diff(want, read(t, "../../docs/guides/command-line.md")); diff != "" {
		t.Errorf("docs/guides/command-line.md is not what make generate writes (-want +got):\n%s", diff)
	}
}

var exitRow = regexp.MustCompile("(?m)^\\| `(\\d+)` \\| (.*) \\|$")

func TestExitStatusesOfTheGuideAreThoseOfTheHelp(t *testing.T) {
	t.Parallel()
	_, help, _ := run(t, "--help")
	_, help, _ = strings.Cut(help, "Exit status:\n")
	help, _, _ = strings.Cut(help, "\n\n")
	var rows strings.Builder
	for _, row := range exitRow.FindAllStringSubmatch(read(t, "../../templates/guides/command-line.md"), -1) {
		fmt.Fprintf(&rows, "  %3s  %s\n", row[1], row[2])
	}
	if diff := cmp.Diff(strings.TrimSuffix(rows.String(), "\n"), help); diff != "" || help == "" {
		t.Errorf("guide and help (-guide +help):\n%s", diff)
	}
}

func TestEveryCommandHasAnExampleThatIsOne(t *testing.T) {
	t.Parallel()
	_, reference, _ := run(t, "reference")
	for section := range strings.SplitSeq(reference, "\n### ") {
		path, rest, _ := strings.Cut(section, "\n")
		if !strings.Contains(rest, "\n```\ncloudaipilot ") || strings.HasPrefix(path, "cloudaipilot completion") {
			continue // a group, or cobra's own
		}
		_, example, ok := strings.Cut(rest, "\n```sh\n")
		if !ok {
			t.Errorf("%s has no example", path)
			continue
		}
		example, _, _ = strings.Cut(example, "\n```")
		if !strings.Contains(example, path) {
			t.Errorf("the example of %s does not show it:\n%s", path, example)
		}
	}
}

func TestManualPagesAreSound(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	if status, out, errOut := run(t, "man", dir); status != 0 || !strings.Contains(out, "pages in "+dir) {
		t.Fatalf("exit status %d, %s%s", status, out, errOut)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 25 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	if text := read(t, filepath.Join(dir, "cloudaipilot-backup-run.1")); !strings.Contains(text, "retention-days") {
		t.Error("flags are missing")
	}
	check := checker(t)
	for _, page := range pages {
		if complaint := check(page); complaint != "" {
			t.Errorf("%s: %s", filepath.Base(page), complaint)
		}
	}
	broken := filepath.Join(dir, "broken.1")
	if err := os.WriteFile(broken, []byte(".TH A 1\n.nosuchmacro\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if check(broken) == "" {
		t.Error("a broken page is sound too")
	}
}

// checker checks a manual page with the machine's own tool, and returns what that complains of.
func checker(t *testing.T) func(page string) string {
	t.Helper()
	for _, tool := range [][]string{{"mandoc", "-T", "lint", "-W", "error"}, {"groff", "-man", "-ww", "-Tutf8", "-Z"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			continue
		}
		return func(page string) string {
			var complaints strings.Builder
			cmd := exec.Command(tool[0], append(tool[1:], page)...)
			cmd.Stderr = &complaints
			if tool[0] == "mandoc" {
				cmd.Stdout = &complaints
			}
			_ = cmd.Run()
			return complaints.String()
		}
	}
	t.Skip("neither mandoc nor groff is on this machine")
	return nil
}
