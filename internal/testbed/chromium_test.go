package testbed_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestChromiumSeesWhatAPageDoes is the positive control of tests that say what a page does not do.
func TestChromiumSeesWhatAPageDoes(t *testing.T) {
	t.Parallel()
	b := testbed.StartChromium(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="script-src 'none'">
<style>p { width: 4000px; color: rgb(1, 2, 3) } @media (prefers-color-scheme: dark) { p { color: rgb(4, 5, 6) } } @media print { p { width: 50px } }</style>
<p id="p">text</p><img src="/picture.png"><script>document.title = "it ran"</script>`)
	}))
	t.Cleanup(s.Close)

	p := b.Open(s.URL+"/", testbed.View{Width: 360, Height: 600, Dark: true})
	if len(p.Requests) < 2 || p.Requests[0] != s.URL+"/" || !slices.Contains(p.Requests, s.URL+"/picture.png") { // an icon may be among them
		t.Errorf("it asked for %q", p.Requests)
	}
	said := strings.Join(p.Messages, "\n")
	if !strings.Contains(said, "Content Security Policy") || !strings.Contains(said, "404") {
		t.Errorf("the console says %q", p.Messages)
	}
	var seen struct {
		Title, Color   string
		Wide, Viewport int
	}
	const look = `({title: document.title, color: getComputedStyle(p).color, wide: p.getBoundingClientRect().width, viewport: document.documentElement.clientWidth})`
	if p.Eval(look, &seen); seen.Title != "" || seen.Color != "rgb(4, 5, 6)" || seen.Wide != 4000 {
		t.Errorf("%+v", seen)
	}
	paper := b.Open(s.URL+"/", testbed.View{Width: 800, Height: 600, Print: true})
	if paper.Eval(look, &seen); seen.Color != "rgb(1, 2, 3)" || seen.Wide != 50 {
		t.Errorf("on paper %+v", seen)
	}
	quiet := b.Open("data:text/html,<p id=p>nothing", testbed.View{Width: 360, Height: 600})
	if len(quiet.Requests) != 1 || len(quiet.Messages) != 0 || slices.Contains(p.Requests, quiet.Requests[0]) {
		t.Errorf("%q, %q", quiet.Requests, quiet.Messages)
	}
}
