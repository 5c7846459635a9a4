package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// defaultListen is where a control plane answers where nothing else is said.
const defaultListen = "127.0.0.1:8642"

func (c *cli) serveCommand() *cobra.Command {
	var config app.ServeConfig
	var format, file, retention, stuck, played string
	var check bool
	cmd := &cobra.Command{Use: "serve", Short: "Run the control plane by itself", Args: cobra.NoArgs,
		Long: `Run the control plane of the data directory, or of a PostgreSQL database, by itself, for a team and for months.

It answers on the network, to whoever has a token (cloudaipilot token create), and on the socket in the data directory, to
you. It looks after every backup in the directory. SIGINT and SIGTERM end it: steps under way are given back as they were,
and jobs on servers go on.

With --database the records are in PostgreSQL. Several processes on one database share the work; each needs the same master
key. There is no data directory then and no socket: commands beside it take --database as well, or a token.

Every setting is a flag, an environment variable, or a line in the YAML file that --config names; the first of these that
has it decides. Keys of the file: ` + strings.Join(serveSettings.keys(), ", ") + `. Paths
in it are relative to its folder. --check looks at all of it and ends: 0 good, 1 something does not work, 2 cannot be understood.

With --simulate nothing is backed up: servers, disks and the time are simulated, as the --scenario says, and the time stands
still but for "cloudaipilot simulation advance" and for whoever waits for a backup. Its directory, ` + app.DefaultSimulatedDir + ` where none
is named, is never one with real records.

GET /healthz says that it runs, GET /readyz that its database answers. GET /metrics is for Prometheus, with a token.`,
		Example: `  cloudaipilot serve --data-dir /var/lib/cloudaipilot --listen :8642 --tls-cert cert.pem --tls-key key.pem
  cloudaipilot serve --config /etc/cloudaipilot.yaml --check`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.configure(cmd, &config, file, &format); err != nil {
				return err
			}
			if err := readDays(retention, &config.FailureRetention); err != nil {
				return err
			}
			var err error
			if config.StuckAfter, err = app.ParseStuckAfter(stuck); err != nil {
				return usageError{fmt.Errorf("--stuck-after: %w", err)}
			}
			if err := app.CheckMaxTries(config.MaxTries); err != nil {
				return usageError{fmt.Errorf("--max-tries: %w", err)}
			}
			if err := c.simulated(cmd, &config, played); err != nil {
				return err
			}
			if check {
				return c.checkServe(config)
			}
			return app.Serve(cmd.Context(), config)
		}}
	flags := cmd.Flags()
	flags.StringVar(&file, "config", os.Getenv(configEnv), "YAML file with settings ($"+configEnv+")")
	flags.BoolVar(&check, "check", false, "only check the settings")
	flags.StringVar(&config.Listen, "listen", defaultListen, "address to answer on ($CLOUDAIPILOT_LISTEN); without TLS only a loopback address")
	flags.StringVar(&config.TLSCert, "tls-cert", "", "PEM file of the certificate ($CLOUDAIPILOT_TLS_CERT)")
	flags.StringVar(&config.TLSKey, "tls-key", "", "PEM file of its private key ($CLOUDAIPILOT_TLS_KEY)")
	flags.IntVar(&config.MaxTries, "max-tries", app.DefaultMaxTries, "how often a backup is tried whose cause of failure passes by itself ($"+app.MaxTriesEnv+"); 1: never again")
	flags.StringVar(&stuck, "stuck-after", "30m", "a job that makes no progress for so long is ended ($"+app.StuckAfterEnv+")")
	flags.StringVar(&format, "log-format", "text", "text or json ($CLOUDAIPILOT_LOG_FORMAT)")
	flags.StringVar(&retention, "failure-retention", "365d", "how long a failure is told after its backup was deleted, 1d to 3650d ($CLOUDAIPILOT_FAILURE_RETENTION)")
	flags.BoolVar(&config.Simulate, "simulate", false, "simulate servers, disks and the time, and back nothing up")
	flags.StringVar(&played, "scenario", "", "what happens to the simulated servers: a YAML or JSON file, - for standard input")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagFilename("scenario", "yaml", "yml", "json")
	return cmd
}

// simulated reads what is simulated, if anything is.
func (c *cli) simulated(cmd *cobra.Command, config *app.ServeConfig, path string) error {
	if !config.Simulate {
		if path != "" {
			return usageError{errors.New("--scenario is for a simulated control plane: add --simulate")}
		}
		return nil
	}
	if !cmd.Flags().Changed("data-dir") && os.Getenv("CLOUDAIPILOT_DATA_DIR") == "" && config.DataDir == app.DefaultDataDir {
		config.DataDir = app.DefaultSimulatedDir
	}
	if path == "" {
		return nil
	}
	raw, err := c.readBounded(path, scenario.MaxBytes)
	if err != nil {
		return usageError{fmt.Errorf("scenario %s: %w", plain(path), err)}
	}
	config.Scenario = string(raw)
	return nil
}

// configEnv names the configuration file where no flag does.
const configEnv = "CLOUDAIPILOT_CONFIG"

// configure fills the settings of serve from the flags, the environment and the configuration file.
func (c *cli) configure(cmd *cobra.Command, config *app.ServeConfig, path string, format *string) (err error) {
	var file configFile
	if path != "" {
		if file, err = readConfig(path, serveSettings, cmd.Flags()); err != nil {
			return err
		}
	}
	from, err := serveSettings.fill(cmd, file)
	if err != nil {
		return err
	}
	log, err := c.logger(*format)
	if err != nil {
		return err
	}
	config.Database, config.DataDir, config.Version, config.Log = c.database, c.dataDir, c.version, log
	if config.Database != "" && from["data_dir"] != fromFlag && from["data_dir"] != fromFile {
		config.DataDir = "" // nobody asked for one
	}
	if from["database"] == fromFlag && app.DatabaseHasPassword(c.database) {
		log.Warn("the password of the database is on the command line, where every process can see it: put the URL into $" + app.DatabaseEnv + ", or the password into PGPASSFILE")
	}
	if file.open() && app.DatabaseHasPassword(file.values["database"].text) {
		log.Warn("the password of the database is in "+file.path+", which others can read: narrow it with chmod 600, or put the password into PGPASSFILE", "mode", file.mode.Perm().String())
	}
	return nil
}

// checkServe says whether the control plane would start with these settings.
func (c *cli) checkServe(config app.ServeConfig) error {
	plan, err := app.CheckServe(config)
	if err != nil {
		return err
	}
	return c.record(plan, []field{{"configuration", "good"}, {"answers on", plan.Listen}, {"TLS", plan.TLS}, {"records in", plan.Records}})
}

// readDays reads how many days a failure is kept: "365d".
func readDays(text string, to *time.Duration) error {
	days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || !strings.HasSuffix(text, "d") || days < 1 || days > 3650 {
		return usageError{fmt.Errorf("--failure-retention is %q; allowed are 1d to 3650d, in days, such as 365d", plain(text))}
	}
	*to = time.Duration(days) * 24 * time.Hour
	return nil
}

func (c *cli) logger(format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(c.err, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(c.err, nil)), nil
	}
	return nil, usageError{fmt.Errorf("--log-format is %q; allowed are text and json", format)}
}

func (c *cli) tokenCommand() *cobra.Command {
	return group("token", "Manage the tokens that let others in over the network", c.tokenCreate(), c.tokenList(), c.tokenRevoke())
}

func (c *cli) tokenCreate() *cobra.Command {
	var in api.TokenInput
	cmd := c.command("create NAME", "Make a token and print it, this once", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		in.Name = args[0]
		made, err := client.CreateToken(ctx, in)
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(made)
		}
		_, err = fmt.Fprintln(c.out, made.Secret)
		return err
	})
	cmd.Example = "  cloudaipilot token create ci --role member --expires-in-days 90"
	cmd.Flags().StringVar(&in.Role, "role", "viewer", "viewer (reads), member (also makes backups), admin (also deletes, manages servers), owner (also manages tokens)")
	cmd.Flags().IntVar(&in.ExpiresInDays, "expires-in-days", 0, "1 to 3650; 0: never")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "member", "admin", "owner"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) tokenList() *cobra.Command {
	cmd := c.command("list", "List the tokens", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		tokens, err := client.Tokens(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, t := range tokens {
			rows = append(rows, []string{t.Name, t.Role, clock(t.CreatedAt), clockOrNothing(t.ExpiresAt), clockOrNothing(t.LastUsedAt), clockOrNothing(t.RevokedAt), t.ID})
		}
		return c.table(orEmpty(tokens), "NAME\tROLE\tCREATED\t?EXPIRES\t?LAST USED\tREVOKED\tID", rows)
	})
	cmd.Example = "  cloudaipilot token list"
	return cmd
}

func (c *cli) tokenRevoke() *cobra.Command {
	cmd := c.command("revoke ID", "Let nobody in with a token any more", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		return client.RevokeToken(ctx, args[0])
	})
	cmd.Example = "  cloudaipilot token revoke tok_01JCXM8B5D3F7H9K1M2P4R6T8V"
	return cmd
}
