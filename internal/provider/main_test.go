package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// workshop holds what all tests share: the user's config directory with the master key, and one initialised
// Terraform. Terraform's own settings point into it too, so that nothing is downloaded and nothing is left behind.
var workshop string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cloudaipilot-acceptance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	workshop = dir
	_ = os.Setenv("CLOUDAIPILOT_MAX_TRIES", "1") // a failure is told at once
	settings := filepath.Join(dir, "offline.rc")
	if err := os.WriteFile(settings, []byte("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = \""+dir+"\"\n  }\n}\n"), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for name, value := range map[string]string{
		"XDG_CONFIG_HOME":    filepath.Join(dir, "config"),
		"TF_CLI_CONFIG_FILE": settings,
		"CHECKPOINT_DISABLE": "1",
		// The address that configurations name, cloudaipilot/cloudaipilot, is served by the test itself.
		"TF_ACC_PROVIDER_NAMESPACE": "cloudaipilot",
	} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	for _, name := range []string{"CLOUDAIPILOT_MASTER_KEY", "CLOUDAIPILOT_MASTER_KEY_FILE", "CLOUDAIPILOT_DATA_DIR", "CLOUDAIPILOT_ENDPOINT", "CLOUDAIPILOT_TOKEN", "CLOUDAIPILOT_CA_FILE", "TF_DATA_DIR"} {
		_ = os.Unsetenv(name)
	}
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		useTerraformAtHand()
	}
	return m.Run()
}

// useTerraformAtHand keeps plugin-testing from downloading a Terraform.
func useTerraformAtHand() {
	root, err := testbed.ModuleRoot()
	if err != nil {
		return
	}
	if path, err := testbed.FindTerraform(root); err == nil {
		_ = os.Setenv("TF_ACC_TERRAFORM_PATH", path)
	}
}
