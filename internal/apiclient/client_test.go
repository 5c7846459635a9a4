package apiclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
)

// serve is a client of a control plane that answers as told.
func serve(t *testing.T, answer http.HandlerFunc) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return apiclient.New(apiclient.Options{BaseURL: s.URL + "/", UserAgent: "test/1"})
}

func TestReadsAndKeyedWritesAreRepeatedAfterABreak(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*apiclient.Client) error{
		"GET":    func(c *apiclient.Client) error { _, err := c.Server(t.Context(), "srv_1"); return err },
		"POST":   func(c *apiclient.Client) error { _, err := c.CreateServer(t.Context(), api.ServerInput{}); return err },
		"DELETE": func(c *apiclient.Client) error { return c.DeleteServer(t.Context(), "srv_1") },
	}
	for method, call := range calls {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			keys := make(chan string, 10)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				keys <- r.Header.Get(api.IdempotencyHeader)
				if tries.Add(1) < 3 {
					panic(http.ErrAbortHandler) // the connection breaks
				}
				fmt.Fprint(w, `{}`)
			})
			if err := call(c); err != nil || tries.Load() != 3 {
				t.Errorf("%d tries, %v", tries.Load(), err)
			}
			first := <-keys
			if (first != "") != (method == "POST") || <-keys != first || <-keys != first {
				t.Errorf("the idempotency key %q did not stay", first)
			}
		})
	}
}

func TestUnkeyedWriteIsSentOnce(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	c := serve(t, func(http.ResponseWriter, *http.Request) {
		tries.Add(1)
		panic(http.ErrAbortHandler)
	})
	if _, err := c.UpdateServer(t.Context(), "srv_1", api.ServerInput{}); err == nil || tries.Load() != 1 {
		t.Errorf("%d tries, %v", tries.Load(), err)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	var first atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if first.CompareAndSwap(0, time.Now().UnixNano()) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"id":"cp_%d"}`, time.Now().UnixNano()-first.Load())
	})
	got, err := c.ControlPlane(t.Context())
	if waited := strings.TrimPrefix(got.ID, "cp_"); err != nil || len(waited) < len("1000000000") {
		t.Errorf("waited %s ns, %v", waited, err)
	}
}

func TestProblemsAreErrorsWithTheirCodeAndFinal(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, `{"title":"connection refused","status":502,"code":"CONNECTION_REFUSED","detail":"d.","fix":"f."}`)
	})
	_, err := c.Server(t.Context(), "srv_1")
	if !apiclient.HasCode(err, "CONNECTION_REFUSED") || err.Error() != "connection refused: d. f." || tries.Load() != 1 {
		t.Errorf("%d tries, %v", tries.Load(), err)
	}
}

func TestSomethingElseThanAControlPlaneIsToldAsThat(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{404: "<html>nginx</html>", 200: "<html>hello</html>"} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		if _, err := c.Server(t.Context(), "srv_1"); err == nil || apiclient.IsNotFound(err) || !strings.Contains(err.Error(), "control plane") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("cursor")+"/"+r.URL.Query().Get("limit"))
		next := map[string]string{"": "a", "a": "b"}[r.URL.Query().Get("cursor")]
		fmt.Fprintf(w, `{"items":[{"id":"srv_%d"}],"next_cursor":%q}`, len(asked), next)
	})
	got, err := c.Servers(t.Context())
	if err != nil || len(got) != 3 || got[2].ID != "srv_3" {
		t.Errorf("%v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"/1000", "a/1000", "b/1000"}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestListsAreReadUpToTheLimit(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("cursor")+"/"+r.URL.Query().Get("limit")+"/"+r.URL.Query().Get("type"))
		fmt.Fprintf(w, `{"items":[{"id":"bk_%d"}],"next_cursor":"a"}`, len(asked))
	})
	got, err := c.Backups(t.Context(), apiclient.BackupFilter{Type: "files", Limit: 2})
	if err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"/2/files", "a/1/files"}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestWaitingGoesOnUntilTheBackupIsFinished(t *testing.T) {
	t.Parallel()
	statuses := []string{"pending", "running", "running", "completed"}
	var polls int
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("wait") == "" || r.URL.Query().Get("client") == "" {
			t.Errorf("polled with %s", r.URL.RawQuery)
		}
		fmt.Fprintf(w, `{"id":"bk_1","status":%q}`, statuses[polls])
		polls++
	})
	var seen []string
	got, err := c.WaitForBackup(t.Context(), "bk_1", func(b api.Backup) { seen = append(seen, b.Status) })
	if err != nil || got.Status != "completed" {
		t.Errorf("%s, %v", got.Status, err)
	}
	if diff := cmp.Diff(statuses, seen); diff != "" {
		t.Error(diff)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.WaitForBackup(ctx, "bk_1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedDownloadIsAnError(t *testing.T) {
	t.Parallel()
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", FIPS 180-2
	for body, whole := range map[string]bool{"abc": true, "abd": false} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(api.ChecksumHeader, sum)
			fmt.Fprint(w, body)
		})
		var out bytes.Buffer
		if n, err := c.Download(t.Context(), "bk_1", &out); (err == nil) != whole || n != 3 {
			t.Errorf("%s: %d bytes, %v", body, n, err)
		}
	}
}
