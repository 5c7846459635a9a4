package apiserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// server is the API over a real database and a fake server to back up.
type server struct {
	t     *testing.T
	http  *httptest.Server
	plane *controlplane.ControlPlane
	fake  *fakeServer
}

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerFor(t, func(*controlplane.ControlPlane) apiserver.Access { return apiserver.Local })
}

func newServerFor(t *testing.T, access func(*controlplane.ControlPlane) apiserver.Access) *server {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "control.db"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	fake := &fakeServer{}
	plane := controlplane.New(controlplane.Config{Store: s, Runner: fake, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Clock: wall{}})
	w := controlplane.NewWorker(plane, 4)
	plane.UseWaker(w)
	h := httptest.NewServer(apiserver.New(plane, "1.2.3", access(plane)))
	t.Cleanup(func() {
		h.Close()
		w.Close()
		_ = s.Close()
	})
	return &server{t: t, http: h, plane: plane, fake: fake}
}

// do sends a request and decodes the answer.
func (s *server) do(method, path, body string, header ...string) (int, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if told := strings.HasPrefix(resp.Header.Get(api.ControlPlaneHeader), "cp_"); told == (resp.StatusCode == http.StatusUnauthorized) {
		s.t.Errorf("%s %s: %d, and the control plane is told: %v", method, path, resp.StatusCode, told)
	}
	var out map[string]any
	if len(raw) > 0 && json.Unmarshal(raw, &out) != nil {
		s.t.Fatalf("%s %s: not JSON: %s", method, path, raw)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s %s: %d as %s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return resp.StatusCode, out
}

const web1 = `{"name":"web-1","host":"203.0.113.10","record_host_key":true}`

func (s *server) addServer() string {
	s.t.Helper()
	status, out := s.do("POST", "/v1/servers", web1)
	if status != 200 {
		s.t.Fatalf("%d %v", status, out)
	}
	return text(out["id"])
}

func (s *server) addBackup(server string) string {
	s.t.Helper()
	status, out := s.do("POST", "/v1/servers/"+server+"/backups", `{"type":"files","files":{"include":["/etc"]},"managed":true}`)
	if status != 200 {
		s.t.Fatalf("%d %v", status, out)
	}
	return text(out["id"])
}

func TestServerLifeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.addServer()
	_, got := s.do("GET", "/v1/servers/"+id, "")
	for field, want := range map[string]any{"name": "web-1", "port": 22.0, "user": "cloudpilot", "backup_dir": "/tmp/cloudpilot-backups", "key_source": "generated", "public_key": "ssh-ed25519 X", "version": 1.0} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	for field := range got {
		if strings.Contains(field, "private") || strings.Contains(field, "sealed") {
			t.Errorf("the answer has %s", field)
		}
	}
	status, got := s.do("PATCH", "/v1/servers/"+id, `{"port":2222,"version":1}`)
	if status != 200 || got["port"] != 2222.0 || got["name"] != "web-1" {
		t.Errorf("%d %v", status, got)
	}
	if status, got = s.do("PATCH", "/v1/servers/"+id, `{"port":2223,"version":1}`); status != 409 || got["code"] != "CONFLICT" {
		t.Errorf("%d %v", status, got)
	}
	if status, _ = s.do("DELETE", "/v1/servers/"+id, ""); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, got = s.do("GET", "/v1/servers/"+id, ""); status != 404 || got["code"] != "NOT_FOUND" {
		t.Errorf("%d %v", status, got)
	}
}

func TestBackupLifeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.addBackup(s.addServer())
	status, got := s.do("GET", "/v1/backups/"+id+"?wait=30s&client=me", "")
	if status != 200 || got["status"] != "completed" || got["sha256"] != "ab" {
		t.Fatalf("%d %v", status, got)
	}
	if status, got = s.do("GET", "/v1/backups?managed=true&status=completed&id="+id, ""); status != 200 || len(items(got)) != 1 {
		t.Errorf("list: %d %v", status, got)
	}
	if status, got = s.do("GET", "/v1/backups?managed=false", ""); len(items(got)) != 0 {
		t.Errorf("list of others: %d %v", status, got)
	}
	for kind, want := range map[string]int{"files": 1, "database": 0} {
		if status, got = s.do("GET", "/v1/backups?type="+kind, ""); len(items(got)) != want {
			t.Errorf("list of type %s: %d %v", kind, status, got)
		}
	}
	if status, got = s.do("GET", "/v1/backups/"+id+"/log", ""); status != 200 || got["lines"] == nil || got["output"] != "tar said" {
		t.Errorf("log: %d %v", status, got)
	}
	resp, err := http.Get(s.http.URL + "/v1/backups/" + id + "/archive")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); string(raw) != "archive!" || resp.Header.Get(api.ChecksumHeader) != "ab" || resp.ContentLength != 8 {
		t.Errorf("download: %q, %v", raw, resp.Header)
	}
	if status, got = s.do("DELETE", "/v1/backups/"+id, ""); status != 200 || got["leftover"] != "" {
		t.Errorf("delete: %d %v", status, got)
	}
	if status, got = s.do("GET", "/v1/backups/"+id, ""); status != 200 || got["delete_reason"] != "deleted" {
		t.Errorf("tombstone: %d %v", status, got)
	}
	if status, got = s.do("GET", "/v1/activities?limit=1", ""); status != 200 || items(got)[0]["type"] != "backup.delete" || got["next_cursor"] == nil {
		t.Errorf("activities: %d %v", status, got)
	}
}

func TestDownloadThatFailsIsAProblemOrBreaksOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.addBackup(s.addServer())
	s.do("GET", "/v1/backups/"+id+"?wait=30s", "")
	s.fake.download = func(io.Writer) error {
		return &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactRefused, Text: "refused"}
	}
	if status, got := s.do("GET", "/v1/backups/"+id+"/archive", ""); status != 502 || got["code"] != "CONNECTION_REFUSED" {
		t.Errorf("before the first byte: %d %v", status, got)
	}
	s.fake.download = func(w io.Writer) error {
		_, _ = w.Write([]byte("arch"))
		return io.ErrUnexpectedEOF
	}
	resp, err := http.Get(s.http.URL + "/v1/backups/" + id + "/archive")
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("half an archive looks like a whole one")
	}
}

func TestInvalidRequestsAreProblemsOnTheirField(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	srv := s.addServer()
	tests := []struct {
		method, path, body  string
		status              int
		code, field, detail string
	}{
		{"POST", "/v1/servers", `{"host":"h","record_host_key":true}`, 422, "INVALID_ARGUMENT", "name", ""},
		{"POST", "/v1/servers", web1, 409, "NAME_TAKEN", "name", "web-1"},
		{"POST", "/v1/servers", `{"name":"w","host":"$(id)","record_host_key":true}`, 422, "INVALID_ARGUMENT", "host", "$(id)"},
		{"POST", "/v1/servers", `{"name":"w","host":"h"}`, 422, "HOST_KEY_NOT_PINNED", "host_key", ""},
		{"POST", "/v1/servers", `{"name":"w","host":"h","record_host_key":true,"private_key":"bad"}`, 422, "INVALID_ARGUMENT", "private_key", ""},
		{"POST", "/v1/servers", `{"name":"w","hots":"h"}`, 422, "INVALID_ARGUMENT", "hots", "unexpected"},
		{"POST", "/v1/servers", `{"name":7}`, 422, "INVALID_ARGUMENT", "name", "string"},
		{"POST", "/v1/servers", `{"name":`, 400, "INVALID_ARGUMENT", "", ""},
		{"POST", "/v1/servers", `[]`, 422, "INVALID_ARGUMENT", "", "object"},
		{"POST", "/v1/servers", ``, 400, "INVALID_ARGUMENT", "", ""},
		{"POST", "/v1/servers/" + srv + "/backups", `{"type":"snapshot"}`, 422, "INVALID_TYPE", "type", "disk image"},
		{"POST", "/v1/servers/" + srv + "/backups", `{"type":"files","files":{"include":["/a","b"]}}`, 422, "INVALID_ARGUMENT", "files.include.1", "absolute"},
		{"POST", "/v1/servers/srv_nope/backups", `{"type":"files","files":{"include":["/a"]}}`, 404, "NOT_FOUND", "server_id", "srv_nope"},
		{"GET", "/v1/servers/srv_nope", ``, 404, "NOT_FOUND", "", "srv_nope"},
		{"GET", "/v1/backups/..%2f..%2fetc", ``, 404, "NOT_FOUND", "", ""},
		{"GET", "/v1/backups/bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A", ``, 404, "NOT_FOUND", "", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"},
		{"GET", "/v1/backups?limit=1001", ``, 422, "INVALID_ARGUMENT", "query.limit", "1000"},
		{"GET", "/v1/backups?status=odd", ``, 422, "INVALID_ARGUMENT", "query.status[0]", ""},
		{"GET", "/v1/backups/bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A?wait=1h", ``, 422, "INVALID_ARGUMENT", "wait", "1m0s"},
		{"GET", "/v1/failures/last", ``, 422, "INVALID_ARGUMENT", "server_id", ""},
		{"GET", "/v1/nothing", ``, 404, "NOT_FOUND", "", "/v1/nothing"},
		{"PUT", "/v1/servers", `{}`, 404, "NOT_FOUND", "", "PUT /v1/servers"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %s %.60s", test.method, test.path, test.body), func(t *testing.T) {
			status, got := s.do(test.method, test.path, test.body)
			detail, _ := got["detail"].(string)
			field, _ := got["field"].(string)
			if status != test.status || got["code"] != test.code || field != test.field || !strings.Contains(detail, test.detail) {
				t.Errorf("%d %v", status, got)
			}
			if got["title"] == "" || got["status"] != float64(status) {
				t.Errorf("title %v, status %v", got["title"], got["status"])
			}
		})
	}
}

func TestBodyThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if status, got := s.do("POST", "/v1/servers", `{"name":"`+strings.Repeat("a", 6<<20)+`"}`); status != 413 {
		t.Errorf("%d %.200v", status, got)
	}
}

func TestDryRunsAnswerWithFindingsAndWriteNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, body := range map[string]string{
		"/v1/servers/validate_only": `{"name":"web 1","host":"h","unknown":["host_key"]}`,
		"/v1/backups/validate_only": `{"type":"snapshot","unknown":["server_id"]}`,
	} {
		status, got := s.do("POST", path, body)
		if found, _ := got["findings"].([]any); status != 200 || len(found) != 1 {
			t.Errorf("%s: %d %v", path, status, got)
		}
	}
	if _, got := s.do("GET", "/v1/activities", ""); len(items(got)) != 0 {
		t.Errorf("a dry run left %v", got)
	}
	s.addServer() // the control: a write leaves something
	if _, got := s.do("GET", "/v1/activities", ""); len(items(got)) != 1 {
		t.Errorf("activities %v", got)
	}
}

func TestActivitiesAreFollowed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addServer()
	_, got := s.do("GET", "/v1/activities", "")
	newest := text(items(got)[0]["id"])
	news := make(chan []map[string]any, 1)
	go func() {
		_, got := s.do("GET", "/v1/activities?wait=30s&since="+newest, "")
		news <- items(got)
	}()
	id := s.addBackup(text(items(got)[0]["target_id"]))
	if got := <-news; len(got) != 1 || got[0]["target_id"] != id {
		t.Errorf("news %v", got)
	}
	s.do("GET", "/v1/backups/"+id+"?wait=30s", "")
	_, b := s.do("GET", "/v1/backups/"+id, "")
	_, whole := s.do("GET", "/v1/activities/"+text(b["activity_id"]), "")
	lines, _ := whole["log"].([]any)
	_, rest := s.do("GET", "/v1/activities/"+text(b["activity_id"])+"?wait=30s&after=1", "")
	if later, _ := rest["log"].([]any); len(lines) < 2 || len(later) != len(lines)-1 {
		t.Errorf("%d lines, %d after the first", len(lines), len(later))
	}
	_, none := s.do("GET", "/v1/activities/"+text(b["activity_id"])+"?wait=30s&after=1000", "") // finished: it answers at once
	if none["log"] != nil {
		t.Errorf("log %v", none["log"])
	}
}

// FuzzAPI has nothing that comes over the network end in anything but an honest answer.
func FuzzAPI(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/v1/servers", web1}, {"PATCH", "/v1/servers/x", `{"port":1e99}`}, {"POST", "/v1/servers/x/backups", `{"type":"files","files":{"include":["/\u0000"]}}`},
		{"GET", "/v1/backups?id=bk_1&wait=1ns&cursor=%00", ""}, {"GET", "/v1/failures/last?server_id=x", ""}, {"DELETE", "/v1/tokens/%2e%2e", ""}, {"GET", "/v1/activities/x?after=-1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	s, err := store.OpenEmpty(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	plane := controlplane.New(controlplane.Config{Store: s, Runner: &fakeServer{}, Keys: fakeKeys{}, Sealer: seal.New(seal.Key{1}), Clock: wall{}})
	handler := apiserver.New(plane, "1.2.3", apiserver.Local)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://x/", strings.NewReader(body))
		if err != nil {
			return // no request at all
		}
		if req.URL, err = url.Parse(target); err != nil || !strings.HasPrefix(req.URL.Path, "/v1/") || req.URL.Query().Has("wait") {
			return // not to the API, or one that waits
		}
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		if rec.Code >= 500 || rec.Code >= 400 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %s %q: %d %s", method, target, body, rec.Code, rec.Body)
		}
	})
}

func TestServerIsTested(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	srv := s.addServer()
	status, got := s.do("POST", "/v1/servers/"+srv+"/test", "")
	if status != 200 || got["reachable"] != true || got["host_key"] != "ssh-ed25519 AAAA" || got["failure"] != nil || got["warnings"] == nil {
		t.Errorf("%d %v", status, got)
	}
	for _, test := range []struct {
		stage     backup.Stage
		fact      backup.Fact
		reachable bool
		code      string
	}{
		{backup.StageConnect, backup.FactHostKeyChanged, false, "SSH_HOST_KEY_CHANGED"},
		{backup.StagePreflight, backup.FactSudo, true, "SUDO_PASSWORD_REQUIRED"},
	} {
		s.fake.preflight = &backup.Failure{Stage: test.stage, Fact: test.fact, Evidence: backup.Evidence{HostKeyGot: "ssh-ed25519 BBBB"}}
		status, got = s.do("POST", "/v1/servers/"+srv+"/test", "")
		failure, _ := got["failure"].(map[string]any)
		if status != 200 || got["reachable"] != test.reachable || got["host_key"] != "ssh-ed25519 BBBB" || failure["code"] != test.code {
			t.Errorf("%s: %d %v", test.fact, status, got)
		}
	}
}

// TestPreflightIsToldWhileItGoesOn: the second check waits until the first has arrived.
func TestPreflightIsToldWhileItGoesOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.addServer()
	client := apiclient.New(apiclient.Options{BaseURL: s.http.URL})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	arrived := make(chan struct{}, 2)
	key := backup.Check{Name: backup.PreflightKey, Status: backup.CheckOK, Evidence: "A private key is set."}
	space := backup.Check{Name: backup.PreflightSpace, Status: backup.CheckFailed, Evidence: "Too little.",
		Failure: &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactSpaceShort, Text: "too little"}}
	s.fake.look = func(to controlplane.Target) (controlplane.Preflight, error) {
		to.Tell(key)
		select {
		case <-arrived:
		case <-ctx.Done():
			t.Error("the first check has not arrived")
		}
		to.Tell(space)
		return controlplane.Preflight{Checks: []backup.Check{key, space}}, space.Failure
	}
	var told []api.Check
	tell := func(c api.Check) {
		told = append(told, c)
		arrived <- struct{}{}
	}
	p, err := client.WatchPreflight(ctx, id, api.PreflightInput{}, tell)
	if err != nil || p.OK || p.Failed != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if diff := cmp.Diff(p.Checks, told); diff != "" || len(told) != 2 || told[1].Code != "NO_SPACE_LEFT" {
		t.Errorf("%+v: %s", told, diff)
	}

	s.fake.look = func(to controlplane.Target) (controlplane.Preflight, error) {
		to.Tell(key)
		return controlplane.Preflight{}, errors.New("the records are gone")
	}
	if _, err := client.WatchPreflight(ctx, id, api.PreflightInput{}, tell); !apiclient.HasCode(err, "INTERNAL") {
		t.Errorf("what breaks off half-way: %v", err)
	}
	if _, err := client.WatchPreflight(ctx, "srv_01JCXM8B5D3F7H9K1M2P4R6T8V", api.PreflightInput{}, tell); !apiclient.IsNotFound(err) {
		t.Errorf("no such server: %v", err)
	}
}

func TestRepeatedPostHasOneEffect(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, first := s.do("POST", "/v1/servers", web1, api.IdempotencyHeader, "k")
	status, second := s.do("POST", "/v1/servers", web1, api.IdempotencyHeader, "k")
	if status != 200 || first["id"] != second["id"] {
		t.Errorf("%v, then %d %v", first, status, second)
	}
	if status, got := s.do("POST", "/v1/servers", strings.Replace(web1, "web-1", "web-2", 1), api.IdempotencyHeader, "k"); status != 409 || got["code"] != "CONFLICT" {
		t.Errorf("%d %v", status, got)
	}
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	status, doc := s.do("GET", "/v1/openapi.json", "")
	paths, _ := doc["paths"].(map[string]any)
	if status != 200 || doc["openapi"] != "3.1.0" || len(paths) < 12 {
		t.Fatalf("%d, OpenAPI %v with %d paths", status, doc["openapi"], len(paths))
	}
	if raw, _ := json.Marshal(doc); !bytes.Contains(raw, []byte("Say who answers")) {
		t.Error("no summaries")
	}
}

// text is a JSON string.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// items are a list's.
func items(out map[string]any) []map[string]any {
	var list []map[string]any
	all, _ := out["items"].([]any)
	for _, i := range all {
		item, _ := i.(map[string]any)
		list = append(list, item)
	}
	return list
}

type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

type fakeKeys struct{}

func (fakeKeys) Generate(string) ([]byte, string, error) {
	return []byte("private"), "ssh-ed25519 X", nil
}
func (fakeKeys) PublicLine([]byte) (string, error) { return "", fmt.Errorf("not a key") }

// fakeServer makes every backup at once.
type fakeServer struct {
	preflight error
	look      func(controlplane.Target) (controlplane.Preflight, error) // nil: nothing but preflight
	download  func(io.Writer) error
}

func (f *fakeServer) Preflight(_ context.Context, t controlplane.Target, _ backup.Backup) (controlplane.Preflight, error) {
	if f.look != nil {
		return f.look(t)
	}
	return controlplane.Preflight{HostKey: "ssh-ed25519 AAAA"}, f.preflight
}

func (f *fakeServer) Start(context.Context, controlplane.Target, backup.Backup) (backup.Job, error) {
	return backup.Job{PID: 42}, nil
}

func (f *fakeServer) Watch(context.Context, controlplane.Target, backup.Backup) (backup.Observation, error) {
	return backup.Observation{Output: "tar said", Result: &backup.Result{SizeBytes: 8, SHA256: "ab", Entries: 1}}, nil
}

func (f *fakeServer) Cancel(context.Context, controlplane.Target, backup.Backup, bool) error {
	return nil
}
func (f *fakeServer) Clean(context.Context, controlplane.Target, backup.Backup) error { return nil }
func (f *fakeServer) Folders(context.Context, controlplane.Target) ([]controlplane.Folder, error) {
	return []controlplane.Folder{{ID: "bk_01JCXM8B5D3F7H9K1M2P4R6T8V", Bytes: 4096}}, nil
}
func (f *fakeServer) Forget(backup.ServerID) {}

func (f *fakeServer) Download(_ context.Context, _ controlplane.Target, _ backup.Backup, w io.Writer) error {
	if f.download != nil {
		return f.download(w)
	}
	_, err := w.Write([]byte("archive!"))
	return err
}

func TestLastPageNamesNoNextOne(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i := range 4 {
		if status, out := s.do("POST", "/v1/servers", fmt.Sprintf(`{"name":"web-%d","host":"203.0.113.10","record_host_key":true}`, i)); status != 200 {
			t.Fatalf("%d %v", status, out)
		}
	}
	for limit, pages := range map[int]int{1: 4, 2: 2, 3: 2, 4: 1, 5: 1, 1000: 1} {
		asked, seen, cursor := 0, 0, ""
		for asked == 0 || cursor != "" {
			status, out := s.do("GET", fmt.Sprintf("/v1/servers?limit=%d&cursor=%s", limit, cursor), "")
			if status != 200 || len(items(out)) > limit {
				t.Fatalf("%d items of at most %d, status %d", len(items(out)), limit, status)
			}
			asked, seen = asked+1, seen+len(items(out))
			cursor, _ = out["next_cursor"].(string)
		}
		if asked != pages || seen != 4 {
			t.Errorf("limit %d: %d requests for %d servers, want %d for 4", limit, asked, seen, pages)
		}
	}
}
