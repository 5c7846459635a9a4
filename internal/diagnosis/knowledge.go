package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

// toolsFailed are the facts whose meaning stands in the tools' own words.
var toolsFailed = []backup.Fact{backup.FactToolFailed, backup.FactDumpFailed, backup.FactDumpIncomplete, backup.FactRemoteCommand, backup.FactArchiveDamaged, backup.FactArchiveEmpty, backup.FactFolderUnsafe}

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
		facts: toolsFailed, texts: []string{"no space left on device", "database or disk is full"},
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
		class: "disk_space_insufficient_predicted", code: "NO_SPACE_LEFT", title: "the backup would not fit on the server's disk",
		facts: []backup.Fact{backup.FactSpaceShort},
		cause: "The dumps and the archive need at least {needed}, and the file system of {backup_dir} has {free} left of {total}.",
		fix:   []string{"Delete old backups of this server, or lower retention_days.", "Grow the disk, or set backup_dir of the server to a larger file system."},
	},
	{
		class: "sudo_password_required", title: "the job may not become the account of a database",
		facts: []backup.Fact{backup.FactDatabaseAccount},
		cause: "{database} is to be dumped as {run_as}, and \"sudo -n -u {run_as}\" was refused for user {user} on {address}: {text}.",
		fix: []string{
			"On the server, with visudo -f /etc/sudoers.d/cloudaipilot-{run_as}, add this line:\n     {user} ALL=({run_as}) NOPASSWD: /bin/sh",
			"Or leave out run_as, and let user {user} itself read the database.",
		},
	},
	{
		class: "remote_command_missing", title: "a tool for databases is missing on the server",
		facts: []backup.Fact{backup.FactDatabaseTool},
		cause: "{address} has no {tools}, which dumping {engine} databases takes.",
		fix:   []string{"Install it there; on Debian and Ubuntu: apt-get install {tool_package}"},
	},
	{
		class: "db_client_version_mismatch", title: "pg_dump is older than the server",
		facts: []backup.Fact{backup.FactDatabaseClientOld},
		cause: "The newest pg_dump on {address} is {client_version}, and the server that keeps {database} is {server_version}: it refuses servers newer than itself.",
		fix:   []string{"On {address} install pg_dump of version {server_major} or newer; on Debian and Ubuntu, from apt.postgresql.org where the system's own is older: apt-get install postgresql-client-{server_major}"},
	},
	{
		class: "db_client_version_mismatch", title: "the dump tool and the server do not fit together",
		facts: []backup.Fact{backup.FactDumpFailed}, texts: []string{"server version mismatch", "unknown table 'column_statistics'"},
		cause: "{line} The tool is {client_version}, the server {server_version}.",
		fix:   []string{"Install the client of the server's own version on {address}."},
	},
	{
		class: "db_engine_mismatch", code: "INVALID_CONFIG", title: "the database server is of another kind",
		facts: []backup.Fact{backup.FactDatabaseEngine},
		cause: "{database} is said to be kept by {engine}, and {text}.",
		fix:   []string{"Set engine = \"{other_engine}\"."},
	},
	{
		class: "path_not_found", code: "INVALID_CONFIG", title: "the file of a SQLite database does not exist",
		facts: []backup.Fact{backup.FactDatabaseMissing},
		cause: "{database} on {address}: {text}.",
		fix:   []string{"Correct the path, or set run_as to the account that the application runs as."},
	},
	{
		class: "file_permission_denied", title: "the file of a SQLite database cannot be read",
		facts: []backup.Fact{backup.FactDatabaseUnreadable},
		cause: "{database} on {address}: {text}.",
		fix: []string{
			"Set run_as to the account that the application runs as, with this line in /etc/sudoers.d (visudo -f):\n     {user} ALL=(ACCOUNT) NOPASSWD: /bin/sh",
			"Or give {account} the right to read the file and to write in its folder, which the WAL mode takes.",
		},
	},
	{
		class: "db_privilege_missing", title: "the login may not read all of the database",
		facts: []backup.Fact{backup.FactDatabaseRights},
		cause: "{db_user} may not read all of {database}: {text}.",
		fix:   []string{"On the database server: {grant}", "Or name a user that may, or an account in run_as."},
	},
	{
		class: "db_privilege_missing", title: "the login may not read all of the database",
		facts: []backup.Fact{backup.FactDumpFailed, backup.FactDatabaseConnect},
		texts: []string{"permission denied for", "command denied to user", "error 1044", "1227", "row-level security", "insuffic"},
		cause: "{db_user} may not read all of {database}: {line}",
		fix:   []string{"On the database server: {grant}", "Or name a user that may, or an account in run_as."},
	},
	{
		class: "db_not_found", code: "INVALID_CONFIG", title: "there is no such database",
		facts: []backup.Fact{backup.FactDatabaseConnect}, texts: []string{"unknown database", "fatal:  database \""},
		cause: "The server at {db_address} has no database {database}: {line}",
		fix:   []string{"Correct the name; \"psql -l\" and \"SHOW DATABASES\" list them."},
	},
	{
		class: "db_auth_failed", title: "the database server refused the login",
		facts: []backup.Fact{backup.FactDatabaseConnect, backup.FactDumpFailed},
		texts: []string{"authentication failed", "no password supplied", "no pg_hba.conf entry", "fatal:  role \"", "access denied for user", "is not permitted to log in"},
		cause: "{db_address} refused {db_user}, asked by account {account}: {line}",
		fix: []string{
			"For peer or socket login: run as the account that has the database user's name (run_as), or create that user.",
			"For a password: {credentials}",
		},
	},
	{
		class: "db_connection_limit", title: "the database server takes no more connections",
		facts: []backup.Fact{backup.FactDatabaseConnect, backup.FactDumpFailed}, texts: []string{"too many connections", "too many clients", "remaining connection slots"},
		cause: "{line}",
		fix:   []string{"Try again when fewer are connected, raise max_connections, or keep a reserved connection for {db_user}."},
	},
	{
		class: "db_host_unresolvable", code: "INVALID_CONFIG", title: "the name of the database server does not resolve",
		facts: []backup.Fact{backup.FactDatabaseConnect}, texts: []string{"could not translate host name", "unknown mysql server host", "unknown server host"},
		cause: "{line}",
		fix:   []string{"Correct host of {database}, or the resolver of {address}."},
	},
	{
		class: "db_corruption", title: "this is no sound database",
		facts: []backup.Fact{backup.FactDatabaseConnect, backup.FactDumpFailed},
		texts: []string{"file is not a database", "malformed", "invalid page in block", "could not read block", "missing chunk number", "is marked as crashed"},
		cause: "{database}: {line}",
		fix:   []string{"Check it on the server, and restore an older backup of it if it is damaged."},
	},
	{
		class: "db_unreachable", title: "the database server does not answer",
		facts: []backup.Fact{backup.FactDatabaseConnect},
		cause: "{database} at {db_address} could not be asked from {address}: {text}.",
		fix:   []string{"Look whether the database server runs there, and start it.", "Compare host and port, or the folder of the socket, with its settings."},
	},
	{
		class: "db_connection_lost", title: "the database server ended the connection",
		facts: []backup.Fact{backup.FactDumpFailed},
		texts: []string{"server closed the connection", "lost connection to", "server has gone away", "terminating connection", "connection to server was lost"},
		cause: "{database} was being dumped: {line}",
		fix:   []string{"Look at the log of the database server, then try again."},
	},
	{
		class: "db_standby_conflict", title: "the standby cancelled the dump",
		facts: []backup.Fact{backup.FactDumpFailed}, texts: []string{"conflict with recovery"},
		cause: "{line}",
		fix:   []string{"Raise max_standby_streaming_delay on the standby, or dump from the primary."},
	},
	{
		class: "db_packet_too_big", title: "a row is larger than the client takes",
		facts: []backup.Fact{backup.FactDumpFailed}, texts: []string{"max_allowed_packet"},
		cause: "{line}",
		fix:   []string{"Set max_allowed_packet = 1G below [mysqldump] in ~{account}/.my.cnf on {address}."},
	},
	{
		class: "db_corruption", title: "the copy of the database is not sound",
		facts: []backup.Fact{backup.FactDumpDamaged},
		cause: "The copy of {database} does not pass integrity_check, so either the database is damaged, or copying it went wrong.",
		fix:   []string{"On the server: sqlite3 FILE \"PRAGMA integrity_check\", and restore an older backup of it if that does not say ok.", "Else try again, and check the server's disk."},
	},
	{
		class: "empty_backup_reported_success", title: "the dump is incomplete",
		facts: []backup.Fact{backup.FactDumpIncomplete},
		cause: "The tool that dumped {database} reported success, and the end of its dump is missing: {text}.",
		fix:   []string{"Run the tool by hand on {address}, and look for what is in front of it on the PATH.", "Try again. If it comes back, check the server's disk and memory (dmesg)."},
	},
	{
		class: "dump_failed", title: "the database could not be dumped",
		facts: []backup.Fact{backup.FactDumpFailed},
		cause: "The tool that dumps {database} ended with exit status {exit_status}: {line}",
		fix:   []string{"Read what it said: cloudaipilot backup log", "Correct it on the server, then try again."},
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
