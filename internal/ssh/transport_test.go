package ssh

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// newSSHD is a real sshd that lets one fresh key in.
func newSSHD(t *testing.T, opts testbed.SSHDOptions) (*testbed.SSHD, Config) {
	t.Helper()
	sshd := testbed.StartSSHD(t, opts)
	private, public, err := GenerateKey("test")
	must(t, err)
	sshd.Authorize(public)
	return sshd, Config{Host: sshd.Host, Port: sshd.Port, User: sshd.User, PrivateKey: private, HostKey: sshd.HostKeyLine}
}

func dial(t *testing.T, cfg Config) *Client {
	t.Helper()
	client, err := Dial(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

func run(ctx context.Context, client *Client, command string) (string, error) {
	var out strings.Builder
	err := client.Run(ctx, command, strings.NewReader(""), &out, nil)
	return out.String(), err
}

func fingerprint(t *testing.T, line string) string {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	must(t, err)
	return ssh.FingerprintSHA256(key)
}

func TestDialAndRun(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	pins := map[string]Config{
		"key line":             cfg,
		"key line and comment": with(cfg, func(c *Config) { c.HostKey += " root@web-1" }),
		"fingerprint":          with(cfg, func(c *Config) { c.HostKey = fingerprint(t, sshd.HostKeyLine) }),
		"first contact":        with(cfg, func(c *Config) { c.HostKey, c.RecordHostKey = "", true }),
	}
	for name, cfg := range pins {
		client := dial(t, cfg)
		if client.HostKey() != sshd.HostKeyLine {
			t.Errorf("%s: host key %q, want %q", name, client.HostKey(), sshd.HostKeyLine)
		}
		if out, err := run(t.Context(), client, "echo hello"); err != nil || out != "hello\n" {
			t.Errorf("%s: Run = %q, %v", name, out, err)
		}
	}
}

func TestRemoteErrors(t *testing.T) {
	t.Parallel()
	_, cfg := newSSHD(t, testbed.SSHDOptions{})
	client := dial(t, cfg)
	tests := []struct {
		command string
		want    RemoteError
	}{
		{"echo why >&2; exit 7", RemoteError{Exit: 7, Stderr: "why\n"}},
		{"kill -9 $$", RemoteError{Exit: -1, Signal: "KILL"}},
		{"no-such-command 2>/dev/null", RemoteError{Exit: 127}},
	}
	for _, test := range tests {
		_, err := run(t.Context(), client, test.command)
		var remote *RemoteError
		if !errors.As(err, &remote) || *remote != test.want {
			t.Errorf("%s: %#v, want %#v", test.command, err, test.want)
		}
	}
}

func with(cfg Config, change func(*Config)) Config {
	change(&cfg)
	return cfg
}

func TestConnectErrorKinds(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	_, otherKey, err := GenerateKey("")
	must(t, err)
	otherPrivate, _, err := GenerateKey("")
	must(t, err)
	refusedHost, refusedPort := testbed.ClosedPort(t)
	silentHost, silentPort := testbed.BlackHole(t)
	filteredHost, filteredPort := testbed.UnansweredPort(t)
	hangUpHost, hangUpPort := hangUp(t)
	at := func(host string, port int) func(*Config) {
		return func(c *Config) { c.Host, c.Port, c.ConnectTimeout = host, port, 300*time.Millisecond }
	}
	tests := []struct {
		name   string
		change func(*Config)
		want   Kind
	}{
		{"no key", func(c *Config) { c.PrivateKey = nil }, KindNotConfigured},
		{"not a key", func(c *Config) { c.PrivateKey = []byte("hello") }, KindKeyInvalid},
		{"nothing listens", at(refusedHost, refusedPort), KindRefused},
		{"accepts and is silent", at(silentHost, silentPort), KindTimeout},
		{"packets are dropped", at(filteredHost, filteredPort), KindTimeout},
		{"hangs up", at(hangUpHost, hangUpPort), KindDropped},
		{"name does not resolve", func(c *Config) { c.Host = "server.invalid" }, KindDNS},
		{"key not authorised", func(c *Config) { c.PrivateKey = otherPrivate }, KindAuthFailed},
		{"user unknown", func(c *Config) { c.User = "nobody-at-all" }, KindAuthFailed},
		{"host key unknown", func(c *Config) { c.HostKey = "" }, KindHostKeyUnknown},
		{"host key changed", func(c *Config) { c.HostKey = otherKey }, KindHostKeyChanged},
		{"host key changed, recording asked for", func(c *Config) { c.HostKey, c.RecordHostKey = otherKey, true }, KindHostKeyChanged},
		{"fingerprint changed", func(c *Config) { c.HostKey = fingerprint(t, otherKey) }, KindHostKeyChanged},
		{"invalid pin", func(c *Config) { c.HostKey = "hello" }, KindOther},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := with(cfg, test.change)
			_, err := Dial(t.Context(), cfg)
			var failure *ConnectError
			if !errors.As(err, &failure) {
				t.Fatalf("Dial = %v, want a ConnectError", err)
			}
			if failure.Kind != test.want {
				t.Errorf("kind %q (%v), want %q", failure.Kind, err, test.want)
			}
			if failure.Addr != cfg.addr() || failure.User != cfg.User {
				t.Errorf("addr %q, user %q", failure.Addr, failure.User)
			}
			if strings.HasPrefix(string(test.want), "host_key") && failure.HostKeyGot != sshd.HostKeyLine {
				t.Errorf("host key %q, want %q", failure.HostKeyGot, sshd.HostKeyLine)
			}
			if test.want == KindHostKeyChanged && failure.HostKeyWanted != cfg.HostKey {
				t.Errorf("pinned %q, want %q", failure.HostKeyWanted, cfg.HostKey)
			}
			if test.want == KindNotConfigured && !errors.Is(err, ErrNotConfigured) {
				t.Errorf("%v is not ErrNotConfigured", err)
			}
		})
	}
}

// What no machine can be relied on to produce.
func TestClassifyNetworkErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want Kind
	}{
		{syscall.EHOSTUNREACH, KindNoRoute},
		{syscall.ENETUNREACH, KindNoRoute},
		{syscall.ETIMEDOUT, KindTimeout},
		{syscall.ECONNRESET, KindDropped},
		{syscall.EACCES, KindOther},
		{&net.DNSError{Err: "no answer", IsTimeout: true}, KindDNS},
	}
	for _, test := range tests {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: test.err}
		if got := classify(err, Config{}, &hostKeyCheck{}); got.Kind != test.want {
			t.Errorf("%v: kind %q, want %q", test.err, got.Kind, test.want)
		}
	}
}

// hangUp accepts and closes at once, as a server does that has too many logins.
func hangUp(t *testing.T) (string, int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return "127.0.0.1", portOf(t, listener)
}

func TestHostKeyRotation(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	dial(t, cfg)
	sshd.RotateHostKey()
	_, err := Dial(t.Context(), cfg)
	var failure *ConnectError
	if !errors.As(err, &failure) || failure.Kind != KindHostKeyChanged || failure.HostKeyGot != sshd.HostKeyLine {
		t.Errorf("Dial = %v, want the host key changed to %s", err, sshd.HostKeyLine)
	}
}

func TestFingerprintOfAnotherKindOfKey(t *testing.T) {
	t.Parallel()
	// A server with an ed25519 key and an ECDSA key, as most have.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	second, err := ssh.NewSignerFromKey(key)
	must(t, err)
	private, _, err := GenerateKey("")
	must(t, err)
	first, err := ssh.ParsePrivateKey(private)
	must(t, err)
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(first)
	config.AddHostKey(second)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				server, channels, requests, err := ssh.NewServerConn(conn, config)
				if err != nil {
					return
				}
				go ssh.DiscardRequests(requests)
				for channel := range channels {
					_ = channel.Reject(ssh.Prohibited, "not here")
				}
				server.Close()
			}()
		}
	}()
	cfg := Config{Host: "127.0.0.1", Port: portOf(t, listener), User: "x", PrivateKey: private}
	for _, key := range []ssh.PublicKey{first.PublicKey(), second.PublicKey()} {
		for _, pin := range []string{ssh.FingerprintSHA256(key), keyLine(key)} {
			client := dial(t, with(cfg, func(c *Config) { c.HostKey = pin }))
			if client.HostKey() != keyLine(key) {
				t.Errorf("pin %s: got %s", pin, client.HostKey())
			}
			var failure *ConnectError
			if _, err := run(t.Context(), client, "true"); !errors.As(err, &failure) || failure.Kind != KindOther {
				t.Errorf("a refused session: %v, want KindOther", err)
			}
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	host, port := testbed.BlackHole(t)
	private, _, err := GenerateKey("")
	must(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("not needed any more")
	cancel(reason)
	if _, err := Dial(ctx, Config{Host: host, Port: port, User: "x", PrivateKey: private, RecordHostKey: true}); !errors.Is(err, reason) {
		t.Errorf("Dial = %v, want the context's cause", err)
	}
}

// signalWriter tells when the first byte came.
type signalWriter struct {
	once sync.Once
	came chan struct{}
}

func newSignalWriter() *signalWriter { return &signalWriter{came: make(chan struct{})} }

func (w *signalWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.came) })
	return len(p), nil
}

func TestDroppedConnectionEndsARun(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	client := dial(t, cfg)
	running := newSignalWriter()
	ended := make(chan error, 1)
	go func() { ended <- client.Run(t.Context(), "echo; sleep 600", strings.NewReader(""), running, nil) }()
	<-running.came
	if sshd.DropConnections() == 0 {
		t.Fatal("no connection was open")
	}
	var failure *ConnectError
	if err := <-ended; !errors.As(err, &failure) || failure.Kind != KindDropped {
		t.Errorf("Run = %v, want KindDropped", err)
	}
	<-client.done
	if _, err := run(t.Context(), client, "true"); !errors.As(err, &failure) || failure.Kind != KindDropped {
		t.Errorf("Run afterwards = %v, want KindDropped", err)
	}
}

func TestCancelledContextEndsARun(t *testing.T) {
	t.Parallel()
	_, cfg := newSSHD(t, testbed.SSHDOptions{})
	client := dial(t, cfg)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("shutting down")
	running := newSignalWriter()
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx, "echo; sleep 600", strings.NewReader(""), running, nil) }()
	<-running.came
	cancel(reason)
	if err := <-ended; !errors.Is(err, reason) {
		t.Errorf("Run = %v, want the context's cause", err)
	}
	if out, err := run(t.Context(), client, "echo still here"); err != nil || out != "still here\n" {
		t.Errorf("the connection after a cancelled run: %q, %v", out, err)
	}
}

func TestSessionsPerConnectionAreLimited(t *testing.T) {
	t.Parallel()
	_, cfg := newSSHD(t, testbed.SSHDOptions{})
	client := dial(t, cfg)
	var wg sync.WaitGroup
	hold, release := io.Pipe()
	defer hold.Close()
	for range maxSessions {
		running := newSignalWriter()
		wg.Go(func() {
			if err := client.Run(t.Context(), "echo; cat", hold, running, nil); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		<-running.came
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := run(ctx, client, "true"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more session: %v, want it to wait", err)
	}
	release.Close()
	wg.Wait()
	if _, err := run(t.Context(), client, "true"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestKeepaliveClosesADeadConnection(t *testing.T) {
	t.Parallel()
	_, cfg := newSSHD(t, testbed.SSHDOptions{})
	link := newLink(t, cfg)
	cfg.Host, cfg.Port, cfg.KeepaliveInterval = "127.0.0.1", link.port, 20*time.Millisecond
	client := dial(t, cfg)
	if _, err := run(t.Context(), client, "sleep 0.3"); err != nil {
		t.Fatalf("a live connection was closed: %v", err)
	}
	running := newSignalWriter()
	ended := make(chan error, 1)
	go func() { ended <- client.Run(t.Context(), "echo; sleep 600", strings.NewReader(""), running, nil) }()
	<-running.came
	link.freeze()
	var failure *ConnectError
	if err := <-ended; !errors.As(err, &failure) || failure.Kind != KindDropped {
		t.Errorf("Run = %v, want KindDropped", err)
	}
	<-client.done
	if client.cause == nil || !strings.Contains(client.cause.Error(), "keepalive") {
		t.Errorf("cause %v", client.cause)
	}
}

// link forwards TCP until it is frozen: then it stays open and passes nothing on.
type link struct {
	port   int
	mu     sync.RWMutex
	frozen bool
}

func newLink(t *testing.T, cfg Config) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	l := &link{port: portOf(t, listener)}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", cfg.addr())
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go pump(linkWriter{l, far}, near)
			go pump(linkWriter{l, near}, far)
		}
	}()
	return l
}

func pump(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) } // ends with the link

func portOf(t *testing.T, l net.Listener) int {
	t.Helper()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listens on a %T", l.Addr())
	}
	return address.Port
}

func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
}

type linkWriter struct {
	l *link
	w io.Writer
}

func (w linkWriter) Write(p []byte) (int, error) {
	w.l.mu.RLock()
	defer w.l.mu.RUnlock()
	if w.l.frozen {
		return len(p), nil
	}
	return w.w.Write(p)
}

func TestKeysAreDescribed(t *testing.T) {
	t.Parallel()
	private, public, err := GenerateKey("cloudaipilot web-1")
	must(t, err)
	if !strings.HasSuffix(public, " cloudaipilot web-1") || !strings.HasPrefix(public, "ssh-ed25519 ") {
		t.Errorf("public line %q", public)
	}
	line, err := PublicKey(private)
	if err != nil || line+" cloudaipilot web-1" != public {
		t.Errorf("PublicKey = %q, %v, want %q", line, err, public)
	}
	if _, _, err := GenerateKey("two\nlines"); err == nil {
		t.Error("a comment of two lines was accepted")
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(ecKey)
	must(t, err)
	if line, err := PublicKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil || !strings.HasPrefix(line, "ecdsa-") {
		t.Errorf("PKCS#8: %q, %v", line, err)
	}
	encrypted, err := ssh.MarshalPrivateKeyWithPassphrase(ecKey, "", []byte("secret"))
	must(t, err)
	tests := []struct{ name, key, want string }{
		{"encrypted", string(pem.EncodeToMemory(encrypted)), "passphrase"},
		{"a public key", public, "public key"},
		{"PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519", "PuTTY"},
		{"anything", "hello", "not a private key"},
		{"nothing", " \n", "no SSH key"},
		{"damaged", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "damaged"},
	}
	for _, test := range tests {
		if _, err := PublicKey([]byte(test.key)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %q", test.name, err, test.want)
		}
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	_, line, err := GenerateKey("comment here")
	must(t, err)
	valid := []string{line, keyOnly(line), "  " + line + "\n", fingerprint(t, line), fingerprint(t, line) + "="}
	invalid := []string{"", "ssh-ed25519", "hello world", "SHA256:", "SHA256:short", "MD5:aa:bb", "web-1 " + line,
		"ssh-rsa " + strings.Fields(line)[1], line + "\n" + line, strings.Repeat("A", 20<<10)}
	for _, s := range valid {
		if _, err := parsePin(s); err != nil {
			t.Errorf("parsePin(%q) = %v", s, err)
		}
	}
	for _, s := range invalid {
		if _, err := parsePin(s); err == nil {
			t.Errorf("parsePin(%.50q) accepts it", s)
		}
	}
}

func keyOnly(line string) string { return strings.Join(strings.Fields(line)[:2], " ") }

func TestPool(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	pool := NewPool()
	defer pool.Close()
	get := func(cfg Config) *Client {
		t.Helper()
		client, err := pool.Client(t.Context(), "srv_1", cfg)
		must(t, err)
		return client
	}

	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[*Client]bool{}
	for range 20 {
		wg.Go(func() {
			client, err := pool.Client(t.Context(), "srv_1", cfg)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("Client = %v", err)
			}
			seen[client] = true
		})
	}
	wg.Wait()
	if len(seen) != 1 || sshd.Connections() != 1 {
		t.Fatalf("20 callers share %d clients, %d connections", len(seen), sshd.Connections())
	}

	first := get(cfg)
	sshd.DropConnections()
	<-first.done
	second := get(cfg)
	if second == first {
		t.Error("a dead connection was given out")
	}

	running := newSignalWriter()
	ended := make(chan error, 1)
	go func() { ended <- second.Run(t.Context(), "echo; sleep 0.3", strings.NewReader(""), running, nil) }()
	<-running.came
	third := get(with(cfg, func(c *Config) { c.HostKey = fingerprint(t, c.HostKey) }))
	if third == second {
		t.Error("the connection of another configuration was given out")
	}
	if err := <-ended; err != nil {
		t.Errorf("a run on the replaced connection: %v", err)
	}
	<-second.done

	pool.Drop("srv_1")
	<-third.done
	pool.Drop("srv_1") // nothing to drop
	fourth := get(cfg)
	pool.Close()
	<-fourth.done
	if _, err := pool.Client(t.Context(), "srv_1", cfg); !errors.Is(err, ErrPoolClosed) {
		t.Errorf("after Close: %v, want ErrPoolClosed", err)
	}
}

func TestPoolWaiterKeepsItsOwnContext(t *testing.T) {
	t.Parallel()
	host, port := testbed.BlackHole(t)
	private, _, err := GenerateKey("")
	must(t, err)
	cfg := Config{Host: host, Port: port, User: "x", PrivateKey: private, RecordHostKey: true, ConnectTimeout: time.Minute}
	pool := NewPool()
	patient := make(chan error, 1)
	go func() {
		_, err := pool.Client(context.Background(), "srv_1", cfg)
		patient <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Client(ctx, "srv_1", cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("the waiter in a hurry: %v", err)
	}
	select {
	case err := <-patient:
		t.Errorf("the patient waiter ended too: %v", err)
	default:
	}
	pool.Close()
	if err := <-patient; err == nil {
		t.Error("the patient waiter got a connection from a black hole")
	}
}

func TestPoolSharesAFailedAttemptAndTriesAgain(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	pool := NewPool()
	defer pool.Close()
	sshd.Stop()
	var failure *ConnectError
	if _, err := pool.Client(t.Context(), "srv_1", cfg); !errors.As(err, &failure) || failure.Kind != KindRefused {
		t.Errorf("Client = %v, want KindRefused", err)
	}
	sshd.Start()
	if _, err := pool.Client(t.Context(), "srv_1", cfg); err != nil {
		t.Errorf("once the server is back: %v", err)
	}
}

func TestBackupOverARealConnection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts testbed.SSHDOptions
	}{
		{"as the login user", testbed.SSHDOptions{}},
		{"through sudo", testbed.SSHDOptions{Sudo: true}},
		{"as root", testbed.SSHDOptions{AsRoot: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sshd, cfg := newSSHD(t, test.opts)
			source := sshd.Dir("source")
			testbed.Tree(t, source)
			pool := NewPool()
			defer pool.Close()
			host := func() Host {
				client, err := pool.Client(t.Context(), "srv_1", cfg)
				must(t, err)
				return Host{Client: client, Root: sshd.BackupDir, Sudo: test.opts.Sudo}
			}
			report, err := host().Check(t.Context(), CheckRequest{Include: []string{source}})
			must(t, err)
			if report.Folder != FolderAbsent || len(report.Missing) > 0 {
				t.Errorf("unexpected report %+v", report)
			}
			if want := test.opts.Sudo || test.opts.AsRoot || os.Geteuid() == 0 && sshd.User == "root"; report.SudoOK != want {
				t.Errorf("SudoOK = %v, want %v", report.SudoOK, want)
			}
			_, err = host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{source}})
			must(t, err)
			sshd.DropConnections() // the job is detached: nobody should mind
			var status Status
			for poll := time.Tick(50 * time.Millisecond); ; <-poll {
				status, err = host().Status(t.Context(), jobA)
				if _, ok := errors.AsType[*ConnectError](err); ok { // the drop was seen only now
					continue
				}
				must(t, err)
				if !status.Alive {
					break
				}
			}
			if status.Result == nil || !status.Result.OK {
				t.Fatalf("unexpected status %+v %+v", status, status.Result)
			}
			file := filepath.Join(t.TempDir(), "archive.tar.gz")
			out, err := os.Create(file)
			must(t, err)
			defer out.Close()
			must(t, host().Archive(t.Context(), jobA, out))
			testbed.CompareTar(t, file, source)
			if got := sha256File(t, file); got != status.Result.SHA256 {
				t.Errorf("checksum %s, want %s", got, status.Result.SHA256)
			}
			must(t, host().Clean(t.Context(), jobA, false))
		})
	}
}

func TestSudoWithoutPermission(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the current user may or may not have sudo; as root the test account has none")
	}
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	host := Host{Client: dial(t, cfg), Root: sshd.BackupDir, Sudo: true}
	_, err := host.Check(t.Context(), CheckRequest{})
	var sudo *SudoError
	if !errors.As(err, &sudo) || sudo.Missing || sudo.User != sshd.User || sudo.Stderr == "" {
		t.Fatalf("Check = %#v, want a SudoError", err)
	}
	if want := sshd.User + " ALL=(root) NOPASSWD: /bin/sh"; sudo.Sudoers() != want {
		t.Errorf("sudoers line %q, want %q", sudo.Sudoers(), want)
	}
}

func TestUnreadablePathsAreTold(t *testing.T) {
	t.Parallel()
	sshd, cfg := newSSHD(t, testbed.SSHDOptions{})
	if os.Geteuid() == 0 && sshd.User == "root" {
		t.Skip("root reads everything")
	}
	dir := sshd.Dir("source")
	for name, mode := range map[string]os.FileMode{"file": 0o000, "dir": 0o000, "behind": 0o000} {
		path := filepath.Join(dir, name)
		if name == "file" {
			must(t, os.WriteFile(path, nil, 0o600))
		} else {
			must(t, os.Mkdir(path, 0o700))
		}
		if name == "behind" {
			must(t, os.WriteFile(filepath.Join(path, "file"), nil, 0o644))
		}
		must(t, os.Chmod(path, mode))
	}
	host := Host{Client: dial(t, cfg), Root: sshd.BackupDir}
	report, err := host.Check(t.Context(), CheckRequest{Include: []string{dir, dir + "/file", dir + "/dir", dir + "/behind/file", dir + "/none"}})
	must(t, err)
	want := []PathState{PathOK, PathUnreadable, PathUnreadable, PathUnreadable, PathMissing}
	for i, state := range report.Paths {
		if state != want[i] {
			t.Errorf("path %s: %s, want %s", strconv.Itoa(i), state, want[i])
		}
	}
}
