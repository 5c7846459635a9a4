package testbed

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

const loopback = "127.0.0.1"

// BlackHole returns a port that accepts connections, reads what comes and never says a word, until the test ends.
func BlackHole(t testing.TB) (host string, port int) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		t.Fatalf("listen on loopback: %v", err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			go func() {
				discard := make([]byte, 4096)
				for {
					if _, err := conn.Read(discard); err != nil {
						return
					}
				}
			}()
		}
	}()
	return loopback, portOf(t, listener.Addr())
}

// UnansweredPort returns a port that does not even answer a connection attempt, as behind a firewall that drops
// packets, until the test ends: the listener's queue is full, and Linux then ignores new attempts.
func UnansweredPort(t testing.TB) (host string, port int) {
	t.Helper()
	fd, port := bound(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatalf("listen on loopback: %v", err)
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	for range 64 {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		var timeout net.Error
		switch {
		case err == nil:
			t.Cleanup(func() { _ = conn.Close() })
		case errors.As(err, &timeout) && timeout.Timeout():
			return loopback, port
		default:
			t.Fatalf("fill the listener's queue: %v", err)
		}
	}
	t.Fatal("fill the listener's queue: it takes every connection")
	return "", 0
}

// ClosedPort returns a port that refuses connections. It is held until the test ends, so that no other
// process can start to listen there.
func ClosedPort(t testing.TB) (host string, port int) {
	t.Helper()
	_, port = bound(t)
	return loopback, port
}

// bound returns a TCP socket that owns a loopback port without listening on it.
func bound(t testing.TB) (fd, port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("make a socket: %v", os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatalf("take a port: %v", os.NewSyscallError("bind", err))
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatalf("take a port: %v", os.NewSyscallError("getsockname", err))
	}
	address, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("take a port: unexpected address %v", name)
	}
	return fd, address.Port
}

func portOf(t testing.TB, address net.Addr) int {
	t.Helper()
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		t.Fatalf("unexpected address %s", address)
	}
	return tcp.Port
}
