package simulated

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// play is how a class of failures shows on a server: when it is called, when it is looked at, or in the job. The words are those of
// OpenSSH, tar, gzip, sudo, pg_dump and the kernel.
type play struct {
	kind ssh.Kind // of the connection that fails
	text string   // why; ADDRESS and HOST are filled in

	check func(r *ssh.CheckReport, h *host) error // what the server says when it is looked at

	// Of the job.
	log       string // its last words
	result    ssh.Result
	full      bool // nothing of the disk is free by then
	hangs     bool // it lives and does not come on
	gone      bool // it leaves no result
	databases bool // only a backup that has databases meets it
}

// plays are all classes that happen on a simulated server.
var plays = map[diagnosis.Class]play{
	"ssh_not_configured":     {kind: ssh.KindNotConfigured, text: ssh.ErrNotConfigured.Error()},
	"ssh_key_invalid":        {kind: ssh.KindKeyInvalid, text: "ssh: no key found"},
	"ssh_auth_failed":        {kind: ssh.KindAuthFailed, text: "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain"},
	"ssh_host_key_changed":   {kind: ssh.KindHostKeyChanged},
	"ssh_host_key_unknown":   {kind: ssh.KindHostKeyUnknown},
	"ssh_connection_refused": {kind: ssh.KindRefused, text: "dial tcp ADDRESS: connect: connection refused"},
	"ssh_connection_timeout": {kind: ssh.KindTimeout, text: "dial tcp ADDRESS: i/o timeout"},
	// Who calls a server that is switched off does not learn that it is.
	"server_offline":         {kind: ssh.KindTimeout, text: "dial tcp ADDRESS: i/o timeout"},
	"ssh_no_route":           {kind: ssh.KindNoRoute, text: "dial tcp ADDRESS: connect: no route to host"},
	"ssh_connection_dropped": {kind: ssh.KindDropped, text: "EOF"},
	"dns_failure":            {kind: ssh.KindDNS, text: "lookup HOST: no such host"},

	"remote_command_missing": {check: func(r *ssh.CheckReport, _ *host) error { r.Missing = []string{"gzip"}; return nil },
		log: "sh: gzip: command not found\n"},
	"path_not_found":         {check: paths(ssh.PathMissing), log: "tar: /var/www: Cannot stat: No such file or directory\n"},
	"file_permission_denied": {check: paths(ssh.PathUnreadable), log: "tar: /var/www: Cannot open: Permission denied\n"},
	"backup_folder_unsafe": {check: func(r *ssh.CheckReport, h *host) error {
		r.Folder, r.FolderDetail = ssh.FolderWrongOwner, h.backup.Dir+" belongs to another user"
		return nil
	}},
	"sudo_password_required": {check: func(_ *ssh.CheckReport, h *host) error {
		return &ssh.SudoError{User: h.target.Server.User, Stderr: "sudo: a password is required\n"}
	}},

	"disk_full":                     {full: true, log: "gzip: stdout: No space left on device\n", result: ssh.Result{Problem: ssh.ProblemGzip, ExitGzip: 1}},
	"disk_quota_exceeded":           {log: "gzip: stdout: Disk quota exceeded\n", result: ssh.Result{Problem: ssh.ProblemGzip, ExitGzip: 1}},
	"filesystem_read_only":          {log: "sh: cannot create archive.tar.gz.partial: Read-only file system\n", result: ssh.Result{Problem: ssh.ProblemWrite, ExitWrite: 2}},
	"io_error":                      {log: "tar: /var/lib/data: Read error at byte 1048576, while reading 10240 bytes: Input/output error\n", result: ssh.Result{Problem: ssh.ProblemTar, ExitTar: 2}},
	"oom_killed":                    {log: "Out of memory: Killed process 4242 (gzip) total-vm:8392kB\n", result: ssh.Result{Problem: ssh.ProblemGzip, ExitGzip: 1}},
	"memory_exhausted":              {log: "tar: memory exhausted\n", result: ssh.Result{Problem: ssh.ProblemTar, ExitTar: 2}},
	"partial_transfer":              {result: ssh.Result{Stage: ssh.StageVerify, Problem: ssh.ProblemChecksum}},
	"empty_backup_reported_success": {result: ssh.Result{Problem: ssh.ProblemEmpty}},
	"tar_fatal_unknown":             {log: "tar: Error is not recoverable: exiting now\n", result: ssh.Result{Problem: ssh.ProblemTar, ExitTar: 2}},
	"job_killed":                    {result: ssh.Result{Problem: ssh.ProblemTerminated}},
	"job_gone":                      {gone: true},
	"job_stuck_no_progress":         {hangs: true},

	"db_auth_failed":      dump("pg_dump: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: FATAL:  password authentication failed for user \"app\"\n"),
	"db_connection_limit": dump("pg_dump: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: FATAL:  sorry, too many clients already\n"),
	"db_connection_lost":  dump("pg_dump: error: server closed the connection unexpectedly\n"),
	"db_corruption":       dump("pg_dump: error: Dumping the contents of table \"orders\" failed: ERROR:  invalid page in block 7 of relation base/16384/16397\n"),
	"dump_failed":         dump("pg_dump: error: the dump ended early\n"),
}

// Classes are the classes of failures that happen on a simulated server, in alphabetical order.
func Classes() []diagnosis.Class { return slices.Sorted(maps.Keys(plays)) }

// paths says of every path that is asked for what it is like. A backup without paths fails of the same in its job.
func paths(state ssh.PathState) func(*ssh.CheckReport, *host) error {
	return func(r *ssh.CheckReport, _ *host) error {
		for i := range r.Paths {
			r.Paths[i] = state
		}
		return nil
	}
}

// dump is what a tool says that cannot dump a database.
func dump(log string) play {
	return play{databases: true, log: log, result: ssh.Result{Problem: ssh.ProblemDump, ExitDump: 1}}
}

// refuse is the error of a connection that fails.
func (p play) refuse(h *host) error {
	s := h.target.Server
	address := h.address()
	e := &ssh.ConnectError{Kind: p.kind, Addr: address, User: s.User, Err: errors.New(strings.NewReplacer("ADDRESS", address, "HOST", s.Host).Replace(p.text))}
	switch p.kind {
	case ssh.KindHostKeyChanged:
		e.HostKeyGot, e.HostKeyWanted = hostKey("another machine at "+s.Host), h.key
	case ssh.KindHostKeyUnknown:
		e.HostKeyGot = h.key
	default:
	}
	return e
}
