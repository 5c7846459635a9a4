package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// Runner acts on servers and says what they answered in the words of the domain.
type Runner struct {
	fleet Fleet
	now   func() time.Time
}

var _ controlplane.Runner = (*Runner)(nil)

// New returns a runner over SSH, with one connection per server and none yet.
func New() *Runner { return Over(connections{ssh.NewPool()}, time.Now) }

// Over returns a runner on the servers of a fleet, and on its clock.
func Over(f Fleet, now func() time.Time) *Runner { return &Runner{fleet: f, now: now} }

// Close closes what is open to servers. Jobs on them go on.
func (r *Runner) Close() { r.fleet.Close() }

// Forget implements controlplane.Runner.
func (r *Runner) Forget(id backup.ServerID) { r.fleet.Forget(id) }

func pathsIn(r ssh.CheckReport, b backup.Backup, state ssh.PathState) (paths []string) {
	for i, s := range r.Paths {
		if s == state {
			paths = append(paths, b.Files.Include[i])
		}
	}
	return paths
}

// Start implements controlplane.Runner.
func (r *Runner) Start(ctx context.Context, t controlplane.Target, b backup.Backup) (backup.Job, error) {
	h, err := r.host(ctx, t, b)
	if err != nil {
		return backup.Job{}, err
	}
	report, err := h.Start(ctx, ssh.StartRequest{ID: string(b.ID), Include: b.Files.Include, Exclude: b.Files.Exclude, Databases: b.Databases})
	if err != nil {
		return backup.Job{}, measured(ctx, h, b, explain(err, t, backup.StageArchive))
	}
	return backup.Job(report.Job), nil
}

// measured adds to what failed on the server how much space it has: what fails for want of it says no numbers.
func measured(ctx context.Context, h Host, b backup.Backup, err error) error {
	var f *backup.Failure
	if !errors.As(err, &f) || f.Stage == backup.StageConnect {
		return err
	}
	if s, err := h.Status(ctx, string(b.ID)); err == nil {
		space(&f.Evidence, s)
	}
	return f
}

func space(e *backup.Evidence, s ssh.Status) {
	e.FreeBytes, e.TotalBytes, e.FreeInodes, e.TotalInodes = max(0, s.FreeBytes), max(0, s.TotalBytes), max(0, s.FreeInodes), max(0, s.TotalInodes)
}

// Watch implements controlplane.Runner.
func (r *Runner) Watch(ctx context.Context, t controlplane.Target, b backup.Backup) (backup.Observation, error) {
	h, err := r.host(ctx, t, b)
	if err != nil {
		return backup.Observation{}, err
	}
	s, err := h.Watch(ctx, string(b.ID), ssh.JobID(b.Job))
	if err != nil {
		return backup.Observation{}, explain(err, t, backup.StageArchive)
	}
	e := evidence(t, b)
	space(&e, s)
	e.BytesDone = s.Bytes
	if s.BootedAt > 0 {
		e.BootedAt = time.Unix(s.BootedAt, 0).UTC()
	}
	seen := backup.Observation{Job: backup.Job(s.Job), Alive: s.Alive, NoFolder: !s.Exists, BootID: s.BootID, FirstStart: s.FirstStart, Output: text(s.Log), Evidence: e,
		Progress: backup.Progress{Step: step(s, b), Bytes: s.Bytes}}
	if s.ProgressAt > 0 {
		seen.Progress.At = time.Unix(s.ProgressAt, 0).UTC()
	}
	if s.Result != nil {
		seen.Result = result(*s.Result, s, e, b)
	}
	return seen, nil
}

// problems says what the job's own verdicts mean.
var problems = map[string]struct {
	fact backup.Fact
	text string
}{
	ssh.ProblemDatabase:   {backup.FactDatabaseConnect, "it cannot be dumped"}, // until its state says more
	ssh.ProblemDump:       {backup.FactDumpFailed, "the dump failed"},
	ssh.ProblemIncomplete: {backup.FactDumpIncomplete, "the tool reported success, but the end of the dump is missing"},
	ssh.ProblemDamaged:    {backup.FactDumpDamaged, "the copy does not pass integrity_check"},
	ssh.ProblemTar:        {backup.FactToolFailed, "tar could not read everything"},
	ssh.ProblemGzip:       {backup.FactToolFailed, "gzip failed"},
	ssh.ProblemWrite:      {backup.FactToolFailed, "the archive could not be written"},
	ssh.ProblemEmpty:      {backup.FactArchiveEmpty, "the archive has no entries"},
	ssh.ProblemUnreadable: {backup.FactArchiveDamaged, "the archive cannot be listed to its end"},
	ssh.ProblemChecksum:   {backup.FactArchiveDamaged, "the archive on disk has another checksum than what was written"},
	ssh.ProblemSize:       {backup.FactArchiveDamaged, "the archive on disk has another size than what was written"},
	ssh.ProblemCancelled:  {backup.FactCancelled, "the backup was cancelled"},
	ssh.ProblemTerminated: {backup.FactJobKilled, "the job was ended by a signal"},
	ssh.ProblemInternal:   {backup.FactToolFailed, "the job could not go on"},
}

const changedWhileRead = "some files changed while they were read; their copies in the archive may be inconsistent"

func result(r ssh.Result, s ssh.Status, e backup.Evidence, b backup.Backup) *backup.Result {
	if r.OK {
		ok := &backup.Result{SizeBytes: r.Size, SHA256: r.SHA256, Entries: r.Entries}
		if r.Warning {
			ok.Warnings = []string{changedWhileRead}
		}
		return ok
	}
	p := problems[r.Problem]
	f := &backup.Failure{Stage: backup.StageArchive, Fact: p.fact, Text: p.text, Output: text(s.Log), ExitStatus: exitStatus(r), Evidence: e}
	if r.Left != nil {
		f.Evidence.FreeBytes, f.Evidence.FreeInodes = r.Left.Bytes, max(0, r.Left.Inodes)
	}
	if r.Stage == ssh.StageVerify {
		f.Stage = backup.StageVerify
	}
	blameInJob(f, r, b)
	if signalled(f.ExitStatus) && (f.Fact == backup.FactToolFailed || f.Fact == backup.FactDumpFailed) {
		f.Fact = backup.FactJobKilled
		f.Text = fmt.Sprintf("%s: ended by signal %d", f.Text, f.ExitStatus-128)
	}
	if signalled(f.ExitStatus) {
		f.Signal, f.ExitStatus = f.ExitStatus-128, 0
	}
	return &backup.Result{Failure: f}
}

// exitStatus is that of the process which failed first, seen from the end of the pipe.
func exitStatus(r ssh.Result) int {
	for _, exit := range []int{r.ExitWrite, r.ExitGzip, r.ExitTar, r.ExitDump} {
		if exit > 0 {
			return exit
		}
	}
	return 0
}

// signalled reports whether a shell's exit status says that a signal ended the process (POSIX sh, 2.8.2).
// SIGPIPE is no end of its own: the reader ended first.
func signalled(exit int) bool { return exit > 128 && exit < 128+65 && exit != 128+13 }

// Cancel implements controlplane.Runner.
func (r *Runner) Cancel(ctx context.Context, t controlplane.Target, b backup.Backup, kill bool) error {
	h, err := r.host(ctx, t, b)
	if err != nil {
		return err
	}
	if kill && b.Job != (backup.Job{}) {
		_, err = h.Kill(ctx, string(b.ID), ssh.JobID(b.Job))
	} else {
		err = h.Cancel(ctx, string(b.ID))
	}
	return explain(err, t, backup.StageArchive)
}

// Clean implements controlplane.Runner.
func (r *Runner) Clean(ctx context.Context, t controlplane.Target, b backup.Backup) error {
	h, err := r.host(ctx, t, b)
	if err != nil {
		return err
	}
	return explain(h.Clean(ctx, string(b.ID), false), t, backup.StageArchive)
}

// Folders implements controlplane.Runner.
func (r *Runner) Folders(ctx context.Context, t controlplane.Target) ([]controlplane.Folder, error) {
	h, err := r.host(ctx, t, backup.Backup{Spec: backup.Spec{ServerID: t.Server.ID}, Dir: t.Server.BackupDir})
	if err != nil {
		return nil, err
	}
	found, err := h.Folders(ctx)
	if err != nil {
		return nil, explain(err, t, backup.StagePreflight)
	}
	folders := make([]controlplane.Folder, 0, len(found))
	for _, f := range found {
		folder := controlplane.Folder{ID: backup.ID(f.ID), Bytes: f.Bytes, Running: f.Alive, Archive: f.Archive}
		if f.ChangedAt > 0 {
			folder.ChangedAt = time.Unix(f.ChangedAt, 0).UTC()
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// Download implements controlplane.Runner.
func (r *Runner) Download(ctx context.Context, t controlplane.Target, b backup.Backup, w io.Writer) error {
	h, err := r.host(ctx, t, b)
	if err != nil {
		return err
	}
	return explain(h.Archive(ctx, string(b.ID), w), t, backup.StageVerify)
}

func (r *Runner) host(ctx context.Context, t controlplane.Target, b backup.Backup) (Host, error) {
	h, _, err := r.fleet.Reach(ctx, t, b)
	return h, explain(err, t, backup.StageConnect)
}

// connectFacts translates the transport's kinds.
var connectFacts = map[ssh.Kind]backup.Fact{
	ssh.KindNotConfigured:  backup.FactNoKey,
	ssh.KindKeyInvalid:     backup.FactKeyInvalid,
	ssh.KindDNS:            backup.FactDNS,
	ssh.KindRefused:        backup.FactRefused,
	ssh.KindTimeout:        backup.FactTimeout,
	ssh.KindNoRoute:        backup.FactNoRoute,
	ssh.KindHostKeyUnknown: backup.FactHostKeyUnknown,
	ssh.KindHostKeyChanged: backup.FactHostKeyChanged,
	ssh.KindAuthFailed:     backup.FactAuthFailed,
	ssh.KindDropped:        backup.FactDropped,
	ssh.KindOther:          backup.FactDropped,
}

// explain turns an error of the transport into a failure with its facts. nil stays nil; an error that is the
// caller's own doing, such as a cancelled context, stays what it is.
func explain(err error, t controlplane.Target, stage backup.Stage) error {
	if err == nil {
		return nil
	}
	f := &backup.Failure{Stage: stage, Text: text(err.Error()), Evidence: evidence(t, backup.Backup{})}
	var connect *ssh.ConnectError
	var refused *ssh.RefusedError
	var sudo *ssh.SudoError
	var remote *ssh.RemoteError
	switch {
	case errors.As(err, &connect):
		f.Stage, f.Fact = backup.StageConnect, connectFacts[connect.Kind]
		f.Evidence.HostKeyGot, f.Evidence.HostKeyWant = connect.HostKeyGot, connect.HostKeyWanted
		if connect.Err != nil {
			f.Text = text(connect.Err.Error())
		}
	case errors.As(err, &refused):
		f.Fact, f.Text = backup.FactFolderUnsafe, text(refused.Detail)
	case errors.As(err, &sudo):
		f.Fact = backup.FactSudo
		f.Text, f.Output = text(strings.TrimSpace(sudo.Stderr)), text(sudo.Stderr)
		if sudo.Missing {
			f.Text = "sudo is not installed on the server"
		}
	case errors.As(err, &remote):
		f.Fact, f.Output, f.ExitStatus = backup.FactRemoteCommand, text(remote.Stderr), remote.Exit
	case errors.Is(err, ssh.ErrJobRunning):
		f.Fact = backup.FactJobRunning
	case errors.Is(err, ssh.ErrNoArchive):
		f.Fact = backup.FactArchiveVanished
	case errors.Is(err, context.DeadlineExceeded): // of the step: the server took too long to answer
		f.Stage, f.Fact = backup.StageConnect, backup.FactTimeout
	case errors.Is(err, context.Canceled):
		return err
	default:
		f.Fact = backup.FactInternal
	}
	return f
}

func evidence(t controlplane.Target, b backup.Backup) backup.Evidence {
	s := t.Server
	dir := b.Dir
	if dir == "" {
		dir = s.BackupDir
	}
	return backup.Evidence{Address: s.Address(), User: s.User, BackupDir: dir,
		PublicKey: s.PublicKey, Privilege: string(s.Privilege)}
}

// text is a server's output as it may be stored and shown: valid UTF-8 on lines, without the control characters that
// a terminal would obey, and without NUL, which PostgreSQL's text refuses.
func text(output string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(output, string(utf8.RuneError)))
}
