package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// OpenSSH allows ten sessions per connection (MaxSessions).
	maxSessions = 8
	// Three keepalives without an answer, and the link counts as dead.
	maxUnanswered = 3
	stderrLimit   = 8 << 10
)

// Client is one live connection to a server. It is safe for concurrent use.
type Client struct {
	conn    *ssh.Client
	addr    string
	user    string
	hostKey string
	slots   chan struct{} // one token per running session

	done  chan struct{} // closed when the connection has ended
	cause error         // why; read after done
}

func newClient(cfg Config, conn *ssh.Client, hostKey string) *Client {
	c := &Client{
		conn: conn, addr: cfg.addr(), user: cfg.User, hostKey: hostKey,
		slots: make(chan struct{}, maxSessions),
		done:  make(chan struct{}),
	}
	interval := cfg.KeepaliveInterval
	if interval <= 0 {
		interval = defaultKeepaliveInterval
	}
	silent := make(chan struct{})
	go c.keepalive(interval, silent)
	go func() {
		err := conn.Wait()
		select {
		case <-silent:
			err = errors.New("the server stopped answering keepalives")
		default:
		}
		c.cause = err
		close(c.done)
	}()
	return c
}

// HostKey is the key line the server presented, without a comment.
func (c *Client) HostKey() string { return c.hostKey }

// Close ends the connection and every session on it.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// retire closes the connection once its running sessions have ended, and lets no new one in.
func (c *Client) retire() {
	for range maxSessions {
		select {
		case c.slots <- struct{}{}:
		case <-c.done:
			return
		}
	}
	c.conn.Close()
}

// keepalive asks the server for a sign of life; without one it closes silent, and the connection.
func (c *Client) keepalive(interval time.Duration, silent chan<- struct{}) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	answers := make(chan error, 1)
	waiting, missed := false, 0
	for {
		select {
		case <-c.done:
			return
		case err := <-answers:
			if err != nil {
				return // the connection has ended by itself
			}
			waiting, missed = false, 0
		case <-ticker.C:
			if !waiting {
				waiting = true
				go func() {
					// A server answers what it does not know too, with a failure.
					_, _, err := c.conn.SendRequest("keepalive@openssh.com", true, nil)
					answers <- err
				}()
				continue
			}
			if missed++; missed == maxUnanswered {
				close(silent)
				c.conn.Close()
				return
			}
		}
	}
}

// Run executes one command with the login user's shell. It waits for one of the connection's
// eight sessions. It returns nil for exit status 0, a [*RemoteError] for any other end of the
// command, a [*ConnectError] when the connection failed, and otherwise wraps ctx's cause.
// Nothing is written to out or errOut after it returned; either may be nil.
func (c *Client) Run(ctx context.Context, command string, in io.Reader, out, errOut io.Writer) error {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return c.dropped(c.cause)
	case <-ctx.Done():
		return fmt.Errorf("run on %s: %w", c.addr, context.Cause(ctx))
	}

	outGate, errGate := &gate{w: out}, &gate{w: errOut}
	ended := make(chan error, 1)
	var opened sessionHolder
	go func() {
		defer func() { <-c.slots }()
		ended <- c.session(command, in, outGate, errGate, &opened)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		// Shut the gates rather than wait for the session's end: the link may be dead.
		outGate.shut()
		errGate.shut()
		go opened.close()
		return fmt.Errorf("run on %s: %w", c.addr, context.Cause(ctx))
	}
}

func (c *Client) session(command string, in io.Reader, out, errOut io.Writer, opened *sessionHolder) error {
	session, err := c.conn.NewSession()
	if err != nil {
		if _, ok := errors.AsType[*ssh.OpenChannelError](err); ok {
			return &ConnectError{Kind: KindOther, Addr: c.addr, User: c.user, Err: fmt.Errorf("the server refused a session: %w", err)}
		}
		return c.dropped(err)
	}
	defer session.Close()
	if !opened.set(session) {
		return context.Canceled
	}
	head := &headWriter{limit: stderrLimit}
	session.Stdin, session.Stdout, session.Stderr = in, out, io.MultiWriter(head, errOut)

	err = session.Run(command)
	var exit *ssh.ExitError
	var local *writeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		remote := &RemoteError{Exit: exit.ExitStatus(), Signal: exit.Signal(), Stderr: head.String()}
		if remote.Signal != "" {
			remote.Exit = -1
		}
		return remote
	case errors.As(err, &local):
		return local.err
	default:
		return c.dropped(err)
	}
}

// dropped prefers the connection's own reason, which says more than a session's EOF.
func (c *Client) dropped(err error) error {
	select {
	case <-c.done:
		if c.cause != nil {
			err = c.cause
		}
	default:
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return &ConnectError{Kind: KindDropped, Addr: c.addr, User: c.user, Err: err}
}

// sessionHolder hands a session that is still being opened to whoever wants to close it.
type sessionHolder struct {
	mu      sync.Mutex
	session *ssh.Session
	closed  bool
}

func (h *sessionHolder) set(s *ssh.Session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.session = s
	return !h.closed
}

func (h *sessionHolder) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.session != nil {
		h.session.Close()
	}
}

// gate passes writes on until it is shut.
type gate struct {
	mu     sync.Mutex
	w      io.Writer
	closed bool
}

// writeError marks a failure of our own writer, so that it is not taken for the connection's.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return len(p), nil
	}
	if g.w == nil {
		return len(p), nil
	}
	n, err := g.w.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// headWriter keeps the first bytes and swallows the rest.
type headWriter struct {
	limit int
	kept  []byte
}

func (h *headWriter) Write(p []byte) (int, error) {
	room := h.limit - len(h.kept)
	h.kept = append(h.kept, p[:min(room, len(p))]...)
	return len(p), nil
}

func (h *headWriter) String() string { return string(h.kept) }
