package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// crowd is how many clients ask at once.
const crowd = 20

// network is a control plane that answers at several addresses, one of each of its processes.
type network struct {
	t         *testing.T
	addresses []string
	secret    string
	client    *apiclient.Client // an owner's
}

// onNetworks runs a test on a control plane of each kind: one process with a data directory, three on a database.
func onNetworks(t *testing.T, test func(t *testing.T, n *network)) {
	t.Helper()
	t.Parallel()
	for name, found := range map[string]func(t *testing.T) (place, int){
		"sqlite":   func(t *testing.T) (place, int) { return place(filepath.Join(t.TempDir(), "data")), 1 },
		"postgres": func(t *testing.T) (place, int) { return place(testbed.StartPostgres(t)), 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, processes := found(t)
			n := &network{t: t}
			for range processes {
				address, _ := serve(t, p.config())
				n.addresses = append(n.addresses, address)
			}
			n.client = p.client(t)
			n.secret = token(t, n.client, "owner")
			test(t, n)
		})
	}
}

// answer is what a client was told.
type answer struct {
	Status    int    `json:"-"` // of HTTP
	ID        string `json:"id"`
	Code      string `json:"code"`
	Retryable bool   `json:"retryable"`
	Version   int64  `json:"version"`
	raw       string
}

// ask sends the i-th client's request to one of the processes.
func (n *network) ask(i int, method, path, key string, in any) (a answer) {
	n.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		n.t.Error(err)
		return a
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, "http://"+n.addresses[i%len(n.addresses)]+path, bytes.NewReader(body))
	if err != nil {
		n.t.Error(err)
		return a
	}
	req.Header.Set("Authorization", "Bearer "+n.secret)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set(api.IdempotencyHeader, key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Error(err)
		return a
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		n.t.Errorf("%s %s: %v", method, path, err)
	}
	a.Status, a.raw = resp.StatusCode, string(raw)
	return a
}

// atOnce has a crowd ask at the same moment, and counts the answers by status and code.
func atOnce(ask func(i int) answer) (answers []answer, told map[string]int) {
	answers, told = make([]answer, crowd), map[string]int{}
	var ready, done sync.WaitGroup
	ready.Add(crowd)
	for i := range crowd {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			answers[i] = ask(i)
		})
	}
	done.Wait()
	for _, a := range answers {
		told[fmt.Sprintf("%d %s", a.Status, a.Code)]++
	}
	return answers, told
}

func (n *network) server(name string) api.Server {
	n.t.Helper()
	s, err := n.client.CreateServer(n.t.Context(), web(name))
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

func TestSameIdempotencyKeyAtOnceHasOneEffect(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		servers, told := atOnce(func(i int) answer { return n.ask(i, "POST", "/v1/servers", "server", web("web-1")) })
		if told["200 "] != crowd {
			t.Errorf("servers: %v, such as %s", told, servers[0].raw)
		}
		backups, told := atOnce(func(i int) answer {
			return n.ask(i, "POST", "/v1/servers/"+servers[0].ID+"/backups", "backup", etc())
		})
		if told["200 "] != crowd {
			t.Errorf("backups: %v, such as %s", told, backups[0].raw)
		}
		for i := range crowd {
			if servers[i].ID != servers[0].ID || backups[i].ID != backups[0].ID {
				t.Errorf("client %d was told of %s and %s", i, servers[i].ID, backups[i].ID)
			}
		}
		all, err := n.client.Backups(t.Context(), apiclient.BackupFilter{})
		if err != nil || len(all) != 1 {
			t.Errorf("%d backups, %v", len(all), err)
		}
		if _, other := atOnce(func(i int) answer { // the control: another key is another request
			return n.ask(i, "POST", "/v1/servers/"+servers[0].ID+"/backups", fmt.Sprint(i), etc())
		}); other["200 "] != crowd {
			t.Errorf("with other keys: %v", other)
		}
		if all, err = n.client.Backups(t.Context(), apiclient.BackupFilter{}); err != nil || len(all) != 1+crowd {
			t.Errorf("%d backups, %v", len(all), err)
		}
	})
}

func TestOfManyUpdatesOfOneVersionOneWins(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		s := n.server("web-1")
		answers, told := atOnce(func(i int) answer {
			return n.ask(i, "PATCH", "/v1/servers/"+s.ID, "", api.ServerInput{Port: new(1000 + i), Version: s.Version})
		})
		if told["200 "] != 1 || told["409 CONFLICT"] != crowd-1 {
			t.Errorf("%v", told)
		}
		now, err := n.client.Server(t.Context(), s.ID)
		if err != nil || now.Version != s.Version+1 {
			t.Errorf("version %d, %v", now.Version, err)
		}
		for i, a := range answers {
			if won := a.Status == http.StatusOK; won != (now.Port == 1000+i) || won == a.Retryable {
				t.Errorf("client %d was told %s, and the port is %d", i, a.raw, now.Port)
			}
		}
	})
}

func TestOfManyWhoWantANameOneGetsIt(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		_, told := atOnce(func(i int) answer { return n.ask(i, "POST", "/v1/servers", fmt.Sprint(i), web("web-1")) })
		if told["200 "] != 1 || told["409 NAME_TAKEN"] != crowd-1 {
			t.Errorf("servers: %v", told)
		}
		_, told = atOnce(func(i int) answer {
			return n.ask(i, "POST", "/v1/tokens", "", api.TokenInput{Name: "ci", Role: "viewer"})
		})
		if told["200 "] != 1 || told["409 NAME_TAKEN"] != crowd-1 {
			t.Errorf("tokens: %v", told)
		}
		all, err := n.client.Servers(t.Context())
		if err != nil || len(all) != 1 {
			t.Errorf("%d servers, %v", len(all), err)
		}
	})
}

func TestDeletionsAtOnceAreOne(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		s := n.server("web-1")
		b, err := n.client.CreateBackup(t.Context(), s.ID, etc())
		if err == nil {
			b, err = n.client.WaitForBackup(t.Context(), b.ID, nil)
		}
		if err != nil || b.Status != "failed" {
			t.Fatalf("%s, %v", b.Status, err)
		}
		for _, path := range []string{"/v1/backups/" + b.ID, "/v1/servers/" + s.ID} {
			_, told := atOnce(func(i int) answer { return n.ask(i, "DELETE", path, "", nil) })
			if told["200 "]+told["204 "] != 1 || told["404 NOT_FOUND"]+told["409 CONFLICT"] != crowd-1 {
				t.Errorf("%s: %v", path, told)
			}
		}
		all, err := n.client.Activities(t.Context(), "", "", 100)
		deletions := map[string]int{}
		for _, a := range all {
			deletions[a.Type]++
		}
		if err != nil || deletions["backup.delete"] != 1 || deletions["server.delete"] != 1 {
			t.Errorf("activities %v, %v", deletions, err)
		}
	})
}

// TestCancellationsWhileBackupsEndLeaveNoneBetween cancels each of a crowd of backups at another moment of its life.
func TestCancellationsWhileBackupsEndLeaveNoneBetween(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		s := n.server("web-1")
		answers, told := atOnce(func(i int) answer {
			b := n.ask(i, "POST", "/v1/servers/"+s.ID+"/backups", "", etc())
			for range i {
				n.ask(i+1, "GET", "/v1/backups/"+b.ID, "", nil)
			}
			return n.ask(i+1, "POST", "/v1/backups/"+b.ID+"/cancel", "", nil)
		})
		if told["200 "] != crowd {
			t.Errorf("%v", told)
		}
		ends := map[string]int{}
		for _, a := range answers {
			b, err := n.client.WaitForBackup(t.Context(), a.ID, nil)
			if err != nil || b.Status != "failed" || b.Failure == nil {
				t.Errorf("%s: %s, %v", a.ID, b.Status, err)
				continue
			}
			ends[b.Failure.Code]++
			activitySettledAny(t, n.client, b)
		}
		if len(ends) == 0 || ends["CANCELLED"]+ends["CONNECTION_REFUSED"] != crowd {
			t.Errorf("ends %v", ends)
		}
	})
}

// activitySettledAny is activitySettled for a backup that may have ended before its first step.
func activitySettledAny(t *testing.T, c *apiclient.Client, b api.Backup) {
	t.Helper()
	all, err := c.Activities(t.Context(), b.ID, "", 100)
	if err != nil || len(all) != 1 || all[0].Status != b.Status || all[0].FinishedAt == nil {
		t.Errorf("activities %+v, %v", all, err)
		return
	}
	for _, step := range all[0].Steps {
		if step.Status == backup.ActivityRunning {
			t.Errorf("step %+v", step)
		}
	}
}

// TestBackupsOfManyServersThroughAllProcesses makes two of each server, asked for at different processes.
func TestBackupsOfManyServersThroughAllProcesses(t *testing.T) {
	onNetworks(t, func(t *testing.T, n *network) {
		sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
		source := sshd.Dir("source")
		if err := os.WriteFile(filepath.Join(source, "file"), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		sshd.Own(filepath.Join(source, "file"))
		var servers []string
		for i := range crowd / 2 {
			in := login(sshd, filepath.Join(sshd.Dir("srv"), fmt.Sprint(i)))
			in.Name = new(fmt.Sprintf("web-%d", i))
			s, err := n.client.CreateServer(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			sshd.Authorize(s.PublicKey)
			servers = append(servers, s.ID)
		}
		answers, told := atOnce(func(i int) answer {
			return n.ask(i, "POST", "/v1/servers/"+servers[i%len(servers)]+"/backups", "",
				api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{source}}})
		})
		if told["200 "] != crowd {
			t.Fatalf("%v", told)
		}
		for _, a := range answers {
			b, err := n.client.WaitForBackup(t.Context(), a.ID, nil)
			if err != nil || b.Status != "completed" {
				t.Errorf("%s: %s, %+v, %v", a.ID, b.Status, b.Failure, err)
			}
		}
		archives := 0
		for _, file := range filesBelow(t, sshd.Dir("srv")) {
			if filepath.Base(file) == "archive.tar.gz" {
				archives++
			}
		}
		if archives != crowd {
			t.Errorf("%d archives", archives)
		}
	})
}
