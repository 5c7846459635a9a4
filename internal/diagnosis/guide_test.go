package diagnosis

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// guideTable is the part of the guide that comes from the knowledge.
func guideTable() string {
	headings := []struct{ families, title string }{
		{"ssh network", "SSH and the network"}, {"disk", "Disks"}, {"host lock", "Files, tools and locks on the server"}, {"database", "Databases and containers"},
		{"offsite", "Offsite storage"}, {"schedule", "Schedules"}, {"controller config", "What runs the backups"}, {"false_result", "Results that are not true"},
	}
	var out strings.Builder
	for _, h := range headings {
		fmt.Fprintf(&out, "## %s\n\n| class | code | what it is | what to do | retry |\n|---|---|---|---|---|\n", h.title)
		for _, e := range knowledge {
			if slices.Contains(strings.Fields(h.families), e.family) {
				cell := strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ")
				fmt.Fprintf(&out, "| `%s` | `%s` | %s: %s | %s | %s |\n", e.class, e.codeOrClass(), cell.Replace(e.title), cell.Replace(e.cause), cell.Replace(strings.Join(e.fix, " ")), e.retry)
			}
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// TestGuideNamesEveryClass holds the guide to the knowledge. UPDATE_GUIDE=1 writes it.
func TestGuideNamesEveryClass(t *testing.T) {
	t.Parallel()
	const template, copied = "../../templates/guides/failures.md", "../../docs/guides/failures.md"
	raw, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(raw), "## SSH and the network\n")
	want := head + guideTable()
	if os.Getenv("UPDATE_GUIDE") != "" {
		for _, path := range []string{template, copied} {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{template, copied} {
		if raw, err := os.ReadFile(path); err != nil || string(raw) != want {
			t.Errorf("%s is not what the knowledge says (%v): UPDATE_GUIDE=1 go test -run Guide ./internal/diagnosis", path, err)
		}
	}
	for _, e := range knowledge {
		if !strings.Contains(want, "| `"+string(e.class)+"` |") {
			t.Errorf("%s is in no family of the guide", e.class)
		}
	}
}
