package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// serve runs a control plane by itself and returns its address, and how to end it and see how it ended.
func serve(t *testing.T, c ServeConfig) (address string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	c.Ready = func(a string) { ready <- a }
	go func() { ended <- Serve(ctx, c) }()
	t.Cleanup(cancel)
	select {
	case address = <-ready:
	case err := <-ended:
		t.Fatalf("it ended at once: %v", err)
	}
	return address, func() error { cancel(); return <-ended }
}

func token(t *testing.T, c *apiclient.Client, role string) string {
	t.Helper()
	made, err := c.CreateToken(t.Context(), api.TokenInput{Name: role + "-1", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return made.Secret
}

func TestControlPlaneThatRunsByItselfAnswersTheNetworkAndTheSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	address, end := serve(t, ServeConfig{Config: Config{DataDir: dir, Version: "test"}})
	beside, local := process(t, dir)
	remote, err := Remote{Endpoint: "http://" + address, Token: token(t, local, "admin")}.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	if servers, err := local.Servers(t.Context()); err != nil || len(servers) != 1 || beside.owner != nil {
		t.Errorf("over the socket: %d servers, %v", len(servers), err)
	}
	if _, err := remote.Tokens(t.Context()); !apiclient.HasCode(err, backup.CodeForbidden) {
		t.Errorf("an admin lists tokens: %v", err)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n"} {
		resp, err := http.Get("http://" + address + path) //nolint:noctx // a probe
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || string(raw) != want {
			t.Errorf("%s: %d %q", path, resp.StatusCode, raw)
		}
	}
	if err := end(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := local.CreateServer(t.Context(), web("web-2")); err != nil || beside.owner == nil {
		t.Errorf("the directory is not free after the end: %v", err)
	}
}

func TestControlPlaneThatRunsByItselfFinishesWhatOthersLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	left, c := process(t, dir)
	s, err := c.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	left.owner.cp.UseWaker(sleeper{}) // whose worker never came to it
	b, err := c.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}})
	if err != nil || b.Status != "pending" {
		t.Fatalf("%s, %v", b.Status, err)
	}
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	serve(t, ServeConfig{Config: Config{DataDir: dir}})
	_, c = process(t, dir)
	deadline := time.Now().Add(30 * time.Second)
	for b.Status != "failed" && time.Now().Before(deadline) { // reading alone moves nothing
		if b, err = c.Backup(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
	}
	if b.Status != "failed" || b.Failure.Code != "CONNECTION_REFUSED" {
		t.Errorf("status %s", b.Status)
	}
}

// sleeper is a waker that sleeps.
type sleeper struct{}

func (sleeper) Wake(backup.ID, time.Time) {}
func (sleeper) WakeAll([]backup.ID)       {}

func TestTokensCrossTheNetworkEncryptedOnly(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	tests := map[string]ServeConfig{
		"all addresses without TLS":  {Listen: ":0"},
		"an address without TLS":     {Listen: "0.0.0.0:0"},
		"a name without TLS":         {Listen: "backups.example.com:8642"},
		"certificate without key":    {Listen: "127.0.0.1:0", TLSCert: cert},
		"key without certificate":    {Listen: "127.0.0.1:0", TLSKey: key},
		"a certificate that is none": {Listen: "127.0.0.1:0", TLSCert: key, TLSKey: key},
	}
	for name, c := range tests {
		c.DataDir = filepath.Join(t.TempDir(), "data")
		if err := Serve(t.Context(), c); err == nil {
			t.Errorf("%s: it ended without an error", name)
		}
		if _, err := os.Stat(c.DataDir); err == nil {
			t.Errorf("%s: the data directory was made", name)
		}
	}
}

func TestCertificateIsCheckedAgainstTheAuthorityNamed(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	dir := filepath.Join(t.TempDir(), "data")
	address, _ := serve(t, ServeConfig{Config: Config{DataDir: dir}, TLSCert: cert, TLSKey: key})
	_, local := process(t, dir)
	r := Remote{Endpoint: "https://" + address, Token: token(t, local, "viewer"), CAFile: cert}
	c, err := r.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := c.ControlPlane(t.Context()); err != nil || who.ID == "" {
		t.Errorf("with the authority: %v", err)
	}
	r.CAFile = ""
	if c, err = r.Client("test"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ControlPlane(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without it: %v", err)
	}
}

func TestEndpointsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const good = "cap_ABC"
	tests := map[string]struct {
		remote Remote
		says   string
	}{
		"no scheme":     {Remote{Endpoint: "backups.example.com", Token: good}, "https://host"},
		"a path":        {Remote{Endpoint: "https://backups.example.com/v1", Token: good}, "without /v1"},
		"a password":    {Remote{Endpoint: "https://me:secret@backups.example.com", Token: good}, "not an address"},
		"not encrypted": {Remote{Endpoint: "http://backups.example.com", Token: good}, "use https"},
		"no token":      {Remote{Endpoint: "https://backups.example.com"}, "token create"},
		"another token": {Remote{Endpoint: "https://backups.example.com", Token: "ghp_123"}, "begins with cap_"},
		"no CA file":    {Remote{Endpoint: "https://backups.example.com", Token: good, CAFile: "/absent"}, "/absent"},
		"empty CA file": {Remote{Endpoint: "https://backups.example.com", Token: good, CAFile: os.DevNull}, "no PEM"},
	}
	for name, test := range tests {
		if _, err := test.remote.Client("test"); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "ghp_123") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, endpoint := range []string{"https://backups.example.com", "https://backups.example.com:8642/", "http://127.0.0.1:8642", "http://[::1]:8642", "http://localhost:1"} {
		if _, err := (Remote{Endpoint: endpoint, Token: good}).Client("test"); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// certificate makes a certificate for 127.0.0.1 that is its own authority.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
