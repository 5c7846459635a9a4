package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

var databases = backup.Backup{Spec: backup.Spec{Type: backup.TypeDatabase, Databases: []backup.Database{
	{Engine: backup.EnginePostgreSQL, Name: "app"}, {Engine: backup.EngineMariaDB, Name: "shop"}, {Engine: backup.EngineSQLite, Name: "/a.db"},
}}}

func TestPreflightNamesTheDatabaseInTheWay(t *testing.T) {
	t.Parallel()
	for state, fact := range databaseFacts {
		r := ssh.CheckReport{Folder: ssh.FolderOK, Databases: []ssh.DatabaseReport{
			{State: ssh.DatabaseOK}, {State: state, Detail: "words", Tables: "t", Server: "17.2", Client: "15.6"}, {State: ssh.DatabaseSkipped}}}
		f := judge(r, target, databases)
		if f == nil || f.Fact != fact || f.Stage != backup.StagePreflight || f.Evidence.Database == nil || f.Evidence.Database.Name != "shop" || f.Evidence.ServerVersion != "17.2" {
			t.Errorf("%s: %+v", state, f)
		}
	}
	for _, state := range []ssh.DatabaseState{ssh.DatabaseAccount, ssh.DatabaseToolMissing, ssh.DatabaseConnect, ssh.DatabaseRights,
		ssh.DatabaseClientOld, ssh.DatabaseEngine, ssh.DatabaseMissing, ssh.DatabaseUnreadable} {
		if databaseFacts[state] == "" {
			t.Errorf("%s is not translated", state)
		}
	}
}

func TestPreflightRefusesWhatCannotFit(t *testing.T) {
	t.Parallel()
	r := ssh.CheckReport{Folder: ssh.FolderOK, FreeBytes: 1 << 20, Databases: []ssh.DatabaseReport{
		{State: ssh.DatabaseOK, Size: 1 << 20}, {State: ssh.DatabaseOK, Size: -1}, {State: ssh.DatabaseOK, Size: 100 << 10}}}
	if f := judge(r, target, databases); f != nil {
		t.Errorf("it fits, and got %v", f)
	}
	r.Databases[2].Size = 1 << 20 // a copy of SQLite is as large as the file
	if f := judge(r, target, databases); f == nil || f.Fact != backup.FactSpaceShort || f.Evidence.NeededBytes <= 1<<20 {
		t.Errorf("got %+v", f)
	}
	r.FreeBytes = -1
	if f := judge(r, target, databases); f != nil {
		t.Errorf("nobody knows, and got %v", f)
	}
}

func TestFailureInTheJobNamesTheDatabase(t *testing.T) {
	t.Parallel()
	failed := ssh.Result{Stage: ssh.StageDump, Problem: ssh.ProblemDatabase, Database: 2, DatabaseState: ssh.DatabaseRights, ServerVersion: "10.11.4-MariaDB"}
	f := result(failed, ssh.Status{Log: "started\nno right to read x\n"}, backup.Evidence{}, databases).Failure
	if f.Fact != backup.FactDatabaseRights || f.Text != "mariadb shop: no right to read x" || f.Evidence.Database.Name != "shop" || f.Evidence.ServerVersion != "10.11.4-MariaDB" {
		t.Errorf("%+v", f)
	}
	killed := ssh.Result{Stage: ssh.StageDump, Problem: ssh.ProblemDump, Database: 1, ExitDump: 137}
	if f := result(killed, ssh.Status{}, backup.Evidence{}, databases).Failure; f.Fact != backup.FactJobKilled || !strings.Contains(f.Text, "app") || f.Signal != 9 || f.ExitStatus != 0 {
		t.Errorf("%+v", f)
	}
	failed.Database = 4 // a server may say anything
	if f := result(failed, ssh.Status{}, backup.Evidence{}, databases).Failure; f.Evidence.Database != nil || f.Fact == "" {
		t.Errorf("%+v", f)
	}
}

func TestProgressNamesTheDatabase(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]ssh.Status{
		"dump shop": {Step: "dump", Database: 2}, "dump": {Step: "dump", Database: 9}, "archive": {Step: "archive", Database: 1},
	} {
		if got := step(s, databases); got != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}

func TestWarningsSayWhatADumpLacks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		database backup.Database
		report   ssh.DatabaseReport
		want     string // in the only warning; empty: there is none
	}{
		"nothing":             {databases.Databases[1], ssh.DatabaseReport{Server: "10.11.4-MariaDB", Client: "10.11.19-MariaDB"}, ""},
		"passwords":           {databases.Databases[0], ssh.DatabaseReport{Unseen: []string{"roles"}}, "without their passwords"},
		"a word nobody knows": {databases.Databases[0], ssh.DatabaseReport{Unseen: []string{"nonsense"}}, ""},
		"tables":              {databases.Databases[1], ssh.DatabaseReport{Tables: "log", Server: "10.11.4-MariaDB", Client: "10.11.4-MariaDB"}, "not transactional, so they are not of the same moment as the others: log"},
		"MySQL's tool":        {databases.Databases[1], ssh.DatabaseReport{Server: "10.11.4-MariaDB", Client: "8.0.36"}, "install mariadb-client"},
		"MariaDB's tool":      {backup.Database{Engine: backup.EngineMySQL, Name: "x"}, ssh.DatabaseReport{Server: "8.0.36", Client: "10.11.4-MariaDB"}, "the server is MySQL 8.0.36"},
		"older tool":          {databases.Databases[1], ssh.DatabaseReport{Server: "11.4.2-MariaDB", Client: "10.11.19-MariaDB"}, "the server is newer: 11.4.2"},
	}
	for name, test := range tests {
		test.report.State = ssh.DatabaseOK
		got := databaseWarnings(ssh.CheckReport{Databases: []ssh.DatabaseReport{test.report}}, backup.Backup{Spec: backup.Spec{Databases: []backup.Database{test.database}}})
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
			t.Errorf("%s: %s", name, cmp.Diff(test.want, got))
		}
	}
}
