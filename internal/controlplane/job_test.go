package controlplane_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

func TestVanishedJobSaysWhatBecameOfItsProcess(t *testing.T) {
	t.Parallel()
	booted := time.Date(2026, 2, 28, 4, 5, 6, 0, time.UTC)
	for name, test := range map[string]struct {
		arrange func(*fakeServer)
		fact    backup.Fact
		process backup.ProcessState
		says    []string // of the text
		fix     string   // what some step of the diagnosis says
		ends    bool     // the recovery has a process to end
	}{
		"it was killed": {func(f *fakeServer) { f.alive, f.boot, f.first = false, "boot", 7 }, backup.FactJobGone, backup.ProcessGone,
			[]string{"process 42 is gone", "was not restarted: it is up since 2026-02-28T04:05:06Z", `"archive" with 10 bytes`}, "dmesg", false},
		"the server was restarted": {func(f *fakeServer) { f.alive, f.boot = false, "another" }, backup.FactServerRestarted, backup.ProcessFormerBoot,
			[]string{"process 42 belongs to a former boot", "started again at 2026-02-28T04:05:06Z", `"archive" with 10 bytes`}, "last -x", false},
		"it is a container that was restarted": {func(f *fakeServer) { f.alive, f.boot, f.first = false, "boot", 8 }, backup.FactServerRestarted, backup.ProcessFormerBoot,
			[]string{"belongs to a former boot"}, "last -x", false},
		"and its folder went with /tmp": {func(f *fakeServer) { f.alive, f.boot, f.noFolder = false, "another", true }, backup.FactServerRestarted, backup.ProcessFormerBoot,
			[]string{"belongs to a former boot", `"archive" with 10 bytes`}, "last -x", false},
		"its folder was removed under it": {func(f *fakeServer) { f.boot, f.noFolder = "boot", true }, backup.FactJobFolderGone, backup.ProcessLives,
			[]string{"process 42 lives", "removed /tmp/cloudpilot-backups/bk_", `"archive" with 10 bytes`}, "systemd-tmpfiles", true},
		"nobody knows the boot": {func(f *fakeServer) { f.alive = false }, backup.FactJobGone, backup.ProcessGone, []string{"process 42 is gone"}, "dmesg", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.server.booted = booted
			got := running(t, b)
			b.step(got.ID) // it is seen once
			test.arrange(b.server)

			preview, err := b.PreviewRecovery(t.Context(), got.ID, false)
			planned := slices.ContainsFunc(preview.Actions, func(a controlplane.RecoveryAction) bool { return a.Name == "end_job" })
			if err != nil || planned != test.ends {
				t.Errorf("the recovery: %v %v", err, names(preview))
			}
			got = b.finish(got.ID)
			f := got.Failure
			if f == nil || f.Fact != test.fact || f.Evidence.Process != test.process || !f.Evidence.BootedAt.Equal(booted) || f.Output != "what tar said" {
				t.Fatalf("%+v", f)
			}
			d := diagnosis.Explain(*f)
			_, lines, err := b.Activity(t.Context(), got.Activity)
			var told strings.Builder
			for _, l := range lines {
				told.WriteString(l.Text + "\n")
			}
			for _, want := range test.says {
				if !strings.Contains(f.Text, want) || !strings.Contains(d.Cause, want) || !strings.Contains(told.String(), want) {
					t.Errorf("%q is not in %q, or not in %q, or not in the activity (%v):\n%s", want, f.Text, d.Cause, err, told.String())
				}
			}
			if d.Code != "STUCK" || !strings.Contains(strings.Join(d.Fix, "\n"), test.fix) {
				t.Errorf("%s: %q", d.Code, d.Fix)
			}
			if !b.server.has("kill") || !b.server.has("clean") || got.OnServer {
				t.Errorf("what is left of it: %v", b.server.calls)
			}
		})
	}
}

func TestStuckJobIsSaidToLive(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.finish(running(t, b).ID)
	if f := got.Failure; f.Fact != backup.FactJobStuck || f.Evidence.Process != backup.ProcessLives || !strings.Contains(f.Text, "process 42 lives") {
		t.Errorf("%+v", f)
	}
}
