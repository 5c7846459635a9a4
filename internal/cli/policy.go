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
)

// policyFlags are what a command line says about due times that cannot simply start.
type policyFlags struct {
	overlap, missed   string
	most              int
	deadline, jitter  time.Duration
	blackouts         []string
	blackoutsTimezone string
}

func (f *policyFlags) register(cmd *cobra.Command) {
	d := backup.DefaultSchedulePolicy()
	cmd.Flags().StringVar(&f.overlap, "overlap", string(d.Overlap), "while an earlier run goes on: skip, queue_one or allow")
	cmd.Flags().StringVar(&f.missed, "missed-runs", string(d.MissedRuns), "due times at which nobody was there: run_latest, skip or run_all")
	cmd.Flags().IntVar(&f.most, "max-missed-runs", d.MaxMissedRuns, "how many run_all makes at most, 1 to 100")
	cmd.Flags().DurationVar(&f.deadline, "starting-deadline", 0, "after a due time, when it must not start any more: 1m to 168h, 0 for none")
	cmd.Flags().DurationVar(&f.jitter, "jitter", 0, "longest time by which a start is put off, up to 6h")
	cmd.Flags().StringArrayVar(&f.blackouts, "blackout", nil, "when nothing is due: 'CRON for 2h'; may be repeated, and '' removes all")
	cmd.Flags().StringVar(&f.blackoutsTimezone, "blackout-timezone", backup.DefaultTimezone, "time zone of the blackouts given")
}

// put puts the flags that were given into a request.
func (f *policyFlags) put(cmd *cobra.Command, in *api.ScheduleInput) error {
	given := cmd.Flags().Changed
	if given("overlap") {
		in.Overlap = &f.overlap
	}
	if given("missed-runs") {
		in.MissedRuns = &f.missed
	}
	if given("max-missed-runs") {
		in.MaxMissedRuns = &f.most
	}
	if given("starting-deadline") {
		in.StartingDeadlineSeconds = new(int(f.deadline / time.Second))
	}
	if given("jitter") {
		in.JitterSeconds = new(int(f.jitter / time.Second))
	}
	if !given("blackout") {
		return nil
	}
	windows, err := windowsIn("blackout", f.blackouts, f.blackoutsTimezone)
	in.BlackoutWindows = &windows
	return err
}

// windowsIn reads windows such as "0 9 * * 1-5 for 8h". An empty text is no window.
func windowsIn(flag string, texts []string, timezone string) ([]backup.Window, error) {
	windows := []backup.Window{}
	for _, text := range texts {
		if text == "" {
			continue
		}
		cron, lasts, ok := strings.Cut(text, " for ")
		d, err := time.ParseDuration(strings.TrimSpace(lasts))
		if !ok || err != nil || d%time.Minute != 0 {
			return nil, usageError{fmt.Errorf("--%s %q is no window: say when it opens and how many whole minutes or hours it lasts, such as --%s '0 9 * * 1-5 for 8h'", flag, plain(text), flag)}
		}
		windows = append(windows, backup.Window{Cron: strings.TrimSpace(cron), DurationMinutes: int(d / time.Minute), Timezone: timezone})
	}
	return windows, nil
}

func windowsText(windows []backup.Window) string {
	var texts []string
	for _, w := range windows {
		texts = append(texts, fmt.Sprintf("%s for %s (%s)", w.Cron, secondsText(w.DurationMinutes*60), w.Zone()))
	}
	return strings.Join(texts, ", ")
}

func secondsText(seconds int) string {
	if seconds == 0 {
		return ""
	}
	text := (time.Duration(seconds) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func missedText(s api.Schedule) string {
	if s.MissedRuns == string(backup.MissedRunAll) {
		return fmt.Sprintf("%s, at most %d", s.MissedRuns, s.MaxMissedRuns)
	}
	return s.MissedRuns
}

func pauseEnd(s api.Schedule) string {
	if s.PausedUntil == nil {
		return ""
	}
	return clock(*s.PausedUntil)
}

func (c *cli) schedulePause() *cobra.Command {
	var reason, until string
	cmd := c.command("pause NAME|SERVER/NAME|ID", "Let a schedule ask for no backups until it is resumed", cobra.ExactArgs(1),
		func(ctx context.Context, client *apiclient.Client, args []string) error {
			s, server, err := findSchedule(ctx, client, args[0])
			if err != nil {
				return err
			}
			end, err := pauseUntil(until, client.Now())
			if err != nil {
				return err
			}
			if s.Paused && reason == s.PauseReason && until == "" && s.PausedUntil == nil {
				return c.showSchedule(client, s, server)
			}
			return c.changeSchedule(ctx, client, s, server, api.ScheduleInput{Paused: new(true), PauseReason: &reason, PausedUntil: &end})
		})
	cmd.Example = "  cloudaipilot schedule pause web-1/nightly\n  cloudaipilot schedule pause nightly --reason 'the disk is replaced' --until 48h"
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever looks at the schedule")
	cmd.Flags().StringVar(&until, "until", "", "when the pause ends by itself: 2026-03-01T08:00:00Z, or from now on: 48h")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

// pauseUntil reads when a pause ends; zero where nothing says so.
func pauseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !at.After(now) {
		return at, usageError{fmt.Errorf("--until %q is no time to come: give one such as 2026-03-01T08:00:00Z, or a duration such as 48h", plain(text))}
	}
	return at, nil
}

func (c *cli) scheduleResume() *cobra.Command {
	cmd := c.command("resume NAME|SERVER/NAME|ID", "Let a paused schedule go on", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, server, err := findSchedule(ctx, client, args[0])
		if err != nil {
			return err
		}
		if !s.Paused {
			return c.showSchedule(client, s, server)
		}
		return c.changeSchedule(ctx, client, s, server, api.ScheduleInput{Paused: new(false)})
	})
	cmd.Long = "Let a paused schedule go on. What was due during the pause is not made up for: the next due time is the first to run."
	cmd.Example = "  cloudaipilot schedule resume web-1/nightly"
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

func (c *cli) scheduleRuns() *cobra.Command {
	var most int
	cmd := c.command("runs NAME|SERVER/NAME|ID", "List what became of a schedule's due times, newest first", cobra.ExactArgs(1),
		func(ctx context.Context, client *apiclient.Client, args []string) error {
			if most < 0 {
				return usageError{fmt.Errorf("--limit is %d; allowed are 1 and more, or 0 for all", most)}
			}
			s, _, err := findSchedule(ctx, client, args[0])
			if err != nil {
				return err
			}
			runs, err := client.Runs(ctx, s.ID, most)
			if err != nil {
				return err
			}
			return c.printRuns(runs)
		})
	cmd.Long = `List what became of a schedule's due times, newest first. Every due time leaves exactly one record:

  started     a backup was made for it; the backup tells how that went
  skipped     it was left out on purpose: overlap, paused, blackout, maintenance, capacity
  missed      it should have run: control plane down, deadline passed, server offline, rescheduled
  caught_up   the run for a later due time did its work`
	cmd.Example = "  cloudaipilot schedule runs web-1/nightly --limit 7"
	cmd.Flags().IntVar(&most, "limit", 20, "how many at most; 0: all")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

func (c *cli) printRuns(runs []api.Run) error {
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{clock(r.DueAt), r.Outcome, strings.ReplaceAll(r.Reason, "_", " "), runText(r)})
	}
	return c.table(orEmpty(runs), "DUE\tOUTCOME\tREASON\tBACKUP", rows)
}

// runText says what else there is to a record.
func runText(r api.Run) string {
	switch {
	case r.CaughtUpBy != nil:
		return "by the run due " + clock(*r.CaughtUpBy)
	case r.LastAt != nil:
		return fmt.Sprintf("%d due times, the last %s", r.Count, clock(*r.LastAt))
	}
	return r.BackupID
}
