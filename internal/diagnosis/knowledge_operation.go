package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

// operationKnowledge is about what runs backups: configuration, the controller, schedules, and results that are not true.
var operationKnowledge = []entry{
	{
		class: "invalid_config", code: "INVALID_CONFIG", family: "config", retry: RetryNo, title: "the configuration is wrong",
		cause:      "A setting of the backup or of its storage is missing, mistyped, or names something that does not exist.",
		fix:        []string{"Correct the setting that the message names.", "For an offsite storage: verify the storage vault, or remove it from the backup."},
		references: []string{"KB-12-06", "KB-05-07"},
		certain: []string{
			"invalidyaml", "yamlparseexception", "validation error(s) found", "ssl is required, but the server does not support it", "requested wal segment & has already been removed", "was not archived before", "mutually exclusive", "argumenttypeerror", "parameter problem:", "expecting s3 uri", "does not name a directory", "please use --recursive", "syntax error, unexpected", "no backup storage locations", "unknown database '", "syntax error: unexpected", "while looking for matching", "unsupported parameter", "yaml: line", "yaml: unmarshal", "converting yaml", "yaml: did not", "yaml: control characters", "yaml: cannot", "yaml parse error", "yamlerror", "missing region", "setting & is empty", "cannot receive: invalid name",
			"options were used after", "these options are positional", "tar: & requires an argument", "must specify one of the '-acdtrux'",
			"parameter null or not set", "no matching tables were found", "no matching schemas were found", "couldn't find table", "error: unknown module", "wrong_version_number", "gpg: & failed", "the input device is not a tty", "archive & already exists", "part number must be", "server does not support ssl", "configuration & invalid", "storage & not configured", "variable is not set", "invalid format & !key",
			"invalid_config", "invalid_type", "wrong password or no key found", "please specify repository location", "didn't find section in config file", "backupstoragelocations & not found", "unknown database", "fatal: database & does not exist", "database & does not exist & {db}", "passphrase supplied in & is incorrect", "invalid endpoint", "unsupported protocol scheme", "invalidbucketname", "specified bucket is not valid", "error while setting value", "server gave http response to https client", "first record does not look like a tls handshake", "mapping values are not allowed", "missing required argument", "required flag", "invalid storage config", "missing_config", "could not find expected ':'", "did not find expected key", "invalid configuration", "config file not found", "configuration file & not found", "incorrect passphrase", "invalid passphrase", "passphrase is incorrect", "wrong passphrase", "unable to decrypt", "invalid repository password", "missing configuration", "offsite storage config does not exist", "no such profile", "profile & could not be found", "unsupported url protocol", "invalid url", "invalid uri", "missing url scheme",
			"unexpected key in config", "toml:", "failed to parse config", "cannot unmarshal", "invalid character & looking for & config", "no remote & configured", "missing environment variable", "environment variable & not set", "no repository configured", "repository & not a valid", "is not a valid repository", "is not a borg repository", "repository not found", "backup repository & not ready", "no such stanza", "missing stanza", "has a stanza-create been performed", "stanza & does not exist", "password_file", "no password & restic", "an empty password is not allowed", "invalid bucket name", "bucket name & invalid", "not a valid bucket", "invalid port", "unknown suffix", "no such database", "unknown backup type", "unsupported backup type", "invalid backup type", "unknown storage driver", "driver [ & is not supported", "storage location & not found", "wrong passphrase", "resolving password failed", "bad decrypt", "not a directory & !{s3} & !could not create",
		},
		likely:  []string{"invalid argument & @s3", "invalid setting", "unknown setting", "bad request & @s3 & !gateway & !{notice}", "invalidargument", "malformedxml", "invalidrequest", "configuration error", "misconfigured"},
		guesses: []string{"|must be|", "|must have|", "must start with", "|must not|", "|is required|", "|are required|", "not specified", "not provided", "empty value", "is not set", "isn't set", "|no & |set for", "cannot be empty", "can't be empty", "is not a valid", "not a valid", "|invalid|", "|unsupported|", "not supported", "unrecognized", "unknown parameter", "unknown option", "not defined", "undefined variable", "unbound variable", "no such table", "did not find", "bad value", "parse error", "malformed", "no configuration", "references invalid", "you can't use", "|wrong|", "expecting", "specify", "check the archive_command", "not both"},
		hints:   []string{"usage: mysqldump", "usage: pg_dump", "doesn't match any of the", "syntax or usage error", "re-configure this", "file names segments", "expecting & uri", "can be at most", "fg: no job control", "configuration check failed", "configuration information not found", "please configure", "volume label syntax is incorrect", "syntax is incorrect", "requires at least & argument", "is forbidden. use", "get password & {fails}", "password prompt error", "unsupported parameter for module", "command & needs & arguments", "without credential", "without & credential secret", "is not set|", "decryption failed", "config profile", "invalid value for", "invalid parameter", "no destination", "is required but", "path-style", "cannot be empty", "must be set", "is not configured", "config key", "unbound variable", "error parsing configuration", "not of type", "wrong version number", "no secret key", "no public key", "entitytoolarge", "proposed upload exceeds", "invalid config", "invalid yaml", "undefined array key"},
	},
	{
		class: "controller_restarted", code: "STUCK", family: "controller", retry: RetryOnce, title: "the controller was restarted during the backup",
		cause:      "What runs the backups was restarted or updated in the middle, and lost this one.",
		fix:        []string{"Run the backup again.", "Update and restart at other times than the schedules'."},
		references: []string{"KB-12-06"},
		certain:    []string{"shut down while", "was running when & shut down", "cancelled on startup", "15/term", "while the server restarted", "marked as failed during & startup", "job was interrupted", "during the server starting", "workerlosterror", "control plane was restarted", "interrupted by a restart", "interrupted by restart", "interrupted by server restart", "worker exited prematurely", "server was restarted", "was restarted while", "controller restarted", "worker was restarted", "service was restarted", "job was interrupted by", "found & inprogress & mark it as", "process was restarted", "aborted by restart", "application restart", "scheduler restarted", "daemon was restarted", "orphaned job", "node-agent & restart", "restarted during backup", "marking it as failed", "shutting down & job", "signal: terminated", "received signal terminated", "killed by sigterm", "stopped by systemd"},
		hints:      []string{"backup interrupted", "pod was deleted", "received sigterm", "worker terminated", "after restart, marking", "due to restart", "preempted", "evicted", "signal 15", "interrupted due to", "interrupted by shutdown", "terminated by restart", "interrupted because", "restarted unexpectedly", "container was restarted", "backup was interrupted", "agent was restarted", "agent restarted", "scheduler was restarted", "abandoned by", "worker crashed", "worker lost", "lost worker", "unclean shutdown", "system was rebooted", "rebooted during", "server rebooted", "host was restarted"},
	},
	{
		class: "job_stuck_no_progress", code: "STUCK", family: "controller", retry: RetryOnce, title: "the backup does not move any more",
		cause:      "The backup is said to run, but nothing has been written for a long time.",
		fix:        []string{"Look at the last step that was logged, at the disk, and whether the process still lives.", "End that one process, remove its own folder, and run the backup again."},
		references: []string{"KB-12-06"},
		own: []own{{
			facts: []backup.Fact{backup.FactJobStuck},
			cause: "{text}. The file system of {backup_dir} had {free} left of {total}.",
			fix: []string{
				"See what it waits for: ps -o pid,stat,wchan:30,args -g PID on the server; a network mount that went away holds tar in state D.",
				"Take that path out of the backup, or mend it. The job was ended and its folder removed; what is slow but moves never counts as stuck.",
			},
		}},
		certain: []string{"no backup activity for a long time", "no progress for", "stuck in running", "has been stuck", "appears to be hung", "appears stuck", "appears to be stuck", "no data transferred during", "not progressing", "has not made progress", "made no progress", "backup stalled", "job stalled", "seems to hang", "blocked for more than", "hung task", "job is hung", "stuck backup", "progress has not changed", "no heartbeat from job", "heartbeat timeout", "stuck in status", "stuck in state"},
		hints:   []string{"no activity for", "no output for", "without progress", "hanging for", "stalled for", "hung for", "is stuck", "stuck at", "stuck for", "no progress", "not making progress", "hung at", "is hanging", "not responding for", "heartbeat lost", "missed heartbeat", "task hung", "backup hangs"},
	},
	{
		class: "job_timeout", code: "STUCK", family: "controller", retry: RetryOnce, title: "the backup took longer than it may",
		cause:      "Whoever started the backup ended it because its time was over.",
		fix:        []string{"See whether it still moved: if so, raise the time limit.", "Else find what held it up: disk, network, a lock."},
		references: []string{"KB-12-06"},
		guesses:    []string{"context deadline exceeded & !{s3} & !{db}", "timed out & !{s3} & !{ssh} & !{db} & !{notice}", "read timeout & !{s3}"},
		likely:     []string{"deadlineexceedederror", "took too long to respond"},
		certain:    []string{"not completed in & seconds", "timeout executing:", "has timed out & !the operation & !socket read", "running for too long", "timed out waiting for all podvolumebackups", "exceeded the timeout of", "timeoutexceededexception", "job & has timed out", "has been attempted too many times", "longer than specified deadline", "deadlineexceeded & job", "exited with status 124", "exit code 124|", "exit status 124|", "operation timed out. terminating", "failed with result 'timeout'", "exceeded maximum runtime", "maximum execution time", "job timed out", "backup timed out", "backup job timeout", "job timeout", "processtimedoutexception", "terminated due to timeout", "subprocess.timeoutexpired", "timeoutexpired", "task timed out", "softtimelimitexceeded", "timelimitexceeded", "exceeded time limit", "exceeded its timeout", "killed after timeout", "timed out waiting for", "timeout: sending signal", "maximum runtime", "activedeadlineseconds", "window has been exceeded", "command timed out", "run too long", "execution timeout", "timeout of & exceeded", "timeout expired & !{db}", "exceeded the timeout", "operation exceeded & timeout"},
		hints:      []string{"time limit exceeded", "timed out after", "backup window", "exceeded the maximum", "timeout reached", "maximum allowed time", "runs longer than", "exceeded its deadline"},
	},
	{
		class: "notification_failed", family: "controller", retry: RetryNo, title: "the backup's message could not be sent",
		cause:   "The notification about the backup failed, not the backup.",
		fix:     []string{"Look at the backup itself: it may be good.", "Test the mail server, webhook or chat that is told, and correct its address or token."},
		certain: []string{"error sending e-mail", "failed to send e-mail", "no mta installed", "error running monitor hook", "mail: cannot send", "sending notification & {fails}", "notifier & {fails}", "failed to post to", "failed to post message", "mail server & {fails}", "550 5.", "554 5.", "failed to send notification", "could not send & notification", "could not notify because", "notification failed", "failed to notify & !panel", "error sending notification", "webhook & could not be delivered", "failed to send email", "failed to send mail", "error sending email", "could not send mail", "unable to send email", "could not send email", "failed to send & telegram", "failed to send & slack", "failed to send & discord", "webhook & {fails}", "chat not found", "swift_transportexception", "failed to authenticate on smtp", "smtp & {fails}", "notification & {fails}", "smtpauthenticationerror", "sendmail & {fails}", "failed to ping healthcheck", "healthchecks.io & {fails}", "notification error", "failed to deliver notification", "failed to send & ntfy", "failed to send & gotify", "error notifying", "unable to notify", "unable to send notification", "unable to send mail", "sending mail & {fails}", "mail could not be sent", "email could not be sent", "invalid webhook", "unknown webhook"},
		likely:  []string{"{notice} & {refused}", "{notice} & {nameres}", "{notice} & {timedout}"},
		hints:   []string{"webhook delivery", "webhook returned", "recipient address rejected", "relay access denied"},
	},
	{
		class: "status_report_lost", code: "STUCK", family: "controller", retry: RetryOnce, title: "the backup's result could not be recorded",
		cause:   "The backup ran to its end, and its result did not reach whoever keeps the record.",
		fix:     []string{"Look for the archive where it should be: it may be good.", "Check the way from the server to the controller, and its database; then run the backup again."},
		certain: []string{"operation cannot be fulfilled on", "object has been modified", "failed to notify panel", "cannot find the status of the backup", "result was not recorded", "unable to save the result", "could not be updated", "failed to notify the controller", "report to the server failed", "unable to write status", "status & could not be", "could not update the execution record", "failed to report status", "error updating backup's final status", "failed to update backup status", "could not report status", "failed to update status", "failed to patch backup", "status could not be saved", "unable to update backup status", "still shows in progress", "failed to save backup record", "failed to update & record", "could not save & status", "status update failed", "failed to report & result", "failed to report & status", "callback & {fails}", "error patching backup", "error updating & status", "failed to write status", "could not update & status", "failed to send status", "failed to post status", "could not record the result", "never reported back", "no status received", "failed to report completion", "failed to update job", "failed to update the status", "failed to store result", "lost the result"},
		hints:   []string{"failed to persist", "unable to report", "no callback", "status report", "could not record", "failed to finalize"},
	},
	{
		class: "no_reason_recorded", family: "controller", retry: RetryNo, title: "the backup failed and did not say why",
		cause: "There is only the fact that it failed: the tool's own words were not kept.",
		fix:   []string{"Look where the tool writes its own log: journalctl, docker logs, its log file.", "Run it once by hand, with all output kept."},
		hints: each("!~{reason}", "unexpected failure invoking", "state: partial", "unknown error, see", "error in backing up", "unable to backup", "exit status: 1|", "fatal error(s) while snapshotting", "could not be created", "error occurred", "backup aborted", "backup was aborted", "1/failure", "grandchild", "failed without", "did not complete", "error: unknown", "non-zero", "unexpected error", "backup was not successful", "could not be completed", "backup unsuccessful", "exited with error", "exited with status", "died with", "backup failed", "backup fail", "dump failed", "process failed", "exit status 1|", "exit code 1|", "exited with code 1|", "code 1|", "error 1|", "returned 1|", "general error", "unknown error", "an error occurred", "|fail|", "failed", "non-zero exit", "nonzero exit", "exit code 2|", "unsuccessful", "backup error", "fehlgeschlagen", "exit code: 1|", "exit status 2|", "exit status 255", "something went wrong", "no error message", "reason: & ~failed"),
	},
	{
		class: "false_failure", family: "false_result", retry: RetryNo, title: "it did not fail",
		cause:   "What is called a failure is only a warning, or even the message of a success.",
		fix:     []string{"Look at the archive: its size, its end, its place in the storage.", "Correct the rule that calls this a failure: the exit status decides, not that something was printed."},
		certain: []string{"{fails} & ~uploaded to s3", "reason & ~uploaded to s3", "{fails} & uploaded successfully"},
		likely:  []string{"{harmless} & ^{fails}"},
		hints:   []string{"{harmless}"},
	},
	{
		class: "empty_backup_reported_success", family: "false_result", retry: RetryOnce, title: "the backup is empty",
		cause:   "The tools reported success, but the backup has nothing, or next to nothing, in it.",
		fix:     []string{"Do not count it: keep the last good one.", "Check what it was to take in, and that a pipe's first program may fail it (set -o pipefail)."},
		certain: []string{"0 bytes in size", "0 tables", "0 files backed up", "processed 0 files", "0 objects", "size of the backup is 0", "(0 bytes)", "dumpfile is empty", "dump file is empty", "backup file is empty", "backup is empty", "empty backup", "empty dump", "dump is empty", "{empty} & {done}", "{empty} & ~{done}", "0-byte backup", "backup size is 0", "backup & 0 bytes", "0 bytes & backup", "dump was empty", "zero bytes written", "file is empty & backup", "file size is 0", "sql file is empty", "no tables were dumped", "no data was backed up", "backup & zero"},
		likely:  []string{"d41d8cd98f00b204e9800998ecf8427e", "{empty} & dump", "{empty} & backup", "{empty} & .gz", "{empty} & .sql", "{empty} & archive"},
		hints:   []string{"archive is empty", "empty archive", "archive contains no", "backup contains no", "empty file was", "produced an empty", "no files were", "without any data", "suspiciously small"},
		own: []own{{
			facts: []backup.Fact{backup.FactArchiveEmpty}, last: true, title: "the archive is empty",
			cause: "The tools reported success, but not one file is in the archive.",
			fix:   []string{"Check files.include and files.exclude.", "Try the tools by hand on the server: tar --version, gzip --version"},
		}, {
			facts: []backup.Fact{backup.FactDumpIncomplete}, last: true, title: "the dump is incomplete",
			cause: "The tool that dumped {database} reported success, and the end of its dump is missing: {text}.",
			fix:   []string{"Run the tool by hand on {address}, and look for what is in front of it on the PATH.", "Try again. If it comes back, check the server's disk and memory (dmesg)."},
		}},
	},
	{
		class: "offsite_failure_reported_success", family: "false_result", retry: RetryOnce, title: "the offsite copy failed, and success was reported",
		cause:  "The backup is called good, but its copy did not arrive in the offsite storage.",
		fix:    []string{"Do not rely on the offsite copy: look into the bucket.", "Find the upload's own error, correct it, and upload again."},
		likely: []string{"upload failed & ^{done}", "replication & {fails} & ^{done}", "upload error & ^{done}", "could not upload & ^{done}", "offsite & not & ^{done}", "upload & {fails} & ~{done}", "s3 storage & {fails} & ~{done}", "remote & {fails} & ~{done}", "offsite & {fails} & ~{done}", "upload & {fails} & ^successfully", "upload & skipped & ~{done}", "not uploaded & ~{done}", "s3 & {fails} & ~{done}", "webdav & {fails} & ~{done}", "copy to & {fails} & ~{done}", "sync & {fails} & ~{done}"},
		hints:  []string{"upload & {fails} & ^{done}"},
	},
	{
		class: "schedule_invalid_cron", code: "INVALID_CRON", family: "schedule", retry: RetryNo, title: "the schedule's cron expression is wrong",
		cause:      "The cron expression cannot be read, or never comes due.",
		fix:        []string{"Write five fields, which are the minute, the hour, the day of the month, the month and the weekday; for instance 0 3 * * *", "Six fields and words like @reboot are of other programs."},
		references: []string{"KB-12-06", "KB-05-03"},
		likely:     []string{"is invalid & scheduling"},
		certain:    []string{"fieldfactory.php", "cron 表达式", "解析 cron", "crond: & parse error", "expected 5 fields", "wrong number of fields", "unexpected number of fields", "schedule & cannot be parsed", "not a valid crontab", "invalid value for field", "cron: & invalid", "bad minute", "bad hour", "bad day-of-month", "bad day-of-week", "bad month", "errors in crontab", "expected exactly 5 fields", "failed to parse schedule", "cron expression & not valid", "cron expression & invalid", "invalid cron", "not a valid cron", "invalid schedule", "failed to parse int from", "bad command & crontab", "failed to parse cron", "expected 5 to 6 fields", "invalid crontab", "malformed cron", "is not a valid schedule", "unparseable cron", "cron & wrong number of fields", "croniterbadcronerror", "croniter", "crontab & invalid", "cannot parse cron", "unable to parse cron", "bad cron", "cron & syntax error", "unrecognized descriptor", "invalid_cron", "cron & unsatisfiable", "bad time specifier", "failed to parse calendar specification", "invalid schedule expression", "schedule expression & is not valid", "invalid cron expression"},
		hints:      []string{"never produce", "cron pattern", "cron string", "oncalendar", "beginning of range", "end of range", "field count", "unknown schedule"},
	},
	{
		class: "schedule_invalid_timezone", code: "INVALID_CRON", family: "schedule", retry: RetryNo, title: "the schedule's time zone is wrong",
		cause:      "There is no time zone of that name, or the machine has no time zone data.",
		fix:        []string{"Write a name of the IANA database, for instance Europe/Berlin or UTC.", "In a small container: install tzdata."},
		references: []string{"KB-05-03"},
		certain:    []string{"not a valid time zone", "not a valid timezone", "failed to load location", "cannot load time zone", "unable to load time zone", "unknown time zone", "unknown or bad timezone", "zoneinfonotfounderror", "no time zone found with key", "unknown time-zone id", "invalid timezone", "unknown timezone", "invalid time zone", "unknowntimezoneerror", "bad timezone", "timezone & not found", "timezone & is not valid", "time zone & not recognized", "timezone & invalid", "invalid tz", "zoneinfo & not found", "time zone & does not exist", "unrecognized time zone", "tzinfo::invalidtimezoneidentifier", "timezone & does not exist", "zonerulesexception", "invalid time zone specified", "provided bad location"},
		hints:      []string{"bad time zone", "no such timezone", "timezone must"},
	},
	{
		class: "schedule_missed_runs", code: "SERVER_OFFLINE_AT_RUN", family: "schedule", retry: RetryOnce, title: "scheduled backups did not run",
		cause:      "A due time passed without a run: the scheduler or the server was off, or too busy.",
		fix:        []string{"Check what was down at that time, and that the schedule is active.", "Run a backup now."},
		references: []string{"KB-12-06", "KB-05-03"},
		certain:    []string{"missed & schedule", "was missed by", "missed start time", "scheduled backups were missed", "missed scheduled", "scheduled run was missed", "missed run", "missed schedule", "runs were missed", "missed backup", "did not run at", "schedule was missed", "missed its scheduled", "too many missed", "misfired", "was not executed at its scheduled", "missed execution", "backup is overdue", "no backup in the last", "no backup since", "last backup is older than", "newest backup is too old", "the latest backup made on", "backup is too old", "has not run since", "did not run on schedule", "missedscheduling", "failedneedsstart", "job & was missed"},
		hints:      []string{"skipped run", "misfire", "never ran", "overdue", "schedule skipped", "no run recorded"},
	},
	{
		class: "dispatcher_not_running", code: "DISPATCHER_NOT_RUNNING", family: "schedule", retry: RetryNo, title: "what starts the backups does not run",
		cause:      "The scheduler, cron or queue worker that starts backups is stopped.",
		fix:        []string{"Start it and enable it: systemctl enable --now cron (or the scheduler's own service).", "Then run a backup, and see that the next due time is kept."},
		references: []string{"KB-12-06"},
		certain:    []string{"last job execution ran", "last background job execution ran", "timer & inactive", "job queue & stalled", "scheduler & dead", "scheduler does not appear to be running", "active: inactive (dead) & ~cron", "horizon is inactive", "dispatcher_not_running", "cron is not running", "crond is not running", "scheduler is not running", "scheduler not running", "queue worker is not running", "no queue workers", "cron daemon is not running", "pvescheduler & not running", "cron: unrecognized service", "cron & inactive", "cron & is not running", "queue is not being processed", "cron service is not", "crond: unrecognized service", "scheduler has stopped", "dispatcher is not running", "cron.service & failed", "crond.service & failed", "cron not running", "scheduler is stopped", "dispatcher & stopped", "cron.service is not active", "crond dead", "queue worker & stopped", "cron jobs are not running", "cron has not run"},
		hints:      []string{"no crontab for", "scheduler heartbeat", "unit cron.service", "no scheduler", "no workers", "no worker", "queue is paused", "scheduler is disabled", "timer is inactive", "workers are down", "crond stopped", "cron stopped", "celery beat", "no consumers"},
	},

	// Only our own facts name these.
	{
		class: "job_killed", family: "controller", retry: RetryOnce, title: "the job was killed",
		cause: "A process of the backup was ended by a signal.",
		fix:   []string{"Look for the kernel's out-of-memory killer (dmesg) and for whoever ended it, then try again."},
		own:   []own{{facts: []backup.Fact{backup.FactJobKilled}, cause: "A process of the backup was ended by a signal on {address}: {text}."}},
	},
	{
		class: "job_gone", code: "STUCK", family: "controller", retry: RetryOnce, title: "the job on the server is gone",
		cause: "The process that made the archive is no longer there and left no result.",
		fix:   []string{"Look whether the server was restarted, or the process killed (last -x, dmesg), then try again."},
		own: []own{{
			facts: []backup.Fact{backup.FactJobGone},
			cause: "The process that made the archive on {address} is no longer there and left no result: {text}.",
			fix: []string{
				"Look on {address} for what killed it: dmesg -T | grep -i -e oom -e 'killed process', and journalctl -e around that time.",
				"Then try again. What it left in {backup_dir} is removed.",
			},
		}, {
			facts: []backup.Fact{backup.FactServerRestarted}, title: "the server was restarted during the backup",
			cause: "The job went with a restart of {address}: {text}.",
			fix: []string{
				"Look on {address} why it was restarted: last -x | head, and journalctl -b -1 -e for the end of the former boot.",
				"Where it is restarted at this time again and again, make the backup at another time: a maintenance window of the server holds its schedules back.",
				"Then try again. No process of the former boot is left, and what lies in {backup_dir} of it is removed.",
			},
		}, {
			facts: []backup.Fact{backup.FactJobFolderGone}, title: "the backup's folder was removed while it was made",
			cause: "Somebody, or a clean-up of temporary files, removed the folder of the running job on {address}: {text}.",
			fix: []string{
				"Keep clean-ups such as systemd-tmpfiles, tmpreaper and cron jobs out of {backup_dir}, or set backup_dir to a folder that is not below /tmp.",
				"Then try again. The process was ended.",
			},
		}},
	},
	{
		class: "job_running", family: "controller", retry: RetryBackoff, title: "the job still runs",
		cause: "The job of this backup still runs, so its folder was not removed.",
		fix:   []string{"Try again in a minute."},
		own:   []own{{facts: []backup.Fact{backup.FactJobRunning}, cause: "The job of this backup still runs on {address}, so its folder was not removed."}},
	},
	{
		class: "cancelled", family: "controller", retry: RetryNo, title: "it was cancelled",
		cause: "Somebody cancelled this backup.",
		fix:   []string{"Make a new one when it is wanted."},
		own:   []own{{facts: []backup.Fact{backup.FactCancelled}}},
	},
}
