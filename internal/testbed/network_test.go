package testbed_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func dial(host string, port int) (net.Conn, error) {
	return net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 300*time.Millisecond)
}

func TestBlackHoleAcceptsAndStaysSilent(t *testing.T) {
	t.Parallel()
	conn, err := dial(testbed.BlackHole(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("SSH-2.0-test\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v: want silence", n, err)
	}
}

func TestUnansweredPortTimesOut(t *testing.T) {
	t.Parallel()
	_, err := dial(testbed.UnansweredPort(t))
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("dial: %v, want a timeout", err)
	}
}

func TestClosedPortRefuses(t *testing.T) {
	t.Parallel()
	if _, err := dial(testbed.ClosedPort(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dial: %v, want connection refused", err)
	}
}

func TestTmpfsRunsFull(t *testing.T) {
	t.Parallel()
	file := filepath.Join(testbed.Tmpfs(t, 1<<20), "file")
	if err := os.WriteFile(file, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatalf("a small file: %v", err)
	}
	if err := os.WriteFile(file, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a file that does not fit: %v, want no space left", err)
	}
}
