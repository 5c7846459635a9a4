package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

var hostKnowledge = []entry{
	{
		class: "backup_folder_unsafe", code: "BACKUP_FOLDER_UNSAFE", family: "host", retry: RetryNo, title: "the backup folder is not safe to use",
		cause:   "The folder for backups is a link, belongs to somebody else, or is open to others.",
		fix:     []string{"It must be a real directory, owned by the login user, with mode 0700. Look at it: ls -ld FOLDER", "Correct or remove it, or choose another."},
		certain: []string{"not a real directory", "backup_folder_unsafe", "backup folder & unsafe", "its mode is drwx", "world-writable", "world writable & !world writable dir", "group-writable", "insecure permissions on", "cloudpilot-backups is a symbolic link", "cloudpilot-backups & owned by", "is not owned by", "not drwx------"},
		likely:  []string{"is a symbolic link", "owned by user", "refusing to use"},
		hints:   []string{"writable by others", "too permissive", "insecure directory", "symlink attack", "refusing to follow"},
		own: []own{{
			facts: []backup.Fact{backup.FactFolderUnsafe}, last: true,
			cause: "{backup_dir} cannot be trusted with archives: {text}.",
			fix: []string{
				"It must be a real directory, owned by {user}, with mode 0700. Look at it on the server: ls -ld {backup_dir}",
				"Correct or remove it, or set backup_dir of the server to another folder.",
			},
		}},
	},
	{
		class: "sudo_password_required", family: "host", retry: RetryNo, title: "sudo asks for a password",
		cause: "The command needs sudo, and the user may not use it without a password, or not at all.",
		fix:   []string{"With visudo -f /etc/sudoers.d/backup, allow the user the command with NOPASSWD:.", "Or run the backup without sudo, of what the user may read."},
		certain: []string{
			"must have a terminal to execute", "you must have a terminal", "sudo: authentication", "sudo: 1 incorrect", "sudo: 3 incorrect", "not allowed to run", "password is required for", "sudo: command not allowed",
			"sudo: a password is required", "sudo: a terminal is required", "no tty present and no askpass", "must have a tty to run sudo", "is not in the sudoers file", "is not allowed to execute & as root", "is not allowed to run sudo", "doas: authentication required", "doas: a tty is required", "doas: operation not permitted", "sudo: no password was provided", "a password is required", "a terminal is required to read the password", "terminal is required to authenticate",
			"sudo: ein passwort ist notwendig", "sudo: ein passwort ist erforderlich", "zum lesen des passworts ist ein terminal erforderlich", "sudo: un mot de passe est nécessaire", "sudo : un mot de passe est nécessaire", "sudo: se requiere una contraseña", "sudo: è necessaria una password", "sudo: требуется пароль", "sudo: パスワードが必要です", "sudo：需要密码", "您必须拥有一个终端来执行 sudo", "missing sudo password", "incorrect sudo password", "sudo: unable to", "sudo & incorrect password", "sudo: & not allowed", "may not run sudo on", "[sudo] password for", "sudo: pam", "polkit & not authorized", "interactive authentication required",
		},
		hints: []string{"sudo requires", "not in sudoers", "sudo password"},
		own: []own{{
			facts: []backup.Fact{backup.FactSudo},
			cause: "The server says privilege = \"sudo\", and \"sudo -n\" was refused for user {user} on {address}: {text}.",
			fix: []string{
				"On the server, with visudo -f /etc/sudoers.d/cloudaipilot, add this line (it gives {user} the rights of root, which reading every file needs):\n     {user} ALL=(root) NOPASSWD: /bin/sh",
				"Or set privilege = \"none\" and back up only what {user} may read.",
			},
		}, {
			facts: []backup.Fact{backup.FactDatabaseAccount}, title: "the job may not become the account of a database",
			cause: "{database} is to be dumped as {run_as}, and \"sudo -n -u {run_as}\" was refused for user {user} on {address}: {text}.",
			fix: []string{
				"On the server, with visudo -f /etc/sudoers.d/cloudaipilot-{run_as}, add this line:\n     {user} ALL=({run_as}) NOPASSWD: /bin/sh",
				"Or leave out run_as, and let user {user} itself read the database.",
			},
		}},
	},
	{
		class: "remote_command_missing", family: "host", retry: RetryNo, title: "a tool is missing",
		cause: "A program that the backup needs is not installed where it runs, or not in its PATH.",
		fix:   []string{"Install it there, in the container too if that is where it runs.", "Or give its full path: cron and services have a short PATH."},
		certain: []string{
			"{barename}", "could not spawn", "riconosciuto come", "{nofile} & - mysqldump", "{nofile} & - pg_dump", "{nofile} & - mariadb-dump", "{nofile} & - mongodump", "{nofile} & - tar", "{nofile} & - restic", "failed to locate executable", "unable to locate executable", "{nofile} & - rsync",
			"203/exec", "no such file or directory: 'gzip'", "no such file or directory: 'docker'", "command & could not be found", "is not available on this system", "needs to be installed", "not found. please install", "not found, please install", "binary & not found", "executable & not found", "executable & does not exist", "unable to find executable", "not found in path", "which: no ",
			"{nocommand}", "mysqldump: not found", "pg_dump: not found", "mariadb-dump: not found", "rclone: not found", "restic: not found", "borg: not found", "rsync: not found", "aws: not found", "gzip: not found", "zstd: not found", "mongodump: not found", "pg_dumpall: not found", "tar: not found", "mc: not found", "sh: 1: & : not found", "sh: line & : not found", "sh: & : not found & !docker", "no such file or directory: 'mongodump'", "no such file or directory: 'pg_dump'",
			"no such file or directory: 'mysqldump'", "no such file or directory: 'restic'", "no such file or directory: 'rsync'", "no such file or directory: 'borg'", "no such file or directory: 'tar'", "no such file or directory: 'rclone'", "no such file or directory: 'pg_dumpall'", "no such file or directory: 'mariadb-dump'", "is not installed", "unable to find & binary", "could not find & executable", "binary not found", "spawn & enoent", "fork/exec & {nofile}", "exec: & {nofile}", "failed to run command & {nofile}", "/usr/bin/env: & {nofile}",
			"mysqldump & could not be found", "mysqldump & not be found", "cannot run program", "unable to locate & mysqldump", "can't exec '", "command & not found & !bucket & !{s3}", "bad interpreter", "cannot exec & {nofile}", "cannot exec: & !{denied}",
		},
		likely: []string{"|sh: & bin/ & {nofile}", "|bash: & bin/ & {nofile}", "not installed", "missing dependency", "|not found in path", "program not found", "no such program"},
		hints:  []string{"no command named", "cannot find command", "mysqldump is missing", "no such command"},
		own: []own{{
			facts: []backup.Fact{backup.FactToolMissing}, title: "a tool is missing on the server",
			cause: "{address} has no {tools}.",
			fix:   []string{"Install it there; on Debian and Ubuntu: apt-get install tar gzip coreutils util-linux"},
		}, {
			facts: []backup.Fact{backup.FactDatabaseTool}, title: "a tool for databases is missing on the server",
			cause: "{address} has no {tools}, which dumping {engine} databases takes.",
			fix:   []string{"Install it there; on Debian and Ubuntu: apt-get install {tool_package}"},
		}},
	},
	{
		class: "path_not_found", code: "INVALID_CONFIG", family: "host", retry: RetryNo, title: "a path does not exist",
		cause:   "A file or folder that the backup names does not exist where it runs.",
		fix:     []string{"Correct the path, or create it.", "If it is a mount, check that it is mounted: findmnt PATH"},
		guesses: []string{"does not exist & !{s3} & !{db}", "doesn't exist & !{s3} & !{db}", "cannot find the & !{s3}", "|missing| & file & !{s3}"},
		certain: []string{"enoent & , open '", "enoent & , stat '", "enoent & , lstat '", "enoent & , scandir '", "enoent & , mkdir '", "enoent & , copyfile '", "enoent & , rename '", "chmod & {nofile}", "volume & does not exist & !bucket", "invalidvolume.notfound", "volume path on host", "dataset does not exist", "bind & mount & does not exist", "bind source path does not exist", "could not open output file & {nofile}", "can't create/write to file & {nofile}", "unable to open database file", "200/chdir", "source directory & not found", "does not exist: /", "failed to open output file & {nofile}", "the network path was not found", "folder does not exist", "unable to create backup directory & {nofile}", "backup source & does not exist", "source & does not exist & !{s3}", "cannot stat & {nofile}", "can't stat & {nofile}", "all target directories/files do not exist", "all source directories/files do not exist", "change_dir & {nofile}", "link_stat & {nofile}", "cd: & {nofile}", "opendir & {nofile}", "does not exist, skipping", "filenotfounderror & !{nocommand}", "lstat & {nofile}", "stat & {nofile}", "special device & does not exist", "source path does not exist", "no such directory", "cannot access & {nofile}", "cannot find the path specified", "mount point does not exist", "not a mountpoint", "not a mount point", "source directory does not exist", "does not exist or is not a directory", "directory does not exist", "path does not exist", "cowardly refusing to create an empty archive", "can't cd to", "no files to back up", "nothing to back up"},
		likely:  []string{"volume is not mounted", "path ' & ' not found & !{s3}", "directory ' & ' not found & !{s3}", "folder ' & ' not found & !{s3}", "file ' & ' not found & !{s3} & !plugin", "{nofile} & !{db} & !socket & !{s3} & !^{nocommand} & !plugin & !shared librar & !identity & !.ssh", "repository & does not exist & !~config file & !{s3}", "cannot open & {nofile} & !shared"},
		hints:   []string{"is not mounted", "cannot open directory", "no such volume", "missing source", "{nofile} & !shared & !~{db}"},
		own: []own{{
			facts: []backup.Fact{backup.FactPathMissing}, title: "a source path does not exist",
			cause: "There is no {paths} on {address}.",
			fix:   []string{"Correct files.include, or create the path."},
		}, {
			facts: []backup.Fact{backup.FactDatabaseMissing}, title: "the file of a SQLite database does not exist",
			cause: "{database} on {address}: {text}.",
			fix:   []string{"Correct the path, or set run_as to the account that the application runs as."},
		}},
	},
	{
		class: "file_permission_denied", family: "host", retry: RetryNo, title: "a file may not be read or written",
		cause:   "The user who runs the backup may not read a file of it, or not write where it goes.",
		fix:     []string{"See who may: namei -l PATH; id", "Give the user the right, run the backup with sudo, or leave the file out."},
		guesses: []string{"access denied & !{s3} & !{db} & !{ssh}", "is denied & !{s3} & !{db}", "not accessible & !{s3}", "permissions & !{s3} & !{db}"},
		certain: []string{"cannot write into & directory", "write access to the", "accessdeniedexception[/", "java.io.filepermission", "do you have write permission", "can't create/write to file & {denied}", "could not open output file & {denied}", "attempt to write a readonly database", "could not open file for writing & {denied}", "cannot write to & {denied}", "permission denied: '", "unable to open & {denied}", "cannot read & {denied}", "error opening & {denied}", "mount error(13)", "cannot open & {denied}", "cannot stat & {denied}", "can't open & {denied}", "open & {denied} & !publickey & !{s3}", "failed to open & {denied}", "docker.sock & {denied}", "docker daemon socket", "mkdir & {denied}", "permissionerror", "eacces", "cannot create directory & {denied}", "opendir & {denied}", "mkstemp & {denied}", "lstat & {denied}", "err':13", "readdirent & {denied}", "cannot create & {denied}", "is not writable", "is not readable", "not writeable", "accessdeniedexception & !{s3}", "unauthorizedaccessexception", "failed to open stream & {denied}", "cannot savedir & {denied}", "you do not have permission to"},
		likely:  []string{": permission denied & !publickey & !^publickey & !403 & !permission denied for & !table & !schema & !relation & !googleapi & !kms & !load key & !{ssh}", "err':13|", "{denied} & !publickey & !^publickey & !{s3} & !{db} & !load key & !table & !schema & !googleapi & !kms & !id_rsa & !id_ed25519 & !permission denied (p & !permission denied (k & !permission denied (g & !permission denied (h", "{notpermitted} & !{db}", "tar: & {denied}", "access to the path & denied", "insufficient permissions & !{s3} & !{db}"},
		hints:   []string{"error stat'ing config file", "permission denied, open", "permission denied, mkdir", "permission denied, scandir"},
		own: []own{
			{
				facts: []backup.Fact{backup.FactPathUnreadable}, title: "the login user may not read a source path",
				cause: "User {user} may not read {paths} on {address}.",
				fix: []string{
					"Set privilege = \"sudo\" on the server, with this line in /etc/sudoers.d/cloudaipilot (visudo -f):\n     {user} ALL=(root) NOPASSWD: /bin/sh",
					"Or give {user} the right to read it, or leave it out of files.include.",
				},
			},
			{
				facts: toolsFailed, title: "the login user may not read a file",
				cause: "tar could not read everything as user {user}: {line}",
				fix: []string{
					"backup log shows every file it could not read.",
					"Set privilege = \"sudo\" on the server, or leave those files out with files.exclude.",
				},
			},
			{
				facts: []backup.Fact{backup.FactDatabaseUnreadable}, title: "the file of a SQLite database cannot be read",
				cause: "{database} on {address}: {text}.",
				fix: []string{
					"Set run_as to the account that the application runs as, with this line in /etc/sudoers.d (visudo -f):\n     {user} ALL=(ACCOUNT) NOPASSWD: /bin/sh",
					"Or give {account} the right to read the file and to write in its folder, which the WAL mode takes.",
				},
			},
		},
	},
	{
		class: "file_changed_during_read", family: "host", retry: RetryNo, title: "files changed while they were read",
		cause:   "The archive was made, but some files changed meanwhile; their copies may be inconsistent.",
		fix:     []string{"Exclude logs and caches; dump databases instead of copying their files.", "Or take the backup from a snapshot of the file system."},
		certain: []string{"archive/tar: write too long", "archive/tar: missed writing", "file size changed while zipping", "file changed as we read it", "file changed while we backed it up", "file shrank by", "datei hat sich beim lesen geändert", "le fichier a changé pendant sa lecture", "le fichier a été modifié pendant sa lecture", "el archivo cambió mientras se leía", "il file è cambiato durante la lettura", "файл изменился во время чтения", "读取时文件已变化", "file changed during backup", "file modified during read", "file has changed while", "source file is being updated", "can't copy - source file is being updated", "changed while being read"},
		hints:   []string{"file size changed", "changed during backup", "was modified during", "size changed while", "file changed while"},
	},
	{
		class: "file_vanished", family: "host", retry: RetryNo, title: "files vanished during the backup",
		cause:   "Files were deleted between listing and reading them; the rest was backed up.",
		fix:     []string{"Exclude folders whose files come and go: caches, sessions, temporary files."},
		likely:  []string{"'op':'lstat' & 'err':2"},
		certain: []string{"error writing & to archive & lstat & {nofile}", ": stat: [errno 2]", ": open: [errno 2]", "lstat & err':2|", "file removed before we read it", "file has vanished", "some files vanished", "vanished before they could be transferred", "files vanished", "datei wurde entfernt, bevor sie gelesen wurde", "datei entfernt bevor wir sie gelesen haben", "fichier supprimé avant", "file disappeared", "has vanished", "(code 24)"},
		hints:   []string{"disappeared during", "was deleted during", "was removed during", "file was deleted"},
	},
	{
		class: "oom_killed", family: "host", retry: RetryOnce, title: "the kernel killed a process for lack of memory",
		cause:   "The machine, or the container's limit, ran out of memory, and the kernel ended a process of the backup.",
		fix:     []string{"See it: dmesg -T | grep -i -e oom -e killed", "Give it more memory or swap, raise the container's limit, or run fewer things at the same time."},
		certain: []string{"signaled with signal '9'", "reason: oomkilled", "memory limit exceeded & killed", "exceeded memory limit & kill", "container killed on request. exit code is 137", "out of memory: kill", "oom-killer", "oom killer", "oomkilled", "oom-kill", "memory cgroup out of memory", "killed process & total-vm", "killed process & anon-rss", "oom_reaper", "invoked oom", "oomkill"},
		likely:  []string{"code=killed, status=9", "killed by the kernel", "process was killed", "sigkill", "{signal9}", "{exit137}", "|killed| & !killed: false & !by user & !killed by signal 15 & !killed by signal 2 & !{notice} & !stale & !connection & !query & !sigterm", "killed process"},
		hints:   []string{"oom_score", "137 & killed"},
	},
	{
		class: "memory_exhausted", family: "host", retry: RetryBackoff, title: "there is not enough memory",
		cause:   "A program of the backup asked for memory and got none.",
		fix:     []string{"Look at free -m; stop what else runs, add memory or swap, or raise the program's or container's limit.", "Compress with less: a lower level, fewer threads."},
		certain: []string{"not enough storage is available to process", "oom (out of memory)", "{nomem}", "allowed memory size of", "runtime: out of memory", "outofmemoryerror", "outofmemoryexception", "heap out of memory", "heap limit allocation failed", "out of memory (needed", "std::bad_alloc", "|memoryerror|", "memory exhausted", "virtual memory exhausted", "fork: retry", "not enough memory", "insufficient memory", "unable to allocate memory", "failed to allocate memory", "malloc failed", "mmap failed", "java heap space", "gc overhead limit", "fork & resource temporarily unavailable", "memory limit reached", "memory allocation failed", "failed to allocate & bytes", "can't allocate memory", "memory allocation of", "unable to fork", "pthread_create failed", "failed to create new os thread"},
		likely:  []string{"out of memory & !kill & !cgroup & !cannot enlarge & !~cannot enlarge"},
		hints:   []string{"exceeded memory", "memoryerror", "failed to fork", "memory quota", "heap space", "memory pressure", "out of swap"},
	},
	{
		class: "registry_rate_limited", family: "host", retry: RetryBackoff, title: "the container registry limits pulls",
		cause:   "The image that the backup runs in could not be pulled: the registry allows only so many pulls.",
		fix:     []string{"Wait, or log in to the registry: docker login", "Pull the image beforehand, or use a mirror."},
		certain: []string{"toomanyrequests", "pull rate limit", "increase-rate-limit", "failed to pull & 429", "too many requests & @pull & {docker}", "pull & too many requests"},
		likely:  []string{"pull & rate limit"},
	},
	{
		class: "partial_transfer", family: "host", retry: RetryOnce, title: "what arrived is incomplete or damaged",
		cause:   "Data was cut off or changed on its way, or some files were left out without a reason being told.",
		fix:     []string{"Read the lines before this one: they may name the files.", "Try again. If it comes back, check disk, memory and network (dmesg, smartctl)."},
		guesses: []string{"checksum & !{db}", "integrity & !{db}", "does not match, want"},
		certain: []string{
			"cannot receive: invalid stream", "invalid stream", "index could not be loaded", "not found in index", "size does not match", "sha256 mismatch", "does not match expected", "compressed file ended before", "end-of-central-directory signature not found", "zstd: & checksum", "gzip: & trailing garbage", "error in the middle of the stream",
			"some files/attrs were not transferred", "some files could not be transferred", "partial transfer", "transfer closed with", "outstanding read data", "corrupted on transfer", "sizes differ", "baddigest", "incompletebody", "content-md5 you specified did not match", "at least one source file could not be read", "unexpected end of file & gz", "unexpected eof in archive", "crc error", "md5 mismatch", "checksum mismatch", "hash differ", "hash mismatch", "size mismatch", "checksum does not match", "checksums do not match", "incomplete transfer", "(code 23)",
			"unexpected end of archive", "unexpected end of data", "not in gzip format", "ciphertext verification failed", "invalid compressed data", "invalid checksum", "content-length mismatch", "backup is incomplete", "incomplete backup & !removing", "length of & does not match", "was not fully transferred", "upload was incomplete", "pack & contains & errors", "failed integrity", "integrity check failed", "integrityerror", "expected & bytes & got", "invalid data returned", "blob & mismatch", "contentlengthmismatch", "md5mismatch", "checksum error", "invalid tar header", "this does not look like a tar archive", "archive is damaged", "damaged archive", "corrupt archive", "corrupted archive", "crc failed",
		},
		likely: []string{"unexpected end of file & !syntax error", "files/objects could not be transferred", "unexpected eof & !{s3} & !{db}", "partially transferred", "partiallyfailed"},
		hints:  []string{"rsync: & operation not supported", "surrogates not allowed", "corrupt & !{db} & !page & !table & !index", "premature end of", "only partially", "unexpected size", "data integrity", "truncated", "data integrity error", "segment entry checksum", "repository contains errors", "backup is corrupted", "file is truncated", "unexpectedly short", "digest mismatch", "post-upload verification", "checksums differ", "crc mismatch", "bad checksum", "decompression failed", "incomplete upload", "missing segment"},
		own: []own{{
			facts: []backup.Fact{backup.FactArchiveDamaged, backup.FactArchiveVanished}, last: true, title: "the archive is damaged",
			cause: "The archive on {address} is not what was written to it: {text}.",
			fix:   []string{"Try again. If it comes back, check the server's disk and memory (dmesg, smartctl)."},
		}},
	},
	{
		class: "tar_fatal_unknown", family: "host", retry: RetryNo, title: "the archive could not be made",
		cause:   "tar ended with an error and did not say why in what is here.",
		fix:     []string{"Read the lines before: tar names each file it could not take.", "Run it again by hand, with its messages in a file: 2>tar.log"},
		hints:   []string{"failed to run 'tar'", "type tar failed"},
		certain: []string{"tar: exiting with failure status", "tar: error is not recoverable", "tar: error exit delayed", "tar failed with return code 2", "beende mit fehlerstatus aufgrund vorheriger fehler", "tar: nicht behebbarer fehler"},
		likely:  []string{"creating tar archive & exit code", "tar exited", "@tar & exit code 2", "tar & exit status 2", "tar & exited with & 2", "tar & return code 2", "tar failed", "exiting with failure status due to previous errors", "error is not recoverable", "tar & exit code 2", "tar & status 2", "tar: & exit 2"},
		own: []own{{
			facts: []backup.Fact{backup.FactToolFailed}, last: true,
			cause: "The tools on {address} ended with exit status {exit_status}: {line}",
			fix:   []string{"Read what they said: cloudaipilot backup log", "Correct it on the server, then try again."},
		}},
	},
	{
		class: "repo_locked_active", family: "lock", retry: RetryBackoff, title: "another backup is running",
		cause:   "Something else holds the lock of the repository or of the backup.",
		fix:     []string{"Wait for the other one to end, or give the schedules more distance.", "If nothing runs any more, remove the lock with the tool's own command (restic unlock, borg break-lock)."},
		certain: []string{"acquiring the state lock", "exists and so does the process", "could not get lock", "there is currently a lease on the", "|lease| & already", "another operation is in progress", "a backup operation is already", "backup process is already", "could not obtain lock", "unable to get lock", "failed to get lock", "repository is already locked", "create/acquire the lock", "already locked by", "locktimeout", "is another pgbackrest process running", "unable to acquire lock on file", "another duplicity instance", "can't acquire lock", "backup is already running", "already running with this", "lock & held by another process", "another backup is running", "another instance is already running", "backup already running", "another process is using the repository", "repository is locked", "could not acquire lock", "failed to acquire lock", "failed to lock", "lockerror", "job is already running", "is locked by", "resource is locked", "lock is held", "already has a running backup", "unable to obtain lock", "got lock timeout", "database is locked", "is already being backed up", "backup_in_progress", "unable to acquire & lock", "lockfailed", "lock acquisition timeout", "can't lock file & !{nofile}", "previous backup is still running"},
		likely:  []string{"replication slot & already in use", "replication slot & is active for pid", "|lock| & timeout & !http & !<lock/", "already running", "lockfile & exists", "lock file & exists"},
		hints:   []string{"file exists & lock.exclusive", "cannot lock", "unable to lock", "another instance of", "already in progress", "currently running", "another backup", "unable to create lock in backend", "already being processed", "is already locked", "locked by another"},
	},
	{
		class: "repo_locked_stale", code: "STUCK", family: "lock", retry: RetryAfterFix, title: "a dead backup left its lock behind",
		cause:      "The lock is old, and the process that made it is gone.",
		fix:        []string{"Make sure that nothing runs: ps aux on the machine that the lock names.", "Remove the lock with the tool's own command: restic unlock, borg break-lock, rm of a pid file."},
		references: []string{"KB-12-06"},
		certain:    []string{"already started or remove the file", "prior lock file", "lock file is older than", "lock is older than", "pid & no longer exists", "lock & dead process", "{oldlock}", "prior lock file found", "stale lock & !used to remove stale locks", "stale pid", "process & is not running & ~lock", "vm is locked", "ct is locked", "lock is stale", "pid file & not running", "but process & is not running", "leftover lock", "orphaned lock", "lock & process no longer", "lock & no longer running", "lock file from a previous"},
		hints:      []string{"remove the lock", "old lock", "stale lockfile", "abandoned lock", "unlock manually"},
	},
}
