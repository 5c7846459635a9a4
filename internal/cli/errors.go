package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// errInterrupted is the end of a command that Ctrl-C broke off.
var errInterrupted = errors.New("interrupted")

// trouble is an error as a person is told of it.
type trouble struct {
	label string // "Error:" if it is empty
	what  string
	code  string
	why   string
	fix   []string
	// after is where to look for more, in a line of its own.
	after string
}

// printError prints an error: what happened, why, and what to do.
func (c *cli) printError(err error) {
	for _, t := range c.troubles(err) {
		what, rest, _ := strings.Cut(t.what, "\n") // of a cron expression the next lines show where it is wrong
		head := c.paint(c.err, red, cmp.Or(t.label, "Error:")) + " " + plain(what)
		if t.code != "" {
			head += " (" + t.code + ")"
		}
		fmt.Fprintln(c.err, head)
		for line := range strings.Lines(rest + "\n" + t.why) {
			if line = strings.TrimRight(line, "\n"); line != "" {
				fmt.Fprintln(c.err, "  "+plain(line))
			}
		}
		for i, step := range t.fix {
			number := ""
			if len(t.fix) > 1 {
				number = strconv.Itoa(i+1) + ". "
			}
			for j, line := range strings.Split(step, "\n") { // what is to be copied stands on a line of its own
				if j > 0 {
					number = "   "
				}
				if strings.TrimSpace(line) == "" {
					continue
				}
				fmt.Fprintln(c.err, "  "+number+plain(strings.TrimSpace(line)))
			}
		}
		if t.after != "" {
			fmt.Fprintln(c.err, "  "+t.after)
		}
	}
}

// warn prints what does not refuse a request and still should be known.
func (c *cli) warn(found []backup.Finding) {
	for _, f := range found {
		if f.Severity == backup.SeverityNote {
			fmt.Fprintf(c.err, "Note: %s (%s)\n", plain(inFlags(f.Detail)), f.Code)
		}
		if f.Severity != backup.SeverityWarning {
			continue
		}
		fmt.Fprintf(c.err, "%s %s (%s)\n", c.paint(c.err, yellow, "Warning:"), plain(inFlags(f.Summary)), f.Code)
		for line := range strings.SplitSeq(f.Detail+"\n"+f.Fix, "\n") {
			if line != "" {
				fmt.Fprintln(c.err, "  "+plain(inFlags(line)))
			}
		}
	}
}

// troubles takes an error apart. A refused request may have several reasons.
func (c *cli) troubles(err error) []trouble {
	var p *api.Problem
	var failed *failedError
	var left *leftAlone
	switch {
	case errors.As(err, &failed):
		return []trouble{failed.trouble(c)}
	case errors.As(err, &left):
		return []trouble{left.trouble(c)}
	case errors.As(err, &p):
		return problems(p)
	}
	if t, ok := c.unreachable(err); ok {
		return []trouble{t}
	}
	if errors.Is(err, errInterrupted) {
		return []trouble{{label: "Interrupted:", what: "nothing more is done here."}}
	}
	return []trouble{{what: err.Error()}}
}

// problems are the reasons of a refusal, in the words of the command line.
func problems(p *api.Problem) []trouble {
	first := trouble{what: inFlags(p.Title), code: string(p.Code), why: inFlags(p.Detail)}
	if p.Fix != "" {
		first.fix = []string{inFlags(p.Fix)}
	}
	all := []trouble{first}
	for i, f := range p.Findings {
		if i == 0 || f.Severity != backup.SeverityError {
			continue
		}
		t := trouble{what: inFlags(f.Summary), code: string(f.Code), why: inFlags(f.Detail)}
		if f.Fix != "" {
			t.fix = []string{inFlags(f.Fix)}
		}
		all = append(all, t)
	}
	return all
}

// flagNames are the flags that say what an attribute of the API or of Terraform says.
var flagNames = map[string]string{
	`privilege = "sudo"`: "--privilege sudo", `privilege = "none"`: "--privilege none",
	"record_host_key = true": "--record-host-key", "generate_key = true": "--generate-key", `type = "full"`: "--type full",
	"host_key": "--host-key", "record_host_key": "--record-host-key", "private_key_wo": "--private-key", "private_key": "--private-key",
	"backup_dir": "--backup-dir", "retention_days": "--retention-days", "files.include": "--include", "files.exclude": "--exclude",
	"databases":               "--db",
	"connect_timeout_seconds": "--connect-timeout", "keepalive_interval_seconds": "--keepalive-interval",
	`missed_runs = "skip"`: "--missed-runs skip", "paused = true": "paused", "starting_deadline_seconds": "--starting-deadline", "jitter_seconds": "--jitter",
	"missed_runs": "--missed-runs", "max_missed_runs": "--max-missed-runs", "blackout_windows": "--blackout", "maintenance_windows": "--maintenance",
	"max_concurrent_backups": "--max-concurrent-backups", "public_key": "public key",
}

// An attribute is a word of its own; in quotes and paths it is somebody's value.
var attribute = regexp.MustCompile(`(^|[ (])(privilege = "(?:sudo|none)"|record_host_key = true|generate_key = true|type = "full"|missed_runs = "skip"|paused = true|[a-z]+(?:[_.][a-z]+)+|databases)`)

// inFlags puts a text about attributes into the words of the command line.
func inFlags(text string) string {
	text = strings.ReplaceAll(text, ", and raise private_key_wo_version", "")
	text = strings.ReplaceAll(text, "the id of a cloudaipilot_server", "the name or id of a server; cloudaipilot server list shows them")
	return attribute.ReplaceAllStringFunc(text, func(match string) string {
		word := strings.TrimLeft(match, " (")
		if flag, ok := flagNames[word]; ok {
			return match[:len(match)-len(word)] + flag
		}
		return match
	})
}

// unreachable explains why the control plane of an endpoint did not answer.
func (c *cli) unreachable(err error) (trouble, bool) {
	if c.endpoint == "" {
		return trouble{}, false
	}
	t := trouble{what: "The control plane at " + c.endpoint + " cannot be reached", why: err.Error() + "."}
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var netErr net.Error
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &cert):
		return certificate(c.endpoint, cert), true
	case errors.As(err, &dns):
		t.fix = []string{"Check the name in --endpoint (or $" + app.EndpointEnv + ")."}
	case errors.Is(err, syscall.ECONNREFUSED):
		t.fix = []string{"Look there whether \"cloudaipilot serve\" runs, and on which address: its --listen.", "Compare the port in --endpoint (or $" + app.EndpointEnv + ") with it."}
	case errors.Is(err, http.ErrSchemeMismatch):
		t.fix = []string{"It answers in the clear. Where it is on this machine, use http:// in --endpoint; else give it a certificate: cloudaipilot serve --tls-cert FILE --tls-key FILE"}
	case errors.As(err, &noTLS), strings.Contains(err.Error(), "malformed HTTP"): // net/http has no type for it
		t.fix = []string{"Something else listens there, such as sshd: compare the port in --endpoint (or $" + app.EndpointEnv + ") with the --listen of \"cloudaipilot serve\"."}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		t.fix = []string{"Check that it runs, and that no firewall on the way drops what is sent to its port.", "Check the address in --endpoint (or $" + app.EndpointEnv + ")."}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		t.fix = []string{"Check the network and the VPN between this machine and it."}
	default:
		return trouble{}, false
	}
	return t, true
}

// certificate explains why an endpoint's certificate is not trusted.
func certificate(endpoint string, err *tls.CertificateVerificationError) trouble {
	t := trouble{what: "The certificate of " + endpoint + " is not trusted", why: err.Err.Error() + "."}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		t.fix = []string{"If its authority is your own, name the authority's PEM file with --ca-file (or $" + app.CAFileEnv + ")."}
		if len(err.UnverifiedCertificates) > 0 && err.UnverifiedCertificates[0].CheckSignatureFrom(err.UnverifiedCertificates[0]) == nil {
			t.fix = []string{"It is signed by itself: copy it from the control plane (its --tls-cert) and name it with --ca-file (or $" + app.CAFileEnv + ")."}
		}
	case errors.As(err, &name):
		t.fix = []string{"Use a name in --endpoint that the certificate is made out to" + namesOf(name.Certificate) + ", or have one made out to this name."}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		t.fix = []string{"Renew the certificate; serve takes it up without a restart.", "If it is good by its dates, correct the clock of this machine."}
	}
	return t
}

// namesOf lists what a certificate is made out to.
func namesOf(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	names := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names[:min(len(names), 5)], ", ") + ")"
}
