package backup

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGn1dPqpoBJ0nRd+v0PfBnqz4qwNOF9ZEl9fQZQ2PZlL web-1"

func validServer() ServerSpec {
	s := DefaultServerSpec()
	s.Name, s.Host, s.HostKey = "web-1", "203.0.113.10", hostKey
	return s
}

// blamed are the paths and codes of findings.
func blamed(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Path+" "+string(f.Code))
	}
	return out
}

func TestServerRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*ServerSpec)
		want   []string
	}{
		"valid":                   {func(*ServerSpec) {}, nil},
		"name empty":              {func(s *ServerSpec) { s.Name = "" }, []string{"name INVALID_ARGUMENT"}},
		"name with a space":       {func(s *ServerSpec) { s.Name = "web 1" }, []string{"name INVALID_ARGUMENT"}},
		"name of 63":              {func(s *ServerSpec) { s.Name = strings.Repeat("a", 63) }, nil},
		"name of 64":              {func(s *ServerSpec) { s.Name = strings.Repeat("a", 64) }, []string{"name INVALID_ARGUMENT"}},
		"name with a newline":     {func(s *ServerSpec) { s.Name = "web\n" }, []string{"name INVALID_ARGUMENT"}},
		"host is a name":          {func(s *ServerSpec) { s.Host = "web-1.example.com" }, nil},
		"host is IPv6":            {func(s *ServerSpec) { s.Host = "2001:db8::1" }, nil},
		"host is IPv6 with zone":  {func(s *ServerSpec) { s.Host = "fe80::1%eth0" }, nil},
		"host empty":              {func(s *ServerSpec) { s.Host = "" }, []string{"host INVALID_ARGUMENT"}},
		"host is an option":       {func(s *ServerSpec) { s.Host = "-oProxyCommand=x" }, []string{"host INVALID_ARGUMENT"}},
		"host is a command":       {func(s *ServerSpec) { s.Host = "$(touch x)" }, []string{"host INVALID_ARGUMENT"}},
		"host with a port":        {func(s *ServerSpec) { s.Host = "web:22" }, []string{"host INVALID_ARGUMENT"}},
		"host with a user":        {func(s *ServerSpec) { s.Host = "root@web" }, []string{"host INVALID_ARGUMENT"}},
		"host too long":           {func(s *ServerSpec) { s.Host = strings.Repeat("a", 254) }, []string{"host INVALID_ARGUMENT"}},
		"port 0":                  {func(s *ServerSpec) { s.Port = 0 }, []string{"port INVALID_ARGUMENT"}},
		"port 65536":              {func(s *ServerSpec) { s.Port = 65536 }, []string{"port INVALID_ARGUMENT"}},
		"user is an option":       {func(s *ServerSpec) { s.User = "-l" }, []string{"user INVALID_ARGUMENT"}},
		"user with a quote":       {func(s *ServerSpec) { s.User = "a'b" }, []string{"user INVALID_ARGUMENT"}},
		"no host key":             {func(s *ServerSpec) { s.HostKey = "" }, []string{"host_key HOST_KEY_NOT_PINNED"}},
		"host key to be recorded": {func(s *ServerSpec) { s.HostKey, s.RecordHostKey = "", true }, nil},
		"fingerprint":             {func(s *ServerSpec) { s.HostKey = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU" }, nil},
		"fingerprint cut short":   {func(s *ServerSpec) { s.HostKey = "SHA256:+DiY3wvv" }, []string{"host_key INVALID_ARGUMENT"}},
		"key of another type":     {func(s *ServerSpec) { s.HostKey = strings.Replace(hostKey, "ssh-ed25519", "ssh-rsa", 1) }, []string{"host_key INVALID_ARGUMENT"}},
		"two keys":                {func(s *ServerSpec) { s.HostKey = hostKey + "\n" + hostKey }, []string{"host_key INVALID_ARGUMENT"}},
		"private key as host key": {func(s *ServerSpec) { s.HostKey = "-----BEGIN OPENSSH PRIVATE KEY-----" }, []string{"host_key INVALID_ARGUMENT"}},
		"folder relative":         {func(s *ServerSpec) { s.BackupDir = "var/backups" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder of its own":       {func(s *ServerSpec) { s.BackupDir = "/backups" }, nil},
		"folder is the root":      {func(s *ServerSpec) { s.BackupDir = "/" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder is a system's":    {func(s *ServerSpec) { s.BackupDir = "/etc" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder with dots":        {func(s *ServerSpec) { s.BackupDir = "/var/../etc/x" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder with a slash end": {func(s *ServerSpec) { s.BackupDir = "/var/backups/" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder is a command":     {func(s *ServerSpec) { s.BackupDir = "/var/$(reboot)" }, []string{"backup_dir INVALID_ARGUMENT"}},
		"folder of 256 bytes":     {func(s *ServerSpec) { s.BackupDir = "/a/" + strings.Repeat("b", 253) }, []string{"backup_dir INVALID_ARGUMENT"}},
		"privilege":               {func(s *ServerSpec) { s.Privilege = "root" }, []string{"privilege INVALID_ARGUMENT"}},
		"environment":             {func(s *ServerSpec) { s.Environment = "Prod!" }, []string{"environment INVALID_ARGUMENT"}},
		"no concurrent backups":   {func(s *ServerSpec) { s.MaxConcurrentBackups = 0 }, []string{"max_concurrent_backups INVALID_ARGUMENT"}},
		"33 concurrent backups":   {func(s *ServerSpec) { s.MaxConcurrentBackups = 33 }, []string{"max_concurrent_backups INVALID_ARGUMENT"}},
		"connect timeout":         {func(s *ServerSpec) { s.ConnectTimeout = 0 }, []string{"connect_timeout_seconds INVALID_ARGUMENT"}},
		"keepalive":               {func(s *ServerSpec) { s.KeepaliveInterval = 301 * time.Second }, []string{"keepalive_interval_seconds INVALID_ARGUMENT"}},
		"two at once":             {func(s *ServerSpec) { s.Name, s.Port = "", -1 }, []string{"name INVALID_ARGUMENT", "port INVALID_ARGUMENT"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := validServer()
			test.change(&s)
			got := Validate(ServerRules, s, nil)
			if diff := cmp.Diff(test.want, blamed(got)); diff != "" {
				t.Error(diff)
			}
			for _, f := range got {
				if f.Severity != SeverityError || f.Summary == "" || f.Detail == "" {
					t.Errorf("says too little: %+v", f)
				}
			}
		})
	}
}

func TestBackupRules(t *testing.T) {
	t.Parallel()
	files := func(include ...string) func(*Spec) { return func(s *Spec) { s.Files.Include = include } }
	without := func(exclude ...string) func(*Spec) { return func(s *Spec) { s.Files.Exclude = exclude } }
	tests := map[string]struct {
		change func(*Spec)
		want   []string
	}{
		"valid":                  {func(*Spec) {}, nil},
		"database":               {func(s *Spec) { s.Type = TypeDatabase }, []string{"databases INVALID_ARGUMENT", "files.include INVALID_ARGUMENT"}},
		"full":                   {func(s *Spec) { s.Type = TypeFull }, []string{"databases INVALID_ARGUMENT"}},
		"snapshot":               {func(s *Spec) { s.Type = TypeSnapshot }, []string{"type INVALID_TYPE"}},
		"typing error":           {func(s *Spec) { s.Type = "flies" }, []string{"type INVALID_TYPE"}},
		"retention 0":            {func(s *Spec) { s.RetentionDays = 0 }, []string{"retention_days INVALID_ARGUMENT"}},
		"retention 365":          {func(s *Spec) { s.RetentionDays = 365 }, nil},
		"retention 366":          {func(s *Spec) { s.RetentionDays = 366 }, []string{"retention_days INVALID_ARGUMENT"}},
		"no path":                {files(), []string{"files.include INVALID_ARGUMENT"}},
		"too many paths":         {files(make([]string, 1001)...), []string{"files.include INVALID_ARGUMENT"}},
		"relative":               {files("/etc", "etc"), []string{"files.include.1 INVALID_ARGUMENT"}},
		"an option":              {files("--checkpoint-action=exec=sh"), []string{"files.include.0 INVALID_ARGUMENT"}},
		"dots":                   {files("/etc/../root"), []string{"files.include.0 INVALID_ARGUMENT"}},
		"dots in a name":         {files("/etc/..data"), nil},
		"NUL":                    {files("/etc\x00"), []string{"files.include.0 INVALID_ARGUMENT"}},
		"not UTF-8":              {files("/\xff"), []string{"files.include.0 INVALID_ARGUMENT"}},
		"newline":                {files("/a\nb"), nil},
		"a command, literally":   {files("/$(touch x)", "/'; rm -rf /"), nil},
		"path too long":          {files("/" + strings.Repeat("a", 4096)), []string{"files.include.0 INVALID_ARGUMENT"}},
		"all paths too long":     {files(slash(200, 2000)...), []string{"files.include INVALID_ARGUMENT"}},
		"pattern":                {without("*.log", "/var/cache", "--x"), nil},
		"pattern empty":          {without(""), []string{"files.exclude.0 INVALID_ARGUMENT"}},
		"pattern of everything":  {without("/"), []string{"files.exclude.0 INVALID_ARGUMENT"}},
		"pattern of two lines":   {without("a\nb"), []string{"files.exclude.0 INVALID_ARGUMENT"}},
		"pattern ends in blanks": {without("a "), []string{"files.exclude.0 INVALID_ARGUMENT"}},
		"pattern too long":       {without(strings.Repeat("a", 1025)), []string{"files.exclude.0 INVALID_ARGUMENT"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Spec{ServerID: "srv", Type: TypeFiles, Files: FilesSource{Include: []string{"/etc"}}, RetentionDays: 30}
			test.change(&s)
			if diff := cmp.Diff(test.want, blamed(Validate(Rules, s, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// slash is n paths of that length.
func slash(n, length int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = "/" + strings.Repeat("a", length-1)
	}
	return paths
}

func TestTypingErrorIsMetWithASuggestion(t *testing.T) {
	t.Parallel()
	for wrong, want := range map[string]string{"file": "files", "flies": "files", "FULL": "full", "snapshto": "snapshot", "xyzzy": ""} {
		fix := Validate(Rules, Spec{Type: Type(wrong), RetentionDays: 1}, nil)[0].Fix
		if got := strings.Contains(fix, "Did you mean"); got != (want != "") || !strings.Contains(fix, want) {
			t.Errorf("%q: %s", wrong, fix)
		}
	}
}

func TestRulesWaitForWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	bad := ServerSpec{Port: -1}
	all := Validate(ServerRules, bad, nil)
	if len(all) < 5 {
		t.Fatalf("only %d findings", len(all))
	}
	for _, f := range Validate(ServerRules, bad, Paths{"name", "host", "host_key"}) {
		if f.Path == "name" || f.Path == "host" || f.Path == "host_key" {
			t.Errorf("%s was judged though it is not known", f.Path)
		}
	}
	spec := Spec{Type: TypeFiles, RetentionDays: 1, Files: FilesSource{Include: []string{"x", ""}}}
	if got := Validate(Rules, spec, Paths{"files.include.1"}); len(got) != 0 {
		t.Errorf("an element is not known, and got %v", blamed(got))
	}
}

func TestLongRetentionInAShortLivedFolderIsWarnedOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		dir  string
		days int
		want []string
	}{
		"the default":       {DefaultBackupDir, DefaultRetentionDays, []string{"retention_days SHORT_LIVED_FOLDER"}},
		"a week":            {DefaultBackupDir, 7, nil},
		"a lasting folder":  {"/var/backups/cloudpilot", 365, nil},
		"another /tmp name": {"/tmpfoo/cloudpilot", 365, nil},
	}
	for name, test := range tests {
		s := validServer()
		s.BackupDir = test.dir
		got := Validate(PlacementRules, Placement{Spec: Spec{RetentionDays: test.days}, Server: Server{ServerSpec: s, KeySource: KeyGenerated}}, nil)
		if diff := cmp.Diff(test.want, blamed(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestExcerptIsShortOneLineAndHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":              "plain",
		"two\nlines\x1b[31m": "two·lines·[31m",
		"äöüäöüäöüäöü":       "äöüäöüäöüä…",
		"\xff\xfe":           "··",
	} {
		if got := Excerpt(in, 20); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzCheckHostKey(f *testing.F) {
	for _, s := range []string{hostKey, "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "ssh-rsa", "SHA256:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckHostKey(s) == nil && (strings.ContainsAny(s, "\n\r\x00") || len(s) > maxHostKeyLength) {
			t.Errorf("accepted %q", s)
		}
	})
}
