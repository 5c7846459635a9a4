package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func (c *cli) cronCommand() *cobra.Command {
	return group("cron", "Say what a cron expression means and when it is due", c.cronNext(), c.cronDescribe(), c.cronLint())
}

// cronOptions are the flags of the cron commands.
type cronOptions struct {
	timezone, from, seed string
	count                int64
}

func (o *cronOptions) seedFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.seed, "seed", "", `what H is a hash of; for a schedule "server name/schedule name"`)
}

func (o *cronOptions) timezoneFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.timezone, "timezone", "UTC", "time zone of the schedule, such as Europe/Berlin")
}

// zone loads the time zone.
func (o *cronOptions) zone() (*cron.Zone, error) {
	z, err := cron.LoadZone(o.timezone)
	if err != nil {
		return nil, usageError{fmt.Errorf("--timezone: %w", err)}
	}
	return z, nil
}

// start is the time to look from.
func (o *cronOptions) start() (time.Time, error) {
	if o.from == "" {
		return time.Now(), nil
	}
	from, err := cron.ParseTime(o.from)
	if err != nil {
		return from, usageError{fmt.Errorf("--from: %w", err)}
	}
	return from, nil
}

// oneExpression refuses what the shell makes of an expression without quotes.
func oneExpression(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one expression is needed, in quotes, because the shell replaces * with file names: %s '30 3 * * *'", cmd.CommandPath())
	}
	return nil
}

func parseCron(text, seed string) (*cron.Expression, error) {
	e, err := cron.Parse(text, seed)
	if err != nil {
		return nil, usageError{err}
	}
	return &e, nil
}

func (c *cli) cronNext() *cobra.Command {
	var o cronOptions
	cmd := &cobra.Command{Use: "next EXPRESSION", Short: "Print the next due times", Args: oneExpression,
		Long: `Print the next due times of a cron expression, one on a line, in RFC 3339 with the offset of the time zone.

An expression whose hour field is plain * follows elapsed time; every other one follows the wall clock: due times lost in a skipped
hour are replaced by one run at the first instant after it, and in a repeated hour each wall-clock time is due once, the first time.`,
		Example: "  cloudaipilot cron next '30 2 * * *' --timezone America/New_York --from 2026-03-07T12:00:00-05:00 --count 3",
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := parseCron(args[0], o.seed)
			if err != nil {
				return err
			}
			z, err := o.zone()
			if err != nil {
				return err
			}
			from, err := o.start()
			if err != nil {
				return err
			}
			return c.printTimes(e, z, from, o.count)
		}}
	o.timezoneFlag(cmd)
	o.seedFlag(cmd)
	cmd.Flags().StringVar(&o.from, "from", "", "look from this time on, in RFC 3339 (default: now)")
	cmd.Flags().Int64Var(&o.count, "count", 5, fmt.Sprintf("how many times, 1 to %d", cron.MaxTimes))
	return cmd
}

func (c *cli) printTimes(e *cron.Expression, z *cron.Zone, from time.Time, count int64) error {
	due, err := e.NextTimes(z, from, count)
	if err != nil {
		return usageError{fmt.Errorf("--%w", err)}
	}
	times := make([]string, len(due))
	for i, at := range due {
		times[i] = at.Format(time.RFC3339)
	}
	if int64(len(times)) < count {
		fmt.Fprintln(c.err, "Warning: times are known up to the end of 2200 only.")
	}
	if c.json {
		return c.printJSON(struct {
			Expression  string   `json:"expression"`
			Timezone    string   `json:"timezone"`
			Description string   `json:"description"`
			Times       []string `json:"times"`
		}{e.Text(), z.Name(), e.Describe(), times})
	}
	for _, at := range times {
		if _, err := fmt.Fprintln(c.out, at); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) cronDescribe() *cobra.Command {
	var o cronOptions
	cmd := &cobra.Command{Use: "describe EXPRESSION", Short: "Say in English when an expression is due", Args: oneExpression,
		Example: "  cloudaipilot cron describe '30 2 * * 1-5'",
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := parseCron(args[0], o.seed)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(struct {
					Expression  string `json:"expression"`
					Canonical   string `json:"canonical"`
					Description string `json:"description"`
				}{e.Text(), e.String(), e.Describe()})
			}
			_, err = fmt.Fprintln(c.out, e.Describe())
			return err
		}}
	o.seedFlag(cmd)
	return cmd
}

// lintResult is what cron lint says about one expression.
type lintResult struct {
	Expression  string     `json:"expression"`
	Valid       bool       `json:"valid"`
	Canonical   string     `json:"canonical,omitempty"`
	Description string     `json:"description,omitempty"`
	Notes       []lintNote `json:"notes"`
	Error       *lintError `json:"error,omitempty"`
}

type lintNote struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type lintError struct {
	Field   string `json:"field,omitempty"`
	Value   string `json:"value,omitempty"`
	Allowed string `json:"allowed,omitempty"`
	Column  int    `json:"column,omitempty"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint,omitempty"`
	text    string
}

func (c *cli) cronLint() *cobra.Command {
	var o cronOptions
	cmd := &cobra.Command{Use: "lint EXPRESSION...", Short: "Check expressions, and note what may surprise", Args: cobra.MinimumNArgs(1),
		Long: `Check cron expressions, each in quotes, and note what may surprise: steps that do not divide evenly, days that are rare, times that
a change of the clocks skips or repeats in the year ahead. Exit status 1 if one of them is not valid; notes change nothing.`,
		Example: "  cloudaipilot cron lint '30 2 * * *' '*/7 * * * *' --timezone America/New_York",
		RunE: func(_ *cobra.Command, args []string) error {
			z, err := o.zone()
			if err != nil {
				return err
			}
			results, wrong := make([]lintResult, len(args)), 0
			for i, text := range args {
				results[i] = lint(text, o.seed, z, time.Now())
				if !results[i].Valid {
					wrong++
				}
			}
			if err := c.printLint(results); err != nil || wrong == 0 {
				return err
			}
			return fmt.Errorf("%d of %d expressions cannot be used", wrong, len(args))
		}}
	o.timezoneFlag(cmd)
	o.seedFlag(cmd)
	return cmd
}

func lint(text, seed string, z *cron.Zone, now time.Time) lintResult {
	result := lintResult{Expression: plain(text), Notes: []lintNote{}}
	e, err := cron.Parse(text, seed)
	if wrong, ok := errors.AsType[*cron.Error](err); ok {
		result.Error = &lintError{wrong.Field, wrong.Value, wrong.Allowed, wrong.Column, wrong.Reason, wrong.Hint, wrong.Error()}
		return result
	}
	if err != nil {
		result.Error = &lintError{Reason: err.Error(), text: err.Error()}
		return result
	}
	result.Valid, result.Canonical, result.Description = true, e.String(), e.Describe()
	for _, n := range e.Notes(z, now) {
		result.Notes = append(result.Notes, lintNote{string(n.Code), n.Text})
	}
	return result
}

func (c *cli) printLint(results []lintResult) error {
	if c.json {
		return c.printJSON(results)
	}
	for _, r := range results {
		if r.Error != nil {
			fmt.Fprintln(c.out, "Error:", r.Error.text)
			continue
		}
		fmt.Fprintf(c.out, "%s  %s\n", r.Expression, r.Description)
		for _, n := range r.Notes {
			fmt.Fprintf(c.out, "    Note: %s\n", n.Text)
		}
	}
	return nil
}
