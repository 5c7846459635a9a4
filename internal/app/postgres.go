package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/river"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// DatabaseEnv names the PostgreSQL database where no flag does.
const DatabaseEnv = "CLOUDAIPILOT_DATABASE"

// DatabaseHasPassword reports whether a database's URL carries a password.
func DatabaseHasPassword(database string) bool { return store.PostgresPassword(database) }

// sharer is one of the processes that share the control plane of a PostgreSQL database. None owns it: what one of
// them leaves is taken up by another when its lease has ended.
type sharer struct {
	*plane
	waker *river.Waker
}

func share(ctx context.Context, c ServeConfig) (*sharer, error) {
	s, err := store.OpenPostgres(ctx, c.Database, time.Now())
	if err != nil {
		return nil, err
	}
	p := assemble(c.Config, s, true)
	// Another machine may have another master key: better told now than at the first backup.
	if err := p.checkKey(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if err := river.Migrate(ctx, s.Conns()); err != nil {
		return nil, errors.Join(err, p.close())
	}
	waker, err := river.Work(ctx, s.Conns(), p.cp, parallelSteps)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return &sharer{plane: p, waker: waker}, nil
}

// checkKey finds the master key, and sees whether it is the one of the processes beside.
func (p *plane) checkKey() error {
	_, err := p.keys.open()
	if errors.Is(err, controlplane.ErrConflict) { // another process noted its key in this very moment
		_, err = p.keys.open()
	}
	return err
}

func (s *sharer) close() error {
	s.waker.Close()
	return s.plane.close()
}

// Database is an owner's way to the control plane of a PostgreSQL database, without a token and without the network:
// whoever can open the database owns what is in it. It is an http.RoundTripper, and nothing happens before the first
// request. It makes no steps of backups: that is for the processes that serve.
type Database struct {
	config Config
	url    string

	mu     sync.Mutex
	plane  *plane
	closed bool
}

// NewDatabase returns the way to the control plane of the database at a URL. c.DataDir is not used.
func NewDatabase(c Config, url string) *Database {
	return &Database{config: c, url: url}
}

// Client returns a client of this control plane.
func (d *Database) Client(agent string) *apiclient.Client {
	return apiclient.New(apiclient.Options{BaseURL: "http://control-plane", Transport: d, UserAgent: agent})
}

// RoundTrip implements http.RoundTripper.
func (d *Database) RoundTrip(r *http.Request) (*http.Response, error) {
	p, err := d.open(r.Context())
	if err != nil {
		return nil, &apiclient.FinalError{Err: err}
	}
	return serveOnce(p.handler, r)
}

func (d *Database) open(ctx context.Context) (*plane, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	if d.plane == nil {
		s, err := store.JoinPostgres(ctx, d.url, time.Now())
		if err != nil {
			return nil, err
		}
		p := assemble(d.config, s, true)
		waker, err := river.New(s.Conns(), p.cp.Log)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.cp.UseWaker(waker)
		d.plane = p
	}
	return d.plane, nil
}

// Close closes the database.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.plane == nil {
		return nil
	}
	return d.plane.close()
}
