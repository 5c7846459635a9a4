package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func (c *cli) scheduleCommand() *cobra.Command {
	return group("schedule", "Add, look at, judge, foretell, change, pause and remove schedules", c.scheduleAdd(), c.scheduleList(), c.scheduleShow(), c.scheduleRuns(), c.scheduleHealth(), c.scheduleForecast(), c.scheduleSet(),
		c.schedulePause(), c.scheduleResume(), c.scheduleRemove())
}

// scheduleFlags are what a command line says about a schedule.
type scheduleFlags struct {
	source                       sourceFlags
	policy                       policyFlags
	server, name, cron, timezone string
	retention                    int
}

func (f *scheduleFlags) register(cmd *cobra.Command) {
	f.source.register(cmd)
	f.policy.register(cmd)
	cmd.Flags().StringVar(&f.cron, "cron", "", "when: a cron expression of five fields, in quotes, such as '30 2 * * *'")
	cmd.Flags().StringVar(&f.timezone, "timezone", backup.DefaultTimezone, "time zone of the expression, such as Europe/Berlin")
	cmd.Flags().IntVar(&f.retention, "retention-days", backup.DefaultRetentionDays, "how long each archive is kept, 1 to 365")
}

// input is what the flags that were given say, apart from the source.
func (f *scheduleFlags) input(cmd *cobra.Command) (in api.ScheduleInput, err error) {
	given := cmd.Flags().Changed
	if given("cron") {
		in.Cron = &f.cron
	}
	if given("timezone") {
		in.Timezone = &f.timezone
	}
	if given("retention-days") {
		in.RetentionDays = &f.retention
	}
	if given("name") {
		in.Name = &f.name
	}
	return in, f.policy.put(cmd, &in)
}

func (c *cli) scheduleAdd() *cobra.Command {
	var flags scheduleFlags
	var paused bool
	cmd := &cobra.Command{Use: "add NAME --server SERVER --cron EXPRESSION --include PATH", Short: "Add a schedule", Args: cobra.ExactArgs(1),
		Long: `Add a schedule of backups. Its name is its own among the schedules of the server; "cloudaipilot cron" says what an expression
means and when it is due.`,
		Example: `  cloudaipilot schedule add nightly --server web-1 --cron '30 2 * * *' --timezone Europe/Berlin --include /etc --include /var/www
  cloudaipilot schedule add weekly --server db-1 --cron 'H 3 * * 0' --db postgresql:app --retention-days 90`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for flag, value := range map[string]string{"server": flags.server, "cron": flags.cron} {
				if value == "" {
					return usageError{fmt.Errorf("--%s is missing; see %s --help", flag, cmd.CommandPath())}
				}
			}
			source, err := flags.source.input(cmd)
			if err != nil {
				return err
			}
			in, err := flags.input(cmd)
			if err != nil {
				return err
			}
			in.Name, in.Type, in.Files, in.Paused = &args[0], &source.Type, source.Files, &paused
			if source.Databases != nil {
				in.Databases = &source.Databases
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			return c.addSchedule(cmd.Context(), client, flags.server, in)
		}}
	flags.register(cmd)
	cmd.Flags().StringVar(&flags.server, "server", "", "server to back up (name or id)")
	cmd.Flags().BoolVar(&paused, "paused", false, "begin paused")
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	return cmd
}

func (c *cli) addSchedule(ctx context.Context, client *apiclient.Client, server string, in api.ScheduleInput) error {
	on, err := findServer(ctx, client, server)
	if err != nil {
		return err
	}
	in.ServerID = &on.ID
	s, err := client.CreateSchedule(ctx, in)
	if err != nil {
		return err
	}
	if err := c.showSchedule(client, s, on.Name); err != nil {
		return err
	}
	return c.warnOfSchedule(ctx, client, s)
}

// warnOfSchedule says what the control plane warns of about a schedule.
func (c *cli) warnOfSchedule(ctx context.Context, client *apiclient.Client, s api.Schedule) error {
	found, err := client.CheckSchedule(ctx, s.ID, api.ScheduleInput{})
	c.warn(found)
	return err
}

func (c *cli) scheduleList() *cobra.Command {
	var server string
	cmd := c.command("list", "List the schedules", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		var f apiclient.ScheduleFilter
		if server != "" {
			id, err := serverID(ctx, client, server)
			if err != nil {
				return err
			}
			f.ServerID = id
		}
		schedules, err := client.Schedules(ctx, f)
		if err != nil {
			return err
		}
		names, err := serverNames(ctx, client)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, s := range schedules {
			rows = append(rows, []string{names[s.ServerID] + "/" + s.Name, s.Type, s.Cron, s.Timezone, activeOrPaused(s), nextDue(s, names[s.ServerID], client.Now()), s.ID})
		}
		if err := c.table(orEmpty(schedules), "NAME\t?TYPE\tCRON\t?TIMEZONE\tSTATUS\tNEXT DUE\tID", rows); err != nil {
			return err
		}
		return c.warnOfDispatcher(ctx, client, schedules)
	})
	cmd.Example = "  cloudaipilot schedule list --server web-1"
	cmd.Flags().StringVar(&server, "server", "", "only schedules of this server (name or id)")
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	return cmd
}

// warnOfDispatcher says once if the control plane does not run the schedules that it keeps.
func (c *cli) warnOfDispatcher(ctx context.Context, client *apiclient.Client, schedules []api.Schedule) error {
	if len(schedules) == 0 {
		return nil
	}
	found, err := client.CheckSchedule(ctx, schedules[0].ID, api.ScheduleInput{})
	for _, f := range found {
		if f.Code == backup.CodeNotDispatched {
			f.Summary = "Nobody runs the schedules"
			c.warn([]backup.Finding{f})
			break
		}
	}
	return err
}

func serverNames(ctx context.Context, client *apiclient.Client) (map[string]string, error) {
	servers, err := client.Servers(ctx)
	names := make(map[string]string, len(servers))
	for _, s := range servers {
		names[s.ID] = s.Name
	}
	return names, err
}

func activeOrPaused(s api.Schedule) string {
	if s.Paused {
		return "paused"
	}
	return "active"
}

// nextDue is when a schedule is due next, in UTC; empty where it is paused or never is.
func nextDue(s api.Schedule, server string, now time.Time) string {
	if s.Paused {
		return ""
	}
	e, err := cron.Parse(s.Cron, server+"/"+s.Name)
	if err != nil {
		return ""
	}
	zone, err := cron.LoadZone(s.Timezone)
	if err != nil {
		return ""
	}
	due, ok := e.Next(zone, now)
	if !ok {
		return ""
	}
	return clock(due)
}

func (c *cli) scheduleShow() *cobra.Command {
	cmd := c.command("show NAME|SERVER/NAME|ID", "Show a schedule", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, server, err := findSchedule(ctx, client, args[0])
		if err != nil {
			return err
		}
		if err := c.showSchedule(client, s, server); err != nil {
			return err
		}
		return c.warnOfSchedule(ctx, client, s)
	})
	cmd.Example = "  cloudaipilot schedule show web-1/nightly"
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

func (c *cli) showSchedule(client *apiclient.Client, s api.Schedule, server string) error {
	when := ""
	if e, err := cron.Parse(s.Cron, server+"/"+s.Name); err == nil {
		when = e.Describe()
	}
	return c.record(s, []field{
		{"name", server + "/" + s.Name}, {"id", s.ID}, {"status", activeOrPaused(s)}, {"cron", s.Cron}, {"timezone", s.Timezone}, {"when", when},
		{"paused until", pauseEnd(s)}, {"pause reason", s.PauseReason},
		{"next due", nextDue(s, server, client.Now())}, {"overlap", s.Overlap}, {"missed runs", missedText(s)},
		{"starting deadline", secondsText(s.StartingDeadlineSeconds)}, {"jitter", secondsText(s.JitterSeconds)}, {"blackout", windowsText(s.BlackoutWindows)}, {"type", s.Type}, {"include", strings.Join(s.Files.Include, ", ")},
		{"exclude", strings.Join(s.Files.Exclude, ", ")}, {"databases", databases(s.Databases)}, {"retention", fmt.Sprintf("%d days", s.RetentionDays)},
		{"created", clock(s.CreatedAt)}, {"updated", clock(s.UpdatedAt)},
	})
}

func (c *cli) scheduleSet() *cobra.Command {
	var flags scheduleFlags
	cmd := &cobra.Command{Use: "set NAME|SERVER/NAME|ID", Short: "Change a schedule in place", Args: cobra.ExactArgs(1),
		Long: `Change a schedule in place. What no flag names stays as it is; --include, --exclude and --db each replace all that were there.
--type files drops the databases, --type database the files.

A schedule that Terraform keeps is changed in its configuration: the next apply would undo what is changed here.`,
		Example: `  cloudaipilot schedule set web-1/nightly --cron '0 3 * * *'
  cloudaipilot schedule set nightly --include /etc --include /srv --retention-days 14`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !anyFlag(cmd) {
				return usageError{fmt.Errorf("no flag says what to change; see %s --help", cmd.CommandPath())}
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			s, server, err := findSchedule(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			in, err := flags.input(cmd)
			if err != nil {
				return err
			}
			if err := flags.source.change(&in, s); err != nil {
				return err
			}
			return c.changeSchedule(cmd.Context(), client, s, server, in)
		}}
	flags.register(cmd)
	for name, none := range map[string]string{"timezone": "", "retention-days": "0", "overlap": "", "missed-runs": "", "max-missed-runs": "0"} {
		cmd.Flags().Lookup(name).DefValue = none // what is not given stays
	}
	cmd.Flags().StringVar(&flags.name, "name", "", "another name")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

func (c *cli) changeSchedule(ctx context.Context, client *apiclient.Client, s api.Schedule, server string, in api.ScheduleInput) error {
	in.Version = s.Version
	changed, err := client.UpdateSchedule(ctx, s.ID, in)
	if err != nil {
		return err
	}
	if err := c.showSchedule(client, changed, server); err != nil {
		return err
	}
	return c.warnOfSchedule(ctx, client, changed)
}

func (c *cli) scheduleRemove() *cobra.Command {
	var yes bool
	cmd := c.command("remove NAME|SERVER/NAME|ID", "Delete a schedule; the backups it made stay", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, server, err := findSchedule(ctx, client, args[0])
		if err != nil {
			return err
		}
		name := server + "/" + s.Name
		if err := c.confirm(ctx, yes, "No backups are made by it from then on. Those it made stay until they expire.", "Remove schedule "+name); err != nil {
			return err
		}
		if err := client.DeleteSchedule(ctx, s.ID); err != nil {
			return err
		}
		return c.done("removed", s.ID, "Schedule "+name+" removed.")
	})
	cmd.Example = "  cloudaipilot schedule remove web-1/nightly\n  cloudaipilot schedule remove web-1/nightly --yes     # asks nothing, for scripts"
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

// findSchedule finds a schedule by its id, by its server's name and its own, or by its own where no other has it.
func findSchedule(ctx context.Context, client *apiclient.Client, word string) (s api.Schedule, server string, err error) {
	names, err := serverNames(ctx, client)
	if err != nil {
		return s, "", err
	}
	if _, err := backup.ParseScheduleID(word); err == nil {
		s, err = client.Schedule(ctx, word)
		return s, names[s.ServerID], err
	}
	all, err := client.Schedules(ctx, apiclient.ScheduleFilter{})
	if err != nil {
		return s, "", err
	}
	var found []api.Schedule
	var known, fitting []string
	for _, s := range all {
		full := names[s.ServerID] + "/" + s.Name
		if word == s.Name || word == full {
			found, fitting = append(found, s), append(fitting, full)
		}
		known = append(known, s.Name, full)
	}
	switch len(found) {
	case 0:
		return s, "", noSchedule(word, known)
	case 1:
		return found[0], names[found[0].ServerID], nil
	}
	return s, "", usageError{fmt.Errorf("several schedules are called %q; name one of %s", plain(word), strings.Join(fitting, ", "))}
}

func noSchedule(word string, known []string) error {
	p := &api.Problem{Title: "There is no schedule " + fmt.Sprintf("%q", plain(word)), Code: backup.CodeNotFound, Fix: "cloudaipilot schedule list shows them."}
	if near := backup.Nearest(word, known); near != "" {
		p.Fix = fmt.Sprintf("Did you mean %q? cloudaipilot schedule list shows all.", near)
	}
	return p
}

// scheduleWords are the names of the schedules with their servers', or their ids once a word begins like one.
func scheduleWords(ctx context.Context, client *apiclient.Client, begun string) ([]cobra.Completion, error) {
	names, err := serverNames(ctx, client)
	if err != nil {
		return nil, err
	}
	schedules, err := client.Schedules(ctx, apiclient.ScheduleFilter{})
	var words []cobra.Completion
	for _, s := range schedules {
		word, about := names[s.ServerID]+"/"+s.Name, s.Cron+" "+s.Timezone
		if strings.HasPrefix(begun, backup.ScheduleIDPrefix) {
			word, about = s.ID, word
		}
		words = append(words, cobra.CompletionWithDesc(word, about))
	}
	return words, err
}
