package apiclient

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Options say how to reach a control plane.
type Options struct {
	BaseURL   string            // without /v1
	Transport http.RoundTripper // nil: the default one
	UserAgent string
	Token     string // empty: none is sent
}

// Client talks to one control plane. It is safe for concurrent use.
type Client struct {
	http  *retryablehttp.Client
	base  string
	agent string
	token string
	name  string
	seen  atomic.Pointer[string]

	simulated atomic.Pointer[time.Time]
}

// maxAnswer bounds a JSON answer: a page of 1,000 backups, each with 1,000 paths, is far below it.
const maxAnswer = 64 << 20

// New returns a client.
func New(o Options) *Client {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 5, 100*time.Millisecond, 5*time.Second
	c.CheckRetry = shouldRetry
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	if o.Transport != nil {
		c.HTTPClient = &http.Client{Transport: o.Transport}
	}
	c.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: c, base: strings.TrimSuffix(o.BaseURL, "/"), agent: o.UserAgent, token: o.Token, name: rand.Text()}
}

// Name names this client where it waits for a backup; it differs from that of every other client.
func (c *Client) Name() string { return c.name }

// ControlPlaneID is the id of the control plane that answered last; empty if it has no records.
func (c *Client) ControlPlaneID() string {
	if id := c.seen.Load(); id != nil {
		return *id
	}
	return ""
}

// Now is what time it is for the control plane that answered: ours, unless its time is simulated.
func (c *Client) Now() time.Time {
	if at := c.simulated.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// repeatable marks the context of a request that may be sent twice.
type repeatable struct{}

// shouldRetry repeats what is safe to repeat after a broken connection or an answer that says "later".
func shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if ctx.Value(repeatable{}) == nil {
		return false, nil
	}
	if err != nil {
		return !errors.As(err, new(*FinalError)) && !errors.As(err, new(*tls.CertificateVerificationError)) && !unanswered(err), nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true, nil
	case http.StatusBadGateway, http.StatusGatewayTimeout: // of a proxy; ours come with a problem and are final
		return resp.Header.Get("Content-Type") != "application/problem+json", nil
	}
	return false, nil
}

// unanswered reports whether nothing answered where a connection was tried: that took its time, and would again.
func unanswered(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" && op.Timeout()
}

// FinalError wraps an error of a transport that is not worth a second try.
type FinalError struct{ Err error }

func (e *FinalError) Error() string { return e.Err.Error() }
func (e *FinalError) Unwrap() error { return e.Err }

// call sends one request and decodes its answer into out, if that is not nil. An error of the API is an *api.Problem.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the answer of %s %s is not what a control plane says: %w", method, path, err)
	}
	return nil
}

// send sends one request and returns its answer if that is a success.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	if method != http.MethodPatch { // a PATCH that carries a version would conflict with its own repetition
		ctx = context.WithValue(ctx, repeatable{}, true)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPost {
		req.Header.Set(api.IdempotencyHeader, rand.Text())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unwrapURL(err)
	}
	id := resp.Header.Get(api.ControlPlaneHeader)
	c.seen.Store(&id)
	if at, err := time.Parse(time.RFC3339, resp.Header.Get(api.SimulatedTimeHeader)); err == nil {
		c.simulated.Store(&at)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problem(resp)
}

// problem reads an answer that is no success.
func problem(resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := &api.Problem{}
	if err != nil || json.Unmarshal(raw, p) != nil || p.Title == "" {
		return &api.Problem{Title: "The control plane did not answer as one", Status: resp.StatusCode, Code: "UNEXPECTED_ANSWER",
			Detail: fmt.Sprintf("HTTP status %d: %s", resp.StatusCode, backup.Excerpt(string(raw), 300))}
	}
	return p
}

// unwrapURL drops net/http's "Get "http://...": " in front of an error: the address says nothing in memory.
func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// IsNotFound reports whether an error says that the thing asked for does not exist.
func IsNotFound(err error) bool { return HasCode(err, backup.CodeNotFound) }

// HasCode reports whether an error is a problem with the code.
func HasCode(err error, code backup.Code) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Code == code
}
