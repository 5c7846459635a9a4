package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
)

// setting is one setting of serve. Its flag is named like its key, with dashes.
type setting struct {
	key  string // in the configuration file
	env  string // environment variable
	path bool   // names a file or folder: relative to the configuration file where it comes from there
}

// serveSettings are all settings of serve. A new one is a flag of the command and a line here.
var serveSettings = settings{
	{key: "listen", env: "CLOUDAIPILOT_LISTEN"},
	{key: "data_dir", env: "CLOUDAIPILOT_DATA_DIR", path: true},
	{key: "database", env: app.DatabaseEnv},
	{key: "tls_cert", env: "CLOUDAIPILOT_TLS_CERT", path: true},
	{key: "tls_key", env: "CLOUDAIPILOT_TLS_KEY", path: true},
	{key: "stuck_after", env: app.StuckAfterEnv},
	{key: "max_tries", env: app.MaxTriesEnv},
	{key: "log_format", env: "CLOUDAIPILOT_LOG_FORMAT"},
	{key: "failure_retention", env: "CLOUDAIPILOT_FAILURE_RETENTION"},
}

func (s setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }

type settings []setting

func (ss settings) keys() []string {
	keys := make([]string, len(ss))
	for i, s := range ss {
		keys[i] = s.key
	}
	return keys
}

func (ss settings) named(key string) (setting, bool) {
	for _, s := range ss {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

// Where a setting's value may come from.
type source int

const (
	fromDefault source = iota
	fromFile
	fromEnv
	fromFlag
)

// fill gives every setting its value: that of its flag, else of its environment variable, else of the configuration
// file, else its default. It returns where each came from, by key.
func (ss settings) fill(cmd *cobra.Command, file configFile) (map[string]source, error) {
	from := make(map[string]source, len(ss))
	for _, s := range ss {
		f := cmd.Flags().Lookup(s.flag())
		value, where := s.find(f, file)
		from[s.key] = where
		if where == fromFlag || where == fromDefault {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			if where == fromEnv {
				return nil, usageError{fmt.Errorf("$%s: %w", s.env, err)}
			}
			return nil, file.wrong(file.values[s.key].line, "%s: %w", s.key, err)
		}
	}
	return from, nil
}

// find returns a setting's value and where it comes from.
func (s setting) find(f *pflag.Flag, file configFile) (string, source) {
	if f.Changed {
		return "", fromFlag
	}
	if v := os.Getenv(s.env); v != "" {
		return v, fromEnv
	}
	v, ok := file.values[s.key]
	if !ok {
		return "", fromDefault
	}
	if s.path && !filepath.IsAbs(v.text) {
		return filepath.Join(filepath.Dir(file.path), v.text), fromFile
	}
	return v.text, fromFile
}
