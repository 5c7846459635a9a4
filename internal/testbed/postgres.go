package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// postgresUser is the superuser of every server started here. Loopback connections need no password.
const postgresUser = "cloudaipilot"

// Postgres is a real PostgreSQL server on loopback. Its methods fail the test when they cannot do their work.
type Postgres struct {
	Port int

	t      testing.TB
	server *postgresServer
}

// NewPostgres starts a server for this test alone, which may stop and restart it. Without PostgreSQL on the machine
// the test is skipped: setup.sh installs it.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	s, err := newPostgresServer()
	if err != nil {
		postgresFailed(t, err)
	}
	t.Cleanup(s.end)
	return &Postgres{Port: s.port, t: t, server: s}
}

// shared is the server that the tests of one binary share.
var shared = sync.OnceValues(newPostgresServer)

// StartPostgres returns the URL of a fresh, empty database. All tests of a binary share one server, which is ended
// with the binary, however that ends; the database goes with the test. Without PostgreSQL on the machine the test is
// skipped: setup.sh installs it.
func StartPostgres(t testing.TB) string {
	t.Helper()
	return SharedPostgres(t).Database()
}

var errNoPostgres = errors.New("no PostgreSQL on this machine: internal/testbed/setup.sh installs it")

func postgresFailed(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	t.Fatalf("start PostgreSQL: %v", err)
}

var databases atomic.Int64

// Database makes an empty database, removes it when the test ends, and returns its URL.
func (p *Postgres) Database() string {
	p.t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := p.server.client("createdb", "--template=template0", name); err != nil {
		p.t.Fatalf("create a database: %v", err)
	}
	p.t.Cleanup(func() { _ = p.server.client("dropdb", "--force", name) })
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", postgresUser, p.Port, name)
}

// SocketDir is the folder of the server's Unix socket, which every account may use.
func (p *Postgres) SocketDir() string { return p.server.dir }

// Account is the name of the account that the server runs as.
func (p *Postgres) Account() string {
	p.t.Helper()
	if p.server.account == nil {
		current, err := user.Current()
		if err != nil {
			p.t.Fatal(err)
		}
		return current.Username
	}
	account, err := user.LookupId(strconv.FormatUint(uint64(p.server.account.Uid), 10))
	if err != nil {
		p.t.Fatal(err)
	}
	return account.Username
}

// Query runs SQL in a database, given by its URL or its name, and returns what it answers: rows on lines, fields
// separated by a bar. The server's superuser asks.
func (p *Postgres) Query(database, sql string) string {
	p.t.Helper()
	if u, err := url.Parse(database); err == nil && u.Scheme != "" {
		database = strings.TrimPrefix(u.Path, "/")
	}
	// Over the socket, because a test may change who may come by the network.
	cmd := p.server.command(filepath.Join(p.server.bin, "psql"), "-h", p.server.dir, "-p", strconv.Itoa(p.Port), "-U", postgresUser,
		"-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
	cmd.Stdin = strings.NewReader(sql)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("psql: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// Rules replaces the lines of pg_hba.conf, in front of one that lets the superuser of the tests in over the socket.
func (p *Postgres) Rules(lines ...string) {
	p.t.Helper()
	text := "local all " + postgresUser + " trust\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(p.server.data(), "pg_hba.conf"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.Query("postgres", "SELECT pg_reload_conf()")
}

// SharedPostgres is the server of [StartPostgres].
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	s, err := shared()
	if err != nil {
		postgresFailed(t, err)
	}
	return &Postgres{Port: s.port, t: t, server: s}
}

// Stop ends the server at once, as a crash would: open transactions are lost, committed ones are not.
func (p *Postgres) Stop() {
	p.t.Helper()
	if err := p.server.control("stop", "-m", "immediate"); err != nil {
		p.t.Fatalf("stop PostgreSQL: %v", err)
	}
}

// Start starts the server again on the same port and waits until it answers.
func (p *Postgres) Start() {
	p.t.Helper()
	if err := p.server.start(); err != nil {
		p.t.Fatalf("start PostgreSQL: %v", err)
	}
}

// postgresServer is a server in a directory of its own.
type postgresServer struct {
	bin, dir string
	port     int
	account  *syscall.Credential // nil: the current user
	alive    io.Closer           // what the guard waits for
	guard    *exec.Cmd
}

func newPostgresServer() (*postgresServer, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	s := &postgresServer{bin: bin}
	// A short path: those of Unix sockets are limited to 107 bytes.
	if s.dir, err = os.MkdirTemp("/tmp", "cp-pg-"); err != nil {
		return nil, err
	}
	err = os.Chmod(s.dir, 0o711) // for clients of other accounts
	if err == nil {
		err = s.choosePerson()
	}
	if err == nil {
		err = s.startGuard()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	err = s.run("initdb", "--pgdata", s.data(), "--username", postgresUser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	for range 5 { // another process can take a free port before the server does
		if err != nil {
			break
		}
		if s.port, err = freeTCPPort(); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	s.end()
	return nil, err
}

// choosePerson finds whom the server runs as: PostgreSQL refuses to run as root.
func (s *postgresServer) choosePerson() error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup(testAccount)
	}
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, int(uid), int(gid))
}

// startGuard starts the process that ends the server and removes its directory when this process ends, in whatever
// way: it waits for the end of a pipe that nobody but this process holds open.
func (s *postgresServer) startGuard() error {
	const script = `cat >/dev/null; "$1/pg_ctl" stop -s -w -m immediate -D "$2/data" >/dev/null 2>&1; cd /; rm -rf "$2"`
	s.guard = s.command("/bin/sh", "-c", script, "guard", s.bin, s.dir)
	s.guard.SysProcAttr.Setsid = true // Ctrl-C is for the tests
	alive, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = alive
	return s.guard.Start()
}

// end ends the server and removes its directory.
func (s *postgresServer) end() {
	_ = s.alive.Close()
	_ = s.guard.Wait()
}

func (s *postgresServer) data() string { return filepath.Join(s.dir, "data") }

func (s *postgresServer) start() error {
	options := []string{"-h 127.0.0.1", "-p " + strconv.Itoa(s.port), "-k " + s.dir}
	for _, setting := range []string{"fsync=off", "full_page_writes=off", "max_connections=600", "shared_buffers=32MB", "autovacuum=off"} {
		options = append(options, "-c "+setting)
	}
	err := s.control("start", "-l", filepath.Join(s.dir, "log"), "-o", strings.Join(options, " "))
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// control runs pg_ctl, which waits until the server has done what it was told.
func (s *postgresServer) control(verb string, args ...string) error {
	return s.run("pg_ctl", append([]string{verb, "-s", "-w", "-t", strconv.Itoa(int(readyTimeout.Seconds())), "-D", s.data()}, args...)...)
}

// client runs one of PostgreSQL's client programs.
func (s *postgresServer) client(program string, args ...string) error {
	return s.run(program, append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", postgresUser}, args...)...)
}

func (s *postgresServer) run(program string, args ...string) error {
	cmd := s.command(filepath.Join(s.bin, program), args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, said.String())
	}
	return nil
}

func (s *postgresServer) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	return cmd
}

// findPostgres returns the directory of PostgreSQL's programs.
func findPostgres() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // where Debian keeps them, off the PATH
	slices.Reverse(dirs)
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append([]string{filepath.Dir(path)}, dirs...)
		}
	}
	for _, dir := range dirs {
		missing := slices.ContainsFunc([]string{"initdb", "postgres", "pg_ctl", "createdb", "dropdb"}, func(program string) bool {
			_, err := os.Stat(filepath.Join(dir, program))
			return err != nil
		})
		if !missing {
			return dir, nil
		}
	}
	return "", errNoPostgres
}

func freeTCPPort() (int, error) {
	for range 100 {
		port := 20000 + randomInt(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port between 20000 and 32000")
}
