package apiserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiserver"
)

// askers is a limited API whose tokens are good if they are "good" or "other".
func askers() func(token, address string) (status int, retryAfter string) {
	h := apiserver.Limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("Authorization"); token != "good" && token != "other" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	return func(token, address string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/servers", nil)
		r.RemoteAddr = address + ":1234"
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Header().Get("Retry-After")
	}
}

func TestOneTokenCannotCrowdOutAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ask := askers()
		for i := range 200 {
			if status, _ := ask("good", "192.0.2.1"); status != http.StatusOK {
				t.Fatalf("request %d: %d", i, status)
			}
		}
		if status, after := ask("good", "192.0.2.1"); status != http.StatusTooManyRequests || after != "1" {
			t.Errorf("request 201: %d, retry after %q", status, after)
		}
		if status, _ := ask("other", "192.0.2.1"); status != http.StatusOK {
			t.Errorf("another token: %d", status)
		}
		time.Sleep(time.Second)
		if status, _ := ask("good", "192.0.2.1"); status != http.StatusOK {
			t.Errorf("a second later: %d", status)
		}
	})
}

func TestGuessingTokensIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ask := askers()
		guess := func(n int) string { return "guess-" + string(rune('a'+n)) }
		for i := range 20 {
			if status, _ := ask(guess(i), "192.0.2.1"); status != http.StatusUnauthorized {
				t.Fatalf("guess %d: %d", i, status)
			}
		}
		if status, after := ask(guess(20), "192.0.2.1"); status != http.StatusTooManyRequests || after == "" {
			t.Errorf("guess 21: %d, retry after %q", status, after)
		}
		if status, _ := ask("good", "192.0.2.2"); status != http.StatusOK {
			t.Errorf("a good token from elsewhere: %d", status)
		}
		time.Sleep(time.Second)
		if status, _ := ask(guess(20), "192.0.2.1"); status != http.StatusUnauthorized {
			t.Errorf("a second later: %d", status)
		}
	})
}
