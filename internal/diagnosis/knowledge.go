package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

// toolsFailed are the facts whose meaning stands in the tools' own words.
var toolsFailed = []backup.Fact{backup.FactToolFailed, backup.FactRemoteCommand, backup.FactArchiveDamaged, backup.FactArchiveEmpty, backup.FactFolderUnsafe}

// knowledge is looked through from the top: roots come before what follows from them.
var knowledge = []entry{
	{
		class: "ssh_not_configured", code: "SSH_NOT_CONFIGURED", title: "no SSH key is set for the server",
		facts: []backup.Fact{backup.FactNoKey},
		cause: "The server has no private key, so nobody can log in to {address}.",
		fix: []string{
			"Set generate_key = true on the server (the control plane makes a pair), or bring a key with private_key_wo.",
			"Add the server's public_key to ~{user}/.ssh/authorized_keys on the server.",
		},
		references: []string{"KB-12-06", "KB-02-08"},
	},
	{
		class: "ssh_key_invalid", code: "SSH_NOT_CONFIGURED", title: "the server's private key cannot be used",
		facts: []backup.Fact{backup.FactKeyInvalid},
		cause: "{text}",
		fix:   []string{"Give private_key_wo an unencrypted OpenSSH or PEM key, and raise private_key_wo_version."},
	},
	{
		class: "dns_failure", code: "DNS_FAILURE", title: "the server's host name does not resolve",
		facts: []backup.Fact{backup.FactDNS},
		cause: "The name in {address} has no address: {text}.",
		fix:   []string{"Correct host, or use the server's IP address.", "Check the DNS record and this machine's resolver."},
	},
	{
		class: "ssh_connection_refused", code: "CONNECTION_REFUSED", title: "connection refused",
		facts: []backup.Fact{backup.FactRefused},
		cause: "{address} answered, but nothing listens there: sshd is not running, or it listens on another port.",
		fix: []string{
			"On the server, through its console: systemctl status ssh (or sshd), and start it.",
			"Compare port with the Port line of /etc/ssh/sshd_config.",
			"Look for a firewall rule that rejects the connection.",
		},
		references: []string{"KB-12-06"},
	},
	{
		class: "ssh_connection_timeout", code: "CONNECTION_TIMED_OUT", title: "connection timed out",
		facts: []backup.Fact{backup.FactTimeout},
		cause: "Nothing answered at {address} in time: the server is down, or something drops the packets on the way.",
		fix: []string{
			"Check that the server runs and that host is its present address.",
			"Allow this machine through the server's firewall and the provider's security group.",
			"Raise connect_timeout_seconds if the server is merely slow.",
		},
		references: []string{"KB-12-06"},
	},
	{
		class: "ssh_no_route", code: "NO_ROUTE", title: "no route to the server",
		facts: []backup.Fact{backup.FactNoRoute},
		cause: "This machine has no route to {address}: {text}.",
		fix:   []string{"Check host, the VPN and the network between this machine and the server."},
	},
	{
		class: "ssh_host_key_unknown", title: "the server's host key is not known",
		facts: []backup.Fact{backup.FactHostKeyUnknown},
		cause: "{address} showed the host key {host_key_got}, and none is pinned.",
		fix: []string{
			"Compare it with \"cat /etc/ssh/ssh_host_ed25519_key.pub\" on the server, and set host_key to it.",
			"Or set record_host_key = true to trust the key of the first contact.",
		},
	},
	{
		class: "ssh_host_key_changed", title: "the server's host key has changed",
		facts: []backup.Fact{backup.FactHostKeyChanged},
		cause: "{address} showed the host key {host_key_got}, but {host_key_wanted} is trusted. Either the server was set up anew, or another machine answers in its place; nothing was sent to it.",
		fix: []string{
			"Find out why, on the server's console: cat /etc/ssh/ssh_host_ed25519_key.pub",
			"If the new key is right, set host_key to it.",
		},
	},
	{
		class: "ssh_auth_failed", code: "PERMISSION_DENIED_PUBLICKEY", title: "permission denied (publickey)",
		facts: []backup.Fact{backup.FactAuthFailed},
		cause: "{address} refused the key for user {user}: it is not in that user's authorized_keys, or sshd ignores the file.",
		fix: []string{
			"Add this line to ~{user}/.ssh/authorized_keys on the server:\n     {public_key}",
			"Check the modes: chmod 700 ~{user}/.ssh; chmod 600 ~{user}/.ssh/authorized_keys",
		},
		references: []string{"KB-12-06", "KB-02-08"},
	},
	{
		class: "ssh_connection_dropped", code: "SSH_DROPPED", title: "the SSH connection was dropped",
		facts: []backup.Fact{backup.FactDropped},
		cause: "The connection to {address} ended in the middle: {text}.",
		fix:   []string{"Look at sshd's log on the server (journalctl -u ssh) and at the network, then try again."},
	},
	{
		class: "server_offline", code: "SERVER_OFFLINE_AT_RUN", title: "the server could not be reached any more",
		facts: []backup.Fact{backup.FactUnreachable},
		cause: "The backup was running when {address} stopped answering, and it did not come back: {text}.",
		fix:   []string{"Bring the server back, then try again: deleting this backup, which apply does, ends its job and removes its folder there."},
	},
	{
		class: "disk_full", code: "NO_SPACE_LEFT", title: "the server's disk is full",
		facts: toolsFailed, texts: []string{"no space left on device"},
		cause: "The file system of {backup_dir} had {free} left of {total} when the archive could not be written any further; {bytes_done} of it were done.",
		fix: []string{
			"Delete old backups of this server.",
			"Lower retention_days, so that archives are removed earlier.",
			"Grow the disk, or set backup_dir of the server to a larger file system.",
		},
		references: []string{"KB-12-06", "KB-02-10"},
	},
	{
		class: "disk_quota_exceeded", code: "NO_SPACE_LEFT", title: "the login user's disk quota is used up",
		facts: toolsFailed, texts: []string{"disk quota exceeded"},
		cause: "User {user} may not write any more to the file system of {backup_dir}.",
		fix:   []string{"Raise the quota, delete old backups, or set backup_dir to another file system."},
	},
	{
		class: "filesystem_read_only", title: "the file system for backups is read-only",
		facts: toolsFailed, texts: []string{"read-only file system"},
		cause: "The file system of {backup_dir} is mounted read-only, often because the kernel found errors on it.",
		fix:   []string{"Look at dmesg on the server, repair the disk, and mount it writable again.", "Or set backup_dir to another file system."},
	},
	{
		class: "backup_folder_unsafe", title: "the backup folder is not safe to use",
		facts: []backup.Fact{backup.FactFolderUnsafe},
		cause: "{backup_dir} cannot be trusted with archives: {text}.",
		fix: []string{
			"It must be a real directory, owned by {user}, with mode 0700. Look at it on the server: ls -ld {backup_dir}",
			"Correct or remove it, or set backup_dir of the server to another folder.",
		},
	},
	{
		class: "sudo_password_required", title: "sudo asks for a password",
		facts: []backup.Fact{backup.FactSudo},
		cause: "The server says privilege = \"sudo\", and \"sudo -n\" was refused for user {user} on {address}: {text}.",
		fix: []string{
			"On the server, with visudo -f /etc/sudoers.d/cloudaipilot, add this line (it gives {user} the rights of root, which reading every file needs):\n     {user} ALL=(root) NOPASSWD: /bin/sh",
			"Or set privilege = \"none\" and back up only what {user} may read.",
		},
	},
	{
		class: "remote_command_missing", title: "a tool is missing on the server",
		facts: []backup.Fact{backup.FactToolMissing},
		cause: "{address} has no {tools}.",
		fix:   []string{"Install it there; on Debian and Ubuntu: apt-get install tar gzip coreutils util-linux"},
	},
	{
		class: "path_not_found", code: "INVALID_CONFIG", title: "a source path does not exist",
		facts: []backup.Fact{backup.FactPathMissing},
		cause: "There is no {paths} on {address}.",
		fix:   []string{"Correct files.include, or create the path."},
	},
	{
		class: "file_permission_denied", title: "the login user may not read a source path",
		facts: []backup.Fact{backup.FactPathUnreadable},
		cause: "User {user} may not read {paths} on {address}.",
		fix: []string{
			"Set privilege = \"sudo\" on the server, with this line in /etc/sudoers.d/cloudaipilot (visudo -f):\n     {user} ALL=(root) NOPASSWD: /bin/sh",
			"Or give {user} the right to read it, or leave it out of files.include.",
		},
	},
	{
		class: "file_permission_denied", title: "the login user may not read a file",
		facts: toolsFailed, texts: []string{"cannot open: permission denied", "can't open", "cannot stat: permission denied"},
		cause: "tar could not read everything as user {user}: {line}",
		fix: []string{
			"backup log shows every file it could not read.",
			"Set privilege = \"sudo\" on the server, or leave those files out with files.exclude.",
		},
	},
	{
		class: "empty_backup_reported_success", title: "the archive is empty",
		facts: []backup.Fact{backup.FactArchiveEmpty},
		cause: "The tools reported success, but not one file is in the archive.",
		fix:   []string{"Check files.include and files.exclude.", "Try the tools by hand on the server: tar --version, gzip --version"},
	},
	{
		class: "partial_transfer", title: "the archive is damaged",
		facts: []backup.Fact{backup.FactArchiveDamaged, backup.FactArchiveVanished},
		cause: "The archive on {address} is not what was written to it: {text}.",
		fix:   []string{"Try again. If it comes back, check the server's disk and memory (dmesg, smartctl)."},
	},
	{
		class: "job_killed", title: "the job was killed",
		facts: []backup.Fact{backup.FactJobKilled},
		cause: "A process of the backup was ended by a signal on {address}: {text}.",
		fix:   []string{"Look for the kernel's out-of-memory killer (dmesg) and for whoever ended it, then try again."},
	},
	{
		class: "job_gone", code: "STUCK", title: "the job on the server is gone",
		facts: []backup.Fact{backup.FactJobGone},
		cause: "The process that made the archive is no longer there and left no result: {text}.",
		fix:   []string{"Look whether the server was restarted, or the process killed (last -x, dmesg), then try again."},
	},
	{
		class: "job_running", title: "the job still runs",
		facts: []backup.Fact{backup.FactJobRunning},
		cause: "The job of this backup still runs on {address}, so its folder was not removed.",
		fix:   []string{"Try again in a minute."},
	},
	{
		class: "cancelled", title: "it was cancelled",
		facts: []backup.Fact{backup.FactCancelled},
		cause: "Somebody cancelled this backup.",
		fix:   []string{"Make a new one when it is wanted."},
	},
	{
		class: "tar_fatal_unknown", title: "the archive could not be made",
		facts: []backup.Fact{backup.FactToolFailed},
		cause: "The tools on {address} ended with exit status {exit_status}: {line}",
		fix:   []string{"Read what they said: cloudaipilot backup log", "Correct it on the server, then try again."},
	},
}

var unknown = entry{
	class: ClassUnknown, title: "the cause is not known",
	cause: "{text}",
	fix:   []string{"Read what the tools said: cloudaipilot backup log", "Try again; if it comes back, report it with that log."},
}
