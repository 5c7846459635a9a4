package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// BenchmarkAPI measures requests about servers over the network, with tokens. The peer is a bare handler on the same
// database that makes the same statements by hand and answers with the same JSON; it asks nobody for a token and
// checks nothing.
func BenchmarkAPI(b *testing.B) {
	for _, store := range []struct {
		name string
		open func(*testing.B) (*app.ServeConfig, *apiclient.Client, *sql.DB)
	}{{"sqlite", onSQLite}, {"postgres", onPostgres}} {
		b.Run(store.name, func(b *testing.B) {
			config, owner, db := store.open(b)
			a := newAPIBench(b, *config, owner, db)
			for _, kind := range []string{"list", "get", "create"} {
				for _, clients := range []int{1, 16} {
					b.Run(fmt.Sprintf("%s/%d", kind, clients), func(b *testing.B) { a.measure(b, kind, clients) })
				}
			}
		})
	}
}

func onSQLite(b *testing.B) (*app.ServeConfig, *apiclient.Client, *sql.DB) {
	b.Helper()
	dir := emptyDir(b)
	owner := embedded(b, dir)
	config := &app.ServeConfig{Config: app.Config{DataDir: dir}}
	// As the store opens it.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "control.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	return config, owner, db
}

func onPostgres(b *testing.B) (*app.ServeConfig, *apiclient.Client, *sql.DB) {
	b.Helper()
	database := testbed.StartPostgres(b)
	db, err := sql.Open("pgx", database)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	return &app.ServeConfig{Database: database}, owning(b, database), db
}

// apiBench is a control plane with 1,000 servers, and the peer beside it.
type apiBench struct {
	ours, peer *asker
	some       string // the id of a server
	names      atomic.Int64
}

const (
	roundsOfLoad = 6 // ours and the peer's in turn, so that what else the machine does hits both
	roundLasts   = 250 * time.Millisecond
	benchTokens  = 100 // 200 requests at once and 50 a second each
)

func newAPIBench(b *testing.B, config app.ServeConfig, owner *apiclient.Client, db *sql.DB) *apiBench {
	b.Helper()
	b.Cleanup(func() { _ = db.Close() })
	a := &apiBench{}
	address := serving(b, config)
	a.ours = newAsker("http://"+address, tokens(b, owner, benchTokens))
	peer := httptest.NewServer(barePeer(db))
	b.Cleanup(peer.Close)
	a.peer = newAsker(peer.URL, nil)
	for range 1000 {
		s, err := owner.CreateServer(b.Context(), api.ServerInput{Name: new(a.name()), Host: new("203.0.113.10"), RecordHostKey: new(true)})
		if err != nil {
			b.Fatal(err)
		}
		a.some = s.ID
	}
	a.sameAnswers(b)
	return a
}

// sameAnswers looks whether the peer says the same as we do.
func (a *apiBench) sameAnswers(b *testing.B) {
	b.Helper()
	for _, path := range []string{"/v1/servers/" + a.some, "/v1/servers?limit=100"} {
		var said [2]map[string]any
		for i, who := range []*asker{a.ours, a.peer} {
			raw, err := who.ask(b.Context(), http.MethodGet, path, "")
			if err == nil {
				err = json.Unmarshal(raw, &said[i])
			}
			if err != nil {
				b.Fatal(err)
			}
			delete(said[i], "$schema")
		}
		if diff := cmp.Diff(said[0], said[1]); diff != "" {
			b.Fatalf("%s: the peer answers something else:\n%s", path, diff)
		}
	}
}

func (a *apiBench) name() string { return fmt.Sprintf("web-%d", a.names.Add(1)) }

func (a *apiBench) measure(b *testing.B, kind string, clients int) {
	var ours, peer load
	for range roundsOfLoad {
		ours.add(b, clients, roundLasts, func() error { return a.do(b.Context(), a.ours, kind) })
		peer.add(b, clients, roundLasts, func() error { return a.do(b.Context(), a.peer, kind) })
	}
	compare(b, "req/s", ours.perSecond(), peer.perSecond())
	compare(b, "p99-ms", at(0.99, ours.took), at(0.99, peer.took))
}

func (a *apiBench) do(ctx context.Context, who *asker, kind string) error {
	method, path, body := http.MethodGet, "/v1/servers/"+a.some, ""
	switch kind {
	case "list":
		path = "/v1/servers?limit=100"
	case "create": // without a key pair: making one is no question of the API
		method, path = http.MethodPost, "/v1/servers"
		body = fmt.Sprintf(`{"name": %q, "host": "203.0.113.10", "record_host_key": true, "generate_key": false}`, a.name())
	}
	_, err := who.ask(ctx, method, path, body)
	return err
}

// barePeer answers as the API does, with nothing between HTTP and SQL.
func barePeer(db *sql.DB) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			out, err := answer(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	handle("GET /v1/servers", func(r *http.Request) (any, error) {
		list := api.List[api.Server]{}
		rows, err := db.QueryContext(r.Context(), "SELECT "+peerColumns+" FROM servers WHERE deleted_at = 0 AND id > $1 ORDER BY id LIMIT $2", "", 100)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			s, err := peerScan(rows)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, s)
		}
		if len(list.Items) == 100 {
			list.NextCursor = list.Items[99].ID
		}
		return list, rows.Err()
	})
	handle("GET /v1/servers/{id}", func(r *http.Request) (any, error) {
		return peerScan(db.QueryRowContext(r.Context(), "SELECT "+peerColumns+" FROM servers WHERE id = $1", r.PathValue("id")))
	})
	handle("POST /v1/servers", func(r *http.Request) (any, error) { return peerCreate(db, r) })
	return mux
}

const peerColumns = `id, name, host, port, login_user, host_key, record_host_key, recorded_host_key, backup_dir, privilege, environment,
	connect_timeout, keepalive, key_source, public_key, sealed_key, created_at, updated_at, deleted_at, version, max_concurrent_backups`

func peerScan(row interface{ Scan(...any) error }) (s api.Server, err error) {
	var record, connect, keepalive, created, updated, deleted int64
	var sealed string
	err = row.Scan(&s.ID, &s.Name, &s.Host, &s.Port, &s.User, &s.HostKey, &record, &s.RecordedHostKey, &s.BackupDir, &s.Privilege, &s.Environment,
		&connect, &keepalive, &s.KeySource, &s.PublicKey, &sealed, &created, &updated, &deleted, &s.Version, &s.MaxConcurrentBackups)
	s.RecordHostKey, s.ConnectTimeoutSeconds, s.KeepaliveIntervalSeconds = record != 0, int(connect/1000), int(keepalive/1000)
	s.CreatedAt, s.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return s, err
}

// peerIDs makes the identifiers of what the peer records; they sort behind all others.
var peerIDs atomic.Int64

func peerCreate(db *sql.DB, r *http.Request) (any, error) {
	var in api.ServerInput
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	if _, err := peerScan(db.QueryRowContext(r.Context(), "SELECT "+peerColumns+" FROM servers WHERE name = $1 AND deleted_at = 0", *in.Name)); err != sql.ErrNoRows { //nolint:errorlint // as bare as can be
		return nil, fmt.Errorf("the name: %v", err) //nolint:errorlint // nobody looks into it
	}
	tx, err := db.BeginTx(r.Context(), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	now, id := time.Now().UTC(), fmt.Sprintf("z_%026d", peerIDs.Add(1))
	s := api.Server{ID: "srv" + id, Name: *in.Name, Host: *in.Host, Port: 22, User: "root", RecordHostKey: true, BackupDir: "/tmp/cloudpilot-backups",
		Privilege: "none", KeySource: "none", ConnectTimeoutSeconds: 10, KeepaliveIntervalSeconds: 15, CreatedAt: now, UpdatedAt: now, Version: 1, MaxConcurrentBackups: 1}
	_, err = tx.ExecContext(r.Context(), "INSERT INTO servers ("+peerColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
		s.ID, s.Name, s.Host, s.Port, s.User, s.HostKey, 1, "", s.BackupDir, s.Privilege, "", 10_000, 15_000, s.KeySource, "", "", now.UnixMilli(), now.UnixMilli(), 0, 1, s.MaxConcurrentBackups)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(r.Context(), `INSERT INTO activities (id, type, target_id, server_id, title, status, steps_json, created_at, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, "act"+id, "server.create", s.ID, s.ID, "Server "+s.Name+" added", "completed", "null", now.UnixMilli(), now.UnixMilli())
	if err != nil {
		return nil, err
	}
	return s, tx.Commit()
}
