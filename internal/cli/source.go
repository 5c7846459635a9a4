package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// sourceFlags say what a backup takes in.
type sourceFlags struct {
	kind             string
	include, exclude []string
	databases        []string
}

func (f *sourceFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.include, "include", nil, "absolute path to back up; may be given many times")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "what to leave out, a pattern of tar such as '*.log'; may be given many times")
	flags.StringArrayVar(&f.databases, "db", nil, "database to dump: ENGINE:NAME, or engine=E,name=N with run_as=, user=, host=, port=, globals=true; may be given many times")
	flags.StringVar(&f.kind, "type", "", "files, database or full (default: what --include and --db ask for)")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"files", "database", "full"}, cobra.ShellCompDirectiveNoFileComp))
	var engines []string
	for _, e := range backup.Engines {
		engines = append(engines, string(e)+":")
	}
	_ = cmd.RegisterFlagCompletionFunc("db", cobra.FixedCompletions(engines, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}

// input is the backup that the flags ask for.
func (f *sourceFlags) input(cmd *cobra.Command) (in api.BackupInput, err error) {
	if len(f.include)+len(f.databases) == 0 {
		return in, usageError{fmt.Errorf("nothing says what to back up: give --include PATH or --db ENGINE:NAME; see %s --help", cmd.CommandPath())}
	}
	if len(f.include)+len(f.exclude) > 0 {
		in.Files = &backup.FilesSource{Include: f.include, Exclude: f.exclude}
	}
	if in.Databases, err = f.parsed(); err != nil {
		return in, err
	}
	in.Type = cmp.Or(f.kind, typeOf(in.Files != nil, len(in.Databases) > 0))
	return in, nil
}

// change puts into a request what the flags change about the source of a schedule.
func (f *sourceFlags) change(in *api.ScheduleInput, s api.Schedule) (err error) {
	files, dumps, kind := s.Files, s.Databases, f.kind
	if len(f.include) > 0 {
		files.Include = f.include
	}
	if len(f.exclude) > 0 {
		files.Exclude = f.exclude
	}
	if len(f.databases) > 0 {
		if dumps, err = f.parsed(); err != nil {
			return err
		}
	}
	switch backup.Type(kind) {
	case "":
		kind = typeOf(len(files.Include) > 0, len(dumps) > 0)
	case backup.TypeFiles:
		dumps = []backup.Database{}
	case backup.TypeDatabase:
		files = backup.FilesSource{}
	}
	if files.Include == nil {
		files.Include = []string{} // the API takes no null
	}
	in.Type, in.Files, in.Databases = &kind, &files, &dumps
	return nil
}

// parsed are the databases of --db.
func (f *sourceFlags) parsed() (all []backup.Database, err error) {
	for _, text := range f.databases {
		d, err := parseDatabase(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--db %q: %w", plain(text), err)}
		}
		all = append(all, d)
	}
	return all, nil
}

// typeOf is the type of backup that holds what is asked for.
func typeOf(files, databases bool) string {
	switch {
	case !files:
		return string(backup.TypeDatabase)
	case !databases:
		return string(backup.TypeFiles)
	}
	return string(backup.TypeFull)
}

// parseDatabase reads "postgresql:app", whose name is all that follows, or "engine=postgresql,name=app,run_as=postgres".
// Whether the values are good is decided by the rules of a backup.
func parseDatabase(text string) (d backup.Database, err error) {
	engine, name, short := strings.Cut(text, ":")
	if short && !strings.Contains(engine, "=") {
		if name == "" {
			return d, fmt.Errorf("the name of the database is missing: want %s:NAME", engine)
		}
		return backup.Database{Engine: backup.Engine(engine), Name: name}, nil
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || value == "" {
			return d, fmt.Errorf("%q is not KEY=VALUE; want ENGINE:NAME, or engine=postgresql,name=app", pair)
		}
		if seen[key] {
			return d, fmt.Errorf("%s is said twice", key)
		}
		seen[key] = true
		if err := setDatabase(&d, key, value); err != nil {
			return d, err
		}
	}
	if d.Engine == "" || d.Name == "" {
		return d, fmt.Errorf("engine and name are needed, as in engine=postgresql,name=app")
	}
	return d, nil
}

var databaseKeys = []string{"engine", "name", "run_as", "user", "host", "port", "globals"}

func setDatabase(d *backup.Database, key, value string) (err error) {
	switch key {
	case "engine":
		d.Engine = backup.Engine(value)
	case "name":
		d.Name = value
	case "run_as":
		d.RunAs = value
	case "user":
		d.User = value
	case "host":
		d.Host = value
	case "port":
		if d.Port, err = strconv.Atoi(value); err != nil {
			return fmt.Errorf("port is %q and must be a number", value)
		}
	case "globals":
		if d.Globals, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("globals is %q and must be true or false", value)
		}
	case "password":
		return fmt.Errorf("a password does not belong here, where every process can see it: leave it on the server, in ~/.pgpass or ~/.my.cnf of the account that dumps")
	default:
		text := fmt.Sprintf("%q is not one of %s", key, strings.Join(databaseKeys, ", "))
		if near := backup.Nearest(key, databaseKeys); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		return fmt.Errorf("%s", text)
	}
	return nil
}
