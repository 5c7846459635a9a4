package ssh

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrPoolClosed is returned by [Pool.Client] after [Pool.Close].
var ErrPoolClosed = errors.New("the connection pool is closed")

// Pool keeps one connection per server and shares it. It is safe for concurrent use.
type Pool struct {
	mu     sync.Mutex
	lines  map[string]*line
	closed bool
}

// line is one server's connection: being made until ready is closed, then client or err.
type line struct {
	cfg    Config
	cancel context.CancelFunc
	ready  chan struct{}
	client *Client
	err    error
}

// NewPool returns an empty pool.
func NewPool() *Pool {
	return &Pool{lines: make(map[string]*line)}
}

// Client returns the server's connection. It dials when there is none, when the connection has
// ended, or when cfg differs from the one it was made with; sessions on the old one may finish.
// Concurrent callers share one attempt and its error; the attempt outlives a caller whose ctx ends.
func (p *Pool) Client(ctx context.Context, id string, cfg Config) (*Client, error) {
	l, err := p.line(ctx, id, cfg)
	if err != nil {
		return nil, err
	}
	select {
	case <-l.ready:
		return l.client, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to %s: %w", cfg.addr(), context.Cause(ctx))
	}
}

func (p *Pool) line(ctx context.Context, id string, cfg Config) (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrPoolClosed
	}
	if l, ok := p.lines[id]; ok {
		if l.cfg.equal(cfg) && l.usable() {
			return l, nil
		}
		go l.retire()
	}
	dialCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &line{cfg: cfg, cancel: cancel, ready: make(chan struct{})}
	l.cfg.PrivateKey = append([]byte(nil), cfg.PrivateKey...)
	p.lines[id] = l
	go func() {
		defer cancel()
		defer close(l.ready)
		l.client, l.err = Dial(dialCtx, l.cfg)
	}()
	return l, nil
}

// Drop closes the server's connection now, with every session on it.
func (p *Pool) Drop(id string) {
	p.mu.Lock()
	l := p.lines[id]
	delete(p.lines, id)
	p.mu.Unlock()
	if l != nil {
		l.close()
	}
}

// Close drops every connection. Later calls of Client fail with [ErrPoolClosed].
func (p *Pool) Close() {
	p.mu.Lock()
	lines := p.lines
	p.lines, p.closed = nil, true
	p.mu.Unlock()
	for _, l := range lines {
		l.close()
	}
}

// usable: still being made, or alive.
func (l *line) usable() bool {
	select {
	case <-l.ready:
	default:
		return true
	}
	if l.err != nil {
		return false
	}
	select {
	case <-l.client.done:
		return false
	default:
		return true
	}
}

func (l *line) retire() {
	<-l.ready
	if l.client != nil {
		l.client.retire()
	}
}

func (l *line) close() {
	l.cancel()
	<-l.ready
	if l.client != nil {
		l.client.Close()
	}
}
