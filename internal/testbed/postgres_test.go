package testbed

import (
	"net"
	"net/url"
	"os"
	"strconv"
	"testing"
)

func TestPostgresIsStoppedStartedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	var address, dir string
	t.Run("a server", func(t *testing.T) {
		p := NewPostgres(t)
		u, err := url.Parse(p.Database())
		if err != nil {
			t.Fatal(err)
		}
		address, dir = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)), p.server.dir
		if u.Host != address {
			t.Errorf("the database is at %s, the server at %s", u.Host, address)
		}
		if !answers(address) {
			t.Error("it does not answer")
		}
		p.Stop()
		if answers(address) {
			t.Error("it answers after its end")
		}
		p.Start()
		p.Database()
	})
	if address == "" {
		t.Skip(errNoPostgres)
	}
	if _, err := os.Stat(dir); err == nil || answers(address) {
		t.Errorf("it left something: directory %v, answers %v", err == nil, answers(address))
	}
}

func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
