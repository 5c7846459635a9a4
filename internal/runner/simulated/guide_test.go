package simulated_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner/simulated"
)

func TestTheGuideNamesEveryClass(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../templates/guides/test-your-modules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "| where | classes |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var named []diagnosis.Class
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(table, -1) {
		named = append(named, diagnosis.Class(m[1]))
	}
	slices.Sort(named)
	if diff := cmp.Diff(simulated.Classes(), named); diff != "" {
		t.Errorf("(-what happens +what the guide names):\n%s", diff)
	}
}
