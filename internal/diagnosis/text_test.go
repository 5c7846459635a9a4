package diagnosis

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// TestTextFindsTheRoot has the root named first where a text tells of a chain.
func TestTextFindsTheRoot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want Class
	}{
		"a full disk ends as a broken pipe":               {"tar: -: Cannot write: Broken pipe\ngzip: stdout: No space left on device\nssh: Broken pipe", "disk_full"},
		"a full disk ends as a dead database":             {"PANIC: could not write to file: No space left on device\npg_dump: error: connection to server failed: Connection refused\n\tIs the server running?", "disk_full"},
		"a stalled upload ends as a wrong clock":          {"upload to s3: i/o timeout, retrying\nAccessDenied: RequestTimeTooSkewed: The difference between the request time and the current time is too large.", "offsite_clock_skew"},
		"the key's mode, not the key":                     {"Load key \"/root/.ssh/id_rsa\": bad permissions\nroot@h: Permission denied (publickey).", "ssh_key_permissions"},
		"the key is damaged":                              {"Load key \"/root/.ssh/id_rsa\": invalid format\nroot@h: Permission denied (publickey).", "ssh_key_invalid"},
		"there is no key":                                 {"no such identity: /root/.ssh/x: No such file or directory\nroot@h: Permission denied (publickey).", "ssh_not_configured"},
		"too many keys":                                   {"Received disconnect from h port 22:2: Too many authentication failures\nPermission denied (publickey).", "ssh_too_many_auth_failures"},
		"the account has expired":                         {"Your account has expired; please contact your system administrator.\nPermission denied (publickey).", "ssh_account_expired"},
		"the key is not installed":                        {"root@h: Permission denied (publickey).", "ssh_auth_failed"},
		"out of memory ends as a lost connection":         {"Out of memory: Killed process 1404 (mysqldump)\nmysqldump: Error 2013: Lost connection to MySQL server during query\nexit code 137", "oom_killed"},
		"changed files around a real failure":             {strings.Repeat("tar: a.log: file changed as we read it\n", 500) + "tar: b: Cannot open: Permission denied\ntar: Exiting with failure status due to previous errors", "file_permission_denied"},
		"success is claimed":                              {"pg_dump: error: could not write to output file: No space left on device\nBackup completed successfully. Size: 0", "disk_full"},
		"colours, prefixes, timestamps":                   {"\x1b[31m2024-01-01T00:00:00Z [worker-7] ERROR\x1b[0m stderr: gzip: stdout: No\u00a0space  left on\tdevice", "disk_full"},
		"wrapped by a mail program":                       {"gzip: stdout: No space\nleft on device", "disk_full"},
		"JSON in JSON":                                    {`{"log":"{\"msg\":\"dial tcp: lookup s3.example.com: no such host\\n\"}\n"}`, "dns_failure"},
		"a name that only contains the words":             {"Traceback:\nFileNotFoundError: [Errno 2] No such file or directory: '/srv/x'", "path_not_found"},
		"the message about it failed, the backup did not": {"Backup completed successfully\nFailed to send notification: dial tcp: lookup smtp.example.com: no such host", "notification_failed"},
		"both failed":                                     {"mysqldump: Got error: 1045: Access denied for user 'a'@'b' (using password: YES)\nFailed to send notification: connection refused", "db_auth_failed"},
		"a trace's source is no message":                  {"Traceback (most recent call last):\n  File \"/srv/app/backup.py\", line 7, in dump\n    raise DiskFull(\"no space left on device\") if full else Denied()\n  File \"/srv/app/db.py\", line 9, in login\n    check(user)\nMySQLdb.OperationalError: (1045, \"Access denied for user 'a'@'b' (using password: YES)\")", "db_auth_failed"},
		"nor are a trace's names":                         {"java.net.UnknownHostException: s3.example.com\n\tat org.x.OutOfMemoryError.check(Read-onlyFileSystem.java:12)\n\tat org.x.connectionTimedOut.java.lang.OutOfMemoryError(A.java:1)", "dns_failure"},
		"a size is no status":                             {"Pushing 429.1 kB of 20 MB to https://registry.example.com\nwrite tcp 10.0.0.1:5000: connection reset by peer", "offsite_connection_reset"},
		"a command has no folder":                         {"FileNotFoundError: [Errno 2] No such file or directory: 'zstdmt'", "remote_command_missing"},
		"a file has one":                                  {"FileNotFoundError: [Errno 2] No such file or directory: '/srv/zstdmt'", "path_not_found"},
		"a guess explains nothing that is known":          {"gzip: archive.tar.gz: invalid compressed data--crc error", "partial_transfer"},
		"nothing is known":                                {"frobnicate: widget 7 was not aligned", "unknown"},
		"nothing at all":                                  {"", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := Text(Input{Text: test.text}); r.Class != test.want {
				t.Errorf("got %s (%.2f, %q), want %s; alternatives %v", r.Class, r.Confidence, r.Evidence, test.want, r.Alternatives)
			}
		})
	}
}

// TestTextListensToTheStage has words that say little understood by what was going on.
func TestTextListensToTheStage(t *testing.T) {
	t.Parallel()
	for stage, want := range map[backup.Stage]Class{"connect": "ssh_connection_refused", "upload": "offsite_unavailable", "dump": "db_unreachable"} {
		if r := Text(Input{Text: "error: connection refused", Stage: stage}); r.Class != want {
			t.Errorf("%s: got %s, want %s", stage, r.Class, want)
		}
	}
}

// TestTextFillsInTheEvidence has the exit status heard where the text says nothing.
func TestTextHearsTheExitStatus(t *testing.T) {
	t.Parallel()
	if r := Text(Input{Text: "scanning", ExitStatus: 137}); r.Class != "oom_killed" {
		t.Errorf("got %s", r.Class)
	}
	if r := Text(Input{Text: "gzip: stdout: No space left on device", ExitStatus: 137}); r.Class != "disk_full" {
		t.Errorf("got %s", r.Class)
	}
}

// TestTextReadsHeadAndTail has a text that is too long read at both ends.
func TestTextReadsHeadAndTail(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("2024-01-01 all is well\n", MaxText/10)
	for _, text := range []string{"gzip: stdout: No space left on device\n" + filler, filler + "gzip: stdout: No space left on device\n"} {
		if r := Text(Input{Text: text}); r.Class != "disk_full" || r.Evidence != "gzip: stdout: No space left on device" {
			t.Errorf("got %s, %q", r.Class, r.Evidence)
		}
	}
}

// TestTextReadsWhatProgramsWrite has a text understood in every shape that programs give it, and noise taken for noise.
func TestTextReadsWhatProgramsWrite(t *testing.T) {
	t.Parallel()
	const text = "gzip: stdout: No space left on device"
	wide := func(order binary.AppendByteOrder) string {
		out := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune("Sicherung läuft\r\n" + text + "\r\n")) {
			out = order.AppendUint16(out, u)
		}
		return string(out)
	}
	for name, in := range map[string]string{
		"line breaks of Windows": "starting\r\n" + text + "\r\nstopped\r\n", "UTF-8 with a mark": "\xef\xbb\xbf" + text,
		"UTF-16, little end first": wide(binary.LittleEndian), "UTF-16, big end first": wide(binary.BigEndian), "cut in a character": wide(binary.LittleEndian) + "\x00",
	} {
		if r := Text(Input{Text: in}); r.Class != "disk_full" || r.Evidence != text {
			t.Errorf("%s: got %s, %q", name, r.Class, r.Evidence)
		}
	}
	for name, in := range map[string]string{"nothing": "", "blanks": " \r\n\t", "a mark alone": "\xff\xfe", "binary": strings.Repeat("\x00\x01\xff\x7fELF\x02\x80", 9000)} {
		if r := Text(Input{Text: in}); r.Class != ClassUnknown || r.Code != "UNKNOWN" || r.Confidence != 0 || r.Evidence != "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestEvidenceShowsTheWordsThatDecided has them shown of a line that is too long to be shown.
func TestEvidenceShowsTheWordsThatDecided(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"log":"` + strings.Repeat("ä status ", 3000) + `gzip: stdout: No space left on device"}`,
		`{"log":"` + strings.Repeat("a status ", 3000) + `gzip: stdout: No space left on device` + strings.Repeat(" b", 3000) + `"}`,
	} {
		if r := Text(Input{Text: text}); r.Class != "disk_full" || !strings.Contains(r.Evidence, "No space left on device") || len(r.Evidence) > 2*maxEvidence {
			t.Errorf("%s, %q", r.Class, r.Evidence)
		}
	}
}

// TestEvidenceHasNoSecrets has the line that decided shown without what must not be shown.
func TestEvidenceHasNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "Zx9kQ2vLw8TnR4pB"
	for _, text := range []string{
		"pg_dump postgres://app:" + secret + "@db/app: no space left on device",
		`{"password":"` + secret + `\nno space left on device ` + secret + `"}`,
		"-----BEGIN PRIVATE KEY-----\n" + secret + "\nno space left on device " + secret + "\n-----END PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----" + strings.Repeat("\n"+secret, 200) + "\nno space left on device " + secret,
	} {
		r := Text(Input{Text: text})
		if r.Class != "disk_full" || strings.Contains(fmt.Sprintf("%+v", r), secret) {
			t.Errorf("%.60q: %+v", text, r)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, e := range corpus(f) {
		f.Add(e.text)
	}
	f.Add("\\\\\\u00\\x\x1b[\x1b[31;\xff=\n&quot;&#3")
	const secret = "Zx9kQ2vLw8TnR4pB"
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(text, secret[:6], "")
		for _, planted := range []string{
			"\npassword=" + secret + "\n" + text, text + "\nAuthorization: Bearer " + secret, text + " mysqldump -u a -p" + secret + " no space left on device",
			"https://u:" + secret + "@h/ connection refused " + text, "-----BEGIN PRIVATE KEY-----\n" + secret + " no space left on device\n" + text,
		} {
			r := Text(Input{Text: planted})
			shown := fmt.Sprintf("%+v", r)
			if strings.Contains(shown, secret) {
				t.Errorf("the secret is in %s", shown)
			}
			if len(r.Evidence) > 4*maxEvidence || len(shown) > 16<<10 || !utf8.ValidString(r.Evidence) {
				t.Errorf("too long, or not text: %q", r.Evidence)
			}
		}
		if got := Mask("token=" + secret + "\n" + text); strings.Contains(got, secret) {
			t.Errorf("the secret is in %q", got)
		}
	})
}

// processorTime is what this process has had of the processors, which other work on the machine does not change.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkText(b *testing.B) {
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		for name, line := range map[string]string{
			"log":    "2024-01-01T03:00:00Z INFO worker-7 [backup] processed /srv/www/app/storage/framework/cache/data/8a/1f in 12 ms\n",
			"errors": "tar: ./a.log: file changed as we read it: connection reset by peer; s3: AccessDenied: permission denied, retrying\n",
			"escape": "\\\\\\\"\\n\x1b[31mÄ",
			"secret": "password=",
			"wide":   "no space left on device connection refused access denied ",
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				text := strings.Repeat(line, size/len(line)+1)[:size]
				Text(Input{Text: text}) // compiles the knowledge, once
				b.SetBytes(int64(size))
				before := processorTime(b)
				for b.Loop() {
					Text(Input{Text: text})
				}
				b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N)/float64(size), "cpu-ns/byte")
			})
		}
	}
}

// BenchmarkFirst measures what a process pays once, before its first text.
func BenchmarkFirst(b *testing.B) {
	for b.Loop() {
		newBook()
	}
}
