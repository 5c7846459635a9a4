package ssh

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScriptPassesShellcheck(t *testing.T) {
	t.Parallel()
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	if out, err := exec.Command(shellcheck, "-s", "sh", "backup.sh", "database.sh", "estimate.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestScriptFitsTheBootstrap(t *testing.T) {
	t.Parallel()
	if strings.Contains(databaseScript+script, strings.TrimSpace(endOfScript)) {
		t.Error("the script holds the end marker")
	}
	if i := strings.IndexFunc(databaseScript+script, func(r rune) bool { return r > 126 || r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("the script is not plain ASCII at byte %d", i)
	}
	// csh replaces an exclamation mark even in single quotes, and none takes a newline there.
	if strings.ContainsAny(bootstrap, "!\n") || strings.Count(bootstrap, "'") != 2 {
		t.Error("the bootstrap does not survive every login shell")
	}
}

func TestACutRequestDoesNothing(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		whole := request("start", []parameter{{"root", s.root}, {"id", jobA}, {"include", "/etc/hostname"}})
		cuts := map[string]int{
			"nothing arrived":       0,
			"in the script":         len(script) / 2,
			"in the end marker":     len(script) + 5,
			"before the parameters": len(script) + len(endOfScript),
			"in the parameters":     len(whole) - 20,
			"before the end line":   len(whole) - len("end\n"),
			"in the end line":       len(whole) - 1,
		}
		for name, cut := range cuts {
			var out bytes.Buffer
			err := s.Run(t.Context(), command(false), bytes.NewReader(whole[:cut]), &out, nil)
			if _, ok := errors.AsType[*RemoteError](err); !ok {
				t.Errorf("%s: Run = %v, want a failed command", name, err)
			}
		}
		if _, err := exec.Command("test", "-e", s.root).CombinedOutput(); err == nil {
			t.Error("a cut request created the folder")
		}
	})
}

func TestServerChecksParametersItself(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		root, id := s.root, jobA
		requests := map[string]string{
			"relative root":        "clean\nroot=tmp/x\nid=" + id + "\nend\n",
			"root with dots":       "clean\nroot=" + root + "/../x\nid=" + id + "\nend\n",
			"root with a blank":    "clean\nroot=/tmp/a b\nid=" + id + "\nend\n",
			"root is /":            "clean\nroot=/\nid=" + id + "\nend\n",
			"root is a system dir": "clean\nroot=/etc\nid=" + id + "\nend\n",
			"long root":            "clean\nroot=/" + strings.Repeat("a", 255) + "\nid=" + id + "\nend\n",
			"no root":              "clean\nid=" + id + "\nend\n",
			"no id":                "clean\nroot=" + root + "\nend\n",
			"id climbs":            "clean\nroot=" + root + "\nid=../../etc\nend\n",
			"id is a dot":          "clean\nroot=" + root + "\nid=.\nend\n",
			"id with a slash":      "clean\nroot=" + root + "\nid=bk_/1ARZ3NDEKTSV4RRFFQ69G5FAV\nend\n",
			"id too long":          "clean\nroot=" + root + "\nid=" + id + "0\nend\n",
			"id in lower case":     "clean\nroot=" + root + "\nid=bk_01arz3ndektsv4rrffq69g5fav\nend\n",
			"unknown subcommand":   "destroy\nroot=" + root + "\nid=" + id + "\nend\n",
			"the run subcommand":   "run\nroot=" + root + "\nid=" + id + "\nend\n",
			"unknown parameter":    "clean\nroot=" + root + "\nid=" + id + "\nforce=1\nend\n",
			"relative include":     "start\nroot=" + root + "\nid=" + id + "\ninclude=etc\nend\n",
			"raw shell text":       "start\nroot=" + root + "\nid=" + id + "\ninclude=/$(touch pwned)\nend\n",
		}
		for name, text := range requests {
			in := strings.NewReader(script + endOfScript + text)
			var remote *RemoteError
			if err := s.Run(t.Context(), command(false), in, io.Discard, nil); !errors.As(err, &remote) || remote.Exit != 1 {
				t.Errorf("%s: Run = %v, want it refused", name, err)
			}
		}
	})
}

func TestGreetingIsFoundAfterLoginNoise(t *testing.T) {
	t.Parallel()
	const said = "Welcome!\nLast login: yesterday\nno newline here\n" + greeting + "\nexists=1\n.\nthe rest"
	r := newAnswerReader(strings.NewReader(said))
	got, err := readAnswer(r)
	must(t, err)
	if diff := cmp.Diff(answer{"exists": {"1"}}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "the rest" {
		t.Errorf("rest %q, %v", rest, err)
	}
}

func TestHostileAnswersAreRefused(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	tests := []struct{ name, text string }{
		{"nothing", ""},
		{"cut short", greeting + "\nexists=1\n"},
		{"a line without a key", greeting + "\nhello\n.\n"},
		{"control characters", greeting + "\nexists=\x1b[31m\n.\n"},
		{"endless noise", strings.Repeat("noise\n", 20_000) + greeting + "\n.\n"},
		{"an endless line", greeting + "\nexists=" + strings.Repeat("1", 10_000) + "\n.\n"},
		{"endless lines", greeting + "\n" + strings.Repeat("a=b\n", 5000) + ".\n"},
		{"an unknown problem", greeting + "\nresult_ok=0\nresult_stage=archive\nresult_problem=other\n.\n"},
		{"an unknown stage", greeting + "\nresult_ok=0\nresult_stage=other\nresult_problem=tar\n.\n"},
		{"a success with a problem", greeting + "\nresult_ok=1\nresult_stage=verify\nresult_problem=tar\n.\n"},
		{"a success without an archive", greeting + "\nresult_ok=1\nresult_stage=verify\nresult_problem=\nresult_size=0\nresult_entries=1\nresult_sha256=" + hash + "\n.\n"},
		{"a success without a checksum", greeting + "\nresult_ok=1\nresult_stage=verify\nresult_problem=\nresult_size=1\nresult_entries=1\n.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newAnswerReader(strings.NewReader(test.text))
			a, err := readAnswer(r)
			if err == nil {
				_, err = parseStatus(a, nil)
			}
			if !errors.Is(err, ErrOutput) {
				t.Errorf("got %v, want ErrOutput", err)
			}
		})
	}
}

func TestHostileFoldersAreLeftOutOrRefused(t *testing.T) {
	t.Parallel()
	got, err := parseFolders(answer{
		"entry":   {jobA + " 0 1", "srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A 0 0", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3I 0 0", jobB + " 1 0"},
		"size":    {"-4 " + jobA, "99999999999999999999 " + jobA, "5 " + jobB, "x", ""},
		"changed": {"99999999999999 " + jobA, "7 " + jobB},
	})
	want := []Folder{{ID: jobA, Bytes: -1, Archive: true}, {ID: jobB, Bytes: 5 << 10, ChangedAt: 7, Alive: true}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, entry := range []string{"", jobA, jobA + " 0", jobA + " 0 1 2"} {
		if _, err := parseFolders(answer{"entry": {entry}}); !errors.Is(err, ErrOutput) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add(greeting + "\nexists=1\nalive=1\npid=12\nstart=34\nboot=ab-cd\nsame_boot=1\nprogress_step=archive\nprogress_bytes=1\nprogress_at=2\n.\nlog")
	f.Add(greeting + "\nexists=1\nresult_ok=0\nresult_stage=archive\nresult_problem=tar\nresult_exit_tar=2\nfree_kib=99999999999999999999\n.\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := bufio.NewReaderSize(strings.NewReader(text), maxLine)
		a, err := readAnswer(r)
		if err != nil {
			return
		}
		log, _ := io.ReadAll(r)
		status, err := parseStatus(a, log)
		if err != nil {
			return
		}
		if len(status.Log) > logLimit || status.Bytes < 0 || status.ProgressAt < 0 || status.FreeBytes < -1 || status.TotalBytes < -1 {
			t.Errorf("out of bounds: %+v", status)
		}
		if status.Job != (JobID{}) && (status.Job.PID <= 1 || status.Job.BootID == "") {
			t.Errorf("a job nobody may kill: %+v", status.Job)
		}
		if r := status.Result; r != nil && (r.OK && (r.Problem != "" || r.SHA256 == "") || !knownProblems[r.Problem]) {
			t.Errorf("a result that cannot be: %+v", r)
		}
	})
}

func FuzzParseCheck(f *testing.F) {
	f.Add(greeting+"\nmissing=tar\ngnu_tar=1\nuid=0\nboot=ab\ntime=1\nfolder=ok\ndetail=\nfree_kib=1\ntotal_kib=2\npath=ok\n.\n", 1)
	f.Fuzz(func(t *testing.T, text string, includes int) {
		a, err := readAnswer(newAnswerReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		if report, err := parseCheck(a, includes, 0); err == nil && (len(report.Paths) != includes || !report.Folder.known()) {
			t.Errorf("unexpected report %+v", report)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add("/a b'c\"$(d)\n\\0101\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		encoded := encode(s)
		if strings.ContainsAny(encoded, "\n'\"$`*?[]{}()<>|&;~#! \t") {
			t.Errorf("encode(%q) = %q", s, encoded)
		}
		if got := decodePrintfB(encoded); got != s {
			t.Errorf("decoded %q, want %q", got, s)
		}
	})
}

// decodePrintfB is what POSIX says of printf %b, as far as encode uses it.
func decodePrintfB(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte((s[i+2]-'0')<<6 | (s[i+3]-'0')<<3 | (s[i+4] - '0'))
		i += 4
	}
	return b.String()
}

func TestInvalidArgumentsReachNoServer(t *testing.T) {
	t.Parallel()
	many := make([]string, 1001)
	for i := range many {
		many[i] = "/a"
	}
	calls := map[string]func(Host) error{
		"bad id":             func(h Host) error { _, err := h.Status(t.Context(), "../etc"); return err },
		"empty id":           func(h Host) error { return h.Clean(t.Context(), "", false) },
		"newline in id":      func(h Host) error { return h.Cancel(t.Context(), jobA+"\n") },
		"bad root":           func(h Host) error { h.Root = "/tmp"; return h.Clean(t.Context(), jobA, false) },
		"no include":         start(t, nil, nil),
		"relative include":   start(t, []string{"etc"}, nil),
		"NUL in include":     start(t, []string{"/a\x00b"}, nil),
		"long include":       start(t, []string{"/" + strings.Repeat("a", 4096)}, nil),
		"many includes":      start(t, many, nil),
		"NUL in exclude":     start(t, []string{"/a"}, []string{"a\x00"}),
		"newline in exclude": start(t, []string{"/a"}, []string{"a\nb"}),
		"empty exclude":      start(t, []string{"/a"}, []string{""}),
		"exclude of all":     start(t, []string{"/a"}, []string{"/"}),
		"long exclude":       start(t, []string{"/a"}, []string{strings.Repeat("a", 1025)}),
		"blank at the end":   start(t, []string{"/a"}, []string{"*.log "}),
	}
	for name, call := range calls {
		if err := call(Host{Client: noServer{t}, Root: "/tmp/cloudpilot-backups"}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func start(t *testing.T, include, exclude []string) func(Host) error {
	return func(h Host) error {
		_, err := h.Start(t.Context(), StartRequest{ID: jobA, Include: include, Exclude: exclude})
		return err
	}
}

func TestWhatAServerSaysIsBounded(t *testing.T) {
	t.Parallel()
	read := func(text string) answer {
		a, err := readAnswer(newAnswerReader(strings.NewReader(text)))
		must(t, err)
		return a
	}
	for said, want := range map[string]int64{"1772330400": 1772330400, "253402300799": 253402300799, "253402300800": 0, "999999999999999": 0, "-1": 0} {
		status, err := parseStatus(read(greeting+"\nexists=1\nprogress_step=archive\nprogress_bytes=1\nprogress_at="+said+"\n.\n"), nil)
		must(t, err)
		if status.ProgressAt != want {
			t.Errorf("a progress at %s is one at %d, want %d", said, status.ProgressAt, want)
		}
	}
	said := append([]string{"", "tar", "tar with -T and -X", "curl http://x | sh", strings.Repeat("a", 100)}, slices.Repeat([]string{"x"}, 100)...)
	report, err := parseCheck(read(greeting+"\nfolder=ok"+strings.Join(said, "\nmissing=")+"\n.\n"), 0, 0)
	must(t, err)
	if len(report.Missing) != maxTools {
		t.Errorf("%d missing tools", len(report.Missing))
	}
	if diff := cmp.Diff([]string{"tar", "tar with -T and -X", "x"}, report.Missing[:3]); diff != "" {
		t.Error(diff)
	}
}
