package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// MariaDB is a real MariaDB server on a socket and on loopback. Its superuser logs in as root over the socket, without
// a password. Its methods fail the test when they cannot do their work.
type MariaDB struct {
	Port int

	t      testing.TB
	server *mariadbServer
}

var sharedMariaDB = sync.OnceValues(newMariaDBServer)

// StartMariaDB returns the server that the tests of one binary share; it ends with the binary. Without MariaDB on the
// machine the test is skipped: setup.sh installs it.
func StartMariaDB(t testing.TB) *MariaDB {
	t.Helper()
	s, err := sharedMariaDB()
	if errors.Is(err, errNoMariaDB) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("start MariaDB: %v", err)
	}
	return &MariaDB{Port: s.port, t: t, server: s}
}

var errNoMariaDB = errors.New("no MariaDB on this machine: internal/testbed/setup.sh installs it")

// SocketDir is the folder of the server's socket, mysqld.sock. Every account may use it.
func (m *MariaDB) SocketDir() string { return m.server.dir }

var mariadbNames atomic.Int64

// Database makes an empty database, removes it when the test ends, and returns its name.
func (m *MariaDB) Database() string {
	m.t.Helper()
	name := fmt.Sprintf("test %d $x", mariadbNames.Add(1))
	m.Query("", "CREATE DATABASE `"+name+"`")
	m.t.Cleanup(func() { _, _ = m.server.query("", strings.NewReader("DROP DATABASE `"+name+"`")) })
	return name
}

// Account makes an account of the database server for loopback, removes it when the test ends, and returns its name.
func (m *MariaDB) Account(password string) string {
	m.t.Helper()
	name := fmt.Sprintf("person_%d", mariadbNames.Add(1))
	m.Query("", "CREATE USER '"+name+"'@'%' IDENTIFIED BY '"+password+"'")
	m.t.Cleanup(func() { _, _ = m.server.query("", strings.NewReader("DROP USER '"+name+"'@'%'")) })
	return name
}

// Query runs SQL as the superuser and returns what it answers: rows on lines, fields separated by tabs.
func (m *MariaDB) Query(database, sql string) string {
	m.t.Helper()
	return m.Load(database, strings.NewReader(sql))
}

// Load is Query for what is too long to hold, such as a dump.
func (m *MariaDB) Load(database string, sql io.Reader) string {
	m.t.Helper()
	out, err := m.server.query(database, sql)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// mariadbServer is a server in a directory of its own.
type mariadbServer struct {
	dir     string
	port    int
	account *syscall.Credential // nil: the current user
	alive   io.Closer           // what the guard waits for
}

func newMariaDBServer() (*mariadbServer, error) {
	for _, program := range []string{"mariadbd", "mariadb-install-db", "mariadb"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, errNoMariaDB
		}
	}
	s := &mariadbServer{}
	var err error
	if s.dir, err = os.MkdirTemp("/tmp", "cp-my-"); err != nil {
		return nil, err
	}
	if err = s.choosePerson(); err == nil {
		err = os.Chmod(s.dir, 0o755)
	}
	if err == nil {
		err = s.install()
	}
	for range 5 { // another process can take a free port before the server does
		if err != nil {
			break
		}
		if s.port, err = freeTCPPort(); err == nil {
			if err = s.start(); err == nil {
				return s, nil
			}
		}
	}
	return nil, errors.Join(err, os.RemoveAll(s.dir))
}

func (s *mariadbServer) choosePerson() error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("mysql")
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

func (s *mariadbServer) socket() string { return filepath.Join(s.dir, "mysqld.sock") }

func (s *mariadbServer) install() error {
	cmd := s.command("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(s.dir, "data"), "--skip-test-db",
		"--auth-root-authentication-method=normal", "--innodb-log-file-size=4M", "--innodb-flush-method=nosync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

// start starts the server below a guard, which ends it and removes its directory when this process ends, in whatever
// way: the guard waits for the end of a pipe that nobody but this process holds open.
func (s *mariadbServer) start() error {
	const script = `"$@" & server=$!; cat >/dev/null <&3; kill -s KILL $server; wait $server; cd /; rm -rf "$dir"`
	daemon, err := exec.LookPath("mariadbd")
	if err != nil {
		return err
	}
	guard := s.command("/bin/sh", "-c", "exec 3<&0; "+script, "guard", daemon, "--no-defaults", "--datadir="+filepath.Join(s.dir, "data"),
		"--socket="+s.socket(), "--port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1", "--skip-name-resolve", "--pid-file="+filepath.Join(s.dir, "pid"),
		"--log-error="+filepath.Join(s.dir, "log"), "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
		"--innodb-buffer-pool-size=16M", "--key-buffer-size=1M", "--performance-schema=OFF", "--event-scheduler=OFF")
	guard.Env = append(os.Environ(), "dir="+s.dir)
	guard.SysProcAttr.Setsid = true // Ctrl-C is for the tests
	if s.alive, err = guard.StdinPipe(); err != nil {
		return err
	}
	if err = guard.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(readyTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c, dialErr := net.Dial("unix", s.socket()); dialErr == nil {
			return c.Close()
		}
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("it does not answer\n%s", log)
}

func (s *mariadbServer) query(database string, sql io.Reader) (string, error) {
	cmd := s.command("mariadb", "--no-defaults", "--socket="+s.socket(), "--user=root", "--default-character-set=utf8mb4", "--batch", "--skip-column-names", "--raw", "--database="+database)
	cmd.Stdin = sql
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("mariadb: %w\n%s", err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func (s *mariadbServer) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	return cmd
}
