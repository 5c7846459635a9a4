package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
)

func (c *cli) openAPICommand() *cobra.Command {
	return &cobra.Command{Use: "openapi", Short: "Print the OpenAPI 3.1 document of the control plane's API", Args: cobra.NoArgs, Example: "  cloudaipilot openapi > openapi.json",
		RunE: func(*cobra.Command, []string) error {
			doc, err := app.OpenAPI()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "%s\n", doc)
			return err
		}}
}
