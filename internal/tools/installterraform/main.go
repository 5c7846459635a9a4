// Command installterraform makes sure that a Terraform or OpenTofu new enough for this provider is at hand:
// one on the PATH is used, else Terraform is downloaded into the given directory. It prints the path.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/fs"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

// wanted is the range this provider works with: write-only arguments came with 1.11.
var wanted = version.MustConstraints(version.NewConstraint(">= 1.11.0, < 2.0.0"))

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: installterraform <directory>")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := ensure(ctx, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func ensure(ctx context.Context, dir string) (string, error) {
	// A broken setting of the user's must not decide whether a version can be read.
	if err := os.Unsetenv("TF_CLI_CONFIG_FILE"); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for _, candidate := range []fs.Version{
		{Product: product.Terraform, Constraints: wanted, ExtraPaths: []string{dir}},
		{Product: openTofu, Constraints: wanted, ExtraPaths: []string{dir}},
	} {
		if path, err := candidate.Find(ctx); err == nil {
			return path, nil
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: public binaries.
		return "", err
	}
	fmt.Fprintln(os.Stderr, "No terraform or tofu 1.11 or newer is on the PATH: downloading Terraform into "+dir)
	release := releases.LatestVersion{
		Product: product.Terraform, Constraints: wanted, InstallDir: dir, Timeout: 5 * time.Minute,
	}
	path, err := release.Install(ctx)
	if err != nil {
		return "", fmt.Errorf(`terraform could not be downloaded: %w

This provider needs Terraform or OpenTofu 1.11 or newer. Do one of these, then run the command again:
  1. connect this machine to the internet: "make terraform" downloads Terraform into the checkout
  2. download it elsewhere from https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install/,
     and put the binary "terraform" or "tofu" on the PATH or into %s`, err, dir)
	}
	return path, nil
}

var openTofu = product.Product{
	Name:       "tofu",
	BinaryName: func() string { return "tofu" },
	GetVersion: func(ctx context.Context, path string) (*version.Version, error) {
		out, err := exec.CommandContext(ctx, path, "version", "-json").Output()
		if err != nil {
			return nil, err
		}
		// OpenTofu keeps Terraform's name for the field.
		var printed struct {
			Version *version.Version `json:"terraform_version"`
		}
		if err := json.Unmarshal(out, &printed); err != nil {
			return nil, err
		}
		if printed.Version == nil {
			return nil, errors.New("no version in its output")
		}
		return printed.Version, nil
	},
}
