package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// pipeListener is a listener in memory: the same HTTP server answers over it, with nothing open to anybody else.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// DialContext connects to the listener; it has the form that http.Transport wants.
func (l *pipeListener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// serveOnce has a handler answer one request over a connection in memory.
func serveOnce(h http.Handler, r *http.Request) (*http.Response, error) {
	l := newPipeListener()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with the connection's end below
	t := &http.Transport{DialContext: l.DialContext, DisableKeepAlives: true}
	resp, err := t.RoundTrip(r)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	resp.Body = &closingBody{ReadCloser: resp.Body, close: server.Close}
	return resp, nil
}

// closingBody ends the server with the answer.
type closingBody struct {
	io.ReadCloser
	close func() error
}

func (b *closingBody) Close() error { return errors.Join(b.ReadCloser.Close(), b.close()) }
