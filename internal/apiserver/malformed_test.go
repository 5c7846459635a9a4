package apiserver_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMalformedBodiesAreProblems sends what no honest client sends to every route that takes a body.
func TestMalformedBodiesAreProblems(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	srv := s.addServer()
	bk := s.addBackup(srv)
	s.do("GET", "/v1/backups/"+bk+"?wait=30s", "")
	routes := [][2]string{
		{"POST", "/v1/servers"}, {"POST", "/v1/servers/validate_only"}, {"PATCH", "/v1/servers/" + srv}, {"POST", "/v1/servers/" + srv + "/validate_only"},
		{"POST", "/v1/servers/" + srv + "/backups"}, {"POST", "/v1/backups/validate_only"}, {"PATCH", "/v1/backups/" + bk}, {"POST", "/v1/tokens"},
	}
	long := strings.Repeat("a", 1<<20)
	bodies := map[string]struct {
		body   string
		accept []int
	}{
		"nothing":                {``, []int{400}},
		"blanks":                 {" \n", []int{400}},
		"truncated":              {`{"name":"web-2","host":"203.0`, []int{400}},
		"a closing brace":        {`}`, []int{400}},
		"trailing garbage":       {`{"name":"web-2"} and more`, []int{400}},
		"two documents":          {`{"name":"web-2"}{"name":"web-3"}`, []int{400}},
		"a comment":              {`{/* name */"name":"web-2"}`, []int{400}},
		"XML":                    {`<?xml version="1.0"?><name>web-2</name>`, []int{400}},
		"a form":                 {`name=web-2&host=h`, []int{400}},
		"null":                   {`null`, []int{400, 422}},
		"a number":               {`7`, []int{422}},
		"an array":               {`[{"name":"web-2"}]`, []int{422}},
		"a string":               {`"web-2"`, []int{422}},
		"an unknown field":       {`{"no_such_field":1}`, []int{422}},
		"a prototype":            {`{"__proto__":{"role":"owner"}}`, []int{422}},
		"deep nesting":           {strings.Repeat(`{"files":`, 100_000) + `1` + strings.Repeat(`}`, 100_000), []int{400, 422}},
		"deep arrays":            {`{"files":{"include":` + strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000) + `}}`, []int{400, 422}},
		"a number beyond float":  {`{"port":1e400,"retention_days":1e400,"days":1e400}`, []int{400, 422}},
		"a number beyond int64":  {`{"port":99999999999999999999999,"retention_days":99999999999999999999999,"days":99999999999999999999999}`, []int{400, 422}},
		"a fraction":             {`{"port":22.5,"retention_days":0.5,"days":0.5}`, []int{400, 422}},
		"a long number":          {`{"port":` + strings.Repeat("9", 100_000) + `}`, []int{400, 422}},
		"NUL between the fields": {"{\x00\"name\":\"web-2\"}", []int{400}},
		"NUL in a text":          {"{\"name\":\"web\x002\",\"host\":\"h\"}", []int{400}},
		"NUL escaped":            {`{"name":"web\u00002","host":"h\u0000","type":"files\u0000","files":{"include":["/a\u0000b"]}}`, []int{422}},
		"invalid UTF-8":          {"{\"name\":\"web-\xff\xfe\",\"role\":\"\xff\",\"type\":\"\xff\"}", []int{400, 422}},
		"half a surrogate":       {`{"name":"web-\ud800","role":"\ud800","type":"\ud800"}`, []int{400, 422}},
		"a byte order mark":      {"\xef\xbb\xbf{\"name\":\"web-2\"}", []int{400}},
		"UTF-16":                 {"\xff\xfe{\x00}\x00", []int{400}},
		"a long text":            {`{"name":"` + long + `","type":"` + long + `","role":"` + long + `"}`, []int{422}},
		"beyond the limit":       {`{"name":"` + strings.Repeat(long, 6) + `"}`, []int{413}},
		"duplicate keys":         {`{"name":"web-2","name":7,"type":"files","type":7,"managed":true,"managed":7,"port":22,"port":"x"}`, []int{400, 422}},
	}
	for name, test := range bodies {
		for _, route := range routes {
			t.Run(name+" "+route[0]+" "+strings.NewReplacer(srv, "ID", bk, "ID").Replace(route[1]), func(t *testing.T) {
				status, got := s.do(route[0], route[1], test.body)
				// A dry run answers with what is wrong in the values, and a change of nothing is none.
				harmless := status == http.StatusOK && (strings.HasSuffix(route[1], "validate_only") || name == "a long text" && route[0] == "PATCH")
				if harmless {
					return
				}
				if !slices.Contains(test.accept, status) {
					t.Errorf("%d %.300v", status, got)
				}
				isProblem(t, status, got)
			})
		}
	}
	if _, got := s.do("GET", "/v1/servers", ""); len(items(got)) != 1 {
		t.Errorf("servers %v", got)
	}
	if _, got := s.do("GET", "/v1/backups", ""); len(items(got)) != 1 {
		t.Errorf("backups %v", got)
	}
	if _, got := s.do("GET", "/v1/tokens", ""); len(items(got)) != 0 {
		t.Errorf("tokens %v", got)
	}
}

// isProblem looks whether an answer tells what is wrong.
func isProblem(t *testing.T, status int, got map[string]any) {
	t.Helper()
	if status < 400 || status >= 500 || text(got["code"]) == "" || text(got["title"]) == "" || got["status"] != float64(status) {
		t.Errorf("no problem document: %d %.300v", status, got)
	}
}

func TestBodiesOfAnotherTypeAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/cbor", "application/json, text/plain", "nonsense", "application/jsonx"} {
		status, got := s.do("POST", "/v1/servers", web1, "Content-Type", kind)
		if status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d %v", kind, status, got)
		}
		isProblem(t, status, got)
	}
	for i, kind := range []string{"application/json", "application/json; charset=utf-8", "application/problem+json"} { // the control
		name := "web-" + strconv.Itoa(i+10)
		if status, got := s.do("POST", "/v1/servers", strings.Replace(web1, "web-1", name, 1), "Content-Type", kind); status != http.StatusOK {
			t.Errorf("%s: %d %v", kind, status, got)
		}
	}
}

func TestMalformedQueriesAreProblems(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addBackup(s.addServer())
	lists := []string{"/v1/servers", "/v1/backups", "/v1/activities", "/v1/tokens"}
	for _, list := range lists {
		for _, limit := range []string{"0", "-1", "-9223372036854775808", "1001", "9223372036854775807", "99999999999999999999999", "1e3", "1.5", "0x10", "ten", " 1", "\x00", "NaN", "1;2"} {
			status, got := s.do("GET", list+"?limit="+url.QueryEscape(limit), "")
			if status != http.StatusUnprocessableEntity || got["code"] != "INVALID_ARGUMENT" || text(got["field"]) != "query.limit" {
				t.Errorf("%s with limit %q: %d %v", list, limit, status, got)
			}
			isProblem(t, status, got)
		}
		if status, got := s.do("GET", list+"?cursor="+strings.Repeat("x", 65), ""); status != http.StatusUnprocessableEntity {
			t.Errorf("%s with a long cursor: %d %v", list, status, got)
		}
		// A cursor is the id behind which a page begins. One that is none is a place in the order like any other.
		for _, cursor := range []string{"\x00", "\xff", "'; DROP TABLE servers; --", "%", "-1", "bk_", "\u202e", "🙂"} {
			if status, got := s.do("GET", list+"?cursor="+url.QueryEscape(cursor), ""); status != http.StatusOK || got["items"] == nil {
				t.Errorf("%s with cursor %q: %d %v", list, cursor, status, got)
			}
		}
	}
}

// TestCursorOfAnotherListIsAPlaceInNone has a page begin behind an id of every other list: it answers with a page of its
// own list, in order, and nothing twice.
func TestCursorOfAnotherListIsAPlaceInNone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	srv := s.addServer()
	bk := s.addBackup(srv)
	_, activities := s.do("GET", "/v1/activities", "")
	prefix := map[string]string{"/v1/servers": "srv_", "/v1/backups": "bk_", "/v1/activities": "act_"}
	for list := range prefix {
		for _, cursor := range []string{srv, bk, text(items(activities)[0]["id"])} {
			status, got := s.do("GET", list+"?cursor="+cursor, "")
			if status != http.StatusOK {
				t.Errorf("%s behind %s: %d %v", list, cursor, status, got)
			}
			seen := map[string]bool{}
			for _, item := range items(got) {
				id := text(item["id"])
				if !strings.HasPrefix(id, prefix[list]) || seen[id] || id == cursor {
					t.Errorf("%s behind %s has %s", list, cursor, id)
				}
				seen[id] = true
			}
		}
	}
	_, all := s.do("GET", "/v1/activities", "")
	_, first := s.do("GET", "/v1/activities?limit=1", "") // the control: its own cursor
	_, rest := s.do("GET", "/v1/activities?cursor="+text(first["next_cursor"]), "")
	if diff := cmp.Diff(ids(items(all)), ids(append(items(first), items(rest)...))); diff != "" { // an entry may go on in between
		t.Error(diff)
	}
}

func ids(records []map[string]any) []string {
	out := make([]string, 0, len(records))
	for _, r := range records {
		out = append(out, text(r["id"]))
	}
	return out
}
