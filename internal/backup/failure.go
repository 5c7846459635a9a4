package backup

import "time"

// Stage says during what a backup failed.
type Stage string

// The stages.
const (
	StageConnect   Stage = "connect"
	StagePreflight Stage = "preflight"
	StageArchive   Stage = "archive"
	StageVerify    Stage = "verify"
)

// Fact is what the control plane itself saw go wrong, told apart by types and exit statuses and never by text.
// It is stored; what it means is decided by the diagnosis when the failure is read.
type Fact string

// The facts.
const (
	FactNoKey           Fact = "no_key"
	FactKeyInvalid      Fact = "key_invalid"
	FactDNS             Fact = "dns"
	FactRefused         Fact = "connection_refused"
	FactTimeout         Fact = "connection_timeout"
	FactNoRoute         Fact = "no_route"
	FactHostKeyUnknown  Fact = "host_key_unknown"
	FactHostKeyChanged  Fact = "host_key_changed"
	FactAuthFailed      Fact = "auth_failed"
	FactDropped         Fact = "connection_dropped"
	FactFolderUnsafe    Fact = "folder_unsafe"
	FactSudo            Fact = "sudo_refused"
	FactToolMissing     Fact = "tool_missing"
	FactPathMissing     Fact = "path_missing"
	FactPathUnreadable  Fact = "path_unreadable"
	FactToolFailed      Fact = "tool_failed" // tar, gzip or the writer ended with an error: see ExitStatus and Output
	FactArchiveEmpty    Fact = "archive_empty"
	FactArchiveDamaged  Fact = "archive_damaged"
	FactJobGone         Fact = "job_gone"
	FactServerRestarted Fact = "server_restarted"   // the job belongs to a former boot
	FactJobFolderGone   Fact = "job_folder_removed" // somebody else removed it while the job was at work
	FactJobKilled       Fact = "job_killed"
	FactJobStuck        Fact = "job_stuck"   // it lives, and has not come on for too long
	FactJobRunning      Fact = "job_running" // its folder cannot be removed yet
	FactRemoteCommand   Fact = "remote_command_failed"
	FactUnreachable     Fact = "unreachable_too_long"
	FactCancelled       Fact = "cancelled"
	FactInternal        Fact = "internal"
	FactArchiveVanished Fact = "archive_vanished"

	FactDatabaseAccount    Fact = "database_account"    // the job may not become the account run_as
	FactDatabaseTool       Fact = "database_tool"       // what dumps the engine's databases is not there
	FactDatabaseConnect    Fact = "database_connect"    // no login, or no such database: Text has the client's words
	FactDatabaseRights     Fact = "database_rights"     // not everything may be read
	FactDatabaseClientOld  Fact = "database_client_old" // the tool is older than the server
	FactDatabaseEngine     Fact = "database_engine"     // the server is of another kind
	FactDatabaseMissing    Fact = "database_missing"    // of SQLite: there is no such file
	FactDatabaseUnreadable Fact = "database_unreadable"
	FactDumpFailed         Fact = "dump_failed" // the tool ended with an error: see ExitStatus and Output
	FactDumpIncomplete     Fact = "dump_incomplete"
	FactDumpDamaged        Fact = "dump_damaged" // the copy of a SQLite database is not sound
	FactSpaceShort         Fact = "space_short"  // the dumps and the archive would not fit
	FactInodesShort        Fact = "inodes_short" // the file system takes no more files
	FactClockOff           Fact = "clock_off"    // the server's clock differs from the control plane's
)

// Failure is what was known at the moment a backup failed. It holds raw facts, no opinion.
type Failure struct {
	At         time.Time `json:"at"`
	Stage      Stage     `json:"stage"`
	Fact       Fact      `json:"fact"`
	Text       string    `json:"text"`             // the error in the words of whoever raised it
	Output     string    `json:"output,omitempty"` // the tools' own output, its last 64 KiB
	ExitStatus int       `json:"exit_status,omitempty"`
	Signal     int       `json:"signal,omitempty"`  // that ended the process, which has no exit status then
	Attempt    int       `json:"attempt,omitempty"` // which try of its backup failed, from 1 on
	Evidence   Evidence  `json:"evidence"`
}

// Offline reports whether the server could not be reached at all, so that nothing was tried on it.
func (f *Failure) Offline() bool {
	if f.Stage != StageConnect {
		return false
	}
	switch f.Fact {
	case FactDNS, FactRefused, FactTimeout, FactNoRoute, FactDropped, FactUnreachable:
		return true
	default:
		return false
	}
}

// Evidence is what was measured around a failure. Zero means not known.
type Evidence struct {
	Address     string   `json:"address,omitempty"` // host:port tried
	User        string   `json:"user,omitempty"`
	BackupDir   string   `json:"backup_dir,omitempty"`
	Paths       []string `json:"paths,omitempty"` // the source paths at fault
	Tools       []string `json:"tools,omitempty"` // the tools that are missing
	PublicKey   string   `json:"public_key,omitempty"`
	HostKeyWant string   `json:"host_key_wanted,omitempty"`
	HostKeyGot  string   `json:"host_key_got,omitempty"`
	Step        string   `json:"step,omitempty"` // the last one that was logged
	BytesDone   int64    `json:"bytes_done,omitempty"`
	FreeBytes   int64    `json:"free_bytes,omitempty"` // of the backup folder's file system
	TotalBytes  int64    `json:"total_bytes,omitempty"`
	FreeInodes  int64    `json:"free_inodes,omitempty"`
	TotalInodes int64    `json:"total_inodes,omitempty"`
	Privilege   string   `json:"privilege,omitempty"`
	NeededBytes int64    `json:"needed_bytes,omitempty"` // at least, for the dumps and the archive

	Process  ProcessState `json:"process,omitempty"`  // what became of the process that made the archive
	BootedAt time.Time    `json:"booted_at,omitzero"` // when the server was last started, by its own clock

	Room *Room `json:"room,omitempty"` // where the disk was too small: what the server's archives hold of it

	Database      *Database `json:"database,omitempty"` // the one at fault
	Tables        string    `json:"tables,omitempty"`   // of it, those that may not be read
	ServerVersion string    `json:"server_version,omitempty"`
	ClientVersion string    `json:"client_version,omitempty"`
}

// Error makes a Failure an error, so that a step can return it.
func (f *Failure) Error() string { return string(f.Stage) + ": " + f.Text }
