package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) preflightCommand() *cobra.Command {
	var server, schedule string
	var source sourceFlags
	cmd := c.command("preflight", "Do on a server what a backup does before it begins, and tell every answer", cobra.NoArgs, nil)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asked := len(source.include)+len(source.databases) > 0 || source.kind != ""
		switch {
		case server == "" && schedule == "":
			return usageError{fmt.Errorf("nothing says which server: give --server NAME or --schedule SERVER/NAME")}
		case schedule != "" && (asked || len(source.exclude) > 0):
			return usageError{fmt.Errorf("--schedule says what is backed up: leave --include, --exclude, --db and --type out")}
		}
		var in api.PreflightInput
		if asked {
			b, err := source.input(cmd)
			if err != nil {
				return err
			}
			in = api.PreflightInput{Type: b.Type, Files: b.Files, Databases: b.Databases}
		}
		client, err := c.client()
		if err != nil {
			return err
		}
		return c.preflight(cmd.Context(), client, server, schedule, in)
	}
	cmd.Long = `Do on a server what a backup does before it begins: resolve its name, connect, check its host key, log in, and look at its tools, the
source, the backup folder, the space, the databases and the clock. Every answer is told with what shows it and what to do, not only the first
that is wrong, and as soon as it is known. Nothing is changed: not on the server, and not in the records.

Without a schedule and a source, what every backup needs is looked at. The exit status is 0 where no check failed, though some may warn,
and 1 where one did.`
	cmd.Example = `  cloudaipilot preflight --server web-1
  cloudaipilot preflight --schedule web-1/nightly --json
  cloudaipilot preflight --server web-1 --include /var/www --db postgresql:app`
	cmd.Flags().StringVar(&server, "server", "", "server to look at (name or id)")
	cmd.Flags().StringVar(&schedule, "schedule", "", "look at what this schedule backs up (name, SERVER/NAME or id)")
	source.register(cmd)
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	_ = cmd.RegisterFlagCompletionFunc("schedule", c.completes(scheduleWords))
	return cmd
}

func (c *cli) preflight(ctx context.Context, client *apiclient.Client, server, schedule string, in api.PreflightInput) error {
	var id string
	if server != "" {
		found, err := serverID(ctx, client, server)
		if err != nil {
			return err
		}
		id = found
	}
	if schedule != "" {
		s, _, err := findSchedule(ctx, client, schedule)
		if err != nil {
			return err
		}
		in.ScheduleID = s.ID
		if id == "" {
			id = s.ServerID
		}
	}
	p, err := c.askPreflight(ctx, client, id, in)
	if err != nil {
		return err
	}
	if !p.OK {
		return fmt.Errorf("a backup of %s would fail: %s", plain(p.ServerName), failedChecks(p))
	}
	return nil
}

// askPreflight prints each answer as soon as it is known, or the record of all.
func (c *cli) askPreflight(ctx context.Context, client *apiclient.Client, id string, in api.PreflightInput) (api.Preflight, error) {
	if c.json || c.quiet {
		p, err := client.Preflight(ctx, id, in)
		if err == nil {
			err = c.record(p, []field{{"id", p.ServerID}})
		}
		return p, err
	}
	m := meter{out: c.err, width: func() int { return width(c.err) }}
	told := 0
	waitFor := func() {
		if told < len(backup.PreflightChecks) && obeys(c.err) {
			m.draw("looking at: " + backup.PreflightChecks[told])
		}
	}
	defer m.end()
	waitFor()
	return client.WatchPreflight(ctx, id, in, func(check api.Check) {
		m.end()
		c.printAnswer(check)
		told++
		waitFor()
	})
}

// failedChecks names what failed, the first first.
func failedChecks(p api.Preflight) string {
	text := ""
	for _, check := range p.Checks {
		if check.Status == string(backup.CheckFailed) {
			if text != "" {
				text += ", "
			}
			text += check.Name + " (" + check.Code + ")"
		}
	}
	return text
}
