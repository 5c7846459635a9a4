package ssh

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// estimate asks how much a folder holds.
func (s *server) estimate(exclude []string, include ...string) *Estimate {
	s.t.Helper()
	report, err := s.host().Check(s.t.Context(), CheckRequest{Include: include, Exclude: exclude, Estimate: 20 * time.Second})
	must(s.t, err)
	if report.Estimate == nil {
		s.t.Fatal("nothing was estimated")
	}
	return report.Estimate
}

// put makes a file that takes up so many KiB.
func (s *server) put(path string, kib int) {
	s.t.Helper()
	must(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(s.t, os.WriteFile(path, []byte(strings.Repeat("x", kib<<10)), 0o644))
}

// about reports whether what was counted is a number of KiB and what the folders take up besides.
func about(bytes int64, kib int64) bool { return bytes >= kib<<10 && bytes <= (kib+60)<<10 }

func TestEstimateCountsEveryFileOnce(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		a, b := filepath.Join(s.dir, "deep", "er", "a"), filepath.Join(s.dir, "b")
		s.put(a+"/one", 200)
		s.put(a+"/x/y/two.JPG", 300)
		s.put(a+"/x/y.tar.gz/three", 100) // a folder is not packed for its name
		s.put(a+"/a\nb/$(touch pwned)/four", 400)
		s.put(b+"/--files0-from=x/five.gz", 500)
		s.put(b+"/six", 8)
		must(t, os.Link(b+"/six", b+"/again"))
		must(t, os.Symlink(a, b+"/link"))
		got := s.estimate(nil, a, b, b+"/six")
		if !about(got.Bytes, 200+300+100+400+500+8) || !about(got.Packed, 800) || !got.Whole || got.Patterns == s.busybox {
			t.Errorf("%+v, packed %d KiB of %d", got, got.Packed>>10, got.Bytes>>10)
		}
		if _, err := os.Stat(s.root); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it made the backup folder: %v", err)
		}
	})
}

func TestEstimateLeavesOutWhatTheArchiveDoes(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	source := filepath.Join(s.dir, "source")
	s.root = filepath.Join(source, "backups")
	must(t, os.MkdirAll(s.root, 0o755))
	must(t, os.Chmod(s.root, 0o700))
	for name, kib := range map[string]int{"keep": 100, "a.log": 200, "sub/b.log": 200, "cache/c": 200, "sub/cache/d": 100, "backups/old": 200, "d e/f": 200} {
		s.put(filepath.Join(source, name), kib)
	}
	got := s.estimate([]string{"*.log", source + "/cache", "/" + source + "/d e", "$(touch pwned)"}, source)
	if !about(got.Bytes, 200) || !got.Patterns {
		t.Errorf("%d KiB of %+v", got.Bytes>>10, got)
	}
}

// TestEstimateEndsInTime: du that hangs is ended, and what it told until then counts.
func TestEstimateEndsInTime(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.put(s.dir+"/source/file", 4)
		s.put(s.dir+"/more/file", 4)
		s.fake("du", `case "$*" in --version) exec REAL "$@" ;; esac
echo $$ >`+s.dir+`/pid
printf '100\t/x/y/a\n200\t/x/y/b\n304\t/x/y\n50\t/x/c.zip\n'
exec sleep 600`)
		report, err := s.host().Check(t.Context(), CheckRequest{Include: []string{s.dir + "/source", s.dir + "/more"}, Estimate: time.Second})
		must(t, err)
		if got := report.Estimate; got == nil || *got != (Estimate{Bytes: 354 << 10, Packed: 50 << 10, Patterns: !s.busybox}) {
			t.Errorf("%+v", got)
		}
		text, err := os.ReadFile(s.dir + "/pid")
		must(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		must(t, err)
		waitFor(t, "the end of du", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	})
}

// TestCheckTellsWhatIsKnownWhileItCounts: du waits here until the rest was told.
func TestCheckTellsWhatIsKnownWhileItCounts(t *testing.T) {
	t.Parallel()
	forEachToolset(t, func(t *testing.T, s *server) {
		s.put(s.dir+"/source/file", 4)
		s.fake("du", `case "$*" in --version) exec REAL "$@" ;; esac
until [ -e `+s.dir+`/told ]; do sleep 0.1; done
exec REAL "$@"`)
		var soFar []CheckReport
		final, err := s.host().Check(t.Context(), CheckRequest{Include: []string{s.dir + "/source", s.dir + "/none"}, Estimate: 40 * time.Second, Meanwhile: func(r CheckReport) {
			soFar = append(soFar, r)
			must(t, os.WriteFile(s.dir+"/told", nil, 0o644))
		}})
		must(t, err)
		if final.Estimate == nil || !about(final.Estimate.Bytes, 4) {
			t.Errorf("the estimate is %+v", final.Estimate)
		}
		final.Estimate = nil
		if diff := cmp.Diff([]CheckReport{final}, soFar); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingIsEstimatedUnlessAskedForOrWithoutTools(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	s.fake("du", "touch "+s.dir+"/asked; exit 1")
	report, err := s.host().Check(context.Background(), CheckRequest{Include: []string{"/etc"}})
	must(t, err)
	if _, err := os.Stat(s.dir + "/asked"); report.Estimate != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nobody asked, and got %+v, %v", report.Estimate, err)
	}
	report, err = s.host().Check(context.Background(), CheckRequest{Include: []string{"/etc"}, Estimate: time.Second})
	must(t, err)
	if _, err := os.Stat(s.dir + "/asked"); err != nil || report.Estimate == nil || report.Estimate.Bytes != 0 || report.Estimate.Whole {
		t.Errorf("du that does not work: %+v, %v", report.Estimate, err)
	}
}
