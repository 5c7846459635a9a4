package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int, status, step string, bytes int64) (api.Backup, time.Time) {
	return api.Backup{Status: status, CreatedAt: noon, Progress: api.Progress{Step: step, Bytes: bytes}}, noon.Add(time.Duration(seconds) * time.Second)
}

func TestLiveLineTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, test := range []struct {
		name   string
		before int64 // size of the last archive
		want   []string
	}{
		{"first of its kind", 0, []string{"pending  0s", "starting  1s", "archive  2s", "archive  10.0 MiB  3s", "archive  40.0 MiB  10.0 MiB/s  6s", "verify  40.0 MiB  8s"}},
		{"like one before", 100 * mib, []string{"pending  0s", "starting  1s", "archive  2s", "archive  10.0 MiB  3s", "archive  40.0 MiB  10.0 MiB/s  6s  about 6s left", "verify  40.0 MiB  8s"}},
		{"larger than before", 20 * mib, []string{"pending  0s", "starting  1s", "archive  2s", "archive  10.0 MiB  3s", "archive  40.0 MiB  10.0 MiB/s  6s", "verify  40.0 MiB  8s"}},
	} {
		var out bytes.Buffer
		m := meter{out: &out, live: true, width: func() int { return 80 }, before: api.Backup{SizeBytes: test.before}}
		m.show(at(0, "pending", "", 0))
		m.show(at(1, "running", "", 0))
		m.show(at(2, "running", "archive", 0))
		m.show(at(3, "running", "archive", 10*mib))
		m.show(at(6, "running", "archive", 40*mib))
		m.show(at(8, "running", "verify", 40*mib))
		m.end()
		got := strings.Split(strings.TrimSuffix(out.String(), "\r\x1b[K"), "\r\x1b[K")[1:]
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestLiveLineFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := meter{out: &out, live: true, width: func() int { return 10 }}
	m.show(at(3, "running", "archive", 10<<20))
	if got := out.String(); got != "\r\x1b[Karchive  " {
		t.Errorf("%q", got)
	}
}

func TestPlainLinesComeOnChangeOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := meter{out: &out}
	m.show(at(0, "pending", "", 0))
	m.show(at(10, "pending", "", 0))
	m.show(at(20, "running", "archive", 1<<20))
	m.show(at(30, "running", "archive", 1<<20))
	m.show(at(40, "running", "archive", 2<<20))
	m.end()
	want := "2026-03-01 12:00:00Z  pending\n2026-03-01 12:00:20Z  archive, 1.0 MiB\n2026-03-01 12:00:40Z  archive, 2.0 MiB\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDatabaseFlag(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]backup.Database{
		"postgresql:app":                                            {Engine: "postgresql", Name: "app"},
		"sqlite:/var/lib/a,b=c.db":                                  {Engine: "sqlite", Name: "/var/lib/a,b=c.db"},
		"engine=postgresql,name=app,run_as=postgres":                {Engine: "postgresql", Name: "app", RunAs: "postgres"},
		"name=a,engine=mysql,user=u,host=h,port=3307":               {Engine: "mysql", Name: "a", User: "u", Host: "h", Port: 3307},
		"engine=postgresql,name=a,host=/run/postgresql,globals=yes": {},
		"engine=postgresql,name=a:b,globals=true":                   {Engine: "postgresql", Name: "a:b", Globals: true},
		"postgresql":                    {},
		"postgresql:":                   {},
		"":                              {},
		"engine=mysql":                  {},
		"engine=mysql,name=":            {},
		"engine=mysql,name=a,name=b":    {},
		"engine=mysql,name=a,port=x":    {},
		"engine=mysql,name=a,passwrd=x": {},
	} {
		got, err := parseDatabase(text)
		if (err != nil) != (want == backup.Database{}) {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestRemediesNameFlagsAndLeaveValuesAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`Set privilege = "sudo" on the server`:                                        "Set --privilege sudo on the server",
		"leave it out of files.include.":                                              "leave it out of --include.",
		"files.include.0 is wrong":                                                    "--include.0 is wrong",
		`User x may not read "/srv/host_key" and "/srv/retention_days"`:               `User x may not read "/srv/host_key" and "/srv/retention_days"`,
		"set record_host_key = true to trust it, or set host_key":                     "set --record-host-key to trust it, or set --host-key",
		"Give private_key_wo an unencrypted key, and raise private_key_wo_version.":   "Give --private-key an unencrypted key.",
		"Set generate_key = true on the server, or bring a key with private_key_wo.":  "Set --generate-key on the server, or bring a key with --private-key.",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5Gbz1S0Irky cloudaipilot-backup_dir-1": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5Gbz1S0Irky cloudaipilot-backup_dir-1",
	} {
		if got := inFlags(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestSilenceOfAnEndpointIsExplained(t *testing.T) {
	t.Parallel()
	silence := &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	c := &cli{endpoint: "https://backups.example.com"}
	got, ok := c.unreachable(fmt.Errorf("list: %w", silence))
	if !ok || !strings.Contains(strings.Join(got.fix, " "), "firewall") {
		t.Errorf("%v, %+v", ok, got)
	}
	if _, ok := (&cli{}).unreachable(silence); ok {
		t.Error("explained without an endpoint")
	}
}
