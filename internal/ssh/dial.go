package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	defaultConnectTimeout    = 10 * time.Second
	defaultKeepaliveInterval = 15 * time.Second
	clientVersion            = "SSH-2.0-cloudaipilot"
)

// Config says how to reach one server.
type Config struct {
	Host string
	Port int // 0 = 22
	User string

	PrivateKey []byte // PEM, OpenSSH or PKCS#8; empty is [ErrNotConfigured]

	// HostKey is the pinned key: a line "ssh-ed25519 AAAA... [comment]" or a fingerprint "SHA256:...".
	// Empty means not pinned, and then only RecordHostKey lets a connection through.
	HostKey string
	// RecordHostKey accepts the first key seen when none is pinned. The caller stores [Client.HostKey].
	RecordHostKey bool

	ConnectTimeout    time.Duration // TCP, handshake and login together; 0 = 10 s
	KeepaliveInterval time.Duration // 0 = 15 s; three unanswered keepalives close the connection
}

func (c Config) addr() string {
	port := c.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

func (c Config) equal(other Config) bool {
	key, otherKey := c.PrivateKey, other.PrivateKey
	c.PrivateKey, other.PrivateKey = nil, nil
	return bytes.Equal(key, otherKey) && fmt.Sprintf("%#v", c) == fmt.Sprintf("%#v", other)
}

// Dial connects and logs in. Its error is a [*ConnectError], or wraps ctx's own error when ctx ended first.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	signer, err := parsePrivateKey(cfg.PrivateKey)
	if err != nil {
		kind := KindKeyInvalid
		if errors.Is(err, ErrNotConfigured) {
			kind = KindNotConfigured
		}
		return nil, &ConnectError{Kind: kind, Addr: cfg.addr(), User: cfg.User, Err: err}
	}
	check := hostKeyCheck{record: cfg.RecordHostKey}
	if cfg.HostKey != "" {
		pinned, err := parsePin(cfg.HostKey)
		if err != nil {
			return nil, &ConnectError{Kind: KindOther, Addr: cfg.addr(), User: cfg.User, Err: err}
		}
		check.pinned = &pinned
	}

	timeout := cfg.ConnectTimeout
	if timeout <= 0 {
		timeout = defaultConnectTimeout
	}
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var changed, missing *ConnectError
	for _, algorithms := range check.algorithmSets() {
		check.got, check.accepted = "", false
		client, err := handshake(dialCtx, cfg, signer, &check, algorithms)
		if err == nil {
			return client, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to %s: %w", cfg.addr(), context.Cause(ctx))
		}
		failure := classify(err, cfg, &check)
		var negotiation *ssh.AlgorithmNegotiationError
		switch {
		case failure.Kind == KindHostKeyChanged:
			if changed == nil {
				changed = failure
			}
		case errors.As(err, &negotiation): // the server has no key of this kind
			missing = failure
		default:
			return nil, failure
		}
	}
	if changed != nil {
		return nil, changed
	}
	return nil, missing
}

func handshake(ctx context.Context, cfg Config, signer ssh.Signer, check *hostKeyCheck, algorithms []string) (*Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", cfg.addr())
	if err != nil {
		return nil, err
	}
	// NewClientConn knows no context: end it by closing what it reads from.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	sshConn, channels, requests, err := ssh.NewClientConn(conn, cfg.addr(), &ssh.ClientConfig{
		User:              cfg.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   check.callback,
		HostKeyAlgorithms: algorithms,
		ClientVersion:     clientVersion,
	})
	if !stop() { // ctx ended, and the connection with it
		if err == nil {
			sshConn.Close()
		}
		return nil, fmt.Errorf("no answer to the handshake: %w", ctx.Err())
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return newClient(cfg, ssh.NewClient(sshConn, channels, requests), check.got), nil
}

// hostKeyCheck is the callback that decides about the server's key, and what it saw.
type hostKeyCheck struct {
	pinned   *pin
	record   bool
	got      string // the key line presented
	accepted bool
}

var (
	errHostKeyUnknown = errors.New("the host key is not pinned")
	errHostKeyChanged = errors.New("the host key is not the pinned one")
)

func (h *hostKeyCheck) callback(_ string, _ net.Addr, key ssh.PublicKey) error {
	h.got = keyLine(key)
	switch {
	case h.pinned == nil && !h.record:
		return errHostKeyUnknown
	case h.pinned != nil && !h.pinned.matches(key):
		return errHostKeyChanged
	}
	h.accepted = true
	return nil
}

var (
	ed25519Algorithms = []string{ssh.KeyAlgoED25519}
	ecdsaAlgorithms   = []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}
	rsaAlgorithms     = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
)

// algorithmSets are the host key algorithms to offer, one handshake after the other.
// A server has a key of each kind and presents the first kind offered: with a pinned key
// only its kind is asked for, with a fingerprint, which does not tell its kind, each in turn.
func (h *hostKeyCheck) algorithmSets() [][]string {
	switch {
	case h.pinned == nil:
		all := append(append([]string{}, ed25519Algorithms...), ecdsaAlgorithms...)
		return [][]string{append(all, rsaAlgorithms...)}
	case h.pinned.key == nil:
		return [][]string{ed25519Algorithms, ecdsaAlgorithms, rsaAlgorithms}
	case h.pinned.key.Type() == ssh.KeyAlgoRSA:
		return [][]string{rsaAlgorithms}
	default:
		return [][]string{{h.pinned.key.Type()}}
	}
}

// classify decides by types and by what the host key check saw, never by text.
func classify(err error, cfg Config, check *hostKeyCheck) *ConnectError {
	failure := &ConnectError{Kind: KindOther, Addr: cfg.addr(), User: cfg.User, Err: err}
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, errHostKeyUnknown):
		failure.Kind, failure.HostKeyGot = KindHostKeyUnknown, check.got
	case errors.Is(err, errHostKeyChanged):
		failure.Kind, failure.HostKeyGot, failure.HostKeyWanted = KindHostKeyChanged, check.got, cfg.HostKey
	case errors.As(err, &dns): // before timeout: a name server that does not answer is a DNS problem
		failure.Kind = KindDNS
	case errors.Is(err, syscall.ECONNREFUSED):
		failure.Kind = KindRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		failure.Kind = KindNoRoute
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		failure.Kind = KindTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		failure.Kind = KindDropped
	case check.accepted: // the server proved its key, the link works, and still no login
		failure.Kind = KindAuthFailed
	}
	return failure
}
