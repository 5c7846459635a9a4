package app_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	fleetSize = 200
	// commandTakes is how long a simulated server needs for each of the three commands of a backup: long, as a busy
	// one does. A process waits for so many servers at a time, and more processes wait for more; where computing
	// is what takes the time, they only help if they have processors of their own.
	commandTakes = 2 * time.Second
)

// BenchmarkFleet measures how long the backups of many servers take that are all asked for at once, made by three
// processes on one PostgreSQL. The peer is one process. The servers are simulated: real SSH, and the answers of a job
// that succeeds.
func BenchmarkFleet(b *testing.B) {
	servers := startSimulated(b)
	three, one := fleet(b, servers, 3), fleet(b, servers, 1)
	compare(b, "s", three.Seconds(), one.Seconds())
}

// fleet has the processes make a backup of every server and returns how long that took.
func fleet(b *testing.B, servers simulated, processes int) time.Duration {
	b.Helper()
	database := testbed.StartPostgres(b)
	owner := owning(b, database)
	var ids []string
	for i := range fleetSize {
		s, err := owner.CreateServer(b.Context(), api.ServerInput{Name: new(fmt.Sprintf("web-%d", i)), Host: new("127.0.0.1"),
			Port: new(servers.port), HostKey: new(servers.hostKey)})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	secret := tokens(b, owner, 1)[0]
	var addresses []string
	var running []*process
	for range processes {
		p := startServe(b, app.DatabaseEnv+"="+database)
		running, addresses = append(running, p), append(addresses, p.address)
	}
	defer func() {
		for _, p := range running { // two fleets at once would be in each other's way
			p.end()
		}
	}()
	began := time.Now()
	askForAll(b, addresses, secret, ids)
	return awaitAll(b, began, database)
}

// askForAll asks for the backups, the processes in turn.
func askForAll(b *testing.B, addresses []string, secret string, ids []string) {
	b.Helper()
	work := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range work {
				c, err := app.Remote{Endpoint: "http://" + addresses[i%len(addresses)], Token: secret}.Client("bench")
				if err == nil {
					_, err = c.CreateBackup(b.Context(), ids[i], api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range ids {
		work <- i
	}
	close(work)
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// awaitAll waits until the database has all backups completed.
func awaitAll(b *testing.B, began time.Time, database string) time.Duration {
	b.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		var completed, failed int
		err := db.QueryRowContext(b.Context(), `SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed') FROM backups`).Scan(&completed, &failed)
		if err != nil || failed > 0 || time.Since(began) > 2*time.Minute {
			b.Fatalf("%d of %d backups completed, %d failed, %v", completed, fleetSize, failed, err)
		}
		if completed == fleetSize {
			return time.Since(began)
		}
	}
}

// simulated is an SSH server that lets everybody in, runs nothing, and gives the answers of the job script
// (internal/ssh/backup.sh) for a backup that succeeds.
type simulated struct {
	port    int
	hostKey string
}

func startSimulated(b *testing.B) simulated {
	b.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		b.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(func() {
		cancel()
		_ = l.Close()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go simulate(ctx, conn, config)
		}
	}()
	address, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return simulated{port: int(address.Port()), hostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))}
}

func simulate(ctx context.Context, conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "exec", nil)
				if r.Type == "exec" {
					go simulateCommand(ctx, channel)
				}
			}
		}()
	}
}

func simulateCommand(ctx context.Context, channel ssh.Channel) {
	defer channel.Close()
	lines := bufio.NewScanner(channel) // the script is not run, and every backup is the same
	for lines.Scan() && lines.Text() != "#end-of-script" {
	}
	lines.Scan()
	command := lines.Text()
	for lines.Scan() && lines.Text() != "end" {
	}
	select {
	case <-time.After(commandTakes):
	case <-ctx.Done():
		return
	}
	_, _ = io.WriteString(channel, "\ncloudaipilot-job 1\n"+simulatedAnswers[command]+".\n")
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{}))
}

const simulatedJob = "pid=4321\nstart=98765\nboot=0123-4567\n"

var simulatedAnswers = map[string]string{
	"check": "gnu_tar=1\nuid=1000\nboot=0123-4567\ntime=1700000000\nfolder=ok\ndetail=\ntotal_kib=1000000\nfree_kib=500000\npath=ok\n",
	"start": "already_started=0\n" + simulatedJob,
	"status": "exists=1\nalive=0\n" + simulatedJob + "same_boot=1\nresult_ok=1\nresult_stage=verify\nresult_problem=\nresult_size=1234\n" +
		"result_sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nresult_entries=12\n",
}
