package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// hasty is the time, with pauses that last a part of what they should.
type hasty struct {
	wallClock
	part time.Duration
}

func (h hasty) After(d time.Duration) <-chan time.Time { return h.wallClock.After(d / h.part) }

func (s *slowServer) log(t *testing.T, p place, id string) string {
	t.Helper()
	log, err := p.client(t).BackupLog(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	for _, l := range log.Lines {
		told.WriteString(l.Text + "\n")
	}
	return told.String()
}

func TestConnectionsThatDropUnderAJobDoNotDisturbIt(t *testing.T) {
	t.Parallel()
	s, p := newSlowServer(t), place(filepath.Join(t.TempDir(), "data"))
	b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	_, end := serve(t, p.config())
	s.half(t, p, b.ID)
	job := p.job(t, b.ID)
	for n := range 3 { // each time one was open
		until(t, "a connection is open to be cut", func() bool { return s.DropConnections() > 0 })
		if n == 1 { // and once there is nobody to connect to for a while
			s.Stop()
			until(t, "the control plane notices", func() bool { return strings.Contains(s.log(t, p, b.ID), "out of reach") })
			s.Start()
		}
	}
	s.whole(t, b.ID)
	settled(t, p, b.ID, s.folder, "completed")
	testbed.CompareTar(t, filepath.Join(s.folder, b.ID, "archive.tar.gz"), s.source)
	done, err := p.client(t).Backup(t.Context(), b.ID)
	if now := p.job(t, b.ID); err != nil || now != job || len(done.Tries) != 0 {
		t.Errorf("job %+v became %+v, %d tries, %v", job, now, len(done.Tries), err)
	}
	if told := s.log(t, p, b.ID); !strings.Contains(told, "answers again") {
		t.Error(told)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// hangingDf is df that hangs the first time.
const hangingDf = `gate=${0%/*}/../gate
if [ ! -e "$gate/hung" ]; then : >"$gate/hung"; exec sleep 600; fi
exec /usr/bin/df "$@"
`

func TestConnectionThatDropsBeforeAJobStartsIsAnotherTry(t *testing.T) {
	t.Parallel()
	s, p := newSlowServerWith(t, map[string]string{"df": hangingDf}), place(filepath.Join(t.TempDir(), "data"))
	b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	c := p.config()
	c.MaxTries = 2
	_, end := serve(t, c)
	until(t, "the preflight hangs", func() bool {
		_, err := os.Stat(filepath.Join(s.gate, "hung"))
		return err == nil
	})
	if s.DropConnections() == 0 {
		t.Fatal("no connection was open")
	}
	s.half(t, p, b.ID)
	s.whole(t, b.ID)
	settled(t, p, b.ID, s.folder, "completed")
	done, err := p.client(t).Backup(t.Context(), b.ID)
	if err != nil || len(done.Tries) != 1 || done.Tries[0].Class != "ssh_connection_dropped" || done.Tries[0].Code != "SSH_DROPPED" {
		t.Errorf("tries %+v, %v", done.Tries, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// lost is a backup whose server went away for longer than is waited for it, and more than once. The server is back when it returns.
func (s *slowServer) lost(t *testing.T, p place, change func(*ServeConfig)) (b api.Backup, job backup.Job, end func() error) {
	t.Helper()
	b = p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	c := p.config()
	c.UnreachableLimit, c.MaxTries = time.Second, 2
	change(&c)
	_, end = serve(t, c)
	s.half(t, p, b.ID)
	s.seen(t, p, b.ID)
	job = p.job(t, b.ID)
	s.Stop()
	b = finished(t, p, p.client(t), b.ID)
	if f := b.Failure; b.Status != "failed" || !b.OnServer || f == nil || f.Class != "server_offline" || f.Attempt != 1 || f.Evidence.Step != "archive" {
		t.Errorf("%s, on the server %v, %+v", b.Status, b.OnServer, b.Failure)
	}
	if told := s.log(t, p, b.ID); !strings.Contains(told, "files may remain in "+s.folder+"/"+b.ID) || !strings.Contains(told, "try 2 begins in") {
		t.Error(told)
	}
	if _, err := os.Stat(filepath.Join(s.folder, b.ID, "archive.tar.gz.partial")); err != nil {
		t.Error(err)
	}
	s.Start()
	return b, job, end
}

func (s *slowServer) nothingLeft(t *testing.T, p place, id string, job backup.Job) {
	t.Helper()
	until(t, "what it left is removed", func() bool {
		b, _ := p.client(t).Backup(t.Context(), id)
		return !b.OnServer
	})
	gone(t, job.PID)
	if _, err := os.Stat(filepath.Join(s.folder, id)); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
}

func TestServerThatComesBackTooLateIsSweptByWhoServes(t *testing.T) {
	t.Parallel()
	s, p := newSlowServer(t), place(filepath.Join(t.TempDir(), "data"))
	b, job, end := s.lost(t, p, func(c *ServeConfig) { c.Clock = hasty{part: 50} })
	s.nothingLeft(t, p, b.ID, job)
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestServerThatComesBackTooLateIsSweptByTheNextApply(t *testing.T) {
	t.Parallel()
	s, p := newSlowServer(t), place(filepath.Join(t.TempDir(), "data"))
	b, job, end := s.lost(t, p, func(*ServeConfig) {})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	stranger := s.strangers(t)
	s.Own(filepath.Dir(stranger))
	e, c := process(t, string(p)) // a control plane inside a provider
	defer e.Close()
	input := api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{s.source}}}
	if _, err := c.CheckBackup(t.Context(), b.ServerID, input); err != nil { // a plan
		t.Fatal(err)
	}
	if again, err := c.Backup(t.Context(), b.ID); err != nil || !again.OnServer || e.owner != nil { // a refresh
		t.Errorf("on the server %v, owner %v, %v", again.OnServer, e.owner != nil, err)
	}
	next, err := c.CreateBackup(t.Context(), b.ServerID, input)
	if err != nil {
		t.Fatal(err)
	}
	s.nothingLeft(t, p, b.ID, job)
	s.whole(t, next.ID)
	if done := finished(t, p, c, next.ID); done.Status != "completed" {
		t.Errorf("%+v", done.Failure)
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Errorf("a folder of somebody else: %v", err)
	}
}

func TestWhoServesLooksThroughItsServersForOrphans(t *testing.T) {
	t.Parallel()
	s, p := newSlowServer(t), place(filepath.Join(t.TempDir(), "data"))
	e, c := process(t, string(p))
	server, err := c.CreateServer(t.Context(), login(s.SSHD, s.folder))
	if err != nil {
		t.Fatal(err)
	}
	s.Authorize(server.PublicKey)
	if err := os.WriteFile(filepath.Join(s.gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := func() string {
		t.Helper()
		b, err := c.CreateBackup(t.Context(), server.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{s.source}}})
		if err == nil {
			b, err = c.WaitForBackup(t.Context(), b.ID, nil)
		}
		if err != nil || b.Status != "completed" {
			t.Fatal(err, b.Failure)
		}
		return b.ID
	}
	good, deleted := made(), made()
	if _, err := c.DeleteBackup(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	stranger := s.strangers(t)
	jobFile(t, s.SSHD, s.folder, deleted, backup.Job{PID: 1 << 22, StartTime: 1, BootID: "0"}) // back, as from a copy of the server

	config := p.config()
	config.Clock = hasty{part: 1000}
	_, end := serve(t, config)
	until(t, "the orphan is removed", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, deleted))
		return os.IsNotExist(err)
	})
	if err := end(); err != nil {
		t.Error(err)
	}
	for _, stays := range []string{filepath.Join(s.folder, good, "archive.tar.gz"), stranger} {
		if _, err := os.Stat(stays); err != nil {
			t.Error(err)
		}
	}
}
