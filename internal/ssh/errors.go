package ssh

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says why a server could not be reached. The list is closed.
type Kind string

const (
	KindNotConfigured  Kind = "not_configured"   // no private key
	KindKeyInvalid     Kind = "key_invalid"      // the private key cannot be used
	KindDNS            Kind = "dns"              // the name does not resolve
	KindRefused        Kind = "refused"          // nothing listens on the port
	KindTimeout        Kind = "timeout"          // nobody answered in time
	KindNoRoute        Kind = "no_route"         // no network path
	KindHostKeyUnknown Kind = "host_key_unknown" // no key is pinned, and recording was not asked for
	KindHostKeyChanged Kind = "host_key_changed" // not the pinned key
	KindAuthFailed     Kind = "auth_failed"      // the server does not accept our key for this user
	KindDropped        Kind = "dropped"          // the connection ended, before or after login
	KindOther          Kind = "other"
)

// Sentinels. Match them with errors.Is.
var (
	// ErrNotConfigured comes inside a [ConnectError] of [KindNotConfigured].
	ErrNotConfigured = errors.New("no SSH key is set for this server")
	// ErrJobRunning: the job is alive, so its folder was not removed.
	ErrJobRunning = errors.New("the job is still running")
	// ErrNoArchive: the job has no checked archive on the server.
	ErrNoArchive = errors.New("there is no archive on the server")
	// ErrNewlineInPath: BusyBox tar reads its list of paths line by line.
	ErrNewlineInPath = errors.New("the server's tar is not GNU tar: it cannot archive a path that holds a newline")
	// ErrOutput: the server's answer was too long, cut short, or not what the job script says.
	ErrOutput = errors.New("the server's answer was not understood")
)

// ConnectError is a failure of the connection itself, never of a command that ran over it.
type ConnectError struct {
	Kind Kind
	Addr string // host:port
	User string
	Err  error

	HostKeyGot    string // key line, for the two host key kinds
	HostKeyWanted string // as pinned: key line or fingerprint
}

func (e *ConnectError) Error() string {
	switch e.Kind {
	case KindNotConfigured, KindKeyInvalid:
		return fmt.Sprintf("connect to %s: %v", e.Addr, e.Err)
	case KindHostKeyUnknown:
		return fmt.Sprintf("connect to %s: the host key is not pinned; the server presented %s", e.Addr, e.HostKeyGot)
	case KindHostKeyChanged:
		return fmt.Sprintf("connect to %s: the server presented host key %s, but %s is pinned", e.Addr, e.HostKeyGot, e.HostKeyWanted)
	case KindAuthFailed:
		return fmt.Sprintf("log in to %s as %s: %v", e.Addr, e.User, e.Err)
	case KindDropped:
		return fmt.Sprintf("connection to %s dropped: %v", e.Addr, e.Err)
	default:
		return fmt.Sprintf("connect to %s: %v", e.Addr, e.Err)
	}
}

func (e *ConnectError) Unwrap() error { return e.Err }

// RefusedError says that the backup folder is unsafe or cannot be used. Nothing was done.
type RefusedError struct {
	Reason FolderState
	Detail string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the backup folder was refused (%s): %s", e.Reason, e.Detail)
}

// SudoError says that sudo -n did not let us through: it is missing, or it wants a password.
type SudoError struct {
	User    string
	Missing bool   // there is no sudo on the server
	Stderr  string // what sudo said
}

// Sudoers is the line that allows what the job needs.
func (e *SudoError) Sudoers() string {
	return SudoersLine(e.User)
}

func (e *SudoError) Error() string {
	if e.Missing {
		return "sudo is not installed on the server"
	}
	return fmt.Sprintf("sudo did not accept user %s without a password (%s); allow it in sudoers with: %s",
		e.User, strings.TrimSpace(e.Stderr), e.Sudoers())
}

// SudoersLine is the line for /etc/sudoers.d that lets a user run jobs with privilege "sudo".
func SudoersLine(user string) string {
	return user + " ALL=(root) NOPASSWD: /bin/sh"
}

// RemoteError is a command that ran and failed.
type RemoteError struct {
	Exit   int    // exit status; -1 when a signal ended it
	Signal string // without SIG, as in "KILL"
	Stderr string // the first 8 KiB; of standard output where the job's script did not begin and nothing is here
}

func (e *RemoteError) Error() string {
	how := fmt.Sprintf("exit status %d", e.Exit)
	if e.Signal != "" {
		how = "signal " + e.Signal
	}
	if said := strings.TrimSpace(e.Stderr); said != "" {
		return how + ": " + said
	}
	return how
}
