package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// forecastFlags are what a command line says about a forecast. Sizes are written as 500MiB.
type forecastFlags struct {
	from, length                 string
	next                         int
	archive, growth, rate, space string
}

func (c *cli) scheduleForecast() *cobra.Command {
	var flags forecastFlags
	cmd := &cobra.Command{Use: "forecast NAME|SERVER/NAME|ID", Short: "Say what will become of a schedule, and what its archives will take", Args: cobra.ExactArgs(1),
		Long: `Say what will become of a schedule: when it is due, the longest time without a backup, and what its archives will take once they expire
as fast as they come. What decides is what decides in the control plane, in virtual time, together with the other schedules of its
server; nothing fails, nothing is changed, and no server is asked.

How large archives are, how they grow and how fast they are made is measured on the newest good backups of the same source, where there are
such; flags say it better. "cloudaipilot simulate" also has servers fail, and looks at a whole fleet.`,
		Example: `  cloudaipilot schedule forecast web-1/nightly
  cloudaipilot schedule forecast web-1/nightly --from 2026-03-01T00:00:00Z --for 90d --archive-size 2GiB --growth 10MiB --space 100GiB`,
		RunE: func(cmd *cobra.Command, args []string) error {
			terms, err := flags.terms(cmd)
			if err != nil {
				return usageError{err}
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			s, _, err := findSchedule(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			f, err := client.Forecast(cmd.Context(), s.ID, terms)
			if err != nil {
				return err
			}
			return c.showForecast(f)
		}}
	cmd.Flags().StringVar(&flags.from, "from", "", "begin at this time, in RFC 3339 (default: the beginning of this day in UTC)")
	cmd.Flags().StringVar(&flags.length, "for", "365d", "look so far, 1m to 3650d")
	cmd.Flags().IntVar(&flags.next, "next", 10, "list so many due times, 0 to 1000")
	cmd.Flags().StringVar(&flags.archive, "archive-size", "", "size of an archive, such as 2GiB (default: measured)")
	cmd.Flags().StringVar(&flags.growth, "growth", "", "by which archives grow in a day, such as 10MiB (default: measured)")
	cmd.Flags().StringVar(&flags.rate, "rate", "", "of archive that the server makes in a second, such as 30MiB (default: measured)")
	cmd.Flags().StringVar(&flags.space, "space", "", "that the archives of the server may take, such as 100GiB (default: no end)")
	cmd.ValidArgsFunction = c.completesFirst(scheduleWords)
	return cmd
}

func (f *forecastFlags) terms(cmd *cobra.Command) (terms api.ForecastTerms, err error) {
	terms = api.ForecastTerms{From: time.Now().UTC().Truncate(24 * time.Hour), For: f.length, NextRunsCount: &f.next}
	if f.from != "" {
		if terms.From, err = cron.ParseTime(f.from); err != nil {
			return terms, fmt.Errorf("--from: %w", err)
		}
	}
	if _, err := scenario.ParseSpan(f.length); err != nil {
		return terms, fmt.Errorf("--for: %w", err)
	}
	var growth int64
	for _, size := range []struct {
		flag, text string
		to         *int64
	}{{"archive-size", f.archive, &terms.ArchiveBytes}, {"growth", f.growth, &growth}, {"rate", f.rate, &terms.BytesPerSecond}, {"space", f.space, &terms.SpaceBytes}} {
		if *size.to, err = scenario.ParseSize(size.text); err != nil {
			return terms, fmt.Errorf("--%s: %w", size.flag, err)
		}
	}
	if cmd.Flags().Changed("growth") {
		terms.GrowthBytesPerDay = &growth
	}
	return terms, nil
}

func (c *cli) showForecast(f api.Forecast) error {
	if c.json || c.quiet {
		return c.record(f, []field{{"id", f.ScheduleID}})
	}
	runs := strconv.FormatInt(f.Runs, 10)
	if len(f.NotRun) > 0 {
		var why []string
		for _, reason := range slices.Sorted(maps.Keys(f.NotRun)) {
			why = append(why, fmt.Sprintf("%d %s", f.NotRun[reason], reason))
		}
		runs += fmt.Sprintf(" of %d due times: %s", f.DueTimes, strings.Join(why, ", "))
	}
	storage := fmt.Sprintf("%s in %d archives", diagnosis.Bytes(f.StorageBytes), f.Archives)
	if f.PeakStorageBytes > f.StorageBytes {
		storage += ", at most " + diagnosis.Bytes(f.PeakStorageBytes)
	}
	fields := []field{
		{"name", f.ServerName + "/" + f.Name}, {"times", f.Cron + " " + f.Timezone}, {"from", clock(f.From)}, {"until", clock(f.Until)}, {"runs", runs},
		{"longest gap", since(f.LongestGapSeconds, f.LongestGapFrom, "from")}, {"oldest newest backup", since(f.OldestBackupSeconds, f.OldestBackupAt, "at")},
		{"storage", storage}, {"full", clockOrNothing(f.SpaceFullAt)},
	}
	for _, a := range f.Assumptions {
		fields = append(fields, field{assumptionNames[a.Name], diagnosis.Bytes(a.Value) + " (" + a.Source + ")"})
	}
	if err := c.record(f, fields); err != nil {
		return err
	}
	for _, n := range f.Notes {
		fmt.Fprintln(c.out, "note: "+plain(inFlags(n)))
	}
	if len(f.NextRuns) > 0 {
		fmt.Fprintln(c.out, "\nDUE")
	}
	for _, t := range f.NextRuns {
		fmt.Fprintln(c.out, clock(t))
	}
	return nil
}

var assumptionNames = map[string]string{"archive_bytes": "archive", "growth_bytes_per_day": "growth a day", "bytes_per_second": "rate a second"}

// since is a length and when it was.
func since(seconds int64, at *time.Time, word string) string {
	text := forPeople(seconds)
	if at != nil {
		text += " " + word + " " + clock(*at)
	}
	return text
}
