package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// The exit statuses are an interface: scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitAsserted    = 3
	exitNotFound    = 4
	exitInterrupted = 130 // as a shell has it: 128 and SIGINT
)

// exitStatuses says what each means, for the help and for docs/guides/command-line.md.
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{exitOK, "done"},
	{exitFailed, "not done, or the backup or server it is about failed, or the schedule is unhealthy"},
	{exitUsage, "the command line cannot be understood; nothing was done"},
	{exitAsserted, "a simulation does not show what its scenario asserts"},
	{exitNotFound, "what was named does not exist"},
	{exitInterrupted, "interrupted with Ctrl-C or SIGTERM"},
}

// cli is what the commands share.
type cli struct {
	version   string
	in        io.Reader
	out, err  io.Writer
	dataDir   string
	endpoint  string
	database  string // $CLOUDAIPILOT_DATABASE counts too: see databaseURL
	tokenFile string
	caFile    string
	json      bool
	quiet     bool
	noColor   bool
	repeat    []string // the flags that name the control plane, for commands to be told of

	embedded *app.Embedded
	shared   *app.Database
}

// Run runs the command line and returns the exit status: see exitStatuses.
func Run(ctx context.Context, version string, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends it at once
	c := &cli{version: version, in: os.Stdin, out: stdout, err: stderr}
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.As(err, new(*leftAlone)) {
		err = errInterrupted
	}
	closed := c.close()
	for _, e := range []error{err, closed} {
		if e != nil {
			c.printError(e)
		}
	}
	if err == nil {
		err = closed
	}
	return exitStatus(err)
}

// close gives up what was opened.
func (c *cli) close() (err error) {
	if c.embedded != nil {
		err = c.embedded.Close()
	}
	if c.shared != nil {
		err = errors.Join(err, c.shared.Close())
	}
	return err
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
	case errors.Is(err, errInterrupted), errors.As(err, new(*leftAlone)):
		return exitInterrupted
	case errors.Is(err, errAsserted):
		return exitAsserted
	case apiclient.IsNotFound(err):
		return exitNotFound
	}
	return exitFailed
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "cloudaipilot",
		Short: "Back up servers over SSH, and look into the backups that Terraform makes",
		Long: `cloudaipilot backs up servers over SSH, without an agent and without a service. It works on the same records as the
Terraform provider in this very program: what one makes the other sees.

The records are in a data directory, .cloudaipilot below the working directory unless --data-dir names another, or with a
control plane that runs by itself (--endpoint). A server is named by its name or its id.

` + statusHelp(),
		Example: `  cloudaipilot server add web-1 --host 203.0.113.10 --host-key "ssh-ed25519 AAAA..."
  cloudaipilot server test web-1
  cloudaipilot backup run web-1 --include /etc --include /var/www
  cloudaipilot backup list`,
		SilenceUsage: true, SilenceErrors: true, DisableAutoGenTag: true, Args: cobra.NoArgs, SuggestionsMinimumDistance: 2,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: c.checkGlobal,
	}
	root.Version = c.version
	root.SetVersionTemplate("cloudaipilot {{.Version}}\n")
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	c.fromEnvironment(flags, &c.dataDir, "data-dir", "CLOUDAIPILOT_DATA_DIR", app.DefaultDataDir, "data directory of the control plane")
	c.fromEnvironment(flags, &c.endpoint, "endpoint", app.EndpointEnv, "", "control plane that runs by itself, instead of a data directory")
	c.fromEnvironment(flags, &c.caFile, "ca-file", app.CAFileEnv, "", "PEM file of the authorities that the endpoint's certificate may come from, instead of the system's")
	// The environment's value is no default here: help prints defaults, and this one may hold a password.
	flags.StringVar(&c.database, "database", "", "URL of a PostgreSQL database, instead of a data directory ($"+app.DatabaseEnv+
		"); a password does not belong here, where every process can see it, but into the environment or PGPASSFILE")
	flags.StringVar(&c.tokenFile, "token-file", "", "file with the token for the endpoint (default: $"+app.TokenEnv+")")
	flags.BoolVar(&c.json, "json", false, "print JSON, as the API says it")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print ids only")
	flags.BoolVar(&c.noColor, "no-color", false, "print no colours; $NO_COLOR and TERM=dumb say the same")
	_ = root.MarkPersistentFlagDirname("data-dir")
	root.AddCommand(c.serverCommand(), c.preflightCommand(), c.backupCommand(), c.recoverCommand(), c.scheduleCommand(), c.activityCommand(), c.tokenCommand(), c.serveCommand(), c.dbCommand(), c.cronCommand(), c.simulateCommand(), c.simulationCommand(), c.diagnoseCommand(),
		c.versionCommand(), c.openAPICommand(), c.manCommand(), c.referenceCommand())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.RunE, cmd.SuggestionsMinimumDistance = root.RunE, 2
		}
	}
	usageErrors(root)
	return root
}

// statusHelp lists the exit statuses.
func statusHelp() string {
	var text strings.Builder
	text.WriteString("Exit status:")
	for _, s := range exitStatuses {
		fmt.Fprintf(&text, "\n  %3d  %s", s.status, s.meaning)
	}
	return text.String()
}

// fromEnvironment adds a flag whose value may come from the environment, which help does not print as its default.
func (c *cli) fromEnvironment(flags *pflag.FlagSet, value *string, name, env, otherwise, usage string) {
	flags.StringVar(value, name, cmp.Or(os.Getenv(env), otherwise), usage+" ($"+env+")")
	flags.Lookup(name).DefValue = otherwise
}

// checkGlobal runs before every command.
func (c *cli) checkGlobal(cmd *cobra.Command, _ []string) error {
	if c.json && c.quiet {
		return usageError{errors.New("--json and --quiet both say how to print; give one")}
	}
	for _, name := range []string{"data-dir", "endpoint", "token-file", "ca-file"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			c.repeat = append(c.repeat, "--"+name, shellWord(f.Value.String()))
		}
	}
	return nil
}

// again is a command line of this program, for the control plane that this one is about.
func (c *cli) again(args ...string) string {
	return strings.Join(slices.Concat([]string{"cloudaipilot"}, args, c.repeat), " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord quotes a word for a POSIX shell, where it needs that.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
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
			return usageError{fmt.Errorf("%w: %s; see %s --help", err, cmd.UseLine(), cmd.CommandPath())}
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
		return app.Remote{Endpoint: c.endpoint, Token: token, CAFile: c.caFile}.Client("cloudaipilot/" + c.version)
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

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  cloudaipilot version --json",
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.printJSON(map[string]string{"version": c.version, "time_zones": cron.ZoneVersion})
			}
			_, err := fmt.Fprintln(c.out, "cloudaipilot "+c.version)
			return err
		}}
}
