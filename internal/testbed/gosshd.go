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
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// GoSSHOptions configures a GoSSHServer.
type GoSSHOptions struct {
	// AuthorizedKeys is the path of an authorized_keys file. It is read again at each login; a missing
	// file authorises nobody.
	AuthorizedKeys string
	// Home is the working directory and $HOME of every command. Empty: the current user's.
	Home string
}

// GoSSHServer is an SSH server for places where there is no sshd: no root, loopback only, one login name
// (the current user's), public keys only, and commands run by /bin/sh -c in a clean environment.
// As with OpenSSH, a command whose connection goes away is not killed.
type GoSSHServer struct {
	Host string
	Port int
	User string
	// HostKeyLine is the host key, "ssh-ed25519 AAAA...", new for each server.
	HostKeyLine string

	opts     GoSSHOptions
	config   *ssh.ServerConfig
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	commands map[*exec.Cmd]bool
}

// StartGoSSHServer listens on a free port of 127.0.0.1 until Close.
func StartGoSSHServer(opts GoSSHOptions) (*GoSSHServer, error) {
	current, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("find the current user: %w", err)
	}
	if opts.Home == "" {
		opts.Home = current.HomeDir
	}
	private, line, err := newHostKey()
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listen on loopback: unexpected address %s", listener.Addr())
	}
	s := &GoSSHServer{
		Host: "127.0.0.1", Port: address.Port, User: current.Username, HostKeyLine: line,
		opts: opts, listener: listener,
		conns: map[net.Conn]bool{}, commands: map[*exec.Cmd]bool{},
	}
	s.config = &ssh.ServerConfig{PublicKeyCallback: s.authorize}
	s.config.AddHostKey(signer)
	s.done.Add(1)
	go s.accept()
	return s, nil
}

// EndCommands ends what logins have started and is still running, detached jobs included.
func (s *GoSSHServer) EndCommands() { killAll(commands(s.Port)) }

// Close stops listening, cuts the connections and ends the commands that still run. What a command has detached
// from itself (setsid) goes on: see EndCommands.
func (s *GoSSHServer) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	for cmd := range s.commands {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (s *GoSSHServer) authorize(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if conn.User() != s.User {
		return nil, fmt.Errorf("user %q may not log in", conn.User())
	}
	rest, err := os.ReadFile(s.opts.AuthorizedKeys)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read authorized_keys: %w", err)
	}
	for len(rest) > 0 {
		var allowed ssh.PublicKey
		if allowed, _, _, rest, err = ssh.ParseAuthorizedKey(rest); err != nil {
			break
		}
		if bytes.Equal(allowed.Marshal(), key.Marshal()) {
			return &ssh.Permissions{}, nil
		}
	}
	return nil, errors.New("key is not authorised")
}

func (s *GoSSHServer) accept() {
	defer s.done.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			_ = conn.Close()
			s.mu.Unlock()
			return
		}
		s.conns[conn] = true
		s.done.Add(1)
		s.mu.Unlock()
		go s.serve(conn)
	}
}

func (s *GoSSHServer) serve(conn net.Conn) {
	defer s.done.Done()
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	// Keepalives arrive as global requests; answering "no" is the answer OpenSSH gives.
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		s.done.Add(1)
		go s.session(channel, requests)
	}
}

// session answers the requests of one channel: one command, and signals for it.
func (s *GoSSHServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer s.done.Done()
	var running *exec.Cmd
	for request := range requests {
		ok := false
		switch request.Type {
		case "exec":
			var command struct{ Line string }
			if running == nil && ssh.Unmarshal(request.Payload, &command) == nil {
				running, ok = s.run(channel, command.Line)
			}
		case "signal":
			var signal struct{ Name string }
			if running != nil && ssh.Unmarshal(request.Payload, &signal) == nil {
				ok = s.signal(running, signal.Name)
			}
		}
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
	}
	_ = channel.Close()
}

var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL,
	"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

// signal reaches the command and its children, while the command runs.
func (s *GoSSHServer) signal(cmd *exec.Cmd, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, known := signals[name]
	return known && s.commands[cmd] && syscall.Kill(-cmd.Process.Pid, number) == nil
}

// run starts a command and reports its end on the channel.
func (s *GoSSHServer) run(channel ssh.Channel, line string) (*exec.Cmd, bool) {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir = s.opts.Home
	cmd.Env = []string{
		"HOME=" + s.opts.Home, "USER=" + s.User, "LOGNAME=" + s.User, "SHELL=/bin/sh",
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"SSH_CONNECTION=127.0.0.1 0 127.0.0.1 " + strconv.Itoa(s.Port),
	}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	// A session of its own, as sshd gives: a signal reaches the command and its children, and nothing else.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if err := cmd.Start(); err != nil {
		return nil, false
	}
	s.commands[cmd] = true
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	s.done.Go(func() {
		_ = cmd.Wait()
		s.mu.Lock()
		delete(s.commands, cmd)
		s.mu.Unlock()
		report(channel, cmd.ProcessState)
		_ = channel.Close()
	})
	return cmd, true
}

func report(channel ssh.Channel, state *os.ProcessState) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		for name, number := range signals {
			if number == status.Signal() {
				payload := struct {
					Name       string
					CoreDumped bool
					Message    string
					Language   string
				}{Name: name}
				_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(&payload))
				return
			}
		}
	}
	payload := struct{ Status uint32 }{uint32(state.ExitCode() & 0xff)}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(&payload))
}
