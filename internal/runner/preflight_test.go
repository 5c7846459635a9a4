package runner

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// statusOf are the answers by name.
func statusOf(checks []backup.Check) map[string]backup.CheckStatus {
	all := map[string]backup.CheckStatus{}
	for _, c := range checks {
		all[c.Name] = c.Status
	}
	return all
}

// TestPreflightThatStopsTellsWhatWasPassed holds every fact of a connection to one check, with those before it passed and
// those after it skipped.
func TestPreflightThatStopsTellsWhatWasPassed(t *testing.T) {
	t.Parallel()
	loggedIn := connectChecks(target, "ssh-ed25519 AAAA")
	loggedIn[len(loggedIn)-1].Took = time.Millisecond
	for _, test := range []struct {
		passed []backup.Check
		stage  backup.Stage
		fact   backup.Fact
		at     string
	}{
		{connectChecks(target, ""), backup.StageConnect, backup.FactNoKey, "key"},
		{connectChecks(target, ""), backup.StageConnect, backup.FactDNS, "resolve"},
		{connectChecks(target, ""), backup.StageConnect, backup.FactRefused, "connect"},
		{connectChecks(target, ""), backup.StageConnect, backup.FactDropped, "connect"},
		{connectChecks(target, ""), backup.StageConnect, backup.FactHostKeyChanged, "host_key"},
		{connectChecks(target, ""), backup.StageConnect, backup.FactAuthFailed, "login"},
		{loggedIn, backup.StageConnect, backup.FactTimeout, "shell"},
		{loggedIn, backup.StagePreflight, backup.FactRemoteCommand, "shell"},
		{loggedIn, backup.StagePreflight, backup.FactSudo, "sudo"},
	} {
		found, err := stopped(test.passed, &backup.Failure{Stage: test.stage, Fact: test.fact, Text: "words"}, time.Second)
		if err == nil || len(found.Checks) != len(backup.PreflightChecks) {
			t.Fatalf("%s: %v, %+v", test.fact, err, found)
		}
		before := true
		for i, c := range found.Checks {
			switch {
			case c.Name != backup.PreflightChecks[i]:
				t.Errorf("%s: %s is not %s", test.fact, c.Name, backup.PreflightChecks[i])
			case c.Name == backup.PreflightHostKey && c.Status == backup.CheckOK && strings.HasSuffix(c.Evidence, ": "):
				t.Errorf("%s: no host key is named: %q", test.fact, c.Evidence)
			case c.Name == test.at:
				before = false
				if c.Status != backup.CheckFailed || c.Failure == nil || c.Took != time.Second {
					t.Errorf("%s: %+v", test.fact, c)
				}
			case !before && c.Status != backup.CheckSkipped, before && c.Status != backup.CheckOK && c.Name != "tools":
				t.Errorf("%s: %+v", test.fact, c)
			}
		}
	}
}

// counting is a server that takes its time to count what the sources hold.
type counting struct {
	Host
	report    ssh.CheckReport
	err       error
	meanwhile func() // when the rest was told
	asked     ssh.CheckRequest
}

func (c *counting) Reach(context.Context, controlplane.Target, backup.Backup) (Host, string, error) {
	return c, "ssh-ed25519 AAAA", nil
}
func (c *counting) Forget(backup.ServerID) {}
func (c *counting) Close()                 {}

func (c *counting) Check(_ context.Context, r ssh.CheckRequest) (ssh.CheckReport, error) {
	c.asked = r
	r.Meanwhile(c.report)
	c.meanwhile()
	c.report.Estimate = &ssh.Estimate{Bytes: 10, Whole: true}
	return c.report, c.err
}

// TestAnswersAreToldOnceAndAsSoonAsTheyAreKnown: and where the counting does not end, the space is what failed.
func TestAnswersAreToldOnceAndAsSoonAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	b := backup.Backup{Spec: backup.Spec{Files: backup.FilesSource{Include: []string{"/a"}, Exclude: []string{"*.log"}}}}
	for name, test := range map[string]struct {
		err    error
		failed string
	}{
		"to the end":         {nil, ""},
		"until the time-out": {context.DeadlineExceeded, "space"},
	} {
		var told []backup.Check
		asked := target
		asked.Tell = func(c backup.Check) { told = append(told, c) }
		server := &counting{report: ssh.CheckReport{Folder: ssh.FolderOK, Paths: []ssh.PathState{ssh.PathOK}, FreeBytes: 100, TotalBytes: 200, Time: 1_800_000_000}, err: test.err,
			meanwhile: func() {
				if len(told) != 10 || told[9].Name != backup.PreflightBackupDir {
					t.Errorf("%s: known while it counts: %+v", name, told)
				}
			}}
		now := time.Unix(1_800_000_000, 0)
		tick := func() time.Time { now = now.Add(time.Millisecond); return now }
		found, err := Over(server, tick).Preflight(t.Context(), asked, b)
		if diff := cmp.Diff(found.Checks, told); diff != "" || len(told) != len(backup.PreflightChecks) {
			t.Errorf("%s: %s", name, diff)
		}
		for i, c := range told {
			if c.Name != backup.PreflightChecks[i] || (c.Status == backup.CheckFailed) != (c.Name == test.failed) {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if (err != nil) != (test.err != nil) || server.asked.Estimate != estimateFor || !server.asked.Versions || len(server.asked.Exclude) != 1 {
			t.Errorf("%s: %v, asked for %+v", name, err, server.asked)
		}
	}
	asked := target
	asked.LastBytes, b.ID = 7, "bk_1"
	server := &counting{meanwhile: func() {}, report: ssh.CheckReport{Folder: ssh.FolderOK, Paths: []ssh.PathState{ssh.PathOK}, FreeBytes: 100}}
	if _, err := Over(server, time.Now).Preflight(t.Context(), asked, b); err != nil || server.asked.Estimate != 0 || server.asked.Versions {
		t.Errorf("a backup that is known by the last archive is looked at longer than it needs: %v, %+v", err, server.asked)
	}
}

func TestPreflightTellsEveryCheckThatFails(t *testing.T) {
	t.Parallel()
	r := ssh.CheckReport{Folder: ssh.FolderWrongOwner, FolderDetail: "owned by user 7", Missing: []string{"tar"}, Paths: []ssh.PathState{ssh.PathMissing}, TotalInodes: 100, FreeBytes: 50}
	b := backup.Backup{Spec: backup.Spec{Files: backup.FilesSource{Include: []string{"/a"}}}}
	got := statusOf(hostChecks(r, target, b))
	for name, want := range map[string]backup.CheckStatus{"tools": "failed", "sources": "failed", "backup_dir": "failed", "space": "failed", "database": "skipped"} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
}

func TestToolsAndDatabasesAreToldWithTheirVersions(t *testing.T) {
	t.Parallel()
	r := ssh.CheckReport{Tools: []ssh.Tool{{Name: "tar", Maker: "BusyBox", Version: "1.35.0"}, {Name: "gzip"}}, Databases: []ssh.DatabaseReport{
		{State: ssh.DatabaseOK, Login: "app_ro", Tool: "pg_dump", Client: "17.2", Server: "15.4"},
		{State: ssh.DatabaseOK, Login: "root@localhost", Tool: "mariadb-dump", Client: "10.11.4-MariaDB", Server: "10.11.4-MariaDB"},
		{State: ssh.DatabaseOK, Login: "www-data", Tool: "sqlite3", Client: "3.40.1"}}}
	l := look{r, target, databases}
	if c := l.tools(); c.Evidence != "All tools are there: BusyBox tar 1.35.0, gzip, pg_dump 17.2, mariadb-dump 10.11.4-MariaDB, sqlite3 3.40.1." {
		t.Errorf("%+v", c)
	}
	want := "Postgresql app: app_ro is let in and may read its tables, the server is 15.4 and pg_dump 17.2; " +
		"mariadb shop: root@localhost is let in and may read its tables, the server is 10.11.4-MariaDB and mariadb-dump 10.11.4-MariaDB; " +
		"sqlite /a.db: www-data may read it, and sqlite3 is 3.40.1."
	if c := l.databases(); c.Status != backup.CheckOK || c.Evidence != want {
		t.Errorf("%+v", c)
	}
}

func TestSpaceIsJudgedByTheLastArchive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		free, last, grown, inodes int64
		status                    backup.CheckStatus
		fact                      backup.Fact
	}{
		"fits":             {300, 100, 200, 50, "ok", ""},
		"unless it grows":  {150, 100, 200, 50, "warning", ""},
		"does not":         {99, 100, 200, 50, "failed", backup.FactSpaceShort},
		"nothing is known": {99, 0, 0, 50, "ok", ""},
		"no inodes":        {300, 0, 0, 3, "failed", backup.FactInodesShort},
		"not told":         {-1, 100, 200, 50, "warning", ""},
	} {
		asked := target
		asked.LastBytes, asked.GrownBytes = test.last, test.grown
		c := look{ssh.CheckReport{FreeBytes: test.free, TotalBytes: 1000, FreeInodes: test.inodes, TotalInodes: 60}, asked, backup.Backup{}}.space()
		if c.Status != test.status || (c.Failure != nil) != (test.fact != "") || c.Failure != nil && c.Failure.Fact != test.fact {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestSpaceOfAFirstArchiveIsJudgedByWhatTheSourcesHold(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, test := range map[string]struct {
		free, dumped int64
		estimate     ssh.Estimate
		status       backup.CheckStatus
		needed       int64
		says         string
	}{
		"fits as it is":      {300 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Whole: true, Patterns: true}, "ok", 0, "the sources hold about 200.0 MiB before compression."},
		"fits so far":        {300 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Patterns: true}, "ok", 0, "at least 200.0 MiB before compression, as far as they could be counted in time."},
		"may be compressed":  {100 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Packed: 50 * mib, Whole: true, Patterns: true}, "warning", 0, "50.0 MiB of it are in files that are compressed already"},
		"will not get less":  {100 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Packed: 150 * mib, Patterns: true}, "failed", 135 * mib, "need at least"},
		"nearly not":         {140 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Packed: 150 * mib, Whole: true, Patterns: true}, "warning", 0, "depends on how well it compresses"},
		"dumps come besides": {200 * mib, 300 * mib, ssh.Estimate{Bytes: 150 * mib, Packed: 100 * mib, Whole: true, Patterns: true}, "warning", 0, "the dumps need at least 60.0 MiB besides"},
		"and take its place": {140 * mib, 300 * mib, ssh.Estimate{Bytes: 150 * mib, Packed: 100 * mib, Whole: true, Patterns: true}, "failed", 150 * mib, "need at least"},
		"without patterns":   {300 * mib, 0, ssh.Estimate{Bytes: 200 * mib, Whole: true}, "ok", 0, "what files.exclude leaves out is counted too."},
	} {
		r := ssh.CheckReport{FreeBytes: test.free, TotalBytes: 1000 * mib, FreeInodes: -1, TotalInodes: -1, Estimate: &test.estimate}
		b := backup.Backup{Spec: backup.Spec{Files: backup.FilesSource{Exclude: []string{"*.log"}}}}
		if test.dumped > 0 {
			r.Databases, b.Databases = []ssh.DatabaseReport{{State: ssh.DatabaseOK, Size: test.dumped}}, databases.Databases[:1]
		}
		c := look{r, target, b}.space()
		if c.Status != test.status || !strings.Contains(c.Evidence, test.says) {
			t.Errorf("%s: %+v", name, c)
		}
		if test.needed > 0 && (c.Failure == nil || c.Failure.Fact != backup.FactSpaceShort || c.Failure.Evidence.NeededBytes < test.needed-10 || c.Failure.Evidence.NeededBytes > test.needed+10) {
			t.Errorf("%s: needs %d, %+v", name, test.needed, c.Failure)
		}
	}
}

// TestSpaceOfARetryIsWhatFilledTheDisk: unless the sources hold less by now.
func TestSpaceOfARetryIsWhatFilledTheDisk(t *testing.T) {
	t.Parallel()
	asked := target
	asked.LeastBytes = 200
	for name, test := range map[string]struct {
		free     int64
		estimate *ssh.Estimate
		status   backup.CheckStatus
	}{
		"too little still":   {199, &ssh.Estimate{Bytes: 400, Whole: true}, "failed"},
		"not counted to end": {199, &ssh.Estimate{Bytes: 100}, "failed"},
		"not counted":        {199, nil, "failed"},
		"grown":              {400, &ssh.Estimate{Bytes: 400, Whole: true}, "ok"},
		"holds less by now":  {150, &ssh.Estimate{Bytes: 100, Whole: true}, "ok"},
	} {
		c := look{ssh.CheckReport{FreeBytes: test.free, TotalBytes: 1000, Estimate: test.estimate}, asked, backup.Backup{}}.space()
		if c.Status != test.status || c.Failure != nil && c.Failure.Evidence.NeededBytes != 200 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestClockThatIsOffIsAWarning(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for offset, want := range map[time.Duration]string{0: "", 5 * time.Second: "", 6 * time.Second: "6s ahead of", -time.Hour: "1h0m0s behind"} {
		c := clock(ssh.CheckReport{Time: now.Add(offset).Unix()}, target, now, now)
		if (c.Status == backup.CheckWarning) != (want != "") || !strings.Contains(c.Evidence, want) {
			t.Errorf("%s: %+v", offset, c)
		}
	}
}
