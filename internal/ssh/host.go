package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Conn runs one command on a server, as [*Client] does.
type Conn interface {
	Run(ctx context.Context, command string, in io.Reader, out, errOut io.Writer) error
}

var _ Conn = (*Client)(nil)

// Host is the backup folder of one server. Each method is one command over the connection;
// all but Archive read at most 256 KiB of answer. Errors, besides those of [Client.Run]:
// [*RefusedError], [*SudoError], and the sentinels of this package.
type Host struct {
	Client Conn
	Root   string // the server's backup_dir, see backup.CheckBackupDir
	Sudo   bool   // run as root through sudo -n
	User   string // the login user, for the message of a [SudoError]; a *Client knows it itself
}

// FolderState is what the backup folder looks like. All but ok and absent are refused.
type FolderState string

const (
	FolderOK            FolderState = "ok"
	FolderAbsent        FolderState = "absent" // Start creates it
	FolderSymlink       FolderState = "symlink"
	FolderNotDirectory  FolderState = "not_directory"
	FolderWrongOwner    FolderState = "wrong_owner"
	FolderWrongMode     FolderState = "wrong_mode" // not 0700
	FolderParentMissing FolderState = "parent_missing"
	FolderNotWritable   FolderState = "not_writable"
)

func (s FolderState) known() bool {
	switch s {
	case FolderOK, FolderAbsent, FolderSymlink, FolderNotDirectory, FolderWrongOwner,
		FolderWrongMode, FolderParentMissing, FolderNotWritable:
		return true
	}
	return false
}

// PathState says whether a path can be archived.
type PathState string

const (
	PathOK         PathState = "ok"
	PathMissing    PathState = "missing"
	PathUnreadable PathState = "unreadable"
	// PathSymlink: the archive will hold the link itself, not what it points to.
	PathSymlink PathState = "symlink"
)

func (s PathState) known() bool {
	return s == PathOK || s == PathMissing || s == PathUnreadable || s == PathSymlink
}

// CheckRequest asks whether a backup of these paths and databases could run.
type CheckRequest struct {
	Include   []string
	Databases []backup.Database
	Versions  bool // of the tools are asked for
	// Estimate is for how long what the paths hold may be counted, without what the patterns leave out. Whole seconds; 0: not at all.
	Estimate time.Duration
	Exclude  []string
	// Meanwhile, if not nil, is called once with all but the estimate while that is still being made, by another goroutine.
	Meanwhile func(CheckReport)
}

// Estimate is what du counted of the paths that were asked for, before any compression.
type Estimate struct {
	Bytes    int64
	Packed   int64 // of them, in files whose names say that they are compressed already
	Whole    bool  // false: there is more, because time was over or something could not be read
	Patterns bool  // false: the server's du knows no patterns, and what they leave out is counted too
}

// CheckReport is what a server says before a backup. Nothing was changed there.
type CheckReport struct {
	Missing      []string // tools the job needs that were not found
	GNUTar       bool
	Tools        []Tool // that were asked for their version
	SudoOK       bool   // the job would run as root
	Folder       FolderState
	FolderDetail string
	// Of the file system of the folder, or of what will hold it. -1: unknown.
	FreeBytes, TotalBytes, FreeInodes, TotalInodes int64
	Paths                                          []PathState      // in the order asked for
	Databases                                      []DatabaseReport // in the order asked for
	BootID                                         string
	Time                                           int64     // the server's clock, Unix seconds
	Estimate                                       *Estimate // nil: not asked for, or the server has no du or awk
}

// Tool is a program on the server. Maker is GNU, BusyBox, or empty where it does not say; an unknown version is empty too.
type Tool struct{ Name, Maker, Version string }

func (t Tool) String() string {
	return strings.TrimSpace(strings.Join([]string{t.Maker, t.Name, t.Version}, " "))
}

// Check looks, and changes nothing. An unsafe folder is an answer here, not an error.
func (h Host) Check(ctx context.Context, req CheckRequest) (CheckReport, error) {
	if err := checkSource(req.Include, req.Exclude, req.Databases); err != nil {
		return CheckReport{}, err
	}
	parameters := append(list("include", req.Include), databaseParameters(req.Databases)...)
	if req.Versions {
		parameters = append(parameters, parameter{"versions", "1"})
	}
	if seconds := int(req.Estimate / time.Second); seconds > 0 && len(req.Include) > 0 {
		parameters = append(append(parameters, list("exclude", req.Exclude)...), parameter{estimateKey, strconv.Itoa(seconds)})
	}
	meanwhile := func(a answer) {
		if report, err := parseCheck(a, len(req.Include), len(req.Databases)); err == nil && req.Meanwhile != nil {
			req.Meanwhile(report)
		}
	}
	a, _, err := h.askLong(ctx, meanwhile, "check", "", parameters...)
	if err != nil {
		return CheckReport{}, fmt.Errorf("check: %w", err)
	}
	return parseCheck(a, len(req.Include), len(req.Databases))
}

// DatabaseState says whether a database can be dumped, and if not, what is in the way.
type DatabaseState string

const (
	DatabaseOK          DatabaseState = "ok"
	DatabaseSkipped     DatabaseState = "skipped" // not looked at, after another that cannot be dumped or for want of time
	DatabaseAccount     DatabaseState = "account" // the job may not become the account run_as
	DatabaseToolMissing DatabaseState = "tool_missing"
	DatabaseConnect     DatabaseState = "connect"    // no login, or no such database: the detail has the client's words
	DatabaseRights      DatabaseState = "rights"     // not everything may be read
	DatabaseClientOld   DatabaseState = "client_old" // the tool is older than the server
	DatabaseEngine      DatabaseState = "engine"     // the server is of another kind than asked for
	DatabaseMissing     DatabaseState = "missing"    // there is no such file
	DatabaseUnreadable  DatabaseState = "unreadable" // the account may not read the file
)

var databaseStates = []DatabaseState{DatabaseOK, DatabaseSkipped, DatabaseAccount, DatabaseToolMissing, DatabaseConnect,
	DatabaseRights, DatabaseClientOld, DatabaseEngine, DatabaseMissing, DatabaseUnreadable}

// DatabaseReport is what was found of one database.
type DatabaseReport struct {
	State          DatabaseState
	Detail         string // in the words of the tools, at most 500 bytes
	Login          string // as the server knows it; of SQLite the account
	Tool           string // that makes the dump
	Server, Client string // versions, Client is the tool's
	Size           int64  // bytes on its server's disk; -1: unknown
	// Tables are those that may not be read, or, where the state is ok, those that no transaction keeps consistent.
	Tables string
	Unseen []string // what the login cannot see, and the dump will lack: roles, triggers, events, views, routines
}

// StartRequest is one job. ID names its folder below the root.
type StartRequest struct {
	ID               string
	Include, Exclude []string
	Databases        []backup.Database
}

// JobID tells a process from any other that has or had its number.
type JobID struct {
	PID       int
	StartTime int64 // clock ticks after boot, field 22 of /proc/PID/stat
	BootID    string
}

// parameters name the job to the script; none where it cannot be a process.
func (j JobID) parameters() []parameter {
	if j.PID <= 1 || j.StartTime < 0 || !bootIDPattern.MatchString(j.BootID) {
		return nil
	}
	return []parameter{{"pid", strconv.Itoa(j.PID)}, {"start", strconv.FormatInt(j.StartTime, 10)}, {"boot", j.BootID}}
}

// StartReport names the job. AlreadyStarted: this call did not start it, an earlier one did;
// Job is zero then if that one died before it could say its name.
type StartReport struct {
	Job            JobID
	AlreadyStarted bool
}

// Start launches a job detached from the connection, and returns when it runs. It is idempotent:
// there is never more than one job for an id, and a start that broke off half-way is done over.
func (h Host) Start(ctx context.Context, req StartRequest) (StartReport, error) {
	if err := checkSource(req.Include, req.Exclude, req.Databases); err != nil {
		return StartReport{}, err
	}
	if len(req.Include)+len(req.Databases) == 0 {
		return StartReport{}, errors.New("start: nothing to archive")
	}
	parameters := slices.Concat(list("include", req.Include), list("exclude", req.Exclude), databaseParameters(req.Databases))
	a, _, err := h.ask(ctx, "start", req.ID, parameters...)
	if err != nil {
		return StartReport{}, fmt.Errorf("start: %w", err)
	}
	report := StartReport{Job: a.job(), AlreadyStarted: a.flag("already_started")}
	if !report.AlreadyStarted && report.Job == (JobID{}) {
		return StartReport{}, fmt.Errorf("start: %w: no process was named", ErrOutput)
	}
	return report, nil
}

// logLimit is how much of the log's end a Status holds.
const logLimit = 64 << 10

// Status is a job as its folder and the process table tell it.
// A job that is not Alive and has no Result died.
type Status struct {
	Exists   bool  // its folder is there
	Job      JobID // zero while it is being started
	Alive    bool
	SameBoot bool // the server was not restarted since the start

	BootID   string // of the server now; empty where it does not say
	BootedAt int64  // when the server was last started, by its own clock, Unix seconds; 0 where it does not say
	// FirstStart is when its first process began, in clock ticks after the boot; 0 where it does not say. In a container that was
	// restarted, and has its host's boot id, only that tells.
	FirstStart int64

	Step       string // dump, archive, sync, verify, done
	Database   int    // the database that is dumped, counted from 1
	Bytes      int64  // of the step: written, or read back
	ProgressAt int64  // the server's clock when Bytes last grew, Unix seconds

	Result *Result
	Log    string // the last 64 KiB, any bytes

	// Of the folder's file system. -1: unknown.
	FreeBytes, TotalBytes, FreeInodes, TotalInodes int64
}

// The stages of a [Result].
const (
	StageDump    = "dump"    // databases, one after the other
	StageArchive = "archive" // tar, gzip and the listing alongside
	StageVerify  = "verify"  // sync, size and checksum of the file on disk
)

// The problems of a [Result]. The list is closed.
const (
	ProblemDatabase   = "database"        // it cannot be dumped: see DatabaseState
	ProblemDump       = "dump"            // the tool ended with an error
	ProblemIncomplete = "dump_incomplete" // the tool said success, and the end of the dump is missing
	ProblemDamaged    = "dump_damaged"    // the copy of a SQLite database is not sound
	ProblemTar        = "tar"
	ProblemGzip       = "gzip"
	ProblemWrite      = "write" // the archive could not be written, or not synced
	ProblemEmpty      = "empty"
	ProblemUnreadable = "unreadable_archive" // the archive cannot be listed to its end
	ProblemChecksum   = "checksum"           // what is on disk is not what was written
	ProblemSize       = "size"
	ProblemCancelled  = "cancelled"
	ProblemTerminated = "terminated" // somebody else ended it: Kill, or the server's shutdown
	ProblemInternal   = "internal"
)

var knownProblems = map[string]bool{
	"": true, ProblemDatabase: true, ProblemDump: true, ProblemIncomplete: true, ProblemDamaged: true, ProblemTar: true, ProblemGzip: true, ProblemWrite: true, ProblemEmpty: true,
	ProblemUnreadable: true, ProblemChecksum: true, ProblemSize: true, ProblemCancelled: true,
	ProblemTerminated: true, ProblemInternal: true,
}

// Result is how a job ended.
type Result struct {
	OK        bool
	Cancelled bool
	Stage     string
	Problem   string // empty when OK

	// Exit statuses of the pipe's processes. -1: not known, it was ended with the others.
	ExitTar, ExitGzip, ExitWrite int

	Size    int64 // bytes
	SHA256  string
	Entries int64 // BusyBox: one too many for each newline in a name
	Warning bool  // GNU tar's exit status 1: a file changed while it was read

	Database                     int // the database at fault, counted from 1; 0: none
	DatabaseState                DatabaseState
	ExitDump                     int // of the tool that dumps; -1: not known
	ServerVersion, ClientVersion string

	Left *Left // nil: it did not fail, or nobody knows
}

// Left is what a file system had free when a job failed on it, before what that had written was removed.
type Left struct{ Bytes, Inodes int64 } // Inodes may be -1: unknown

// Status reads a job's folder. A job that was never started is no error: Exists is false.
func (h Host) Status(ctx context.Context, id string) (Status, error) {
	return h.Watch(ctx, id, JobID{})
}

// Watch is the Status of a job that is known: whether that one lives is seen even where its folder is gone.
func (h Host) Watch(ctx context.Context, id string, known JobID) (Status, error) {
	a, log, err := h.ask(ctx, "status", id, known.parameters()...)
	if err != nil {
		return Status{}, fmt.Errorf("status: %w", err)
	}
	return parseStatus(a, log)
}

// Cancel asks a job to end. It does so within a second or two, with a Result that says so.
// Asking a job that ended, or never was, is no error.
func (h Host) Cancel(ctx context.Context, id string) error {
	if _, _, err := h.ask(ctx, "cancel", id); err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	return nil
}

// Kill ends the job's whole process group, first politely and after five seconds by force.
// It does nothing, and says false, unless process id, start time and boot id all match.
func (h Host) Kill(ctx context.Context, id string, want JobID) (killed bool, err error) {
	parameters := want.parameters()
	if parameters == nil {
		return false, nil
	}
	a, _, err := h.ask(ctx, "kill", id, parameters...)
	if err != nil {
		return false, fmt.Errorf("kill: %w", err)
	}
	return a.flag("killed"), nil
}

// Clean removes the job's folder and nothing else; with keepLog all but its log.
// It refuses with [ErrJobRunning] while the job is alive. What is not there is clean.
func (h Host) Clean(ctx context.Context, id string, keepLog bool) error {
	var parameters []parameter
	if keepLog {
		parameters = append(parameters, parameter{"keep_log", "1"})
	}
	if _, _, err := h.ask(ctx, "clean", id, parameters...); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	return nil
}

// Folder is what has the form of a job's folder, whoever made it.
type Folder struct {
	ID        string
	Bytes     int64 // that it takes of the disk; -1: unknown
	ChangedAt int64 // by the server's clock, Unix seconds; 0: unknown
	Alive     bool  // a job is at work in it
	Archive   bool  // a whole archive is in it
}

const (
	folderPage = 500 // as in the script
	maxFolders = 40 * folderPage
)

// Folders lists what has the form of a job's folder in the backup folder, by id, those longest there first. Where there are more than
// 20,000, it ends there.
func (h Host) Folders(ctx context.Context) (all []Folder, err error) {
	for skip := 0; skip < maxFolders; skip += folderPage {
		a, _, err := h.ask(ctx, "folders", "", parameter{"skip", strconv.Itoa(skip)})
		if err != nil {
			return nil, fmt.Errorf("folders: %w", err)
		}
		page, err := parseFolders(a)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(a["entry"]) < folderPage {
			break
		}
	}
	return all, nil
}

// Archive copies the job's archive to w, whole or with an error. [ErrNoArchive] when there is none.
func (h Host) Archive(ctx context.Context, id string, w io.Writer) error {
	reader, writer := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := copyArchive(w, reader)
		reader.CloseWithError(err)
		copied <- err
	}()
	runErr := h.run(ctx, "archive", id, nil, writer)
	writer.CloseWithError(io.ErrUnexpectedEOF)
	copyErr := <-copied

	switch {
	case runErr == nil && copyErr == nil:
		return nil
	case runErr == nil:
		return fmt.Errorf("archive: %w", copyErr)
	case copyErr == nil || errors.Is(copyErr, io.ErrUnexpectedEOF): // short because the command ended
		return fmt.Errorf("archive: %w", h.explain(runErr, !errors.Is(copyErr, errNoGreeting)))
	default:
		return fmt.Errorf("archive: %w", copyErr)
	}
}

func copyArchive(w io.Writer, r io.Reader) error {
	br := newAnswerReader(r)
	a, err := readAnswer(br)
	if err != nil {
		return err
	}
	if err := a.refusal(); err != nil {
		return err
	}
	size := a.number("size")
	if size < 0 {
		return fmt.Errorf("%w: no size was told", ErrOutput)
	}
	if n, err := io.CopyN(w, br, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("after %d of %d bytes: %w", n, size, err)
	}
	return nil
}

// ask runs one subcommand and returns its answer and the bytes after it.
func (h Host) ask(ctx context.Context, subcommand, id string, parameters ...parameter) (answer, []byte, error) {
	return h.askLong(ctx, nil, subcommand, id, parameters...)
}

// askLong hands over what was answered so far, once, where the script says that the rest takes its time.
func (h Host) askLong(ctx context.Context, meanwhile func(answer), subcommand, id string, parameters ...parameter) (answer, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &boundedBuffer{limit: outputLimit, overflow: func() {
		cancel(fmt.Errorf("%w: it is longer than %d bytes", ErrOutput, outputLimit))
	}}
	if meanwhile != nil {
		out.grown = func(soFar []byte) (told bool) {
			begin, _, told := bytes.Cut(soFar, []byte(meanwhileLine))
			if !told {
				return false
			}
			a, err := readAnswer(newAnswerReader(strings.NewReader(string(begin) + "\n.\n")))
			if err == nil && a.refusal() == nil {
				meanwhile(a)
			}
			return true
		}
	}
	runErr := h.run(ctx, subcommand, id, parameters, out)
	r := newAnswerReader(bytes.NewReader(out.data))
	a, err := readAnswer(r)
	if runErr != nil {
		greeted := !errors.Is(err, errNoGreeting)
		if remote, ok := errors.AsType[*RemoteError](runErr); ok && !greeted && remote.Stderr == "" {
			remote.Stderr = string(out.data[:min(len(out.data), stderrLimit)]) // nologin and its like say there why
		}
		return nil, nil, h.explain(runErr, greeted)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := a.refusal(); err != nil {
		return nil, nil, err
	}
	rest, err := io.ReadAll(r)
	return a, rest, err
}

func (h Host) run(ctx context.Context, subcommand, id string, parameters []parameter, out io.Writer) error {
	if err := checkRequest(subcommand, h.Root, id); err != nil {
		return err
	}
	all := []parameter{{"root", h.Root}}
	if aboutJob(subcommand) {
		all = append(all, parameter{"id", id})
	}
	in := bytes.NewReader(request(subcommand, append(all, parameters...)))
	return h.Client.Run(ctx, command(h.Sudo), in, out, nil)
}

// explain takes a command that failed before the script's greeting for sudo's refusal.
func (h Host) explain(err error, greeted bool) error {
	var remote *RemoteError
	if greeted || !h.Sudo || !errors.As(err, &remote) {
		return err
	}
	user := h.User
	if c, ok := h.Client.(*Client); ok {
		user = c.user
	}
	const notFound = 127 // of every shell
	return &SudoError{User: user, Missing: remote.Exit == notFound, Stderr: remote.Stderr}
}

// refusal is the typed error of an answer that says no.
func (a answer) refusal() error {
	switch a.text("refused") {
	case "":
		return nil
	case "folder":
		state := FolderState(a.text("folder"))
		if !state.known() {
			return fmt.Errorf("%w: folder state %s", ErrOutput, printable(string(state)))
		}
		return &RefusedError{Reason: state, Detail: a.text("detail")}
	case "running":
		return ErrJobRunning
	case "no_archive":
		return ErrNoArchive
	case "newline_in_path":
		return ErrNewlineInPath
	default:
		return fmt.Errorf("%w: refused for %s", ErrOutput, printable(a.text("refused")))
	}
}

func list(key string, values []string) []parameter {
	parameters := make([]parameter, 0, len(values))
	for _, value := range values {
		parameters = append(parameters, parameter{key, value})
	}
	return parameters
}

// boundedBuffer keeps the first bytes, and tells once when there are more.
type boundedBuffer struct {
	limit    int
	data     []byte
	overflow func()
	grown    func(soFar []byte) (enough bool) // called after every write until it has seen enough; nil: never
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	room := b.limit - len(b.data)
	b.data = append(b.data, p[:min(room, len(p))]...)
	if b.grown != nil && b.grown(b.data) {
		b.grown = nil
	}
	if len(p) > room {
		b.overflow()
	}
	return len(p), nil
}
