package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// config writes a configuration file and returns its path.
func config(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingComesFromTheFlagThenTheEnvironmentThenTheFile(t *testing.T) {
	const env = "CLOUDAIPILOT_LISTEN"
	file := config(t, "listen: 127.0.0.1:3\n")
	for _, test := range []struct {
		name, flag, env, file, want string
	}{
		{"nothing is the default", "", "", "", "127.0.0.1:8642"},
		{"file over default", "", "", file, "127.0.0.1:3"},
		{"environment over default", "", "127.0.0.1:2", "", "127.0.0.1:2"},
		{"environment over file", "", "127.0.0.1:2", file, "127.0.0.1:2"},
		{"flag over default", "127.0.0.1:1", "", "", "127.0.0.1:1"},
		{"flag over file", "127.0.0.1:1", "", file, "127.0.0.1:1"},
		{"flag over environment", "127.0.0.1:1", "127.0.0.1:2", "", "127.0.0.1:1"},
		{"flag over both", "127.0.0.1:1", "127.0.0.1:2", file, "127.0.0.1:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(env, test.env)
			args := []string{"serve", "--check", "--data-dir", t.TempDir(), "--config", test.file}
			if test.flag != "" {
				args = append(args, "--listen", test.flag)
			}
			status, out, errOut := run(t, args...)
			if !strings.Contains(out, test.want+"\n") {
				t.Errorf("exit status %d, %s%s", status, out, errOut)
			}
		})
	}
}

func TestRecordsAreWhereTheFirstThatNamesThemSays(t *testing.T) {
	dir := t.TempDir()
	file := config(t, "database: postgres://file@db/x\ndata_dir: "+dir+"\n")
	for _, test := range []struct {
		name  string
		args  []string
		env   string
		want  string
		warns bool
	}{
		{"file", []string{"--config", file}, "", "postgres://file@db/x", false},
		{"environment over file", []string{"--config", file}, "postgres://env@db/x", "postgres://env@db/x", false},
		{"flag over environment", []string{"--config", file, "--database", "postgres://flag@db/x"}, "postgres://env@db/x", "postgres://flag@db/x", false},
		{"an empty flag over both", []string{"--config", file, "--database", ""}, "postgres://env@db/x", dir, false},
		{"flag with a password", []string{"--database", "postgres://flag:s3cr3t@db/x"}, "", "postgres://flag@db/x", true},
		{"environment with a password", nil, "postgres://env:s3cr3t@db/x", "postgres://env@db/x", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CLOUDAIPILOT_DATABASE", test.env)
			status, out, errOut := run(t, append([]string{"serve", "--check"}, test.args...)...)
			if status != 0 || !strings.Contains(out, test.want+"\n") || strings.Contains(out+errOut, "s3cr3t") || strings.Contains(errOut, "on the command line") != test.warns {
				t.Errorf("exit status %d, %s%s", status, out, errOut)
			}
		})
	}
}

func TestConfigurationFileIsNamedByTheEnvironmentToo(t *testing.T) {
	t.Setenv("CLOUDAIPILOT_CONFIG", config(t, "listen: 127.0.0.1:3\n"))
	if status, out, errOut := run(t, "serve", "--check", "--data-dir", t.TempDir()); status != 0 || !strings.Contains(out, "127.0.0.1:3") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	t.Setenv("CLOUDAIPILOT_CONFIG", "/absent.yaml")
	if status, _, errOut := run(t, "serve", "--check"); status != 2 || !strings.Contains(errOut, "/absent.yaml: there is no such file") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}

func TestPathsInTheFileAreRelativeToItsFolder(t *testing.T) {
	t.Parallel()
	file := config(t, "data_dir: records/here\n")
	want := filepath.Join(filepath.Dir(file), "records/here") + "\n"
	if status, out, errOut := run(t, "serve", "--check", "--config", file); status != 0 || !strings.Contains(out, want) {
		t.Errorf("exit status %d, %s%s, want %s", status, out, errOut, want)
	}
	cert := config(t, "tls_cert: cert.pem\ntls_key: key.pem\nlisten: :8642\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(cert), "cert.pem"), []byte("not one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := run(t, "serve", "--check", "--config", cert); status != 1 || !strings.Contains(errOut, filepath.Join(filepath.Dir(cert), "key.pem")) && !strings.Contains(errOut, "cert.pem") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}

func TestConfigurationFileThatCannotBeUnderstoodIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		file string
		says []string
	}{
		"unknown key":         {config(t, "listen: :1\n\nlisten_on: x\n"), []string{"config.yaml, line 3", `"listen_on" is not a setting`, "Allowed are: listen, data_dir, database, tls_cert, tls_key, stuck_after, max_tries, log_format, failure_retention"}},
		"misspelt key":        {config(t, "datadir: x\n"), []string{"line 1", `did you mean "data_dir"?`}},
		"a flag's name":       {config(t, "tls-cert: x\n"), []string{`did you mean "tls_cert"?`}},
		"a merged mapping":    {config(t, "<<: {listen: x}\n"), []string{`"<<" is not a setting`}},
		"a list as key":       {config(t, "? [listen]\n: x\n"), []string{"is not a setting"}},
		"number for text":     {config(t, "listen: 8642\n"), []string{"line 1", "listen must be text: put the value into quotes"}},
		"list for text":       {config(t, "log_format: text\ndatabase:\n  - postgres://me:s3cr3t@db/x\n"), []string{"line 3", "database is a list and must be text"}},
		"mapping for text":    {config(t, "database: {password: s3cr3t}\n"), []string{"database is not a plain value"}},
		"no value":            {config(t, "log_format: json\nlisten:\n"), []string{"line 2", "listen is empty"}},
		"empty value":         {config(t, "data_dir: \"\"\n"), []string{"data_dir is empty"}},
		"duplicate key":       {config(t, "listen: :1\nlog_format: json\nlisten: :2\n"), []string{"line 3", "listen is set a second time, after line 1"}},
		"several documents":   {config(t, "listen: :1\n---\nlisten: :2\n"), []string{"line 2", "a second document"}},
		"second one broken":   {config(t, "listen: :1\n---\n\"\n"), []string{"not YAML"}},
		"a list":              {config(t, "- listen\n"), []string{"want lines such as"}},
		"text":                {config(t, "listen\n"), []string{"want lines such as"}},
		"not YAML":            {config(t, "listen: :1\n\tdatabase: [\n"), []string{"it is not YAML: line 2"}},
		"empty":               {config(t, ""), []string{"it is empty"}},
		"comments alone":      {config(t, "# nothing\n\n"), []string{"it is empty"}},
		"null":                {config(t, "~\n"), []string{"it is empty"}},
		"missing":             {filepath.Join(dir, "absent.yaml"), []string{"absent.yaml: there is no such file"}},
		"a directory":         {dir, []string{"this is a directory"}},
		"too large":           {config(t, "listen: :1\n"+strings.Repeat("#", 1<<20)), []string{"larger than 1 MiB"}},
		"not UTF-8":           {config(t, "listen: \"\xff\"\n"), []string{"not UTF-8"}},
		"log format":          {config(t, "log_format: xml\n"), []string{"text and json"}},
		"a hostile key":       {config(t, "\"li\\esten\": x\n"), []string{"li·sten"}},
		"password in a value": {config(t, "database: postgres://me:s3cr3t@db/x\ndatabase: x\n"), []string{"line 2", "a second time"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out, errOut := run(t, "serve", "--check", "--config", test.file)
			if status != 2 || out != "" || strings.Contains(errOut, "s3cr3t") || strings.Contains(errOut, "\x1b") {
				t.Errorf("exit status %d, %s%s", status, out, errOut)
			}
			for _, want := range test.says {
				if !strings.Contains(errOut, want) {
					t.Errorf("%q is not in %s", want, errOut)
				}
			}
		})
	}
}

func TestCheckFindsWhatWouldNotStart(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"good":                 {[]string{"--data-dir", fresh}, 0, "good"},
		"in the clear":         {[]string{"--data-dir", fresh, "--listen", ":8642"}, 1, "in the clear"},
		"no port":              {[]string{"--data-dir", fresh, "--listen", "127.0.0.1"}, 1, "want host:port"},
		"no certificate":       {[]string{"--data-dir", fresh, "--tls-cert", "/absent", "--tls-key", "/absent"}, 1, "certificate absent"},
		"somebody's directory": {[]string{"--data-dir", full}, 1, "not a data directory"},
		"broken URL":           {[]string{"--database", "postgres://me:s3cr3t/@db/x"}, 1, "%XX"},
		"broken option":        {[]string{"--database", "postgres://me:s3cr3t@db:port/x"}, 1, ""},
		"log format":           {[]string{"--log-format", "xml"}, 2, "text and json"},
		"kept for days":        {[]string{"--data-dir", fresh, "--failure-retention", "30d"}, 0, "good"},
		"kept for no day":      {[]string{"--failure-retention", "0d"}, 2, `--failure-retention is "0d"; allowed are 1d to 3650d`},
		"kept for hours":       {[]string{"--failure-retention", "24h"}, 2, "allowed are 1d to 3650d"},
	} {
		status, out, errOut := run(t, append([]string{"serve", "--check"}, test.args...)...)
		if status != test.status || !strings.Contains(out+errOut, test.says) || strings.Contains(out+errOut, "s3cr3t") {
			t.Errorf("%s: exit status %d, %s%s", name, status, out, errOut)
		}
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("checking made the data directory")
	}
}

func TestCheckLooksForAPlaceOfTheMasterKey(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "CLOUDAIPILOT_MASTER_KEY", "CLOUDAIPILOT_MASTER_KEY_FILE"} {
		t.Setenv(name, "")
	}
	check := func() (int, string) {
		status, out, errOut := run(t, "serve", "--check", "--data-dir", filepath.Join(home, "data"))
		return status, out + errOut
	}
	if status, said := check(); status != 1 || !strings.Contains(said, "no place for the master key") || !strings.Contains(said, "CLOUDAIPILOT_MASTER_KEY_FILE") {
		t.Errorf("without a home: exit status %d, %s", status, said)
	}
	t.Setenv("HOME", home)
	if status, said := check(); status != 0 || !strings.Contains(said, "good") {
		t.Errorf("where a key would be made: exit status %d, %s", status, said)
	}
	if _, err := os.Stat(filepath.Join(home, ".config")); err == nil {
		t.Error("checking made the key")
	}
}

func TestPasswordInAFileThatOthersCanReadIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		mode  os.FileMode
		warns bool
	}{
		{"database: postgres://me:s3cr3t@db/x", 0o644, true},
		{"database: postgres://me:s3cr3t@db/x", 0o640, false}, // the group of the service
		{"database: postgres://me:s3cr3t@db/x", 0o600, false},
		{"database: postgres://me@db/x", 0o644, false},
	} {
		file := config(t, test.text)
		if err := os.Chmod(file, test.mode); err != nil {
			t.Fatal(err)
		}
		status, out, errOut := run(t, "serve", "--check", "--config", file)
		if status != 0 || strings.Contains(errOut, "which others can read") != test.warns || strings.Contains(out+errOut, "s3cr3t") {
			t.Errorf("%s, mode %#o: exit status %d, %s", test.text, test.mode, status, errOut)
		}
	}
}

// TestExampleConfigurationIsGood reads the example as it is, and with every line that is commented out.
func TestExampleConfigurationIsGood(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../examples/serve/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^#([a-z_]+:)`).ReplaceAllString(string(raw), "$1")
	here := t.TempDir() // this machine may have a data directory where the example has it
	status, _, errOut := run(t, "serve", "--check", "--data-dir", here, "--config", config(t, string(raw)))
	if status != 0 {
		t.Errorf("as it is: exit status %d, %s", status, errOut)
	}
	if status, _, errOut = run(t, "serve", "--check", "--data-dir", here, "--config", config(t, all)); status != 1 || !strings.Contains(errOut, "certificate") {
		t.Errorf("with every line: exit status %d, %s", status, errOut)
	}
	for _, key := range []string{"listen", "data_dir", "database", "tls_cert", "tls_key", "log_format", "failure_retention"} {
		if !strings.Contains(all, "\n"+key+": ") {
			t.Errorf("it does not show %s", key)
		}
	}
}
