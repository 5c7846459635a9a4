package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
)

// defaultListen is where a control plane answers where nothing else is said.
const defaultListen = "127.0.0.1:8642"

func (c *cli) serveCommand() *cobra.Command {
	var config app.ServeConfig
	var format string
	cmd := &cobra.Command{Use: "serve", Short: "Run the control plane by itself", Args: cobra.NoArgs,
		Long: `Run the control plane of the data directory, or of a PostgreSQL database, by itself, for a team and for months.

It answers on the network, to whoever has a token (cloudaipilot token create), and on the socket in the data directory, to
you. It looks after every backup in the directory. SIGINT and SIGTERM end it: steps under way are given back as they were,
and jobs on servers go on.

With --database the records are in PostgreSQL. Several processes on one database share the work; each needs the same master
key. There is no data directory then and no socket: commands beside it take --database as well, or a token.

GET /healthz says that it runs, GET /readyz that its database answers.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger(format)
			if err != nil {
				return err
			}
			config.Database, config.DataDir, config.Version, config.Log = c.databaseURL(), c.dataDir, c.version, log
			if config.Database != "" && !cmd.Flags().Changed("data-dir") {
				config.DataDir = "" // nobody asked for one
			}
			if app.DatabaseHasPassword(c.database) {
				log.Warn("the password of the database is on the command line, where every process can see it: put the URL into $" + app.DatabaseEnv + ", or the password into PGPASSFILE")
			}
			return app.Serve(cmd.Context(), config)
		}}
	flags := cmd.Flags()
	flags.StringVar(&config.Listen, "listen", env("CLOUDAIPILOT_LISTEN", defaultListen), "address to answer on ($CLOUDAIPILOT_LISTEN); without TLS only a loopback address")
	flags.StringVar(&config.TLSCert, "tls-cert", os.Getenv("CLOUDAIPILOT_TLS_CERT"), "PEM file of the certificate ($CLOUDAIPILOT_TLS_CERT)")
	flags.StringVar(&config.TLSKey, "tls-key", os.Getenv("CLOUDAIPILOT_TLS_KEY"), "PEM file of its private key ($CLOUDAIPILOT_TLS_KEY)")
	flags.StringVar(&format, "log-format", env("CLOUDAIPILOT_LOG_FORMAT", "text"), "text or json ($CLOUDAIPILOT_LOG_FORMAT)")
	return cmd
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
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
	cmd.Flags().StringVar(&in.Role, "role", "viewer", "viewer (reads), member (also makes backups), admin (also deletes, manages servers), owner (also manages tokens)")
	cmd.Flags().IntVar(&in.ExpiresInDays, "expires-in-days", 0, "1 to 3650; 0: never")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "member", "admin", "owner"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) tokenList() *cobra.Command {
	return c.command("list", "List the tokens", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		tokens, err := client.Tokens(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, t := range tokens {
			rows = append(rows, []string{t.Name, t.Role, clock(t.CreatedAt), clockOrNothing(t.ExpiresAt), clockOrNothing(t.LastUsedAt), clockOrNothing(t.RevokedAt), t.ID})
		}
		return c.table(orEmpty(tokens), "NAME\tROLE\tCREATED\tEXPIRES\tLAST USED\tREVOKED\tID", rows)
	})
}

func (c *cli) tokenRevoke() *cobra.Command {
	return c.command("revoke ID", "Let nobody in with a token any more", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		return client.RevokeToken(ctx, args[0])
	})
}
