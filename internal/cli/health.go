package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) scheduleHealth() *cobra.Command {
	var every bool
	cmd := &cobra.Command{Use: "health NAME|SERVER/NAME|ID", Short: "Say whether a schedule does what it is for, and what shows it",
		Args: func(cmd *cobra.Command, args []string) error {
			if every {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		Long: `Say whether a schedule does what it is for: whether somebody runs it, it is active, its times are valid, its last attempt was good,
its server was there when it was due, no due time was forgotten, and there is always a backup between two runs. Each answer says what
shows it, and what to do. Records alone are read; no server is asked.

The exit status is 0 where all that were asked for are healthy, or only warnings are to be told, and 1 where one is unhealthy.`,
		Example: `  cloudaipilot schedule health web-1/nightly
  cloudaipilot schedule health --all --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if every {
				return c.healthOfAll(cmd.Context(), client)
			}
			s, _, err := findSchedule(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			h, err := client.ScheduleHealth(cmd.Context(), s.ID)
			if err != nil {
				return err
			}
			if err := c.showHealth(h); err != nil {
				return err
			}
			return unhealthy(h)
		}}
	cmd.Flags().BoolVar(&every, "all", false, "all schedules, a line each")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

// healthOfAll prints a line for each schedule, with what is wrong with it first.
func (c *cli) healthOfAll(ctx context.Context, client *apiclient.Client) error {
	schedules, err := client.Schedules(ctx, apiclient.ScheduleFilter{})
	if err != nil {
		return err
	}
	var all []api.ScheduleHealth
	var rows [][]string
	for _, s := range schedules {
		h, err := client.ScheduleHealth(ctx, s.ID)
		if apiclient.IsNotFound(err) { // deleted since
			continue
		}
		if err != nil {
			return err
		}
		all = append(all, h)
		rows = append(rows, []string{h.ServerName + "/" + h.Name, h.Verdict, clockOrNothing(h.NextDueAt), clockOrNothing(h.LastGoodAt), strings.Join(wrongChecks(h), ", "), h.ScheduleID})
	}
	if err := c.table(orEmpty(all), "NAME\tSTATUS\tNEXT DUE\tLAST GOOD\tWRONG\tID", rows); err != nil {
		return err
	}
	return unhealthy(all...)
}

// wrongChecks names the checks that failed or warn.
func wrongChecks(h api.ScheduleHealth) (names []string) {
	for _, check := range h.Checks {
		if check.Status == string(backup.CheckFailed) || check.Status == string(backup.CheckWarning) {
			names = append(names, check.Name)
		}
	}
	return names
}

// unhealthy is the error of schedules that are, nil where none is.
func unhealthy(all ...api.ScheduleHealth) error {
	var names []string
	for _, h := range all {
		if h.Verdict == string(backup.VerdictUnhealthy) {
			names = append(names, h.ServerName+"/"+h.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return errors.New("schedule " + names[0] + " is unhealthy")
	}
	return fmt.Errorf("%d of %d schedules are unhealthy: %s", len(names), len(all), plain(strings.Join(names, ", ")))
}

func (c *cli) showHealth(h api.ScheduleHealth) error {
	if c.json || c.quiet {
		return c.record(h, []field{{"id", h.ScheduleID}})
	}
	err := c.record(h, []field{
		{"name", h.ServerName + "/" + h.Name}, {"status", h.Verdict}, {"next due", clockOrNothing(h.NextDueAt)},
		{"last good", strings.TrimSpace(h.LastGoodBackupID + " " + clockOrNothing(h.LastGoodAt))},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	for _, check := range h.Checks {
		c.printAnswer(check)
	}
	if len(h.Runs) == 0 {
		return nil
	}
	fmt.Fprintln(c.out)
	return c.printRuns(h.Runs)
}

// printAnswer prints the answer of a check, and under it what shows it and what to do.
func (c *cli) printAnswer(check api.Check) {
	head := check.Name
	if check.Code != "" {
		head += " (" + check.Code + ")"
	}
	fmt.Fprintf(c.out, "%s%s %s\n", c.paint(c.out, statusColor(check.Status), check.Status), strings.Repeat(" ", len("warning")-len(check.Status)), head)
	fmt.Fprintln(c.out, "        "+plain(inFlags(check.Evidence)))
	for _, step := range check.Fix {
		for i, line := range strings.Split(step, "\n") {
			mark := "- "
			if i > 0 {
				mark = "  "
			}
			fmt.Fprintln(c.out, strings.TrimRight("        "+mark+plain(inFlags(line)), " "))
		}
	}
}
