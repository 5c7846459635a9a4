package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func logFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDiagnoseSaysWhatATextMeans(t *testing.T) {
	t.Parallel()
	path := logFile(t, "tar: -: Cannot write: Broken pipe\ngzip: stdout: No space left on device\npassword=Zx9kQ2vLw8 no space left on device\n")
	status, stdout, stderr := run(t, "diagnose", path, "--json")
	var d struct {
		Class, Code, Title, Cause, Retry, Evidence string
		Fix, References                            []string
		Confidence                                 float64
		Alternatives                               []struct {
			Class      string
			Confidence float64
		}
	}
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || status != 0 || stderr != "" {
		t.Fatalf("status %d, %v, %s%s", status, err, stdout, stderr)
	}
	if d.Class != "disk_full" || d.Code != "NO_SPACE_LEFT" || d.Retry != "after_fix" || len(d.Fix) < 2 || d.Confidence < 0.9 || d.Evidence != "gzip: stdout: No space left on device" || d.Alternatives == nil {
		t.Errorf("%+v", d)
	}
	_, stdout, _ = run(t, "diagnose", path)
	if !strings.Contains(stdout, "fix 1") || !strings.Contains(stdout, "NO_SPACE_LEFT") || strings.Contains(stdout, "Zx9kQ2vLw8") {
		t.Errorf("%s", stdout)
	}
}

// TestDiagnoseKeepsItsContract holds the JSON to its fields, their order and their kinds: other programs read it.
func TestDiagnoseKeepsItsContract(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"gzip: stdout: No space left on device\n": `{"class":"disk_full","code":"NO_SPACE_LEFT","title":"the server's disk is full",` +
			`"cause":"A file system has no space, or no inodes, left to write to.",` +
			`"fix":["See which: df -h; df -i","Delete old backups, or lower the retention.","Grow the disk, or write the backups to a larger file system."],` +
			`"references":["KB-12-06","KB-02-10"],"retry":"after_fix","confidence":0.95,"evidence":"gzip: stdout: No space left on device","alternatives":[]}`,
		"": `{"class":"unknown","code":"UNKNOWN","title":"the cause is not known","cause":"Nothing in the text says why it failed.",` +
			`"fix":["Give more of it: the whole log, with what the tools themselves wrote.","Run the command by hand, and keep all it prints: COMMAND \u003elog 2\u003e\u00261"],` +
			`"references":[],"retry":"no","confidence":0,"evidence":"","alternatives":[]}`,
	} {
		status, stdout, stderr := run(t, "diagnose", logFile(t, text), "--json")
		var got bytes.Buffer
		if err := json.Compact(&got, []byte(stdout)); err != nil || status != 0 || stderr != "" {
			t.Fatalf("status %d, %v, %s%s", status, err, stdout, stderr)
		}
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestDiagnoseIsHonest(t *testing.T) {
	t.Parallel()
	status, stdout, _ := run(t, "diagnose", logFile(t, "all is well\n"), "--json")
	if status != 0 || !strings.Contains(stdout, `"class": "unknown"`) || !strings.Contains(stdout, `"alternatives": []`) || !strings.Contains(stdout, `"references": []`) {
		t.Errorf("status %d, %s", status, stdout)
	}
}

func TestDiagnoseReadsBothEndsOfALongText(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("all is well\n", 500_000)
	for _, text := range []string{"gzip: stdout: No space left on device\n" + filler, filler + "gzip: stdout: No space left on device\n"} {
		if _, stdout, _ := run(t, "diagnose", logFile(t, text), "--json"); !strings.Contains(stdout, `"class": "disk_full"`) {
			t.Errorf("%s", stdout)
		}
	}
}

func TestDiagnoseListensToTheStage(t *testing.T) {
	t.Parallel()
	path := logFile(t, "error: connection refused")
	if _, stdout, _ := run(t, "diagnose", path, "--stage", "dump", "--json"); !strings.Contains(stdout, `"class": "db_unreachable"`) {
		t.Errorf("%s", stdout)
	}
	for _, args := range [][]string{{"diagnose", path, "--stage", "lunch"}, {"diagnose", path, path}, {"diagnose", filepath.Join(t.TempDir(), "none")}} {
		if status, _, stderr := run(t, args...); status != 2 || stderr == "" {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
	}
}
