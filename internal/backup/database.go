package backup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Engine is a kind of database.
type Engine string

// The engines. mysql and mariadb share their tools and differ in their servers.
const (
	EnginePostgreSQL Engine = "postgresql"
	EngineMySQL      Engine = "mysql"
	EngineMariaDB    Engine = "mariadb"
	EngineSQLite     Engine = "sqlite"
)

// Engines lists all of them.
var Engines = []Engine{EnginePostgreSQL, EngineMySQL, EngineMariaDB, EngineSQLite}

// Database is one database that a backup takes in. No password is part of it: credentials stay on the server, where the
// engine's own client finds them (peer or socket login, ~/.pgpass, ~/.my.cnf).
type Database struct {
	Engine Engine `json:"engine"`
	Name   string `json:"name"` // of the database; of sqlite, the absolute path of its file
	// RunAs is the account on the server under which the client runs, through "sudo -n -u"; empty: the job's own.
	RunAs string `json:"run_as,omitempty"`
	User  string `json:"user,omitempty"` // to the database server; empty: as its client has it
	Host  string `json:"host,omitempty"` // name, address, or directory of the socket; empty: the local socket
	Port  int    `json:"port,omitempty"` // 0: the engine's own
	// Globals takes in the roles and tablespaces of the whole PostgreSQL server as well.
	Globals bool `json:"globals,omitempty"`
}

// MaxDatabases bounds the databases of one backup.
const MaxDatabases = 100

// Not everything a database may be called: pg_dump takes a name with "=" or "://" in it for a connection string.
var databaseName = NewPattern(`^[A-Za-z0-9_][A-Za-z0-9_.$ -]{0,62}$`)

var databaseRules = []Rule[Spec]{
	{[]string{"type", "databases"}, func(s Spec) []Finding {
		switch n := len(s.Databases); {
		case s.Type == TypeFiles && n > 0:
			return invalid("databases", "A files backup takes no databases", fmt.Sprintf("databases names %d, and the type is files.", n), `Set type = "full" for files and databases together.`)
		case (s.Type == TypeDatabase || s.Type == TypeFull) && (n == 0 || n > MaxDatabases):
			return invalid("databases", fmt.Sprintf("A %s backup needs databases", s.Type),
				fmt.Sprintf("databases names %d; allowed are 1 to %d.", n, MaxDatabases), `Name one, such as { engine = "postgresql", name = "app" }.`)
		}
		return nil
	}},
	{[]string{"type", "files.include"}, func(s Spec) []Finding {
		if s.Type != TypeDatabase || len(s.Files.Include)+len(s.Files.Exclude) == 0 {
			return nil
		}
		return invalid("files.include", "A database backup takes no files", "files is set, and the type is database.", `Set type = "full" for files and databases together.`)
	}},
	{[]string{"databases"}, checkDatabases},
}

func checkDatabases(s Spec) (findings []Finding) {
	seen := map[Database]int{}
	for i, d := range s.Databases {
		path := "databases." + strconv.Itoa(i)
		findings = append(findings, checkDatabase(path, d)...)
		d.Globals = false
		if first, ok := seen[d]; ok {
			findings = append(findings, invalid(path, "Database named twice", fmt.Sprintf("%s %q is also databases.%d.", d.Engine, d.Name, first), "Remove one of them.")...)
		}
		seen[d] = i
	}
	return findings
}

func checkDatabase(path string, d Database) (findings []Finding) {
	engines := make([]string, len(Engines))
	for i, e := range Engines {
		engines[i] = string(e)
	}
	if findings = oneOf(path+".engine", "Invalid database engine", string(d.Engine), engines...); findings != nil {
		return findings
	}
	if d.Engine == EngineSQLite {
		findings = checkSQLite(path, d)
	} else {
		findings = checkServed(path, d)
	}
	if d.RunAs != "" && !userPattern.MatchString(d.RunAs) {
		findings = append(findings, invalid(path+".run_as", "Invalid account",
			fmt.Sprintf("%q is not a login name: 1 to 32 letters, digits, dots, dashes and underscores, beginning with a letter or underscore.", Excerpt(d.RunAs, 80)),
			"The usual one for PostgreSQL is postgres.")...)
	}
	if d.Globals && d.Engine != EnginePostgreSQL {
		findings = append(findings, invalid(path+".globals", "Only PostgreSQL has globals", fmt.Sprintf("The engine is %s.", d.Engine), "Remove globals.")...)
	}
	return findings
}

// checkSQLite checks a database that is a file.
func checkSQLite(path string, d Database) (findings []Finding) {
	if err := CheckInclude(d.Name); err != nil || !utf8.ValidString(d.Name) || strings.ContainsAny(d.Name, "\n\r") {
		findings = invalid(path+".name", "Invalid path of a SQLite database", fmt.Sprintf("%q must be the absolute path of the file, on one line, without \"..\".", Excerpt(d.Name, 120)), "Such as /var/lib/app/app.db.")
	}
	for field, set := range map[string]bool{"host": d.Host != "", "port": d.Port != 0, "user": d.User != ""} {
		if set {
			findings = append(findings, invalid(path+"."+field, "A SQLite database has no server", field+" says how to reach a database server, and this is a file.", "Remove "+field+".")...)
		}
	}
	slices.SortFunc(findings, func(a, b Finding) int { return strings.Compare(a.Path, b.Path) })
	return findings
}

// checkServed checks a database that a server keeps.
func checkServed(path string, d Database) (findings []Finding) {
	if !databaseName.MatchString(d.Name) {
		findings = invalid(path+".name", "Invalid database name",
			fmt.Sprintf("%q is not a name this version can hand to the database's tools: 1 to 63 letters, digits, dots, dashes, blanks, $ and underscores, beginning with a letter, digit or underscore.", Excerpt(d.Name, 80)), "")
	}
	if d.User != "" && !databaseName.MatchString(d.User) {
		findings = append(findings, invalid(path+".user", "Invalid database user", fmt.Sprintf("%q: the same rules hold as for the name of a database.", Excerpt(d.User, 80)), "")...)
	}
	if d.Host != "" && !ValidHost(d.Host) && CheckBackupDir(d.Host) != nil {
		findings = append(findings, invalid(path+".host", "Invalid database host",
			fmt.Sprintf("%q is neither a host name, nor an IP address, nor the absolute path of a socket's folder.", Excerpt(d.Host, 80)), "Leave it out for the local socket.")...)
	}
	if d.Port < 0 || d.Port > 65535 {
		findings = append(findings, invalid(path+".port", "Invalid port", fmt.Sprintf("%s.port is %d; allowed are 1 to 65535, or 0 for the engine's own.", path, d.Port), "")...)
	}
	return findings
}
