package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

var diskKnowledge = []entry{
	{
		class: "disk_full", code: "NO_SPACE_LEFT", family: "disk", retry: RetryAfterFix, title: "the server's disk is full",
		cause:      "A file system has no space, or no inodes, left to write to.",
		fix:        []string{"See which: df -h; df -i", "Delete old backups, or lower the retention.", "Grow the disk, or write the backups to a larger file system."},
		references: []string{"KB-12-06", "KB-02-10"},
		certain:    []string{"diskpressure", "wrote only & of & !tar: -:", "err':28|", "error writing file & 28", "the table & is full", "zip i/o error: no space", "output file write failure", "cannot create temp file for here-document & {nospace}", "no space left on the device", "no free space left", "ran out of disk space", "disk space is full", "storage is full & !{s3}", "0 bytes available & !quota", "{nospace} & !{quota} & !not enough disk space available", "got errno 28 on write", "operating system error number 28", "insufficient free space to complete transaction", "database or disk is full", "no_space_left", "no space left", "os errno 28", "code: 28)", "out of inodes", "no free inodes"},
		likely:     []string{"no usable temporary directory", "cannot write: & short write", "short write", "not enough space & !{s3} & !backup needs", "insufficient disk space & ~write", "failed to extend file", "could not extend file", "could not write to file", "100% /"},
		hints:      []string{"device is full", "out of space & !may run"},
		own: []own{{
			facts: toolsFailed,
			cause: "The file system of {backup_dir} had {free} left of {total}{inodes} when the archive could not be written any further; {bytes_done} of it were done.",
			fix: []string{
				"Delete old backups of this server{held}.",
				"Lower retention_days{fitting}, so that archives are removed earlier.",
				"Grow the disk, or set backup_dir of the server to a larger file system.",
			},
		}, {
			facts: []backup.Fact{backup.FactInodesShort}, title: "the server's file system takes no more files",
			cause: "The file system of {backup_dir} takes only {free_inodes} more files, fewer than a backup makes, though it has {free} left of {total}: its inodes are used up.",
			fix: []string{
				"Find the folder with the most files, and remove what nobody needs: du --inodes -x {backup_dir} | sort -n | tail",
				"Or set backup_dir of the server to another file system.",
			},
		}},
	},
	{
		class: "disk_quota_exceeded", code: "NO_SPACE_LEFT", family: "disk", retry: RetryAfterFix, title: "the user's disk quota is used up",
		cause:      "The user may not write any more to this file system, though it may have space.",
		fix:        []string{"See it: quota -s", "Raise the quota, delete old backups, or write them elsewhere."},
		references: []string{"KB-02-10"},
		certain:    []string{"{quota}", "disc quota exceeded", "over quota & !{s3}", "exceeded your disk quota", "disk quota & exceeded", "inode quota", "quota & exceeded & account & !{s3}"},
		hints:      []string{"disk quota"},
		own: []own{{
			facts: toolsFailed, title: "the login user's disk quota is used up",
			cause: "User {user} may not write any more to the file system of {backup_dir}.",
			fix:   []string{"Raise the quota, delete old backups, or set backup_dir to another file system."},
		}},
	},
	{
		class: "disk_space_insufficient_predicted", code: "NO_SPACE_LEFT", family: "disk", retry: RetryAfterFix, title: "the backup would not fit on the disk",
		cause:      "A check before the backup found too little free space; nothing was written.",
		fix:        []string{"Delete old backups, or lower the retention.", "Grow the disk, or write the backups to a larger file system."},
		references: []string{"KB-12-06", "KB-02-10"},
		certain: []string{
			"not enough space & backup filesystem", "not enough disk space to", "not enough free disk space", "not enough disk space: ",
			"space left is less than", "less than the required",
			"insufficient free space: backup needs", "not enough space available", "free disk space is required", "estimated backup size", "estimated size & exceeds", "insufficient space for backup", "not enough free disk space to", "not enough free space available", "insufficient disk space for backup", "insufficient free space & needs", "insufficient free space & required & !transaction", "would not fit", "not enough free space & !write", "insufficient disk space: & required", "free space & required & available & !transaction",
			"not enough disk space to create backup", "not enough disk space for", "requires at least & free", "need at least & free", "insufficient free disk space", "insufficient disk space", "not enough disk space available", "space required & space available", "not enough space to perform", "not enough space for backup", "low disk space", "disk space check failed", "exceeds the free space", "exceeds available disk space", "does not have enough free space", "is below the required", "insufficient space & required",
			"not enough disk space: need", "free space check", "available disk space is too low", "not enough free space",
		},
		likely: []string{"insufficientspace", "insufficient free space & !transaction", "insufficient space & !{s3}", "not enough disk space", "needs & available & space", "required: & available: & space"},
		hints:  []string{"minimum free space", "required space", "exceeds available", "too little space", "below the minimum"},
		own: []own{{
			facts: []backup.Fact{backup.FactSpaceShort}, title: "the backup would not fit on the server's disk",
			cause: "The dumps and the archive need at least {needed}, and the file system of {backup_dir} has {free} left of {total}{missing}.",
			fix:   []string{"Delete old backups of this server{held}.", "Or lower retention_days{fitting}.", "Grow the disk, or set backup_dir of the server to a larger file system."},
		}},
	},
	{
		class: "filesystem_read_only", family: "disk", retry: RetryAfterFix, title: "the file system is read-only",
		cause:   "The file system is mounted read-only, often because the kernel found errors on it.",
		fix:     []string{"Look at dmesg, repair the disk, and mount it writable again: mount -o remount,rw", "Or write the backups to another file system."},
		certain: []string{"err':30|", "{rofs}", "write-protected", "media is write protected", "remounting filesystem read-only", "is mounted read-only", "mounted read only", "is read only: cannot"},
		own: []own{{
			facts: toolsFailed, title: "the file system for backups is read-only",
			cause: "The file system of {backup_dir} is mounted read-only, often because the kernel found errors on it.",
			fix:   []string{"Look at dmesg on the server, repair the disk, and mount it writable again.", "Or set backup_dir to another file system."},
		}},
	},
	{
		class: "io_error", family: "disk", retry: RetryNo, title: "a disk cannot be read or written",
		cause:   "The kernel reported an input/output error: a failing disk, a damaged file system, or a network mount that went away.",
		fix:     []string{"Look at dmesg and smartctl -a /dev/DISK.", "Replace the disk or repair the file system, then run the backup again."},
		certain: []string{"err':5|", "failed command: read", "{ioerr} & !{timedout}", "buffer i/o error", "blk_update_request", "stale file handle", "stale nfs file handle", "transport endpoint is not connected", "errno 107]", "device not ready", "no such device or address", "lost async page write", "device or resource busy & {ioerr}"},
		likely:  []string{"read error at byte", "disk i/o error", "host is down & mount"},
		hints:   []string{"uncorrectable error", "failing disk", "hardware error", "error reading sector", "hard disk error"},
	},
}
