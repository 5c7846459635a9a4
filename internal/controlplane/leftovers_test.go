package controlplane_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// leftover is a failed backup that could not be cleaned up.
func (b *bench) leftover(s backup.Server) backup.Backup {
	b.t.Helper()
	b.server.start = &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Text: "tar"}
	b.server.cancel, b.server.clean = unreachable(), unreachable()
	got := b.finish(b.ask(request(s)).ID)
	if got.Status != backup.StatusFailed || !got.OnServer {
		b.t.Fatalf("%+v", got)
	}
	b.server.start, b.server.cancel, b.server.clean, b.server.alive = nil, nil, nil, true
	return got
}

func TestBackupBeginsByRemovingWhatEarlierOnesLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	old := b.leftover(s)
	b.server.result, b.server.calls = archived, nil

	if _, err := b.CheckBackup(t.Context(), request(s).Spec, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Backups(t.Context(), controlplane.BackupFilter{}); err != nil || !b.get(old.ID).OnServer || len(b.server.calls) > 0 {
		t.Errorf("reading alone did something: %v, %v", b.server.calls, err)
	}
	next := b.finish(b.ask(request(s)).ID)
	if diff := cmp.Diff([]string{"preflight", "kill", "clean", "start", "watch"}, b.server.calls); diff != "" || b.get(old.ID).OnServer || next.Status != backup.StatusCompleted {
		t.Errorf("%s %s", next.Status, diff)
	}
	_, lines, err := b.Activity(t.Context(), next.Activity)
	told := ""
	for _, l := range lines {
		told += l.Text + "\n"
	}
	if !strings.Contains(told, "removed what backup "+string(old.ID)+" had left") {
		t.Errorf("%v:\n%s", err, told)
	}
}

func TestRoomThatLeftoversHeldIsSeenBeforeABackupFailsForWantOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	b.leftover(s)
	b.server.result, b.server.calls = archived, nil
	b.server.preflight = &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactSpaceShort, Text: "short"}
	b.server.during = func(call string) {
		if call == "clean" {
			b.server.preflight = nil
		}
	}
	if got := b.finish(b.ask(request(s)).ID); got.Status != backup.StatusCompleted {
		t.Errorf("%s, %+v after %v", got.Status, got.Failure, b.server.calls)
	}
	b.server.preflight = &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactSpaceShort, Text: "short"}
	if got := b.finish(b.ask(request(s)).ID); got.Status != backup.StatusFailed || got.Failure.Fact != backup.FactSpaceShort {
		t.Errorf("without leftovers: %s, %+v", got.Status, got.Failure)
	}
}

func TestSweepBeforeABackupIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, other := b.addServer(), b.addServer(func(s *backup.ServerSpec) { s.Name = "web-2" })
	elsewhere := b.leftover(other)
	for range 21 {
		b.leftover(s)
	}
	b.server.result, b.server.calls = archived, nil
	b.finish(b.ask(request(s)).ID)
	cleaned := 0
	for _, call := range b.server.calls {
		if call == "clean" {
			cleaned++
		}
	}
	if cleaned != 20 || !b.get(elsewhere.ID).OnServer {
		t.Errorf("%d were removed, and another server's are left: %v", cleaned, b.get(elsewhere.ID).OnServer)
	}
	// A server that is out of reach is not asked for each of them.
	b.leftover(s)
	b.server.cancel, b.server.calls = unreachable(), nil
	b.finish(b.ask(request(s)).ID)
	if diff := cmp.Diff([]string{"preflight", "kill", "start", "watch"}, b.server.calls); diff != "" {
		t.Error(diff)
	}
}

func TestArchiveThatStayedOnAFormerAddressIsNotSaidToBeGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		noFolder bool // on the new address
		gone     bool
	}{
		"another machine":                   {true, false},
		"the same machine, by another name": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := b.addServer()
			b.server.result = archived
			made := b.finish(b.ask(request(s)).ID)
			if made.Address != "203.0.113.10:22" {
				t.Errorf("it was made on %q", made.Address)
			}
			if _, err := b.UpdateServer(t.Context(), s.ID, 0, func(s *backup.ServerSpec) { s.Host = "203.0.113.99" }, controlplane.KeyWish{}); err != nil {
				t.Fatal(err)
			}
			b.server.noFolder, b.server.calls = test.noFolder, nil
			if _, read, err := b.Download(t.Context(), made.ID); (code(err) == backup.CodeGone) == test.gone || (read != nil) != test.gone {
				t.Errorf("download: %v", err)
			}
			leftover, err := b.DeleteBackup(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			after := b.get(made.ID)
			if (leftover == "") != test.gone || after.OnServer == test.gone || b.server.has("clean") != test.gone || after.Live() {
				t.Errorf("leftover %q, on the server %v, %v", leftover, after.OnServer, b.server.calls)
			}
			if test.gone {
				return
			}
			if want := "/tmp/cloudpilot-backups/" + string(made.ID) + " on 203.0.113.10:22"; !strings.Contains(leftover, want) || !strings.Contains(leftover, "203.0.113.99:22") {
				t.Errorf("%q is not in %q", want, leftover)
			}
			if _, err := b.RecoverBackup(t.Context(), made.ID, false); code(err) != backup.CodeInvalidState || !strings.Contains(err.Error(), "203.0.113.10") {
				t.Errorf("recover: %v", err)
			}
			b.SweepLeftoversOnce(t.Context(), map[backup.ID]time.Time{})
			if !b.get(made.ID).OnServer || b.server.has("clean") {
				t.Error("it was forgotten")
			}
			// The address is set back: there it is.
			if _, err := b.UpdateServer(t.Context(), s.ID, 0, func(s *backup.ServerSpec) { s.Host = "203.0.113.10" }, controlplane.KeyWish{}); err != nil {
				t.Fatal(err)
			}
			if r, err := b.RecoverBackup(t.Context(), made.ID, false); err != nil || b.get(made.ID).OnServer {
				t.Errorf("with its own address: %v %v", names(r), err)
			}
		})
	}
}

func TestServerIsNotForgottenWithWhatBackupsLeftThere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cancel error
		gone   bool
		title  string
	}{
		"it answers":         {nil, true, "Server web-1 deleted"},
		"it is out of reach": {unreachable(), false, "files may remain there in /tmp/cloudpilot-backups, such as of backup bk_"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := b.addServer()
			old := b.leftover(s)
			b.server.cancel, b.server.calls = test.cancel, nil
			if err := b.DeleteServer(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			if b.get(old.ID).OnServer == test.gone || b.server.has("clean") != test.gone {
				t.Errorf("%v", b.server.calls)
			}
			all, err := b.Activities(t.Context(), controlplane.ActivityFilter{TargetID: string(s.ID), Page: controlplane.Page{Limit: 1}})
			if err != nil || len(all) != 1 || !strings.Contains(all[0].Title, test.title) {
				t.Errorf("%v %+v", err, all)
			}
		})
	}
}

func TestSweepThatDiesBeforeItIsWrittenDownIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.leftover(b.addServer())
	dying, die := context.WithCancel(t.Context())
	b.server.cleaning = func(backup.Backup) { die() } // the folder is removed, and the process is no more
	b.SweepLeftoversOnce(dying, map[backup.ID]time.Time{})
	if !b.get(old.ID).OnServer {
		t.Fatal("it was written down")
	}
	b.server.cleaning, b.server.calls = nil, nil
	b.SweepLeftoversOnce(t.Context(), map[backup.ID]time.Time{})
	if diff := cmp.Diff([]string{"kill", "clean"}, b.server.calls); diff != "" || b.get(old.ID).OnServer {
		t.Error(diff)
	}
	all, err := b.Activities(t.Context(), controlplane.ActivityFilter{TargetID: string(old.ID), Page: controlplane.Page{Limit: 10}})
	if err != nil || len(all) != 2 || all[0].Type != backup.ActivityBackupSweep {
		t.Errorf("%v %+v", err, all)
	}
}
