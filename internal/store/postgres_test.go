package store

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// steps makes n steps of bk_1, one after the other, and counts how many of them were saved.
func steps(t *testing.T, s *Store, n int, after func(i int)) (saved int) {
	t.Helper()
	at := now.Add(time.Second)
	for i := range n {
		at = at.Add(time.Hour) // beyond a lease that may have been lost
		b, ok, err := s.Lease(t.Context(), "bk_1", at, at.Add(time.Minute))
		if !ok || err != nil {
			t.Errorf("lease %d: %v, %v", i, ok, err)
			continue
		}
		b.Work.LeaseUntil = time.Time{}
		note := controlplane.ActivityNote{Activity: activity("act_1"), Lines: []backup.LogLine{{At: now, Text: "step"}}}
		if err := s.SaveStep(t.Context(), b, note); err != nil {
			t.Errorf("save step %d: %v", i, err)
			continue
		}
		saved++
		after(i)
	}
	return saved
}

func checkSteps(t *testing.T, s *Store, saved int) {
	t.Helper()
	got, err := s.Backup(t.Context(), "bk_1")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.Log(t.Context(), "act_1")
	if err != nil || len(lines) != saved || got.Work.Attempt != int64(2+saved) {
		t.Errorf("%d steps were saved; %d lines, attempt %d, %v", saved, len(lines), got.Work.Attempt, err)
	}
}

func TestConnectionsThatAreCutLoseNothing(t *testing.T) {
	t.Parallel()
	address := testbed.StartPostgres(t)
	s, err := OpenPostgres(t.Context(), address, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	seed(t, s)
	db, cut := raw(t, address), 0
	checkSteps(t, s, steps(t, s, 20, func(int) {
		var n int
		if err := db.QueryRowContext(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n); err != nil {
			t.Error(err)
		}
		cut += n
	}))
	if cut < 20 {
		t.Errorf("only %d connections were cut", cut)
	}
}

func TestServerThatCrashesAndComesBackLosesNothing(t *testing.T) {
	t.Parallel()
	server := testbed.NewPostgres(t)
	s, err := OpenPostgres(t.Context(), server.Database(), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	seed(t, s)
	var wg sync.WaitGroup
	saved := steps(t, s, 10, func(i int) {
		wg.Wait()
		if i%4 != 1 {
			return
		}
		server.Stop()
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a server that is down answers")
		}
		wg.Go(server.Start) // while the next step waits for it
	})
	wg.Wait()
	if saved != 10 {
		t.Errorf("%d of 10 steps were saved", saved)
	}
	checkSteps(t, s, saved)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPasswordIsNeverRepeated(t *testing.T) {
	t.Parallel()
	at := func(u string) string { // a server that is there, and a database that is not
		parsed, err := url.Parse(testbed.StartPostgres(t))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(u, "HOST", parsed.Host)
	}
	tests := map[string]struct{ address, says string }{
		"nobody listens":       {"postgres://me:s3cr3t@127.0.0.1:1/db", "postgres://me@127.0.0.1:1/db"},
		"no such database":     {at("postgres://cloudaipilot:s3cr3t@HOST/absent?sslmode=disable"), "absent"},
		"password as option":   {"postgres://127.0.0.1:1/db?user=me&password=s3cr3t", "postgres://127.0.0.1:1/db"},
		"a wrong option":       {"postgres://me:s3cr3t@127.0.0.1/db?sslmode=s3cr3t", "sslmode"},
		"a slash in it":        {"postgres://me:s3cr3t/x@127.0.0.1/db", "%XX"},
		"a percent sign in it": {"postgres://me:s3cr3t%zz@127.0.0.1/db", "%XX"},
		"an escaped one":       {"postgres://me:s3cr3t%2Fx%40@127.0.0.1:1/db", "127.0.0.1:1/db"},
		"a list of settings":   {"host=127.0.0.1 password=s3cr3t", "postgres://user@host"},
		"another database":     {"mysql://me:s3cr3t@127.0.0.1/db", "postgres://user@host"},
		"a control character":  {"postgres://me:s3cr3t\n@127.0.0.1/db", "%XX"},
	}
	for name, test := range tests {
		_, err := OpenPostgres(t.Context(), test.address, now)
		if err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if named := PostgresName(test.address); strings.Contains(named, "s3cr3t") {
			t.Errorf("%s: named %s", name, named)
		}
	}
	for address, want := range map[string]bool{"postgres://me:p@h/d": true, "postgres://h/d?password=p": true, "postgres://me@h/d": false, "postgres://me:@h/d": false} {
		if PostgresPassword(address) != want {
			t.Errorf("%s: want %v", address, want)
		}
	}
}

func TestDatabaseThatCannotHoldEveryTextIsRefused(t *testing.T) {
	t.Parallel()
	address := testbed.StartPostgres(t)
	db := raw(t, address)
	name := "ascii_" + address[strings.LastIndex(address, "_")+1:strings.Index(address, "?")]
	if _, err := db.ExecContext(t.Context(), `CREATE DATABASE `+name+` ENCODING 'SQL_ASCII' TEMPLATE template0`); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	if _, err := OpenPostgres(t.Context(), u.String(), now); err == nil || !strings.Contains(err.Error(), "SQL_ASCII") {
		t.Errorf("opened: %v", err)
	}
}
