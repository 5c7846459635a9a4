package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
)

// command is a leaf that talks to the control plane.
func (c *cli) command(use, short string, args cobra.PositionalArgs, run func(context.Context, *apiclient.Client, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		client, err := c.client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), client, args)
	}}
}
