package provider_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// attribute returns an attribute of a resource in the state, "" where there is none.
func attribute(state *terraform.State, address, name string) string {
	r, ok := state.RootModule().Resources[address]
	if !ok {
		return ""
	}
	return r.Primary.Attributes[name]
}

// check makes a state check of a function that fails the test itself.
func check(f func(*terraform.State)) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		f(s)
		return nil
	}
}

func planned(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// imported is a step that imports a resource and compares all but what only the configuration knows.
func imported(address string, ignored ...string) resource.TestStep {
	return resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: ignored}
}

// same fails the test unless got is want.
func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestBackupLivesFromCreateToDestroy(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	testbed.Tree(t, s.source)
	var first, second, third string
	is := func(id *string) resource.TestCheckFunc {
		return check(func(state *terraform.State) { same(t, "id", *id, attribute(state, theBackup, "id")) })
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		CheckDestroy: check(func(*terraform.State) {
			same(t, "archives on the server once all is destroyed", []string{first}, s.archives())
		}),
		Steps: []resource.TestStep{
			{ // create; plugin-testing itself plans again, with and without a refresh, and wants no change
				Config: s.config(s.server(), s.backup(), failureOfServer,
					block(`data "cloudaipilot_backup_failure" "this"`, attrs{"backup_id": theBackup + ".id"})),
				Check: resource.ComposeTestCheckFunc(
					check(func(state *terraform.State) {
						first = attribute(state, theBackup, "id")
						b := s.backupRecord(first)
						testbed.CompareTar(t, s.download(first), s.source)
						same(t, "expiry", b.CreatedAt.AddDate(0, 0, 7), b.ExpiresAt)
						same(t, "sha256", b.SHA256, attribute(state, theBackup, "sha256"))
						same(t, "path", s.sshd.BackupDir+"/"+first+"/archive.tar.gz", attribute(state, theBackup, "path"))
						same(t, "archives", []string{first}, s.archives())
					}),
					resource.TestCheckResourceAttr(theBackup, "status", "completed"),
					resource.TestCheckResourceAttr(theBackup, "warnings.#", "0"),
					resource.TestCheckNoResourceAttr(theBackup, "error_code"),
					resource.TestCheckNoResourceAttr(theBackup, "error_message"),
					resource.TestCheckResourceAttr("data.cloudaipilot_backup_failure.last", "failed", "false"),
					resource.TestCheckNoResourceAttr("data.cloudaipilot_backup_failure.last", "code"),
					resource.TestCheckResourceAttr("data.cloudaipilot_backup_failure.this", "failed", "false"),
				),
			},
			{RefreshState: true}, // and wants no change
			{ // the retention changes in place
				Config:           s.config(s.server(), s.backup(attrs{"retention_days": "5"})),
				ConfigPlanChecks: planned(theBackup, plancheck.ResourceActionUpdate),
				Check: resource.ComposeTestCheckFunc(is(&first), check(func(state *terraform.State) {
					created := instant(t, attribute(state, theBackup, "created_at"))
					want := created.AddDate(0, 0, 5)
					same(t, "expires_at in the state", want, instant(t, attribute(state, theBackup, "expires_at")))
					b := s.backupRecord(first)
					same(t, "days in the control plane", 5, b.RetentionDays)
					same(t, "expiry in the control plane", b.CreatedAt.AddDate(0, 0, 5), b.ExpiresAt)
				})),
			},
			imported(theServer, "private_key_wo_version"),
			imported(theBackup),
			{ // a new trigger makes a new backup; the archive of the old one stays
				Config:           s.config(s.server(), s.backup(attrs{"triggers": `{ release = "2" }`})),
				ConfigPlanChecks: planned(theBackup, plancheck.ResourceActionDestroyBeforeCreate),
				Check: check(func(state *terraform.State) {
					second = attribute(state, theBackup, "id")
					same(t, "archives", []string{first, second}, s.archives())
					testbed.CompareTar(t, s.download(first), s.source)
					same(t, "the old backup is kept by Terraform", false, s.backupRecord(first).Managed)
				}),
			},
			{ // on_destroy changes in place
				Config:           s.config(s.server(), s.backup(attrs{"triggers": `{ release = "2" }`, "on_destroy": `"delete"`})),
				ConfigPlanChecks: planned(theBackup, plancheck.ResourceActionUpdate),
				Check:            is(&second),
			},
			{ // a tainted backup is replaced, and on_destroy removes the old one
				Config:           s.config(s.server(), s.backup(attrs{"triggers": `{ release = "2" }`, "on_destroy": `"delete"`})),
				Taint:            []string{theBackup},
				ConfigPlanChecks: planned(theBackup, plancheck.ResourceActionDestroyBeforeCreate),
				Check: check(func(state *terraform.State) {
					third = attribute(state, theBackup, "id")
					same(t, "archives", []string{first, third}, s.archives())
					same(t, "why the second is gone", "deleted", s.backupRecord(second).DeleteReason)
				}),
			},
		},
	})
}

func TestServerChangesInPlace(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	var id string
	update := planned(theServer, plancheck.ResourceActionUpdate)
	unchanged := check(func(state *terraform.State) { same(t, "id", id, attribute(state, theServer, "id")) })
	_, elsewhere := testbed.ClosedPort(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{
			{
				Config: s.config(s.server(attrs{"host": `"localhost"`, "port": number(elsewhere), "user": `"somebody-else"`})),
				Check:  check(func(state *terraform.State) { id = attribute(state, theServer, "id") }),
			},
			{ // the true address, and a backup in the same apply
				Config: s.config(s.server(), s.backup(attrs{"on_destroy": `"delete"`})), ConfigPlanChecks: update,
				Check: resource.ComposeTestCheckFunc(unchanged, resource.TestCheckResourceAttr(theBackup, "status", "completed"), check(func(*terraform.State) {
					r := s.serverRecord()
					same(t, "address", []any{s.sshd.Host, s.sshd.Port, s.sshd.User}, []any{r.Host, r.Port, r.User})
				})),
			},
			{ // everything there is
				Config: s.config(s.server(attrs{"name": `"web-2"`, "environment": `"production"`, "privilege": `"sudo"`,
					"connect_timeout_seconds": "3", "keepalive_interval_seconds": "4", "max_concurrent_backups": "2",
					"maintenance_windows": `[{ cron = "0 4 * * SUN", duration_minutes = 120, timezone = "Europe/Berlin" }]`}), s.backup(attrs{"on_destroy": `"delete"`})),
				ConfigPlanChecks: update, Check: unchanged,
			},
			{ // and back to the defaults
				Config: s.config(s.server(), s.backup(attrs{"on_destroy": `"delete"`})), ConfigPlanChecks: update,
				Check: resource.ComposeTestCheckFunc(unchanged, resource.TestCheckNoResourceAttr(theServer, "environment"), resource.TestCheckNoResourceAttr(theServer, "maintenance_windows"),
					resource.TestCheckResourceAttr(theServer, "privilege", "none"), resource.TestCheckResourceAttr(theServer, "connect_timeout_seconds", "10")),
			},
		},
		CheckDestroy: check(func(*terraform.State) { same(t, "left on the server", nil, s.onServer()) }),
	})
}

func TestServerKeyIsGeneratedBroughtAndGeneratedAgain(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	another := newKey(t)
	var generated string
	gone := attrs{"on_destroy": `"delete"`}
	key := func(public *string, source string) resource.TestCheckFunc {
		return resource.ComposeTestCheckFunc(resource.TestCheckNoResourceAttr(theServer, "private_key_wo"), check(func(state *terraform.State) {
			same(t, "public_key", *public, attribute(state, theServer, "public_key"))
			r := s.serverRecord()
			same(t, "key in the control plane", []string{*public, source}, []string{r.PublicKey, r.KeySource})
		}))
	}
	again := ""
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{
			{
				Config: s.config(s.serverWithoutKey()),
				Check: check(func(state *terraform.State) {
					generated = attribute(state, theServer, "public_key")
					s.sshd.Authorize(generated)
				}),
			},
			{Config: s.config(s.serverWithoutKey(), s.backup(gone)), Check: key(&generated, "generated")},
			{Config: s.config(s.server(), s.backup(gone)), Check: key(&s.public, "provided")},
			{ // another key without another version is not looked at
				Config: s.config(s.server(attrs{"private_key_wo": quoted(another.private)}), s.backup(gone)),
				Check:  key(&s.public, "provided"),
			},
			{
				Config: s.config(s.server(attrs{"private_key_wo": quoted(another.private), "private_key_wo_version": "2"}), s.backup(gone)),
				Check:  key(&another.public, "provided"),
			},
			{
				Config: s.config(s.serverWithoutKey(), s.backup(gone)),
				Check: check(func(state *terraform.State) {
					again = attribute(state, theServer, "public_key")
					if again == generated || again == another.public || again == "" {
						t.Errorf("no new pair was made: %q", again)
					}
				}),
			},
			{Config: s.config(s.serverWithoutKey(attrs{"environment": `"test"`}), s.backup(gone)), Check: key(&again, "generated")},
		},
	})
}

func TestHostKeyOfTheFirstContactIsRecordedWhenAsked(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{{
			Config: s.config(s.server(attrs{"host_key": "", "record_host_key": "true"}), s.backup()),
			Check: resource.ComposeTestCheckFunc(resource.TestCheckNoResourceAttr(theServer, "host_key"), check(func(*terraform.State) {
				same(t, "recorded host key", s.sshd.HostKeyLine, s.serverRecord().RecordedHostKey)
			})),
		}},
	})
}

func TestHostKeyMayBePinnedByItsFingerprint(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{{
			Config: s.config(s.server(attrs{"host_key": quoted(fingerprint(t, s.sshd.HostKeyLine))}), s.backup()),
			Check:  resource.TestCheckResourceAttr(theBackup, "status", "completed"),
		}},
	})
}

func TestSettledFleetRefreshesWithoutChange(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup(), failureOfServer))
	s.mustApply()
	for _, args := range [][]string{{"plan"}, {"plan", "-refresh-only"}} {
		if r := s.terraform(append(args, "-detailed-exitcode")...); r.exit != 0 {
			t.Errorf("terraform %v: exit status %d:\n%s", args, r.exit, r.text)
		}
	}
}

func TestReplacingACompletedBackupSaysWhereItsArchiveStays(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup()))
	s.mustApply()
	b := s.onlyBackup()
	want := "on_destroy is \"retain\": " + b.Path + " is kept until " + b.ExpiresAt.Format(time.RFC3339)

	s.write(s.config(s.server(), s.backup(attrs{"triggers": `{ release = "2" }`})))
	s.terraform("plan").expect(t, diagnostic{severity: "warning", summary: "The archive of backup " + b.ID + " stays on the server"}, want)
	s.terraform("plan", "-destroy").expect(t, diagnostic{severity: "warning", summary: "The archive of backup " + b.ID + " stays on the server"}, want)
	s.terraform("plan", "-destroy").expect(t, diagnostic{severity: "warning", summary: "The key of server web-1 goes, and archives of it stay"}, b.Path, "backup download "+b.ID)

	s.write(s.config(s.server()))
	s.mustApply()
	if _, err := os.Stat(b.Path); err != nil {
		t.Errorf("the archive did not stay: %v", err)
	}
}

func TestBackupOfAServerWithoutAKeyIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	s.write(s.config(s.serverWithoutKey(attrs{"generate_key": "false"})))
	s.mustApply()
	same(t, "public key", "", s.serverRecord().PublicKey)

	s.write(s.config(s.serverWithoutKey(attrs{"generate_key": "false"}), s.backup()))
	r := s.terraform("plan")
	r.expect(t, diagnostic{severity: "error", address: theBackup, summary: "Backup of web-1 would fail: no SSH key is set", line: `  server_id = cloudaipilot_server.web.id`},
		"SSH_NOT_CONFIGURED", "generate_key = true or private_key_wo")
	if r.exit != 1 {
		t.Errorf("exit status %d", r.exit)
	}
	same(t, "backups", 0, len(s.backups()))
}

func TestBackupThatVanishedIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup(attrs{"on_destroy": `"delete"`})))
	s.mustApply()
	first := s.onlyBackup()
	other := s.elsewhere()
	other.write(s.config(s.server(), s.backup(attrs{"on_destroy": `"delete"`}),
		block("import", attrs{"to": theServer, "id": quoted(first.ServerID)}), block("import", attrs{"to": theBackup, "id": quoted(first.ID)})))
	other.mustApply()
	if r := other.terraform("destroy", "-auto-approve", "-target", theBackup); r.exit != 0 {
		t.Fatalf("destroy: %s", r.text)
	}
	same(t, "archives", nil, s.archives())
	s.mustApply()
	if again := s.onlyBackup(); again.ID == first.ID {
		t.Error("no new backup was made")
	}
	same(t, "archives", []string{s.onlyBackup().ID}, s.archives())
}
