package ssh

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// noServer fails the test when anything is run.
type noServer struct{ t *testing.T }

func (n noServer) Run(context.Context, string, io.Reader, io.Writer, io.Writer) error {
	n.t.Error("a command was run")
	return nil
}

// scripted answers with a fixed text and error.
type scripted struct {
	out string
	err error
}

func (s scripted) Run(ctx context.Context, _ string, _ io.Reader, out, _ io.Writer) error {
	if _, err := io.WriteString(out, s.out); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.err
}

func TestTooMuchOutputEndsTheCommand(t *testing.T) {
	t.Parallel()
	host := Host{Client: scripted{out: "\n" + greeting + "\nexists=1\n.\n" + strings.Repeat("x", outputLimit)}, Root: "/srv/backups"}
	if _, err := host.Status(t.Context(), jobA); !errors.Is(err, ErrOutput) {
		t.Errorf("Status = %v, want ErrOutput", err)
	}
}

func TestSudoErrorIsKnownByTheMissingGreeting(t *testing.T) {
	t.Parallel()
	failed := &RemoteError{Exit: 1, Stderr: "sudo: a password is required\n"}
	tests := []struct {
		name   string
		sudo   bool
		server scripted
		want   bool
	}{
		{"sudo refuses", true, scripted{err: failed}, true},
		{"sudo is missing", true, scripted{err: &RemoteError{Exit: 127}}, true},
		{"the script fails", true, scripted{out: greeting + "\n", err: failed}, false},
		{"without sudo", false, scripted{err: failed}, false},
		{"the connection drops", true, scripted{err: &ConnectError{Kind: KindDropped}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			host := Host{Client: test.server, Root: "/srv/backups", Sudo: test.sudo, User: "cloudpilot"}
			_, err := host.Status(t.Context(), jobA)
			var sudo *SudoError
			if got := errors.As(err, &sudo); got != test.want {
				t.Errorf("Status = %v, SudoError: %v, want %v", err, got, test.want)
			}
			err = host.Archive(t.Context(), jobA, io.Discard)
			if got := errors.As(err, &sudo); got != test.want {
				t.Errorf("Archive = %v, SudoError: %v, want %v", err, got, test.want)
			}
			if test.want && sudo.Sudoers() != "cloudpilot ALL=(root) NOPASSWD: /bin/sh" {
				t.Errorf("sudoers line %q", sudo.Sudoers())
			}
		})
	}
}

func TestArchiveIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	dropped := &ConnectError{Kind: KindDropped, Err: io.EOF}
	tests := []struct {
		name   string
		server scripted
		want   error // nil: success
	}{
		{"whole", scripted{out: greeting + "\nsize=5\n.\nhello"}, nil},
		{"cut short", scripted{out: greeting + "\nsize=5\n.\nhell"}, io.ErrUnexpectedEOF},
		{"cut short by the connection", scripted{out: greeting + "\nsize=5\n.\nhell", err: dropped}, dropped},
		{"without a size", scripted{out: greeting + "\n.\nhello"}, ErrOutput},
		{"refused", scripted{out: greeting + "\nrefused=no_archive\n.\n"}, ErrNoArchive},
		{"not the script", scripted{out: "hello"}, ErrOutput},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			err := Host{Client: test.server, Root: "/srv/backups"}.Archive(t.Context(), jobA, &got)
			if !errors.Is(err, test.want) {
				t.Errorf("Archive = %v, want %v", err, test.want)
			}
			if err == nil && got.String() != "hello" {
				t.Errorf("got %q", got.String())
			}
		})
	}
}

func TestArchiveReportsTheWritersError(t *testing.T) {
	t.Parallel()
	full := errors.New("the local disk is full")
	host := Host{Client: scripted{out: greeting + "\nsize=5\n.\nhello"}, Root: "/srv/backups"}
	if err := host.Archive(t.Context(), jobA, failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("Archive = %v, want the writer's error", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
