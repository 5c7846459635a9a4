package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// The exit statuses.
const (
	exitOK       = 0
	exitFailed   = 1 // the command could not do what it was asked for
	exitUsage    = 2 // the command line is wrong
	exitNotFound = 4 // what was asked for does not exist
)

// cli is what the commands share.
type cli struct {
	version   string
	out, err  io.Writer
	dataDir   string
	endpoint  string
	database  string // $CLOUDAIPILOT_DATABASE counts too: see databaseURL
	tokenFile string
	json      bool

	embedded *app.Embedded
	shared   *app.Database
}

// Run runs the command line and returns the exit status: 0 done, 1 failed, 2 wrong command line, 4 not found.
func Run(ctx context.Context, version string, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &cli{version: version, out: stdout, err: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if c.embedded != nil {
		err = errors.Join(err, c.embedded.Close())
	}
	if c.shared != nil {
		err = errors.Join(err, c.shared.Close())
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error:", err)
	}
	return exitStatus(err)
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitStatus(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(usageError)):
		return exitUsage
	case apiclient.IsNotFound(err):
		return exitNotFound
	}
	return exitFailed
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "cloudaipilot",
		Short: "Look into the backups that Terraform makes",
		Long: `cloudaipilot looks into the control plane of a data directory: the servers, their backups, and what happened.

Started by Terraform, the same program is the provider.

Exit status: 0 done, 1 failed, 2 wrong command line, 4 not found.`,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	dir := os.Getenv("CLOUDAIPILOT_DATA_DIR")
	if dir == "" {
		dir = app.DefaultDataDir
	}
	root.PersistentFlags().StringVar(&c.dataDir, "data-dir", dir, "data directory of the control plane ($CLOUDAIPILOT_DATA_DIR)")
	root.PersistentFlags().StringVar(&c.endpoint, "endpoint", os.Getenv(app.EndpointEnv), "control plane that runs by itself, instead of a data directory ($"+app.EndpointEnv+")")
	// The environment's value is no default here: help prints defaults, and this one may hold a password.
	root.PersistentFlags().StringVar(&c.database, "database", "", "URL of a PostgreSQL database, instead of a data directory ($"+app.DatabaseEnv+
		"); a password does not belong here, where every process can see it, but into the environment or PGPASSFILE")
	root.PersistentFlags().StringVar(&c.tokenFile, "token-file", "", "file with the token for the endpoint (default: $"+app.TokenEnv+")")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON")
	root.AddCommand(c.versionCommand(), c.serverCommand(), c.backupCommand(), c.activityCommand(), c.tokenCommand(), c.serveCommand(), c.dbCommand(), c.cronCommand(), c.openAPICommand())
	for _, cmd := range root.Commands() {
		usageErrors(cmd)
	}
	usageErrors(root)
	return root
}

// usageErrors marks what is wrong with a command's arguments.
func usageErrors(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.HasSubCommands() && len(args) > 0 {
			text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += fmt.Sprintf("; did you mean %q?", near[0])
			}
			return usageError{errors.New(text)}
		}
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// databaseURL is empty where there is a data directory or an endpoint instead.
func (c *cli) databaseURL() string {
	if c.database != "" {
		return c.database
	}
	return os.Getenv(app.DatabaseEnv)
}

// client opens the way to the control plane.
func (c *cli) client() (*apiclient.Client, error) {
	database := c.databaseURL()
	if c.endpoint != "" && database != "" {
		return nil, usageError{fmt.Errorf("--endpoint (or $%s) and --database (or $%s) both name a control plane; name one", app.EndpointEnv, app.DatabaseEnv)}
	}
	if database != "" {
		if c.shared == nil {
			c.shared = app.NewDatabase(app.Config{Version: c.version}, database)
		}
		return c.shared.Client("cloudaipilot/" + c.version), nil
	}
	if c.endpoint != "" {
		token := os.Getenv(app.TokenEnv)
		if c.tokenFile != "" {
			raw, err := os.ReadFile(c.tokenFile)
			if err != nil {
				return nil, err
			}
			token = strings.TrimSpace(string(raw))
		}
		return app.Remote{Endpoint: c.endpoint, Token: token, CAFile: os.Getenv(app.CAFileEnv)}.Client("cloudaipilot/" + c.version)
	}
	if os.Getenv(app.TokenEnv) != "" || c.tokenFile != "" {
		return nil, usageError{app.ErrTokenAlone}
	}
	if c.embedded == nil {
		e, err := app.NewEmbedded(app.Config{DataDir: c.dataDir, Version: c.version})
		if err != nil {
			return nil, err
		}
		c.embedded = e
	}
	return c.embedded.Client("cloudaipilot/" + c.version), nil
}

// table prints rows in columns, or the value as JSON.
func (c *cli) table(value any, header string, rows [][]string) error {
	if c.json {
		return c.printJSON(value)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, header)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// field is one line of a record.
type field struct{ name, value string }

// record prints the fields that have a value, or the whole value as JSON.
func (c *cli) record(value any, fields []field) error {
	if c.json {
		return c.printJSON(value)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(w, "%s\t%s\n", f.name, plain(f.value))
		}
	}
	return w.Flush()
}

func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// plain keeps control characters of a server's making away from the terminal.
func plain(s string) string { return backup.Excerpt(s, 4096) }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// clockOrNothing is empty where there is no time.
func clockOrNothing(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

func size(n int64) string { return diagnosis.Bytes(n) }

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.printJSON(map[string]string{"version": c.version, "time_zones": cron.ZoneVersion})
			}
			_, err := fmt.Fprintln(c.out, "cloudaipilot "+c.version)
			return err
		}}
}

// serverID finds a server by its name or id.
func serverID(ctx context.Context, client *apiclient.Client, nameOrID string) (string, error) {
	if _, err := backup.ParseServerID(nameOrID); err == nil {
		return nameOrID, nil
	}
	found, err := client.ServersNamed(ctx, nameOrID)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", &api.Problem{Title: "Not found", Code: backup.CodeNotFound,
			Detail: fmt.Sprintf("There is no server %q.", plain(nameOrID)), Fix: "cloudaipilot server list shows them."}
	}
	return found[0].ID, nil
}
