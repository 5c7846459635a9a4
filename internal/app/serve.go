package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// ServeConfig says how a control plane runs by itself.
type ServeConfig struct {
	Config
	// Database is the URL of a PostgreSQL database, instead of a data directory. Several processes may share one.
	Database string
	Listen   string // host:port; without TLS only on a loopback address
	// TLSCert and TLSKey name PEM files; both or neither. They are read anew for every connection, so that a renewed
	// certificate needs no restart.
	TLSCert, TLSKey string
	// Ready, if set, is called with the address once requests are answered.
	Ready func(address string)
}

// Times of the network server. A long poll lasts a minute, and a download as long as it takes.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdownGrace = 5 * time.Second // for requests under way; long polls are repeated by their clients
)

// Serve looks after every backup of a control plane and answers on the network until ctx ends. Steps under way are
// then given back as they were; jobs on servers go on. It owns the data directory and answers on its socket too, or
// shares the work with the other processes on the database.
func Serve(ctx context.Context, c ServeConfig) error {
	certificate, err := c.certificate()
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer listener.Close()
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate, NextProtos: []string{"h2", "http/1.1"}})
	}
	p, end, err := c.start(ctx)
	if err != nil {
		return err
	}
	var alone sync.WaitGroup // what a control plane does that runs by itself
	if !c.Simulate {         // else it happens when the simulated time gets there
		alone.Go(func() { p.cp.Sweep(ctx) })
		alone.Go(func() { p.cp.SweepLeftovers(ctx) })
		alone.Go(func() { p.cp.SweepOrphans(ctx) })
		alone.Go(func() { p.cp.Dispatch(ctx) })
		alone.Go(func() { p.cp.Forget(ctx) })
	}
	err = p.answer(ctx, listener, p.forTokens(c.Version), c.Ready)
	alone.Wait()
	return errors.Join(err, end())
}

// start starts the control plane and returns how to end it.
func (c ServeConfig) start(ctx context.Context) (*plane, func() error, error) {
	if c.Database != "" && c.Simulate {
		return nil, nil, errSimulatedDatabase
	}
	if c.Database != "" {
		s, err := share(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		s.cp.Log.Info("control plane shares a database", "database", store.PostgresName(c.Database))
		if c.DataDir != "" {
			s.cp.Log.Warn("the data directory is not used: the records are in the database", "data_dir", c.DataDir)
		}
		return s.plane, s.close, nil
	}
	e, err := NewEmbedded(c.Config)
	if err != nil {
		return nil, nil, err
	}
	o, err := e.becomeServer(ctx)
	if errors.Is(err, controlplane.ErrDiskFull) || errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk that holds the data directory %s is full: free space there, then start again (%w)", e.dir, err)
	}
	if err != nil {
		return nil, nil, err
	}
	return o.plane, o.close, nil
}

// errSimulatedDatabase refuses to mix what is real and what is not where several processes come and go.
var errSimulatedDatabase = errors.New("a control plane is simulated in a data directory only: leave the database out, and name a new directory with --data-dir if you like")

// certificate returns how to find the certificate, nil for plain HTTP, which is for loopback alone.
func (c ServeConfig) certificate() (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, errors.New("a certificate needs its key, and a key its certificate: name both or neither")
	}
	if c.TLSCert == "" {
		if !loopback(c.Listen) {
			return nil, fmt.Errorf("%s can be reached from other machines, and tokens would cross the network in the clear: name a certificate and its key, or listen on a loopback address such as 127.0.0.1:8642 behind a proxy that speaks TLS", c.Listen)
		}
		return nil, nil //nolint:nilnil // plain HTTP
	}
	load := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		return &pair, err
	}
	if _, err := load(nil); err != nil { // better now than at the first request
		return nil, fmt.Errorf("certificate %s with key %s: %w", filepath.Base(c.TLSCert), filepath.Base(c.TLSKey), err)
	}
	return load, nil
}

// loopback reports whether an address can be reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// becomeServer owns the directory, waiting a while for an owner that is about to end.
func (e *Embedded) becomeServer(ctx context.Context) (*owner, error) {
	deadline := time.Now().Add(handover)
	for {
		memory, err := e.becomeOwner(ctx)
		if err != nil {
			return nil, err
		}
		if memory != nil {
			e.socket.CloseIdleConnections()
			return e.owner, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another process owns the data directory %s: end it first", e.dir)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// forTokens is what the network may ask of the control plane, each caller with a token and within limits.
func (p *plane) forTokens(version string) http.Handler {
	access, mux := apiserver.ByToken(p.cp), http.NewServeMux()
	mux.Handle("/", apiserver.New(p.cp, version, access))
	mux.Handle("GET /metrics", apiserver.Metrics(access, p.metrics.Handler(p.cp.Log)))
	return apiserver.Limit(mux)
}

// answer answers requests until ctx ends.
func (p *plane) answer(ctx context.Context, l net.Listener, handler http.Handler, ready func(string)) error {
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { ok(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ok(w, p.store.Ping(r.Context())) })
	server := &http.Server{Handler: p.metrics.Requests(mux), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(p.cp.Log.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	p.cp.Log.Info("control plane answers", "address", l.Addr().String(), "control_plane", p.storeID(ctx))
	if ready != nil {
		ready(l.Addr().String())
	}
	select {
	case err := <-ended:
		return fmt.Errorf("answer requests: %w", err)
	case <-ctx.Done():
	}
	p.cp.Log.Info("control plane ends")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil { // whoever still waits asks again elsewhere
		return server.Close()
	}
	return nil
}

func (p *plane) storeID(ctx context.Context) string {
	id, err := p.store.ID(ctx)
	if err != nil {
		return "unknown: " + err.Error()
	}
	return id
}

// ok answers a probe.
func ok(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("the database does not answer\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
