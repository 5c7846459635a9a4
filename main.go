// Command terraform-provider-cloudaipilot is a Terraform provider when Terraform starts it, and the command line
// cloudaipilot when a person does.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cli"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/provider"
)

// version is set by the linker for a release.
var version = "0.1.0-dev"

// magicCookie is in the environment of whatever go-plugin starts.
const magicCookie = "TF_PLUGIN_MAGIC_COOKIE"

func main() {
	if os.Getenv(magicCookie) == "" {
		os.Exit(cli.Run(context.Background(), version, os.Args[1:], os.Stdout, os.Stderr))
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	// Terraform starts a provider for every command, most of which it ends before there is anything worth collecting.
	debug.SetGCPercent(400)
	factory := provider.NewFactory(version)
	defer factory.Close()
	return factory.Serve()
}
