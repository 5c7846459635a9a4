package ssh

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	jobA = "bk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	jobB = "bk_01BX5ZZKBKACTAV9WEVGEMMVRZ"
)

// blockedTar is a tar that never gets anywhere.
var blockedTar = whenTarMakes(`exec sleep 600`)

func (s *server) start(id string, include ...string) StartReport {
	s.t.Helper()
	report, err := s.host().Start(s.t.Context(), StartRequest{ID: id, Include: include})
	must(s.t, err)
	return report
}

// await polls a job until done says so.
func (s *server) await(id string, done func(Status) bool) Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for poll := time.Tick(50 * time.Millisecond); ; <-poll {
		status, err := s.host().Status(ctx, id)
		must(s.t, err)
		if done(status) {
			return status
		}
	}
}

func ended(status Status) bool { return !status.Alive }

// finish runs a job to its end.
func (s *server) finish(id string, include ...string) Result {
	s.t.Helper()
	s.start(id, include...)
	status := s.await(id, ended)
	if status.Result == nil {
		s.t.Fatalf("the job died without a result, its log:\n%s", status.Log)
	}
	if s.t.Failed() || !status.Result.OK {
		s.t.Logf("log: %s", status.Log)
	}
	return *status.Result
}

// data is a directory with a file that does not compress.
func (s *server) data() string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "data")
	must(s.t, os.Mkdir(dir, 0o755))
	noise := make([]byte, 300_000)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	must(s.t, os.WriteFile(filepath.Join(dir, "noise"), noise, 0o644))
	return dir
}

// fetch downloads a job's archive.
func (s *server) fetch(id string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, id+".tar.gz")
	out, err := os.Create(file)
	must(s.t, err)
	defer out.Close()
	must(s.t, s.host().Archive(s.t.Context(), id, out))
	return file
}

func (s *server) files(id string) []string {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.root, id))
	must(s.t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// awaitNoGroup waits until no process of the job's group is left.
func (s *server) awaitNoGroup(pid int) {
	s.t.Helper()
	poll := time.Tick(50 * time.Millisecond)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-poll {
		if syscall.Kill(-pid, 0) == syscall.ESRCH || onlyZombies(pid) {
			return
		}
	}
	s.t.Fatalf("processes of group %d are still running", pid)
}

// onlyZombies: in a container nobody may reap the orphans.
func onlyZombies(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))
		if fields[2] == itoa(group) && fields[0] != "Z" {
			return false
		}
	}
	return true
}

func TestArchiveHoldsHostileTree(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		source := filepath.Join(s.dir, "source")
		must(t, os.Mkdir(source, 0o755))
		testbed.Tree(t, source)
		result := s.finish(jobA, source)
		if !result.OK || result.Warning {
			t.Fatalf("unexpected result %+v", result)
		}
		archive := s.fetch(jobA)
		testbed.CompareTar(t, archive, source)
		info, err := os.Stat(archive)
		must(t, err)
		if info.Size() != result.Size {
			t.Errorf("the archive has %d bytes, the result says %d", info.Size(), result.Size)
		}
		if got := sha256File(t, archive); got != result.SHA256 {
			t.Errorf("the archive's checksum is %s, the result says %s", got, result.SHA256)
		}
		if names := testbed.TarNames(t, archive); !s.busybox && int(result.Entries) != len(names) {
			t.Errorf("the archive has %d entries, the result says %d", len(names), result.Entries)
		}
		if diff := cmp.Diff([]string{"archive.tar.gz", "job", "log", "progress", "result"}, s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

// hostileNames are names of include paths, each to be archived and none to be run.
var hostileNames = []string{
	"$(touch pwned)", "`touch pwned`", "'; touch pwned; '", `"; touch pwned; "`, "a\nb", "trailing newline\n",
	"-rf", "--checkpoint-action=exec=touch pwned", " blank ", "tab\t", "back\\slash", `\0101`, `\n`, "%s%n", "*", "?", "[a]",
	"end", "#end-of-script", "ünïcödé", "日本語", "!!", "!history", "~", "$HOME", "a=b", everyByte(),
}

func everyByte() string {
	var all []byte
	for c := 1; c < 256; c++ {
		if c != '/' {
			all = append(all, byte(c))
		}
	}
	return string(all[:250])
}

func TestHostileIncludePathsAreTakenLiterally(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		var include, want []string
		for _, name := range hostileNames {
			file := s.dir + "/in/" + name
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, nil, 0o644))
			if s.busybox && strings.Contains(name, "\n") {
				_, err := s.host().Start(t.Context(), StartRequest{ID: jobB, Include: []string{file}})
				if !errors.Is(err, ErrNewlineInPath) {
					t.Errorf("Start(%q) = %v, want ErrNewlineInPath", name, err)
				}
				continue
			}
			include, want = append(include, file), append(want, file[1:])
		}
		report, err := s.host().Check(t.Context(), CheckRequest{Include: include})
		must(t, err)
		if want := slices.Repeat([]PathState{PathOK}, len(include)); !slices.Equal(report.Paths, want) {
			t.Errorf("Check says %v, want ok for each", report.Paths)
		}
		if result := s.finish(jobA, include...); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, testbed.TarNames(t, s.fetch(jobA))); diff != "" {
			t.Errorf("names in the archive (-want +got):\n%s", diff)
		}
		must(t, filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Base(path) == "pwned" {
				t.Errorf("a path was run as a command: %s", path)
			}
			return err
		}))
	})
}

func TestExcludes(t *testing.T) {
	t.Parallel()
	files := []string{"a.log", "b.txt", "cache/x", "sub/cache/y", "sub/a.log", "sub/c d.txt", "sub/-x", "$(touch pwned)"}
	tests := []struct {
		name    string
		exclude func(dir string) string
		want    []string
	}{
		{"a name at any depth", func(string) string { return "cache" }, []string{"$(touch pwned)", "a.log", "b.txt", "sub/-x", "sub/a.log", "sub/c d.txt"}},
		{"a wildcard", func(string) string { return "*.log" }, []string{"$(touch pwned)", "b.txt", "cache/x", "sub/-x", "sub/c d.txt", "sub/cache/y"}},
		{"an absolute path", func(dir string) string { return dir + "/cache" }, []string{"$(touch pwned)", "a.log", "b.txt", "sub/-x", "sub/a.log", "sub/c d.txt", "sub/cache/y"}},
		{"a leading dash", func(string) string { return "-x" }, []string{"$(touch pwned)", "a.log", "b.txt", "cache/x", "sub/a.log", "sub/c d.txt", "sub/cache/y"}},
		{"blanks", func(string) string { return "c d.txt" }, []string{"$(touch pwned)", "a.log", "b.txt", "cache/x", "sub/-x", "sub/a.log", "sub/cache/y"}},
		{"what looks like a command", func(string) string { return "$(touch pwned)" }, []string{"a.log", "b.txt", "cache/x", "sub/-x", "sub/a.log", "sub/c d.txt", "sub/cache/y"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			forEachFlavour(t, func(t *testing.T, s *server) {
				dir := filepath.Join(s.dir, "data")
				for _, name := range files {
					must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
					must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
				}
				_, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{dir}, Exclude: []string{test.exclude(dir)}})
				must(t, err)
				s.await(jobA, ended)
				var got []string
				for _, name := range testbed.TarNames(t, s.fetch(jobA)) {
					name = strings.TrimPrefix(name, dir[1:]+"/")
					if slices.Contains(files, name) {
						got = append(got, name)
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("files in the archive (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestBackupFolderIsNeverInABackup(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.data()
		must(t, os.Mkdir(s.root, 0o700))
		must(t, os.WriteFile(filepath.Join(s.root, "another"), nil, 0o600))
		link := filepath.Join(s.dir, "data", "a way round")
		must(t, os.Symlink(s.dir, link))
		if result := s.finish(jobA, s.dir); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		for _, name := range testbed.TarNames(t, s.fetch(jobA)) {
			if strings.HasPrefix(name, s.root[1:]) {
				t.Errorf("the archive holds %s", name)
			}
		}
	})
}

func TestStartIsIdempotent(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.fake("tar", blockedTar)
		data := s.data()
		var mu sync.Mutex
		var wg sync.WaitGroup
		jobs, started := map[JobID]bool{}, 0
		for range 6 {
			wg.Go(func() {
				report, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{data}})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("start: %v", err)
				}
				jobs[report.Job] = true
				if !report.AlreadyStarted {
					started++
				}
			})
		}
		wg.Wait()
		if len(jobs) != 1 || started != 1 {
			t.Fatalf("six starts: %d said they started it, jobs %v; want one of each", started, jobs)
		}
		if status := s.await(jobA, func(s Status) bool { return s.Step != "" }); !status.Alive || !jobs[status.Job] {
			t.Errorf("status %+v, want the job alive", status)
		}
		must(t, s.host().Cancel(t.Context(), jobA))
		s.await(jobA, ended)
		if report := s.start(jobA, data); !report.AlreadyStarted || !jobs[report.Job] {
			t.Errorf("start after the end: %+v, want the job that ended", report)
		}
	})
}

func TestStartAfterACrashBeforeLaunch(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		folder := filepath.Join(s.root, jobA)
		must(t, os.MkdirAll(folder, 0o700))
		must(t, os.WriteFile(filepath.Join(folder, "include"), []byte("half a li"), 0o600))
		must(t, os.WriteFile(filepath.Join(folder, "job.sh"), []byte("half a scr"), 0o600))
		if report := s.start(jobA, data); report.AlreadyStarted {
			t.Errorf("the folder was taken for a job")
		}
		if status := s.await(jobA, ended); status.Result == nil || !status.Result.OK {
			t.Errorf("unexpected status %+v", status)
		}
	})
}

func TestListsForTar(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.fake("tar", blockedTar)
		_, err := s.host().Start(t.Context(), StartRequest{
			ID: jobA, Include: []string{"/", "//etc", "/-rf", "/a b"}, Exclude: []string{"*.log", "/srv/[x]"},
		})
		must(t, err)
		end := "\x00"
		if s.busybox {
			end = "\n"
		}
		want := map[string]string{
			"include":          strings.Join([]string{".", "etc", "./-rf", "a b", ""}, end),
			"exclude":          "*.log\n",
			"exclude.anchored": "srv/[x]\n./srv/[x]\n",
			"exclude.root":     strings.Repeat(s.root[1:]+"\n./"+s.root[1:]+"\n", 2) + "./dev\n./proc\n./run\n./sys\n",
		}
		for name, text := range want {
			got, err := os.ReadFile(filepath.Join(s.root, jobA, name))
			must(t, err)
			if diff := cmp.Diff(text, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestCheckReport(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		link := filepath.Join(s.dir, "link")
		must(t, os.Symlink(data, link))
		got, err := s.host().Check(t.Context(), CheckRequest{Versions: true, Include: []string{data, data + "/noise", data + "/none", link, "/", data + "/"}})
		must(t, err)
		for what, n := range map[string]int64{"free bytes": got.FreeBytes, "total bytes": got.TotalBytes, "time": got.Time} {
			if n <= 0 {
				t.Errorf("%s is %d", what, n)
			}
		}
		maker := map[bool]string{true: "BusyBox", false: "GNU"}[s.busybox]
		for i, name := range []string{"tar", "gzip", "df"} {
			if len(got.Tools) != 3 || got.Tools[i].Name != name || !strings.Contains(got.Tools[i].Version, ".") || got.Tools[i].Maker != maker && name != "gzip" {
				t.Errorf("%s is none of %v", name, got.Tools)
			}
		}
		got.Tools = nil
		got.FreeBytes, got.TotalBytes, got.FreeInodes, got.TotalInodes, got.Time = 0, 0, 0, 0, 0
		want := CheckReport{
			GNUTar: !s.busybox, SudoOK: os.Geteuid() == 0,
			Folder: FolderAbsent, FolderDetail: s.root + " will be created",
			Paths:  []PathState{PathOK, PathOK, PathMissing, PathSymlink, PathOK, PathOK},
			BootID: bootID(t),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		if _, err := os.Stat(s.root); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("check created the folder: %v", err)
		}
	})
}

func TestMissingToolsAreNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	s.fake("tar", `case "$*" in --version) echo other tar ;; *) echo "no such option" >&2; exit 64 ;; esac`)
	report, err := s.host().Check(t.Context(), CheckRequest{})
	must(t, err)
	if diff := cmp.Diff([]string{"tar with -T and -X"}, report.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	_, err = s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{"/etc"}})
	var remote *RemoteError
	if !errors.As(err, &remote) || !strings.Contains(remote.Stderr, "tar with -T and -X") {
		t.Errorf("Start = %v, want a RemoteError that names the tool", err)
	}
}

func TestStatusOfAJobThatNeverWas(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		for _, rootExists := range []bool{false, true} {
			if rootExists {
				must(t, os.Mkdir(s.root, 0o700))
			}
			status, err := s.host().Status(t.Context(), jobA)
			if err != nil || status.Exists || status.Alive || status.Result != nil {
				t.Errorf("Status = %+v, %v", status, err)
			}
			if err := s.host().Cancel(t.Context(), jobA); err != nil {
				t.Errorf("Cancel = %v", err)
			}
			if err := s.host().Clean(t.Context(), jobA, false); err != nil {
				t.Errorf("Clean = %v", err)
			}
			if err := s.host().Archive(t.Context(), jobA, new(strings.Builder)); !errors.Is(err, ErrNoArchive) {
				t.Errorf("Archive = %v, want ErrNoArchive", err)
			}
		}
	})
}
