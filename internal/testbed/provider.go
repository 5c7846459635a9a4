package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Module is the path of the module this package tests.
const Module = "github.com/cloudaipilot/terraform-provider-cloudaipilot"

// ProviderAddress is where Terraform looks the provider up when a configuration says "cloudaipilot/cloudaipilot";
// OpenTofu has a host of its own.
const (
	ProviderAddress     = "registry.terraform.io/cloudaipilot/cloudaipilot"
	ProviderAddressTofu = "registry.opentofu.org/cloudaipilot/cloudaipilot"
)

// ModuleRoot returns the checkout's directory: the nearest one above the working directory with this module's go.mod.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+Module+"\n") {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", errors.New("not inside a checkout of " + Module)
	}
}

var buildOnce = sync.OnceValues(func() (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "testbed")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Test packages run at the same time and share the result: build aside, then rename.
	binary := filepath.Join(dir, "terraform-provider-cloudaipilot")
	draft := fmt.Sprintf("%s.%d", binary, os.Getpid())
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", draft, ".") // as a release: Terraform hashes it at every start
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, os.Rename(draft, binary)
})

// BuildProvider builds the provider from the checkout, once for all tests of a package, and returns the binary.
func BuildProvider(t testing.TB) string {
	t.Helper()
	binary, err := buildOnce()
	if err != nil {
		t.Fatalf("build the provider: %v", err)
	}
	return binary
}

// Mirror lays out a file system mirror in dir that offers the binary as the given version ("0.0.1") of the provider,
// to Terraform and to OpenTofu, and returns the text of a CLI configuration that installs from there and
// from nowhere else.
func Mirror(dir, binary, version string) (cliConfig string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	for _, address := range []string{ProviderAddress, ProviderAddressTofu} {
		place := filepath.Join(dir, filepath.FromSlash(address), version, platform)
		if err := os.MkdirAll(place, 0o755); err != nil {
			return "", fmt.Errorf("lay out the mirror: %w", err)
		}
		name := filepath.Join(place, "terraform-provider-cloudaipilot_v"+version)
		if err := linkOrCopy(binary, name); err != nil {
			return "", fmt.Errorf("lay out the mirror: %w", err)
		}
	}
	return fmt.Sprintf(`disable_checkpoint = true

provider_installation {
  filesystem_mirror {
    path    = %q
    include = ["registry.terraform.io/cloudaipilot/*", "registry.opentofu.org/cloudaipilot/*"]
  }
}
`, dir), nil
}

func linkOrCopy(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}
