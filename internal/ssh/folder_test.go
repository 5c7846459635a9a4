package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnsafeFoldersAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		make func(t *testing.T, root string)
		want FolderState
	}{
		{"symbolic link", func(t *testing.T, root string) {
			must(t, os.Mkdir(root+"-target", 0o700))
			must(t, os.Symlink(root+"-target", root))
		}, FolderSymlink},
		{"dangling symbolic link", func(t *testing.T, root string) { must(t, os.Symlink("/nowhere", root)) }, FolderSymlink},
		{"file", func(t *testing.T, root string) { must(t, os.WriteFile(root, nil, 0o700)) }, FolderNotDirectory},
		{"readable by the group", func(t *testing.T, root string) {
			must(t, os.Mkdir(root, 0o700))
			must(t, os.Chmod(root, 0o750))
		}, FolderWrongMode},
		{"writable by everybody", func(t *testing.T, root string) {
			must(t, os.Mkdir(root, 0o700))
			must(t, os.Chmod(root, 0o777|os.ModeSticky))
		}, FolderWrongMode},
		{"not writable by its owner", func(t *testing.T, root string) { must(t, os.Mkdir(root, 0o500)) }, FolderWrongMode},
		{"owned by somebody else", func(t *testing.T, root string) {
			if os.Geteuid() != 0 {
				t.Skip("giving a folder away needs root")
			}
			must(t, os.Mkdir(root, 0o700))
			must(t, os.Chown(root, 12345, 12345))
		}, FolderWrongOwner},
		{"parent missing", func(t *testing.T, root string) { must(t, os.Remove(filepath.Dir(root))) }, FolderParentMissing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			forEachFlavour(t, func(t *testing.T, s *server) {
				must(t, os.Mkdir(filepath.Join(s.dir, "srv"), 0o755))
				s.root = filepath.Join(s.dir, "srv", "backups")
				test.make(t, s.root)
				report, err := s.host().Check(t.Context(), CheckRequest{})
				must(t, err)
				if report.Folder != test.want || report.FolderDetail == "" {
					t.Errorf("Check says %q (%s), want %q", report.Folder, report.FolderDetail, test.want)
				}
				calls := map[string]func() error{
					"Start": func() error {
						_, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{"/etc"}})
						return err
					},
					"Status":  func() error { _, err := s.host().Status(t.Context(), jobA); return err },
					"Cancel":  func() error { return s.host().Cancel(t.Context(), jobA) },
					"Clean":   func() error { return s.host().Clean(t.Context(), jobA, false) },
					"Archive": func() error { return s.host().Archive(t.Context(), jobA, new(discard)) },
				}
				if test.want == FolderParentMissing { // nothing is there to be unsafe
					delete(calls, "Status")
					delete(calls, "Cancel")
					delete(calls, "Clean")
					delete(calls, "Archive")
				}
				for name, call := range calls {
					var refused *RefusedError
					if err := call(); !errors.As(err, &refused) || refused.Reason != test.want {
						t.Errorf("%s = %v, want it refused for %q", name, err, test.want)
					}
				}
			})
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestFolderOfTheSudoUserIsAccepted(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		if os.Geteuid() != 0 {
			t.Skip("giving a folder away needs root")
		}
		must(t, os.Mkdir(s.root, 0o700))
		must(t, os.Chown(s.root, 12345, 12345))
		for uid, want := range map[string]FolderState{"12345": FolderOK, "12346": FolderWrongOwner, "*": FolderWrongOwner} {
			s.env = []string{"SUDO_UID=" + uid}
			report, err := s.host().Check(t.Context(), CheckRequest{})
			must(t, err)
			if report.Folder != want {
				t.Errorf("SUDO_UID=%s: %q, want %q", uid, report.Folder, want)
			}
		}
	})
}

func TestCleanTouchesNothingElse(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.finish(jobA, "/etc/hostname")
		s.finish(jobB, "/etc/hostname")
		outside := s.data()
		must(t, os.Symlink(outside, filepath.Join(s.root, jobA, "link")))
		must(t, os.WriteFile(filepath.Join(s.root, "precious"), nil, 0o600))

		must(t, s.host().Clean(t.Context(), jobA, true))
		if diff := cmp.Diff([]string{"log"}, s.files(jobA)); diff != "" {
			t.Errorf("with keepLog (-want +got):\n%s", diff)
		}
		for range 2 { // idempotent
			must(t, s.host().Clean(t.Context(), jobA, false))
			entries, err := os.ReadDir(s.root)
			must(t, err)
			var names []string
			for _, entry := range entries {
				names = append(names, entry.Name())
			}
			if diff := cmp.Diff([]string{jobB, "precious"}, names); diff != "" {
				t.Errorf("in the backup folder (-want +got):\n%s", diff)
			}
		}
		if _, err := os.Stat(filepath.Join(outside, "noise")); err != nil {
			t.Errorf("clean followed a link: %v", err)
		}
		s.fetch(jobB)
	})
}

func TestCleanDoesNotFollowAJobThatIsALink(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		outside := s.data()
		must(t, os.Mkdir(s.root, 0o700))
		must(t, os.Symlink(outside, filepath.Join(s.root, jobA)))
		var refused *RefusedError
		if _, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{"/etc"}}); !errors.As(err, &refused) {
			t.Errorf("Start = %v, want it refused", err)
		}
		must(t, s.host().Clean(t.Context(), jobA, false))
		if _, err := os.Lstat(filepath.Join(s.root, jobA)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the link is still there: %v", err)
		}
		if _, err := os.Stat(filepath.Join(outside, "noise")); err != nil {
			t.Errorf("clean followed the link: %v", err)
		}
	})
}

func TestCleanRefusesWhileTheJobIsAlive(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		s.fake("tar", blockedTar)
		job := s.start(jobA, "/etc/hostname").Job
		if err := s.host().Clean(t.Context(), jobA, false); !errors.Is(err, ErrJobRunning) {
			t.Errorf("Clean = %v, want ErrJobRunning", err)
		}
		if killed, err := s.host().Kill(t.Context(), jobA, job); !killed || err != nil {
			t.Errorf("Kill = %v, %v", killed, err)
		}
		must(t, s.host().Clean(t.Context(), jobA, false))
	})
}

func TestFoldersTellsOfWhatHasTheFormOfAJobs(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		if none, err := s.host().Folders(t.Context()); err != nil || len(none) > 0 {
			t.Errorf("where no backup was ever made: %v, %v", none, err)
		}
		data := s.data()
		s.finish(jobA, data)
		s.fake("tar", blockedTar)
		s.start(jobB, data)
		const left = "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3C"
		must(t, os.Mkdir(filepath.Join(s.root, left), 0o700))
		for _, name := range []string{"lost+found", "bk_", "bk_short", "*", "$(touch pwned)", ".hidden", "srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3I", "a\nentry=bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3D 1 1 0 0"} {
			must(t, os.Mkdir(filepath.Join(s.root, name), 0o700))
		}
		must(t, os.WriteFile(filepath.Join(s.root, "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3E"), nil, 0o600))
		must(t, os.Symlink(data, filepath.Join(s.root, "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3F")))

		got, err := s.host().Folders(t.Context())
		must(t, err)
		for i := range got {
			if got[i].ChangedAt <= 0 || got[i].Bytes < 0 || got[i].ID == jobA && got[i].Bytes < 300_000 {
				t.Errorf("%+v", got[i])
			}
			got[i].ChangedAt, got[i].Bytes = 0, 0
		}
		if diff := cmp.Diff([]Folder{{ID: jobA, Archive: true}, {ID: jobB, Alive: true}, {ID: left}}, got); diff != "" {
			t.Errorf("folders (-want +got):\n%s", diff)
		}
		if _, err := os.Stat(filepath.Join(s.root, "pwned")); err == nil {
			t.Error("a name was run as a command")
		}
	})
}

func TestFoldersComePageByPage(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	var want []string
	for n := range folderPage + 3 {
		id := fmt.Sprintf("bk_01JD3V8Q5R6S7T8V9W0X1Y%04d", n)
		must(t, os.MkdirAll(filepath.Join(s.root, id), 0o700))
		want = append(want, id)
	}
	s.fake("du", "exit 1") // where it cannot say, the size is not known
	folders, err := s.host().Folders(t.Context())
	must(t, err)
	var got []string
	for _, f := range folders {
		got = append(got, f.ID)
		if f.Bytes != -1 {
			t.Fatalf("%+v", f)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
