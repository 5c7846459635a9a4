package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func TestCheckOfAFailureIsExplainedByTheDiagnosis(t *testing.T) {
	t.Parallel()
	got := FromCheck(backup.Check{Name: "last_attempt", Status: backup.CheckFailed, Evidence: "Backup bk_1 failed.", Fix: []string{"Then wait."},
		Failure: &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactRefused, Evidence: backup.Evidence{Address: "203.0.113.10:22"}}})
	if got.Class != "ssh_connection_refused" || got.Code != "CONNECTION_REFUSED" || !strings.HasPrefix(got.Evidence, "Backup bk_1 failed. ") || !strings.Contains(got.Evidence, "203.0.113.10:22") {
		t.Errorf("%+v", got)
	}
	if n := len(got.Fix); n < 2 || got.Fix[n-1] != "Then wait." {
		t.Errorf("fix: %q", got.Fix)
	}
	plain := FromCheck(backup.Check{Name: "active", Status: backup.CheckOK, Evidence: "It is active."})
	if diff := cmp.Diff(Check{Name: "active", Status: "ok", Evidence: "It is active.", Fix: []string{}}, plain); diff != "" {
		t.Error(diff)
	}
}
