package backup

import (
	"slices"
	"strings"
	"testing"
)

func TestDatabaseRules(t *testing.T) {
	t.Parallel()
	app := Database{Engine: EnginePostgreSQL, Name: "app"}
	with := func(change func(*Database)) []Database {
		d := app
		change(&d)
		return []Database{d}
	}
	tests := map[string]struct {
		spec Spec
		want []string // the paths that are refused
	}{
		"one": {Spec{Type: TypeDatabase, Databases: []Database{app}}, nil},
		"everything": {Spec{Type: TypeDatabase, Databases: with(func(d *Database) {
			d.RunAs, d.User, d.Host, d.Port, d.Globals = "postgres", "app", "/run/postgresql", 5433, true
		})}, nil},
		"two engines":             {Spec{Type: TypeDatabase, Databases: []Database{app, {Engine: EngineMariaDB, Name: "app"}, {Engine: EngineSQLite, Name: "/srv/a b.db"}}}, nil},
		"files and databases":     {Spec{Type: TypeFull, Databases: []Database{app}, Files: FilesSource{Include: []string{"/etc"}}}, nil},
		"databases of files":      {Spec{Type: TypeFiles, Databases: []Database{app}}, []string{"databases"}},
		"files of databases":      {Spec{Type: TypeDatabase, Databases: []Database{app}, Files: FilesSource{Include: []string{"/etc"}}}, []string{"files.include"}},
		"none":                    {Spec{Type: TypeDatabase}, []string{"databases"}},
		"none in full":            {Spec{Type: TypeFull}, []string{"databases"}},
		"101":                     {Spec{Type: TypeFull, Databases: make([]Database, 101)}, []string{"databases"}},
		"unknown engine":          {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Engine = "postgres" })}, []string{"databases.0.engine"}},
		"connection string":       {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Name = "host=evil" })}, []string{"databases.0.name"}},
		"URL":                     {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Name = "postgres://evil/" })}, []string{"databases.0.name"}},
		"option":                  {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Name = "--all" })}, []string{"databases.0.name"}},
		"option as user":          {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.User = "-p" })}, []string{"databases.0.user"}},
		"option as account":       {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.RunAs = "-i" })}, []string{"databases.0.run_as"}},
		"host of shell":           {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Host = "$(id)" })}, []string{"databases.0.host"}},
		"port":                    {Spec{Type: TypeDatabase, Databases: with(func(d *Database) { d.Port = 65536 })}, []string{"databases.0.port"}},
		"relative SQLite":         {Spec{Type: TypeDatabase, Databases: []Database{{Engine: EngineSQLite, Name: "app.db"}}}, []string{"databases.0.name"}},
		"SQLite of a server":      {Spec{Type: TypeDatabase, Databases: []Database{{Engine: EngineSQLite, Name: "/a.db", Host: "h", Port: 1, User: "u"}}}, []string{"databases.0.host", "databases.0.port", "databases.0.user"}},
		"globals of MySQL":        {Spec{Type: TypeDatabase, Databases: []Database{{Engine: EngineMySQL, Name: "app", Globals: true}}}, []string{"databases.0.globals"}},
		"the same database twice": {Spec{Type: TypeDatabase, Databases: []Database{app, {Engine: EnginePostgreSQL, Name: "app", Globals: true}}}, []string{"databases.1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range Validate(databaseRules, test.spec, nil) {
				got = append(got, f.Path)
				if f.Summary == "" || f.Detail == "" || strings.Contains(f.Detail, "%!") {
					t.Errorf("%+v", f)
				}
			}
			if test.want != nil && len(got) > len(test.want) { // a hundred empty databases are each refused too
				got = got[:len(test.want)]
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("refused %q, want %q", got, test.want)
			}
		})
	}
}
