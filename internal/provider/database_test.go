package provider_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func TestDatabasesAreBackedUpWithTerraform(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		t.Skip("no sqlite3 on this machine: internal/testbed/setup.sh installs it")
	}
	s := newScenario(t, testbed.SSHDOptions{})
	file := filepath.Join(s.sshd.Dir("data"), "app.db")
	if out, err := exec.Command("sqlite3", file, "CREATE TABLE t (x); INSERT INTO t VALUES (42);").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.sshd.Own(file)
	sources := attrs{"type": `"full"`, "databases": `[{ engine = "sqlite", name = ` + quoted(file) + ` }]`}
	var id string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{
			{
				Config: s.config(s.server(), s.backup(sources)),
				Check: check(func(state *terraform.State) {
					id = attribute(state, theBackup, "id")
					out, err := exec.Command("tar", "-xzOf", s.download(id), "--wildcards", "databases/*").Output()
					if err != nil || !strings.HasPrefix(string(out), "SQLite format 3") {
						t.Errorf("the dump is %.40q, %v", out, err)
					}
				}),
			},
			imported(theBackup),
			{ // another database makes another backup
				Config:           s.config(s.server(), s.backup(attrs{"type": `"database"`, "files": "null", "databases": `[{ engine = "sqlite", name = ` + quoted(file+"-gone") + ` }]`})),
				ConfigPlanChecks: planned(theBackup, plancheck.ResourceActionDestroyBeforeCreate),
				ExpectError:      regexp.MustCompile("Backup of web-1 failed"),
			},
		},
	})
}
