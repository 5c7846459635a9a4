package provider

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func serverFacts() facts[api.Server] {
	type server = api.Server
	return facts[server]{
		"id":                         textFact("Identifier.", func(s server) string { return s.ID }),
		"name":                       textFact("Name, unique in the control plane.", func(s server) string { return s.Name }),
		"host":                       textFact("Host name or IP address.", func(s server) string { return s.Host }),
		"port":                       numberFact("Port of sshd.", func(s server) int { return s.Port }),
		"user":                       textFact("Login user.", func(s server) string { return s.User }),
		"host_key":                   textFact("Host key that is insisted on; null where that of the first contact is.", func(s server) string { return s.HostKey }),
		"record_host_key":            flagFact("Whether the host key of the first contact is trusted.", func(s server) bool { return s.RecordHostKey }),
		"recorded_host_key":          textFact("Host key of the first contact; null where none was recorded.", func(s server) string { return s.RecordedHostKey }),
		"key_source":                 textFact("Where the key pair comes from: `generated`, `provided` or `none`.", func(s server) string { return s.KeySource }),
		"public_key":                 textFact("Public key line for the login user's `~/.ssh/authorized_keys`; null without a key.", func(s server) string { return s.PublicKey }),
		"backup_dir":                 textFact("Folder for archives on the server.", func(s server) string { return s.BackupDir }),
		"privilege":                  textFact("`none` or `sudo`.", func(s server) string { return s.Privilege }),
		"environment":                textFact("What the server is for; null where nobody said.", func(s server) string { return s.Environment }),
		"connect_timeout_seconds":    numberFact("Bound on TCP connect, handshake and login together.", func(s server) int { return s.ConnectTimeoutSeconds }),
		"keepalive_interval_seconds": numberFact("Pause between keepalives.", func(s server) int { return s.KeepaliveIntervalSeconds }),
		"maintenance_windows":        partsFact("Times in which no schedule starts a backup of the server.", windowFacts(), func(s server) []backup.Window { return s.MaintenanceWindows }),
		"max_concurrent_backups":     numberFact("How many backups are made on the server at a time.", func(s server) int { return s.MaxConcurrentBackups }),
		"created_at":                 timeFact("When it was added", func(s server) *time.Time { return &s.CreatedAt }),
		"updated_at":                 timeFact("When it was last changed", func(s server) *time.Time { return &s.UpdatedAt }),
	}
}

func newServerDataSource() datasource.DataSource {
	return one("server", "the server", "A server, found by its identifier or its name. The private key is not part of it.", serverFacts(), map[string]schema.Attribute{
		"id": choice("Identifier. Exactly one of `id` and `name` is given.", stringvalidator.ExactlyOneOf(path.MatchRoot("name")),
			identifier(backup.ParseServerID)),
		"name": choice("Name, unique in the control plane."),
	}, findServer)
}

func newServersDataSource() datasource.DataSource {
	return many("servers", "servers", "The servers of the control plane, ordered by name. Filters narrow each other; without any, all servers.", serverFacts(), map[string]schema.Attribute{
		"name_regex":  filter("Only those whose name this regular expression matches somewhere; `^web-` begins with `web-`. In the syntax of Go (RE2).", regularExpression),
		"environment": filter("Only those of this environment; an empty text selects those without one."),
	}, listServers)
}

var regularExpression = accepted{"Invalid regular expression", func(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("%w. The syntax is that of Go (RE2), which has no lookahead and no backreferences", err)
	}
	return nil
}}

func findServer(ctx context.Context, s *session, q question) (found api.Server, err error) {
	all, err := s.servers.all(ctx)
	if err != nil {
		return found, err
	}
	id, name := q.text("id"), q.text("name")
	if i := slices.IndexFunc(all, func(v api.Server) bool { return v.ID == id || v.Name == name }); i >= 0 {
		return all[i], nil
	}
	if q.given("id") {
		return found, noneWithID(s, "server", id)
	}
	return found, noneNamed("server", name, "The control plane of "+s.place, namesOf(all, func(v api.Server) string { return v.Name }))
}

func listServers(ctx context.Context, s *session, q question) ([]api.Server, error) {
	all, err := s.servers.all(ctx)
	if err != nil {
		return nil, err
	}
	names, err := regexp.Compile(q.text("name_regex"))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(v api.Server) bool {
		return !names.MatchString(v.Name) || q.given("environment") && v.Environment != q.text("environment")
	})
	slices.SortFunc(all, func(a, b api.Server) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func namesOf[T any](all []T, name func(T) string) []string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = name(v)
	}
	return names
}
