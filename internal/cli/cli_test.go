package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cli"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("XDG_CONFIG_HOME", dir)        // the master key of the tests
	_ = os.Setenv("CLOUDAIPILOT_MAX_TRIES", "1") // a failure is told at once
	for _, name := range []string{"CLOUDAIPILOT_DATA_DIR", "CLOUDAIPILOT_ENDPOINT", "CLOUDAIPILOT_TOKEN"} {
		_ = os.Unsetenv(name)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = cli.Run(t.Context(), "1.2.3", args, &out, &err)
	return status, out.String(), err.String()
}

// failedBackup is a data directory with a server nobody listens on, and a backup of it that failed.
func failedBackup(t *testing.T) (dir string, s api.Server, b api.Backup) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	e, err := app.NewEmbedded(app.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c := e.Client("test")
	name, host, port, record := "web-1", "127.0.0.1", 1, true
	if s, err = c.CreateServer(t.Context(), api.ServerInput{Name: &name, Host: &host, Port: &port, RecordHostKey: &record}); err != nil {
		t.Fatal(err)
	}
	if b, err = c.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc/\x1b[2J"}}}); err != nil {
		t.Fatal(err)
	}
	if b, err = c.WaitForBackup(t.Context(), b.ID, nil); err != nil {
		t.Fatal(err)
	}
	return dir, s, b
}

func TestTablesAndRecords(t *testing.T) {
	t.Parallel()
	dir, s, b := failedBackup(t)
	tests := map[string]struct {
		args []string
		want []string
	}{
		"servers":        {[]string{"server", "list"}, []string{"NAME", "web-1", "cloudpilot@127.0.0.1:1", s.ID}},
		"server by name": {[]string{"server", "show", "web-1"}, []string{s.ID, "public key", s.PublicKey, "/tmp/cloudpilot-backups"}},
		"server by id":   {[]string{"server", "show", s.ID}, []string{"web-1"}},
		"backups":        {[]string{"backup", "list"}, []string{"ID", b.ID, "failed (CONNECTION_REFUSED)"}},
		"of a server":    {[]string{"backup", "list", "--server", "web-1", "--status", "failed"}, []string{b.ID}},
		"backup":         {[]string{"backup", "show", b.ID}, []string{"CONNECTION_REFUSED", "127.0.0.1:1 answered", "fix 1", "/etc/·[2J"}},
		"log":            {[]string{"backup", "log", b.ID}, []string{"preflight", "failed at connect"}},
		"activity":       {[]string{"activity"}, []string{"Server web-1 added", "Backup of web-1", "failed", b.ID}},
		"one activity":   {[]string{"activity", b.ActivityID}, []string{"Backup of web-1", "preflight: failed"}},
		"nothing":        {[]string{"backup", "list", "--status", "completed"}, []string{"ID"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out, errOut := run(t, append(test.args, "--data-dir", dir)...)
			if status != 0 || errOut != "" {
				t.Errorf("exit status %d, %s", status, errOut)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("a control character reached the terminal: %q", out)
			}
		})
	}
}

func TestJSONIsWhatTheAPISays(t *testing.T) {
	t.Parallel()
	dir, s, b := failedBackup(t)
	decode := func(v any, args ...string) {
		t.Helper()
		status, out, _ := run(t, append(args, "--json", "--data-dir", dir)...)
		if err := json.Unmarshal([]byte(out), v); status != 0 || err != nil {
			t.Fatalf("%q: exit status %d, %v: %s", args, status, err, out)
		}
	}
	var server api.Server
	decode(&server, "server", "show", "web-1")
	if diff := cmp.Diff(s, server); diff != "" {
		t.Error(diff)
	}
	var servers []api.Server
	decode(&servers, "server", "list")
	if diff := cmp.Diff([]api.Server{s}, servers); diff != "" {
		t.Error(diff)
	}
	var shown api.Backup
	decode(&shown, "backup", "show", b.ID)
	if diff := cmp.Diff(b, shown); diff != "" {
		t.Error(diff)
	}
	var none []api.Backup
	decode(&none, "backup", "list", "--status", "completed")
	if none == nil {
		t.Error("an empty list is null")
	}
	var log api.BackupLog
	decode(&log, "backup", "log", b.ID)
	var activities []api.Activity
	decode(&activities, "activity")
	if len(log.Lines) == 0 || len(activities) != 2 {
		t.Errorf("%d lines, %d activities", len(log.Lines), len(activities))
	}
	var version map[string]string
	decode(&version, "version")
	if version["version"] != "1.2.3" {
		t.Errorf("version %v", version)
	}
}

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	absent := filepath.Join(t.TempDir(), "absent")
	tests := map[string]struct {
		args   []string
		status int
		says   string
	}{
		"unknown command":        {[]string{"bakcup"}, 2, `did you mean "backup"?`},
		"unknown subcommand":     {[]string{"backup", "lst"}, 2, `did you mean "list"?`},
		"unknown flag":           {[]string{"backup", "list", "--sevrer", "x"}, 2, "--sevrer"},
		"argument missing":       {[]string{"backup", "show"}, 2, "accepts 1 arg(s), received 0: cloudaipilot backup show ID"},
		"times that are wrong":   {[]string{"cron", "next", "61 * * * *"}, 2, "0 to 59\n      61 * * * *\n      ^\n"},
		"nothing to diagnose":    {[]string{"diagnose", os.DevNull}, 0, "2>&1"},
		"argument too many":      {[]string{"server", "list", "x"}, 2, "unknown command"},
		"no such server":         {[]string{"server", "show", "web-2"}, 4, "server list"},
		"no such backup":         {[]string{"backup", "show", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"}, 4, "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"},
		"not an id":              {[]string{"backup", "download", "../../etc"}, 2, "identifier"},
		"download of a failed":   {[]string{"backup", "download", b.ID, "-o", filepath.Join(t.TempDir(), "x")}, 1, "is failed"},
		"waiting for a failed":   {[]string{"backup", "wait", b.ID}, 1, "Backup of web-1 failed: connection refused (CONNECTION_REFUSED)"},
		"status that is none":    {[]string{"backup", "list", "--status", "odd"}, 2, "--status"},
		"nothing at all is help": {nil, 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _, errOut := run(t, append(test.args, "--data-dir", dir)...)
			if status != test.status || !strings.Contains(errOut, test.says) {
				t.Errorf("exit status %d, %s", status, errOut)
			}
		})
	}
	if status, out, _ := run(t, "--version"); status != 0 || out != "cloudaipilot 1.2.3\n" {
		t.Errorf("--version: exit status %d, %s", status, out)
	}
	if status, out, _ := run(t, "backup", "list", "--data-dir", absent); status != 0 || !strings.HasPrefix(out, "ID") {
		t.Errorf("no data directory: exit status %d, %s", status, out)
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("listing made the data directory")
	}
}

func TestTokensAreShownOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	status, out, errOut := run(t, "token", "create", "ci", "--role", "member", "--expires-in-days", "30", "--data-dir", dir)
	secret := strings.TrimSpace(out)
	if status != 0 || !strings.HasPrefix(secret, "cap_") || strings.ContainsAny(secret, " \n") {
		t.Fatalf("exit status %d, %q, %s", status, out, errOut)
	}
	status, out, _ = run(t, "token", "list", "--json", "--data-dir", dir)
	var tokens []api.Token
	if err := json.Unmarshal([]byte(out), &tokens); status != 0 || err != nil || len(tokens) != 1 || tokens[0].Role != "member" || strings.Contains(out, secret) {
		t.Fatalf("exit status %d, %v: %s", status, err, out)
	}
	for i, want := range []int{0, 4} {
		if status, _, errOut := run(t, "token", "revoke", tokens[0].ID, "--data-dir", dir); status != want {
			t.Errorf("revoked for time %d: exit status %d, %s", i+1, status, errOut)
		}
	}
	if status, _, errOut := run(t, "token", "create", "ci", "--role", "onwer", "--data-dir", dir); status != 1 || !strings.Contains(errOut, `Did you mean "owner"?`) {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}

func TestServeRefusesWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, 1, "in the clear"},
		{[]string{"--listen", "nonsense"}, 1, "nonsense"},
		{[]string{"--log-format", "xml"}, 2, "text and json"},
		{[]string{"--tls-cert", "x"}, 1, "both or neither"},
	} {
		if status, _, errOut := run(t, append([]string{"serve", "--data-dir", dir}, test.args...)...); status != test.status || !strings.Contains(errOut, test.says) {
			t.Errorf("%q: exit status %d, %s", test.args, status, errOut)
		}
	}
	status, _, errOut := run(t, "server", "list", "--token-file", os.DevNull, "--data-dir", dir)
	if status != 2 || !strings.Contains(errOut, "CLOUDAIPILOT_ENDPOINT") {
		t.Errorf("a token without an endpoint: exit status %d, %s", status, errOut)
	}
	status, _, errOut = run(t, "server", "list", "--endpoint", "https://backups.example.com", "--token-file", os.DevNull)
	if status != 1 || !strings.Contains(errOut, "token create") {
		t.Errorf("an endpoint without a token: exit status %d, %s", status, errOut)
	}
}

func TestDownloadNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	file := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := run(t, "backup", "download", b.ID, "-o", file, "--data-dir", dir)
	if raw, _ := os.ReadFile(file); status != 1 || !strings.Contains(errOut, "exists already") || string(raw) != "precious" {
		t.Errorf("exit status %d, %s, file %q", status, errOut, raw)
	}
}

func TestFollowingAnActivityEndsWithIt(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	status, out, errOut := run(t, "activity", b.ActivityID, "--follow", "--data-dir", dir)
	if status != 1 || !strings.Contains(out, "failed at connect") || !strings.Contains(errOut, "Backup of web-1 failed") {
		t.Errorf("exit status %d, %s, %s", status, out, errOut)
	}
	_, out, _ = run(t, "activity", b.ActivityID, "--follow", "--json", "--data-dir", dir)
	var seq int64
	for line := range strings.Lines(out) {
		var l api.LogLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Seq != seq+1 {
			t.Errorf("after line %d: %v: %s", seq, err, line)
		}
		seq = l.Seq
	}
	if seq == 0 {
		t.Error("no lines")
	}
}

func TestFollowingAllActivitiesShowsNewOnes(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, "test", []string{"activity", "--follow", "--data-dir", dir}, w, io.Discard)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(out)
	next := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Errorf("got %q, want %q", lines.Text(), want)
		}
	}
	next("Server web-1 added")
	next("Backup of web-1")
	e, err := app.NewEmbedded(app.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Client("test").DeleteBackup(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	next("Backup of web-1 deleted")
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("exit status %d", status)
	}
}
