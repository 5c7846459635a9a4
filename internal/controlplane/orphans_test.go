package controlplane_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// orphanage is a server with a folder of every kind: of backups that failed, were deleted, are good, are being made, and of nobody.
type orphanage struct {
	*bench
	srv                                      backup.Server
	failed, deleted, good, running, stranger backup.ID
}

func newOrphanage(t *testing.T) *orphanage {
	t.Helper()
	o := &orphanage{bench: newBench(t), stranger: "bk_01JCXM8B5D3F7H9K1M2P4R6T8V"}
	o.srv = o.addServer(func(s *backup.ServerSpec) { s.MaxConcurrentBackups = 2 })
	o.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactAuthFailed, Text: "no"}
	o.failed = o.finish(o.ask(request(o.srv)).ID).ID
	o.server.preflight, o.server.result = nil, archived
	o.good, o.deleted = o.finish(o.ask(request(o.srv)).ID).ID, o.finish(o.ask(request(o.srv)).ID).ID
	if left, err := o.DeleteBackup(t.Context(), o.deleted); err != nil || left != "" {
		t.Fatal(left, err)
	}
	o.running = o.create(request(o.srv)).ID
	for _, id := range []backup.ID{o.stranger, o.failed, o.good, o.deleted, o.running} {
		o.server.folders = append(o.server.folders, controlplane.Folder{ID: id, Bytes: 4096, Archive: id == o.good})
	}
	o.server.calls = nil
	return o
}

func (o *orphanage) told(r controlplane.ServerRecovery) map[backup.ID]string {
	all := map[backup.ID]string{}
	for _, f := range r.Orphans {
		all[f.ID] = string(f.Record) + " " + f.Status
	}
	return all
}

func TestFoldersOfBackupsThatAreOverAreRemovedAndOthersOnlyTold(t *testing.T) {
	t.Parallel()
	o := newOrphanage(t)
	preview, err := o.PreviewServerRecovery(t.Context(), o.srv.ID)
	want := map[backup.ID]string{o.failed: "failed planned", o.deleted: "deleted planned", o.stranger: "unknown told"}
	if diff := cmp.Diff(want, o.told(preview)); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff([]string{"folders"}, o.server.calls); diff != "" {
		t.Errorf("the preview did something: %s", diff)
	}
	var cleaned []backup.ID
	o.server.cleaning = func(b backup.Backup) { cleaned = append(cleaned, b.ID) }
	done, err := o.RecoverServer(t.Context(), o.srv.ID)
	want = map[backup.ID]string{o.failed: "failed done", o.deleted: "deleted done", o.stranger: "unknown told"}
	if diff := cmp.Diff(want, o.told(done)); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff([]backup.ID{o.failed, o.deleted}, cleaned); diff != "" {
		t.Errorf("removed: %s", diff)
	}
	if text := done.Orphans[0].Text; !strings.Contains(text, "on 203.0.113.10 as cloudpilot: rm -rf /tmp/cloudpilot-backups/"+string(o.stranger)) {
		t.Errorf("of the stranger's: %q", text)
	}
	all, err := o.Activities(t.Context(), controlplane.ActivityFilter{TargetID: string(o.deleted), Page: controlplane.Page{Limit: 10}})
	if err != nil || len(all) != 3 || all[0].Type != backup.ActivityBackupSweep || !strings.Contains(all[0].Title, "4.0 KiB") {
		t.Errorf("%v %+v", err, all)
	}
}

func TestFoldersThatAreNotOursToJudgeStay(t *testing.T) {
	t.Parallel()
	o := newOrphanage(t)
	o.server.folders = []controlplane.Folder{{ID: o.failed, Bytes: -1}, {ID: o.stranger, Bytes: -1, Running: true}}
	if _, err := o.UpdateServer(t.Context(), o.srv.ID, 0, func(s *backup.ServerSpec) { s.BackupDir, s.User = "/srv/copies", "other" }, controlplane.KeyWish{}); err != nil {
		t.Fatal(err)
	}
	r, err := o.RecoverServer(t.Context(), o.srv.ID) // a copy of a folder that was elsewhere
	if diff := cmp.Diff(map[backup.ID]string{o.failed: "unknown told", o.stranger: "unknown told"}, o.told(r)); err != nil || diff != "" || o.server.has("clean") {
		t.Errorf("%v %s", err, diff)
	}
	if text := r.Orphans[1].Text; strings.Contains(text, "rm -rf") || !strings.Contains(text, "a job is at work in it") {
		t.Errorf("of one that is being made: %q", text)
	}
}

func TestOrphanThatCannotBeRemovedWaits(t *testing.T) {
	t.Parallel()
	o := newOrphanage(t)
	o.server.folders, o.server.clean = o.server.folders[1:2], errors.New("odd")
	r, err := o.RecoverServer(t.Context(), o.srv.ID)
	if err != nil || o.told(r)[o.failed] != "failed waits" || !strings.Contains(r.Orphans[0].Text, "odd") {
		t.Errorf("%v %+v", err, r.Orphans)
	}
	o.server.watch = unreachable()
	if _, err := o.RecoverServer(t.Context(), o.srv.ID); err == nil {
		t.Error("a server that is out of reach was looked through")
	}
}

func TestSweepForOrphansLooksThroughEveryServer(t *testing.T) {
	t.Parallel()
	o := newOrphanage(t)
	o.addServer(func(s *backup.ServerSpec) { s.Name = "web-2" })
	var cleaned []backup.ID
	o.server.cleaning = func(b backup.Backup) { cleaned = append(cleaned, b.ID) }
	o.SweepOrphansOnce(t.Context())
	looks := 0
	for _, call := range o.server.calls {
		if call == "folders" {
			looks++
		}
	}
	// The other server shows the same folders: what is over goes whichever of its names leads there, if it is known to have been made there.
	if diff := cmp.Diff([]backup.ID{o.failed, o.deleted, o.deleted}, cleaned); looks != 2 || diff != "" {
		t.Errorf("%d looks %s", looks, diff)
	}
}

// A machine that was made from the image of another one has its folders, of the same names.
func TestCopiesOnAnotherMachineStayAndTheRecordOfTheOriginalToo(t *testing.T) {
	t.Parallel()
	o := newOrphanage(t)
	clone := o.addServer(func(s *backup.ServerSpec) { s.Name, s.Host = "web-2", "203.0.113.11" })
	r, err := o.RecoverServer(t.Context(), clone.ID)
	want := map[backup.ID]string{o.failed: "unknown told", o.deleted: "unknown told", o.good: "unknown told", o.running: "unknown told", o.stranger: "unknown told"}
	if diff := cmp.Diff(want, o.told(r)); err != nil || diff != "" || o.server.has("clean") || o.server.has("cancel") {
		t.Errorf("%v %s %v", err, diff, o.server.calls)
	}
	if text := r.Orphans[1].Text; !strings.Contains(text, "to be a copy: its backup was made on server web-1") {
		t.Errorf("%q", text)
	}
}
