package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) activityCommand() *cobra.Command {
	var server string
	var limit int
	var follow bool
	cmd := c.command("activity [ID]", "Show what happened, newest first, or one entry with its log", cobra.MaximumNArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if limit < 1 || limit > mostListed {
			return usageError{fmt.Errorf("--limit is %d; allowed are 1 to %d", limit, mostListed)}
		}
		if len(args) == 1 && server != "" {
			return usageError{errors.New("an entry and --server are both given; name one")}
		}
		if len(args) == 1 && follow {
			return c.followActivity(ctx, client, args[0])
		}
		if len(args) == 1 {
			return c.showActivity(ctx, client, args[0])
		}
		id := ""
		if server != "" {
			var err error
			if id, err = serverID(ctx, client, server); err != nil {
				return err
			}
		}
		activities, err := client.Activities(ctx, "", id, limit)
		if err != nil {
			return err
		}
		if follow {
			return c.followActivities(ctx, client, activities, id)
		}
		var rows [][]string
		for _, a := range activities {
			rows = append(rows, []string{clock(a.CreatedAt), a.Title, a.Status, currentStep(a), a.TargetID, a.ID})
		}
		return c.table(orEmpty(activities), "TIME\tWHAT\tSTATUS\t?STEP\t?TARGET\tID", rows)
	})
	cmd.Example = "  cloudaipilot activity --server web-1\n  cloudaipilot activity --follow\n  cloudaipilot activity act_01JCXM8B5D3F7H9K1M2P4R6T8V --follow"
	cmd.ValidArgsFunction = c.completesFirst(activityWords)
	cmd.Flags().StringVar(&server, "server", "", "only what is about this server (name or id)")
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on: with an ID until that entry is finished (exit status 1 if it failed), else until Ctrl-C")
	return cmd
}

func (c *cli) showActivity(ctx context.Context, client *apiclient.Client, id string) error {
	if _, err := backup.ParseActivityID(id); err != nil {
		return usageError{err}
	}
	a, err := client.Activity(ctx, id)
	if err != nil {
		return err
	}
	fields := []field{{"what", a.Title}, {"id", a.ID}, {"target", a.TargetID}, {"status", a.Status}, {"created", clock(a.CreatedAt)}, {"finished", clockOrNothing(a.FinishedAt)}}
	for _, s := range a.Steps {
		fields = append(fields, field{"step", s.Name + ": " + string(s.Status)})
	}
	for _, l := range a.Log {
		fields = append(fields, field{clock(l.At), l.Text})
	}
	return c.record(a, fields)
}

// followActivity prints an activity's log line by line until it is finished.
func (c *cli) followActivity(ctx context.Context, client *apiclient.Client, id string) error {
	if _, err := backup.ParseActivityID(id); err != nil {
		return usageError{err}
	}
	a, err := client.FollowActivity(ctx, id, func(l api.LogLine) {
		if c.json {
			c.printLine(l)
			return
		}
		fmt.Fprintf(c.out, "%s  %-9s  %s\n", clock(l.At), l.Step, plain(l.Text))
	})
	if err == nil && a.Status == string(backup.ActivityFailed) {
		return fmt.Errorf("%s failed", a.Title)
	}
	return err
}

// followActivities prints what was given, newest first, and then every new activity, a line for each.
func (c *cli) followActivities(ctx context.Context, client *apiclient.Client, known []api.Activity, server string) error {
	each := func(a api.Activity) {
		if c.json {
			c.printLine(a)
			return
		}
		fmt.Fprintf(c.out, "%s  %-9s  %s  %s\n", clock(a.CreatedAt), a.Status, a.ID, plain(a.Title))
	}
	newest := ""
	for _, a := range slices.Backward(known) {
		each(a)
		newest = a.ID
	}
	if err := client.FollowActivities(ctx, newest, server, each); ctx.Err() == nil {
		return err
	}
	return nil // Ctrl-C is how it ends
}

// currentStep is the step that an activity is at, or where it failed.
func currentStep(a api.Activity) string {
	for _, s := range a.Steps {
		if s.Status == backup.ActivityRunning || s.Status == backup.ActivityFailed {
			return s.Name
		}
	}
	return ""
}
