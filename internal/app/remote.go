package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Environment variables of a control plane elsewhere.
const (
	EndpointEnv = "CLOUDAIPILOT_ENDPOINT"
	TokenEnv    = "CLOUDAIPILOT_TOKEN"
	CAFileEnv   = "CLOUDAIPILOT_CA_FILE"
)

// connectWithin bounds the wait for a control plane that does not answer.
const connectWithin = 10 * time.Second

// Remote says how to reach a control plane that runs elsewhere.
type Remote struct {
	Endpoint string // https://host[:port], or http:// on a loopback address
	Token    string
	CAFile   string // PEM; empty: the system's authorities
}

// Client returns a client of the control plane. The errors name what is wrong with which setting.
func (r Remote) Client(agent string) (*apiclient.Client, error) {
	u, err := url.Parse(r.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("the endpoint %q is not an address of a control plane: want https://host or https://host:port, without /v1", backup.Excerpt(r.Endpoint, 200))
	}
	if u.Scheme == "http" && !loopback(u.Hostname()+":0") && u.Hostname() != "::1" {
		return nil, fmt.Errorf("the endpoint %s is not encrypted, and the token would cross the network in the clear: use https", u.Redacted())
	}
	if !strings.HasPrefix(r.Token, backup.TokenPrefix) {
		return nil, fmt.Errorf("the endpoint needs a token, which begins with %s; an owner makes one with: cloudaipilot token create", backup.TokenPrefix)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // it is one
	transport.MaxIdleConnsPerHost = 16
	transport.DialContext = (&net.Dialer{Timeout: connectWithin}).DialContext
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CAFile != "" {
		raw, err := os.ReadFile(r.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the file of authorities: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("the file of authorities %s holds no PEM certificate", r.CAFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return apiclient.New(apiclient.Options{BaseURL: u.Scheme + "://" + u.Host, Transport: transport, UserAgent: agent, Token: r.Token}), nil
}

// ErrTokenAlone refuses a token without an endpoint: it must not look as if the control plane it belongs to were empty.
var ErrTokenAlone = errors.New("a token is given and no endpoint: set endpoint (" + EndpointEnv + ") to the control plane it belongs to, or remove the token (" + TokenEnv + ") to use the embedded one")
