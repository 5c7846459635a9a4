package runner

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// databaseFacts translates what is in the way of a dump.
var databaseFacts = map[ssh.DatabaseState]backup.Fact{
	ssh.DatabaseAccount:     backup.FactDatabaseAccount,
	ssh.DatabaseToolMissing: backup.FactDatabaseTool,
	ssh.DatabaseConnect:     backup.FactDatabaseConnect,
	ssh.DatabaseRights:      backup.FactDatabaseRights,
	ssh.DatabaseClientOld:   backup.FactDatabaseClientOld,
	ssh.DatabaseEngine:      backup.FactDatabaseEngine,
	ssh.DatabaseMissing:     backup.FactDatabaseMissing,
	ssh.DatabaseUnreadable:  backup.FactDatabaseUnreadable,
}

// blame adds to a failure which database it is about and what was seen of it.
func blame(f *backup.Failure, d backup.Database, r ssh.DatabaseReport) {
	f.Evidence.Database = &d
	f.Evidence.ServerVersion, f.Evidence.ClientVersion = r.Server, r.Client
	switch r.State {
	case ssh.DatabaseToolMissing:
		f.Evidence.Tools = []string{f.Text}
		f.Text = "not found on the server: " + f.Text
	case ssh.DatabaseRights:
		f.Evidence.Tables = text(r.Tables)
	}
}

// blameInJob does the same for what the job found.
func blameInJob(f *backup.Failure, r ssh.Result, b backup.Backup) {
	if r.Database < 1 || r.Database > len(b.Databases) {
		return
	}
	d := b.Databases[r.Database-1]
	f.Evidence.Database = &d
	f.Evidence.ServerVersion, f.Evidence.ClientVersion = r.ServerVersion, r.ClientVersion
	if r.Problem == ssh.ProblemDatabase {
		f.Fact = databaseFacts[r.DatabaseState]
		f.Text = lastLine(f.Output) // the job wrote there what it found
	}
	f.Text = fmt.Sprintf("%s %s: %s", d.Engine, d.Name, f.Text)
}

func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return lines[len(lines)-1]
}

// step names what the job does, and the database it does it to.
func step(s ssh.Status, b backup.Backup) string {
	if s.Step == ssh.StageDump && s.Database > 0 && s.Database <= len(b.Databases) {
		return s.Step + " " + b.Databases[s.Database-1].Name
	}
	return s.Step
}

// room is what the dumps and the archive need at least. The copy of a SQLite file is as large as the file. A dump of a
// served database has neither its indexes nor its free space and is compressed: a tenth of it, and again in the archive.
func room(r ssh.CheckReport, b backup.Backup) (bytes int64) {
	for i, d := range r.Databases {
		switch {
		case d.Size <= 0 || i >= len(b.Databases):
		case b.Databases[i].Engine == backup.EngineSQLite:
			bytes += d.Size + d.Size/20
		default:
			bytes += d.Size / 10 * 2
		}
	}
	return bytes
}

// unseen says what a dump lacks because its login does not see it.
var unseen = map[string]string{
	"roles":    "the roles of %s's server are kept without their passwords, because the login may not read them",
	"triggers": "triggers of %s may be missing: the login does not seem to have the right TRIGGER",
	"events":   "events of %s may be missing: the login does not seem to have the right EVENT",
	"routines": "stored routines of %s may be missing: the login does not seem to have the right to see them",
	"views":    "views of %s may be missing: the login does not seem to have the right SHOW VIEW",
}

// databaseWarnings says what the archive will lack, though it can be made.
func databaseWarnings(r ssh.CheckReport, b backup.Backup) (warnings []string) {
	for i, report := range r.Databases {
		if report.State != ssh.DatabaseOK || i >= len(b.Databases) {
			continue
		}
		d := b.Databases[i]
		for _, what := range report.Unseen {
			if words, ok := unseen[what]; ok {
				warnings = append(warnings, fmt.Sprintf(words, d.Name))
			}
		}
		if report.Tables != "" {
			warnings = append(warnings, fmt.Sprintf("these tables of %s are not transactional, so they are not of the same moment as the others: %s", d.Name, text(report.Tables)))
		}
		if w := clientWarning(d, report); w != "" {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// clientWarning tells a dump tool that is not the server's own.
func clientWarning(d backup.Database, r ssh.DatabaseReport) string {
	if d.Engine != backup.EngineMySQL && d.Engine != backup.EngineMariaDB {
		return ""
	}
	server, client := strings.Contains(r.Server, "MariaDB"), strings.Contains(r.Client, "MariaDB")
	switch {
	case server && !client:
		return fmt.Sprintf("the dump of %s is made by MySQL's mysqldump %s, and the server is MariaDB %s: install mariadb-client", d.Name, r.Client, r.Server)
	case !server && client:
		return fmt.Sprintf("the dump of %s is made by MariaDB's mariadb-dump %s, and the server is MySQL %s: install MySQL's own client", d.Name, r.Client, r.Server)
	case older(r.Client, r.Server):
		return fmt.Sprintf("the dump of %s is made by a tool of version %s, and the server is newer: %s", d.Name, r.Client, r.Server)
	}
	return ""
}

// older reports whether the first two numbers of a version are below those of another.
func older(a, b string) bool {
	for i := range 2 {
		x, y := number(a, i), number(b, i)
		if x != y {
			return x < y
		}
	}
	return false
}

func number(version string, place int) int {
	parts := strings.FieldsFunc(version, func(r rune) bool { return r == '.' || r == '-' })
	if place >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[place]) // what is no number counts as 0
	return n
}
