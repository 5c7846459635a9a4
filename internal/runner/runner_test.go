package runner

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

var target = controlplane.Target{Server: backup.Server{ServerSpec: backup.ServerSpec{Host: "2001:db8::1", Port: 22, User: "u", BackupDir: "/d/e"}, PublicKey: "pub"}}

func TestErrorsOfTheTransportBecomeFacts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err   error
		stage backup.Stage
		fact  backup.Fact
		text  string
	}{
		"refused":      {&ssh.ConnectError{Kind: ssh.KindRefused, Err: errors.New("refused")}, backup.StageConnect, backup.FactRefused, "refused"},
		"dropped":      {fmt.Errorf("status: %w", &ssh.ConnectError{Kind: ssh.KindDropped, Err: errors.New("EOF")}), backup.StageConnect, backup.FactDropped, "EOF"},
		"folder":       {&ssh.RefusedError{Reason: ssh.FolderSymlink, Detail: "it is a link"}, backup.StageArchive, backup.FactFolderUnsafe, "it is a link"},
		"sudo":         {&ssh.SudoError{Stderr: "a password is required\n"}, backup.StageArchive, backup.FactSudo, "a password is required"},
		"no sudo":      {&ssh.SudoError{Missing: true}, backup.StageArchive, backup.FactSudo, "sudo is not installed on the server"},
		"command":      {&ssh.RemoteError{Exit: 1, Stderr: "No space left on device"}, backup.StageArchive, backup.FactRemoteCommand, "exit status 1: No space left on device"},
		"no archive":   {fmt.Errorf("archive: %w", ssh.ErrNoArchive), backup.StageArchive, backup.FactArchiveVanished, "archive: there is no archive on the server"},
		"too slow":     {context.DeadlineExceeded, backup.StageConnect, backup.FactTimeout, "context deadline exceeded"},
		"anything":     {errors.New("odd"), backup.StageArchive, backup.FactInternal, "odd"},
		"unknown kind": {&ssh.ConnectError{Kind: ssh.KindOther, Err: errors.New("odd")}, backup.StageConnect, backup.FactDropped, "odd"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f *backup.Failure
			if !errors.As(explain(test.err, target, backup.StageArchive), &f) {
				t.Fatal("no failure")
			}
			if f.Stage != test.stage || f.Fact != test.fact || f.Text != test.text {
				t.Errorf("%s %s %q", f.Stage, f.Fact, f.Text)
			}
			if f.Evidence.Address != "[2001:db8::1]:22" || f.Evidence.PublicKey != "pub" {
				t.Errorf("evidence %+v", f.Evidence)
			}
		})
	}
	if err := explain(nil, target, backup.StageArchive); err != nil {
		t.Errorf("nothing became %v", err)
	}
	if err := explain(context.Canceled, target, backup.StageArchive); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request became %v", err)
	}
}

func TestResultsOfTheJobBecomeFacts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		result ssh.Result
		fact   backup.Fact
		stage  backup.Stage
		exit   int
		signal int
	}{
		"tar failed":        {ssh.Result{Stage: "archive", Problem: ssh.ProblemTar, ExitTar: 2}, backup.FactToolFailed, backup.StageArchive, 2, 0},
		"the disk was full": {ssh.Result{Stage: "archive", Problem: ssh.ProblemWrite, ExitWrite: 1, ExitTar: 141, ExitGzip: 141}, backup.FactToolFailed, backup.StageArchive, 1, 0},
		"tar was killed":    {ssh.Result{Stage: "archive", Problem: ssh.ProblemTar, ExitTar: 137}, backup.FactJobKilled, backup.StageArchive, 0, 9},
		"gzip was killed":   {ssh.Result{Stage: "archive", Problem: ssh.ProblemGzip, ExitGzip: 137, ExitTar: 141}, backup.FactJobKilled, backup.StageArchive, 0, 9},
		"the job was ended": {ssh.Result{Stage: "archive", Problem: ssh.ProblemTerminated, ExitTar: -1}, backup.FactJobKilled, backup.StageArchive, 0, 0},
		"empty":             {ssh.Result{Stage: "archive", Problem: ssh.ProblemEmpty}, backup.FactArchiveEmpty, backup.StageArchive, 0, 0},
		"changed on disk":   {ssh.Result{Stage: "verify", Problem: ssh.ProblemChecksum}, backup.FactArchiveDamaged, backup.StageVerify, 0, 0},
		"cancelled":         {ssh.Result{Stage: "archive", Cancelled: true, Problem: ssh.ProblemCancelled, ExitTar: 143}, backup.FactCancelled, backup.StageArchive, 0, 15},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := result(test.result, ssh.Status{Log: "words\x00\xff"}, backup.Evidence{}, backup.Backup{})
			if got.Failure == nil {
				t.Fatal("no failure")
			}
			f := got.Failure
			if f.Fact != test.fact || f.Stage != test.stage || f.ExitStatus != test.exit || f.Signal != test.signal || f.Output != "words\uFFFD\uFFFD" || f.Text == "" {
				t.Errorf("%+v", f)
			}
		})
	}
	full := ssh.Result{Stage: "archive", Problem: ssh.ProblemWrite, ExitWrite: 1, Left: &ssh.Left{Bytes: 4096, Inodes: 7}}
	if e := result(full, ssh.Status{}, backup.Evidence{FreeBytes: 9 << 20, FreeInodes: 90, BytesDone: 5}, backup.Backup{}).Failure.Evidence; e.FreeBytes != 4096 || e.FreeInodes != 7 || e.BytesDone != 5 {
		t.Errorf("what was free when it failed, not after that was cleaned away: %+v", e)
	}
	ok := result(ssh.Result{OK: true, Size: 3, SHA256: "ab", Entries: 2, Warning: true}, ssh.Status{}, backup.Evidence{}, backup.Backup{})
	want := &backup.Result{SizeBytes: 3, SHA256: "ab", Entries: 2, Warnings: []string{changedWhileRead}}
	if diff := cmp.Diff(want, ok); diff != "" {
		t.Error(diff)
	}
}

func TestPreflightNamesTheFirstThingInTheWay(t *testing.T) {
	t.Parallel()
	good := ssh.CheckReport{Folder: ssh.FolderAbsent, Paths: []ssh.PathState{ssh.PathOK, ssh.PathSymlink}}
	b := backup.Backup{Spec: backup.Spec{Files: backup.FilesSource{Include: []string{"/a", "/b"}}}}
	if f := judge(good, target, b); f != nil {
		t.Errorf("nothing is in the way, and got %v", f)
	}
	tests := map[string]struct {
		change func(*ssh.CheckReport)
		fact   backup.Fact
		paths  []string
	}{
		"tool":       {func(r *ssh.CheckReport) { r.Missing = []string{"tar"} }, backup.FactToolMissing, nil},
		"folder":     {func(r *ssh.CheckReport) { r.Folder = ssh.FolderWrongOwner }, backup.FactFolderUnsafe, nil},
		"missing":    {func(r *ssh.CheckReport) { r.Paths = []ssh.PathState{ssh.PathUnreadable, ssh.PathMissing} }, backup.FactPathMissing, []string{"/b"}},
		"unreadable": {func(r *ssh.CheckReport) { r.Paths = []ssh.PathState{ssh.PathUnreadable, ssh.PathOK} }, backup.FactPathUnreadable, []string{"/a"}},
	}
	for name, test := range tests {
		r := good
		test.change(&r)
		f := judge(r, target, b)
		if f == nil || f.Fact != test.fact || !cmp.Equal(f.Evidence.Paths, test.paths) || f.Stage != backup.StagePreflight {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// TestEveryKindAndProblemIsTranslated holds the tables against the transport's closed lists.
func TestEveryKindAndProblemIsTranslated(t *testing.T) {
	t.Parallel()
	for _, k := range []ssh.Kind{ssh.KindNotConfigured, ssh.KindKeyInvalid, ssh.KindDNS, ssh.KindRefused, ssh.KindTimeout, ssh.KindNoRoute,
		ssh.KindHostKeyUnknown, ssh.KindHostKeyChanged, ssh.KindAuthFailed, ssh.KindDropped, ssh.KindOther} {
		if connectFacts[k] == "" {
			t.Errorf("kind %s", k)
		}
	}
	for _, p := range []string{ssh.ProblemTar, ssh.ProblemGzip, ssh.ProblemWrite, ssh.ProblemEmpty, ssh.ProblemUnreadable, ssh.ProblemChecksum,
		ssh.ProblemDatabase, ssh.ProblemDump, ssh.ProblemIncomplete, ssh.ProblemDamaged, ssh.ProblemSize, ssh.ProblemCancelled, ssh.ProblemTerminated, ssh.ProblemInternal} {
		if problems[p].fact == "" || problems[p].text == "" {
			t.Errorf("problem %s", p)
		}
	}
}
