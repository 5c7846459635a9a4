package diagnosis

import (
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func TestExplainFailuresOfDatabases(t *testing.T) {
	t.Parallel()
	pg := backup.Database{Engine: backup.EnginePostgreSQL, Name: "app", Host: "db.example.com", User: "backup"}
	socket := backup.Database{Engine: backup.EnginePostgreSQL, Name: "app", RunAs: "postgres"}
	my := backup.Database{Engine: backup.EngineMariaDB, Name: "shop"}
	lite := backup.Database{Engine: backup.EngineSQLite, Name: "/srv/app.db"}
	tests := map[string]struct {
		database backup.Database
		fact     backup.Fact
		text     string
		class    Class
		says     string
	}{
		"sudo":             {socket, backup.FactDatabaseAccount, "sudo: a password is required", "sudo_password_required", "cloudpilot ALL=(postgres) NOPASSWD: /bin/sh"},
		"tool":             {my, backup.FactDatabaseTool, "not found", "remote_command_missing", "apt-get install mariadb-client"},
		"old pg_dump":      {pg, backup.FactDatabaseClientOld, "old", "db_client_version_mismatch", "apt-get install postgresql-client-17"},
		"other engine":     {my, backup.FactDatabaseEngine, "the server is 8.0.36", "db_engine_mismatch", `engine = "mysql"`},
		"no such database": {pg, backup.FactDatabaseConnect, `FATAL:  database "app" does not exist`, "db_not_found", "app"},
		"unknown database": {my, backup.FactDatabaseConnect, "ERROR 1049 (42000): Unknown database 'shop'", "db_not_found", "shop"},
		"peer":             {socket, backup.FactDatabaseConnect, `FATAL:  Peer authentication failed for user "postgres"`, "db_auth_failed", "the local socket refused postgres, asked by account postgres"},
		"no password":      {pg, backup.FactDatabaseConnect, "fe_sendauth: no password supplied", "db_auth_failed", "~cloudpilot/.pgpass on the server, which must have mode 0600:\n     db.example.com:5432:app:backup:"},
		"no role":          {pg, backup.FactDatabaseConnect, `FATAL:  role "backup" does not exist`, "db_auth_failed", "backup"},
		"mysql login":      {my, backup.FactDatabaseConnect, "ERROR 1045 (28000): Access denied for user 'cloudpilot'@'localhost'", "db_auth_failed", "~cloudpilot/.my.cnf"},
		"mysql database":   {my, backup.FactDatabaseConnect, "ERROR 1044 (42000): Access denied for user 'x'@'localhost' to database 'shop'", "db_privilege_missing", "ON `shop`.* TO 'cloudpilot'@'localhost'"},
		"rights":           {pg, backup.FactDatabaseRights, "no right to read public.secret", "db_privilege_missing", `GRANT pg_read_all_data TO "backup"`},
		"rights in a dump": {pg, backup.FactDumpFailed, "pg_dump: error: query failed: ERROR:  permission denied for table x", "db_privilege_missing", "permission denied for table x"},
		"down":             {pg, backup.FactDatabaseConnect, "connection to server failed: Connection refused", "db_unreachable", "db.example.com port 5432"},
		"no name":          {pg, backup.FactDatabaseConnect, "could not translate host name", "db_host_unresolvable", "host"},
		"full server":      {pg, backup.FactDatabaseConnect, "FATAL:  sorry, too many clients already", "db_connection_limit", "max_connections"},
		"lost":             {my, backup.FactDumpFailed, "mysqldump: Error 2013: Lost connection to server during query", "db_connection_lost", "shop"},
		"disk full":        {pg, backup.FactDumpFailed, "pg_dump: error: could not write: No space left on device", "disk_full", "4.0 KiB left"},
		"no SQLite file":   {lite, backup.FactDatabaseMissing, "no such file", "path_not_found", "/srv/app.db"},
		"unreadable":       {lite, backup.FactDatabaseUnreadable, "not readable", "file_permission_denied", "run_as"},
		"not a database":   {lite, backup.FactDatabaseConnect, "Error: file is not a database", "db_corruption", "/srv/app.db"},
		"unsound copy":     {lite, backup.FactDumpDamaged, "x", "db_corruption", "integrity_check"},
		"lying tool":       {pg, backup.FactDumpIncomplete, "x", "empty_backup_reported_success", "app"},
		"anything":         {pg, backup.FactDumpFailed, "odd", "dump_failed", "odd"},
		"no room":          {lite, backup.FactSpaceShort, "x", "disk_space_insufficient_predicted", "need at least 3.0 GiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := facts
			e.Database, e.ServerVersion, e.ClientVersion, e.NeededBytes = &test.database, "17.2", "15.6", 3<<30
			d := Explain(backup.Failure{Fact: test.fact, Text: test.text, Evidence: e})
			if d.Class != test.class {
				t.Errorf("class %s, want %s", d.Class, test.class)
			}
			if all := d.Cause + "\n" + strings.Join(d.Fix, "\n"); !strings.Contains(all, test.says) || strings.ContainsAny(all, "{}") {
				t.Errorf("does not say %q: %s", test.says, all)
			}
		})
	}
}

func TestFullDiskNamesWhatTheArchivesHold(t *testing.T) {
	t.Parallel()
	e := backup.Evidence{BackupDir: "/srv/b", TotalBytes: 8 << 30, FreeBytes: 1 << 30, NeededBytes: 3 << 30,
		Room: &backup.Room{Backups: 3, Bytes: 6 << 30, RetentionDays: 30, FittingDays: 7, FittingBytes: 4 << 30}}
	d := Explain(backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactSpaceShort, Evidence: e})
	said := d.Cause + strings.Join(d.Fix, "\n")
	for _, want := range []string{"2.0 GiB are missing", "3 backups of it hold 6.0 GiB", "from 30 to 7, which frees 4.0 GiB"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if d.Code != "NO_SPACE_LEFT" || d.Class != "disk_space_insufficient_predicted" {
		t.Errorf("%s %s", d.Class, d.Code)
	}
	full := Explain(backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Output: "gzip: stdout: No space left on device", Evidence: e})
	if fix := strings.Join(full.Fix, "\n"); full.Class != "disk_full" || !strings.Contains(fix, "3 backups of it hold 6.0 GiB") || !strings.Contains(fix, "from 30 to 7") {
		t.Errorf("%s: %s", full.Class, fix)
	}
	e.Room = nil
	if fix := strings.Join(Explain(backup.Failure{Fact: backup.FactSpaceShort, Evidence: e}).Fix, "\n"); strings.Contains(fix, "hold") || strings.Contains(fix, "frees") {
		t.Errorf("nothing is known, and it says %s", fix)
	}
}
