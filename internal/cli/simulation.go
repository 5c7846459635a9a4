package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

func (c *cli) simulationCommand() *cobra.Command {
	return group("simulation", "Look at a simulated control plane, and have its time pass", c.simulationShow(), c.simulationAdvance())
}

func (c *cli) simulationShow() *cobra.Command {
	cmd := c.command("show", "Say what time it is, and what became of the due times so far", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		s, err := client.Simulation(ctx)
		if err != nil {
			return err
		}
		return c.printSimulated(s)
	})
	cmd.Example = "  cloudaipilot simulation show --data-dir .cloudaipilot-simulated"
	return cmd
}

func (c *cli) simulationAdvance() *cobra.Command {
	var by string
	cmd := c.command("advance", "Have time pass, and everything happen that is due", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		d, err := scenario.ParseSpan(by)
		if err != nil || d <= 0 {
			return usageError{fmt.Errorf("--by %q: write how much time is to pass: 90m, 24h or 7d", plain(by))}
		}
		before, err := client.Simulation(ctx)
		if err != nil {
			return err
		}
		after, err := client.AdvanceTo(ctx, before.Now.Add(d).Sub(before.StartedAt))
		if err != nil {
			return err
		}
		return c.printSimulated(after)
	})
	cmd.Example = "  cloudaipilot simulation advance --by 24h --data-dir .cloudaipilot-simulated"
	cmd.Flags().StringVar(&by, "by", "", "how much time is to pass, such as 90m, 24h or 7d")
	return cmd
}

func (c *cli) printSimulated(s api.Simulation) error {
	fields := []field{{"began", clock(s.StartedAt)}, {"now", clock(s.Now)}, {"elapsed", (time.Duration(s.ElapsedSeconds) * time.Second).String()}}
	for _, outcome := range []string{"completed", "failed", "unfinished", "skipped", "missed", "caught_up"} {
		if n := s.Runs[outcome]; n > 0 {
			fields = append(fields, field{outcome, strconv.FormatInt(n, 10)})
		}
	}
	return c.record(s, fields)
}
