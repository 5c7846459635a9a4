package provider_test

import (
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func TestTwoResourcesNeverShareAnUnfinishedBackup(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	unwaited := attrs{"wait": "false"}
	s.write(s.config(s.server(), s.backup(unwaited)))
	s.mustApply()
	s.write(s.config(s.server(), s.backup(unwaited), s.backupNamed("more", unwaited)))
	s.mustApply()
	first, _ := s.resource(theBackup)
	second, _ := s.resource("cloudaipilot_backup.more")
	if first.text("id") == "" || first.text("id") == second.text("id") {
		t.Errorf("the resources have the backups %q and %q", first.text("id"), second.text("id"))
	}
	open()
	for _, id := range []string{first.text("id"), second.text("id")} {
		same(t, "backup wait", "completed", asked[api.Backup](s, "backup", "wait", id).Status)
	}
}

func TestPlanOfAnUnfinishedBackupHoldsWhenItIsFinishedByThen(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	s.write(s.config(s.server(), s.backup(attrs{"wait": "false"})))
	s.mustApply()
	s.write(s.config(s.server(), s.backup(attrs{"wait": "false", "retention_days": "3"})))
	if o := s.terraform("plan", "-out=saved"); o.exit != 0 {
		t.Fatal(o.text)
	}
	open()
	id := s.onlyBackup().ID
	same(t, "backup wait", "completed", asked[api.Backup](s, "backup", "wait", id).Status)
	if o := s.terraform("apply", "saved"); o.exit != 0 {
		t.Errorf("terraform apply: exit status %d\n%s", o.exit, o.text)
	}
	s.hasNothingToDo()
	same(t, "retention", 3, s.backupRecord(id).RetentionDays)
}

func TestEmptyPrivateKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.serverWithoutKey(attrs{"private_key_wo": `""`, "private_key_wo_version": "1"})))
	s.apply().expect(t, diagnostic{severity: "error", summary: "Invalid private key"})
	s.write(s.config(s.server()))
	s.mustApply()
	s.write(s.config(s.serverWithoutKey(attrs{"private_key_wo": `""`, "private_key_wo_version": "2"})))
	s.apply().expect(t, diagnostic{severity: "error", summary: "Invalid private key"})
}
