package testbed

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Chromium is a real headless browser. Its methods fail the test when they cannot do their work. Only the test's own goroutine may
// use it.
type Chromium struct {
	t      testing.TB
	cmd    *exec.Cmd
	to     *os.File
	from   *os.File
	reader *bufio.Reader
	sent   int
	pages  map[string]*BrowserPage // by session
}

// View is how a page is looked at.
type View struct {
	Width, Height int
	Dark          bool // the user prefers dark colours
	Print         bool // as on paper
}

// BrowserPage is a page that was opened and has loaded.
type BrowserPage struct {
	Requests []string // every address that it asked for, its own first
	Messages []string // what the console says: errors, warnings, violations of its policy

	browser *Chromium
	session string
	loaded  bool
}

// browserTimeout bounds every wait for the browser.
const browserTimeout = time.Minute

// StartChromium starts a headless Chromium with a profile of its own. It ends with the test. The test is skipped where there is
// none: setup.sh --full installs it.
func StartChromium(t testing.TB) *Chromium {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && !strings.HasPrefix(path, "/snap/") { // a snap sees no profile in /tmp
			binary = path
			break
		}
	}
	if binary == "" {
		t.Skip("no Chromium on this machine: internal/testbed/setup.sh --full installs it")
	}
	profile := shortDir(t)
	args := []string{"--headless", "--remote-debugging-pipe", "--user-data-dir=" + profile, "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-breakpad", "--hide-scrollbars"}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // it refuses to have one as root
	}
	b := &Chromium{t: t, cmd: exec.Command(binary, args...), pages: map[string]*BrowserPage{}}
	b.cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b.to, b.from, b.reader = to, from, bufio.NewReaderSize(from, 1<<16)
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut} // it reads from 3 and writes to 4
	if err := b.cmd.Start(); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	_ = theirIn.Close()
	_ = theirOut.Close()
	t.Cleanup(b.end)
	return b
}

// end ends the browser and all its processes, which are a process group.
func (b *Chromium) end() {
	_ = b.to.Close() // it ends when nobody speaks to it any more
	_ = b.from.Close()
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	_ = b.cmd.Wait()
}

// Open opens an address and waits until the page and all that it asks for has loaded.
func (b *Chromium) Open(address string, v View) *BrowserPage {
	b.t.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.call("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	p := &BrowserPage{browser: b, session: attached.Session}
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(p.session, domain+".enable", nil, nil)
	}
	b.call(p.session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": true}, nil)
	scheme, medium := "light", "screen"
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		medium = "print"
	}
	b.call(p.session, "Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.pages[p.session] = p
	var opened struct {
		Error string `json:"errorText"`
	}
	if b.call(p.session, "Page.navigate", map[string]any{"url": address}, &opened); opened.Error != "" {
		b.t.Fatalf("open %s: %s", address, opened.Error)
	}
	for !p.loaded {
		b.receive()
	}
	p.Eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))", nil) // it is drawn
	return p
}

// Eval evaluates an expression in the page, waits for it where it is a promise, and decodes its value into v unless that is nil.
// What the page itself may do does not bind it.
func (p *BrowserPage) Eval(expression string, v any) {
	p.browser.t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	p.browser.call(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if e := answer.Exception; e != nil {
		p.browser.t.Fatalf("%s: %s %s", expression, e.Text, e.Exception.Description)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, v); err != nil {
		p.browser.t.Fatalf("%s: %v: %s", expression, err, answer.Result.Value)
	}
}

// Screenshot writes the whole page, below the fold too, as a PNG into a file.
func (p *BrowserPage) Screenshot(file string) {
	p.browser.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	p.browser.call(p.session, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, raw, 0o600))
	}
	if err != nil {
		p.browser.t.Fatal(err)
	}
}

// devToolsMessage is what the browser says: the answer to a call, or an event. See chromedevtools.github.io/devtools-protocol.
type devToolsMessage struct {
	ID      int             `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// call asks the browser for something and decodes its answer. What happens meanwhile is noted.
func (b *Chromium) call(session, method string, params map[string]any, result any) {
	b.t.Helper()
	b.sent++
	message := map[string]any{"id": b.sent, "method": method}
	if params != nil {
		message["params"] = params
	}
	if session != "" {
		message["sessionId"] = session
	}
	raw, err := json.Marshal(message)
	if err == nil {
		_, err = b.to.Write(append(raw, 0))
	}
	if err != nil {
		b.t.Fatalf("Chromium: %s: %v", method, err)
	}
	for {
		m := b.receive()
		if m.ID != b.sent {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("Chromium: %s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("Chromium: %s: %v", method, err)
			}
		}
		return
	}
}

// receive reads one message and notes what it says of a page.
func (b *Chromium) receive() (m devToolsMessage) {
	b.t.Helper()
	err := b.from.SetReadDeadline(time.Now().Add(browserTimeout))
	var raw []byte
	if err == nil {
		raw, err = b.reader.ReadBytes(0)
	}
	if err == nil {
		err = json.Unmarshal(raw[:len(raw)-1], &m)
	}
	if err != nil {
		b.t.Fatalf("Chromium says nothing that is understood: %v", err)
	}
	if p := b.pages[m.Session]; p != nil && m.Method != "" {
		p.note(m.Method, m.Params)
	}
	return m
}

func (p *BrowserPage) note(method string, params json.RawMessage) {
	var said struct {
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Source string `json:"source"`
			Level  string `json:"level"`
			Text   string `json:"text"`
		} `json:"entry"`
		Type string            `json:"type"`
		Args []json.RawMessage `json:"args"`
	}
	if err := json.Unmarshal(params, &said); err != nil {
		p.browser.t.Fatalf("Chromium: %s: %v", method, err)
	}
	switch method {
	case "Network.requestWillBeSent":
		p.Requests = append(p.Requests, said.Request.URL)
	case "Log.entryAdded":
		p.Messages = append(p.Messages, strings.TrimSpace(said.Entry.Source+" "+said.Entry.Level+": "+said.Entry.Text))
	case "Runtime.consoleAPICalled":
		p.Messages = append(p.Messages, fmt.Sprintf("console %s: %s", said.Type, said.Args))
	case "Runtime.exceptionThrown":
		p.Messages = append(p.Messages, "exception: "+string(params))
	case "Page.loadEventFired":
		p.loaded = true
	}
}
