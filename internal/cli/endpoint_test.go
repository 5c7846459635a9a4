package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tlsServer answers nothing of use behind a certificate that is good until then, and returns the certificate's file.
func tlsServer(t *testing.T, until time.Time) (port, certFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, DNSNames: []string{"backups.example.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	certFile = filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return port, certFile
}

func tokenFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("cap_s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEndpointThatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	token := tokenFile(t)
	good, cert := tlsServer(t, time.Now().Add(time.Hour))
	expired, expiredCert := tlsServer(t, time.Now().Add(-time.Hour))
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"signed by itself":  {[]string{"--endpoint", "https://127.0.0.1:" + good}, []string{"is not trusted", "signed by itself", "--ca-file", "$CLOUDAIPILOT_CA_FILE"}},
		"another name":      {[]string{"--endpoint", "https://localhost:" + good, "--ca-file", cert}, []string{"is not trusted", "made out to (backups.example.com, 127.0.0.1)"}},
		"expired":           {[]string{"--endpoint", "https://127.0.0.1:" + expired, "--ca-file", expiredCert}, []string{"is not trusted", "Renew the certificate", "clock"}},
		"trusted, but none": {[]string{"--endpoint", "https://127.0.0.1:" + good, "--ca-file", cert}, []string{"did not answer as one", "UNEXPECTED_ANSWER"}},
		"nobody there":      {[]string{"--endpoint", "https://127.0.0.1:1"}, []string{"cannot be reached", "cloudaipilot serve", "$CLOUDAIPILOT_ENDPOINT"}},
		"no such name":      {[]string{"--endpoint", "https://no-such-host.invalid"}, []string{"cannot be reached", "Check the name"}},
		"in the clear":      {[]string{"--endpoint", "https://" + strings.TrimPrefix(plain.URL, "http://")}, []string{"--tls-cert"}},
		"no CA file":        {[]string{"--endpoint", "https://127.0.0.1:" + good, "--ca-file", "/absent"}, []string{"/absent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out, errOut := run(t, append([]string{"server", "list", "--token-file", token}, test.args...)...)
			if status != 1 || out != "" || strings.Contains(errOut, "s3cr3t") {
				t.Errorf("exit status %d, %s%s", status, out, errOut)
			}
			for _, want := range test.says {
				if !strings.Contains(errOut, want) {
					t.Errorf("%q is not in\n%s", want, errOut)
				}
			}
		})
	}
}

func TestServersAndBackupsComplete(t *testing.T) {
	t.Parallel()
	dir, s, b := failedBackup(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"servers":             {[]string{"server", "show", ""}, "web-1\tcloudpilot@127.0.0.1\n"},
		"begun":               {[]string{"server", "test", "we"}, "web-1\tcloudpilot@127.0.0.1\n"},
		"begun otherwise":     {[]string{"server", "test", "x"}, ""},
		"id of a server":      {[]string{"server", "set", "srv_"}, s.ID + "\tweb-1\n"},
		"second argument":     {[]string{"server", "show", "web-1", ""}, ""},
		"flag":                {[]string{"backup", "list", "--server", ""}, "web-1\tcloudpilot@127.0.0.1\n"},
		"server to back up":   {[]string{"backup", "run", ""}, "web-1\tcloudpilot@127.0.0.1\n"},
		"backups":             {[]string{"backup", "show", ""}, b.ID + "\tweb-1, failed, " + clock(b.CreatedAt) + "\n"},
		"completed ones only": {[]string{"backup", "download", ""}, ""},
		"running ones only":   {[]string{"backup", "cancel", ""}, ""},
		"to be deleted":       {[]string{"backup", "delete", "bk_"}, b.ID + "\tweb-1, failed, " + clock(b.CreatedAt) + "\n"},
		"subcommands":         {[]string{"server", "remo"}, "remove\tForget a server and its key; its archives stay where they are\n"},
	} {
		var status int
		var out, words string
		for range 20 { // who is not answered within a second is told nothing, and a busy machine may need longer
			status, out, _ = run(t, append([]string{"__complete", "--data-dir", dir}, test.args...)...)
			if words, _, _ = strings.Cut(out, ":4\n"); words != "" || test.want == "" {
				break
			}
		}
		if status != 0 || words != test.want {
			t.Errorf("%s: exit status %d, %q", name, status, out)
		}
	}
}

func TestCompletionIsQuickAndSilentWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	token := tokenFile(t)
	absent := filepath.Join(t.TempDir(), "absent")
	for name, args := range map[string][]string{
		"no directory": {"--data-dir", absent},
		"silent":       {"--endpoint", "http://" + silent.Addr().String(), "--token-file", token},
		"nobody":       {"--endpoint", "http://127.0.0.1:1", "--token-file", token},
		"no token":     {"--endpoint", "http://127.0.0.1:1"},
	} {
		begun := time.Now()
		status, out, errOut := run(t, append(append([]string{"__complete"}, args...), "server", "show", "")...)
		if status != 0 || out != ":4\n" || strings.Contains(errOut, "Error") {
			t.Errorf("%s: exit status %d, %q, %s", name, status, out, errOut)
		}
		if took := time.Since(begun); took > 5*time.Second { // a busy machine is slow, nine seconds of retries are slower
			t.Errorf("%s: it took %s", name, took)
		}
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("completing made the data directory")
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, out, _ := run(t, "completion", shell); status != 0 || !strings.Contains(out, "cloudaipilot") {
			t.Errorf("%s: exit status %d", shell, status)
		}
	}
	if status, _, errOut := run(t, "completion", "bahs"); status != 2 || !strings.Contains(errOut, `did you mean "bash"?`) {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}
