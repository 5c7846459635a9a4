package cli_test

import (
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func TestFirstTokenOfADatabaseIsMadeBesideIt(t *testing.T) {
	t.Parallel()
	database := testbed.StartPostgres(t)
	status, out, errOut := run(t, "token", "create", "first", "--role", "owner", "--database", database)
	if status != 0 || !strings.HasPrefix(out, "cap_") {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	if status, out, errOut = run(t, "token", "list", "--database", database); status != 0 || !strings.Contains(out, "first") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
}

func TestDatabasePasswordIsNotPrinted(t *testing.T) {
	const database = "postgres://me:s3cr3t@127.0.0.1:1/db"
	t.Setenv("CLOUDAIPILOT_DATABASE", database)
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"serve", "--help"}, 0, "CLOUDAIPILOT_DATABASE"},
		{[]string{"token", "list"}, 1, "postgres://me@127.0.0.1:1/db"},
		{[]string{"token", "list", "--database", "postgres://me:s3cr3t/@127.0.0.1:1/db"}, 1, "%XX"},
		{[]string{"token", "list", "--endpoint", "https://backups.example.com"}, 2, "name one"},
		{[]string{"serve", "--listen", "127.0.0.1:0"}, 1, "postgres://me@127.0.0.1:1/db"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--database", database}, 1, "on the command line"},
	} {
		status, out, errOut := run(t, test.args...)
		if text := out + errOut; status != test.status || !strings.Contains(text, test.says) || strings.Contains(text, "s3cr3t") {
			t.Errorf("%q: exit status %d, %s", test.args, status, text)
		}
	}
}
