package testbed_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func TestModuleRoot(t *testing.T) {
	t.Parallel()
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "internal", "testbed")); err != nil {
		t.Fatal(err)
	}
}

func TestTerraformInstallsFromTheMirrorAlone(t *testing.T) {
	t.Setenv("TF_VAR_leaked", "from outside")
	t.Setenv("CLOUDAIPILOT_TOKEN", "from outside")
	dir := t.TempDir()
	// "init" does not start a provider: any executable will do.
	stub := filepath.Join(dir, "stub")
	if err := os.WriteFile(stub, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tf, err := testbed.OpenTerraform(testbed.TerraformConfig{Dir: dir, Binary: stub, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range tf.Env {
		if strings.HasSuffix(variable, "=from outside") {
			t.Errorf("the environment leaks %s", variable)
		}
	}
	if err := tf.Write("main.tf", `terraform {
  required_providers {
    cloudaipilot = { source = "cloudaipilot/cloudaipilot" }
  }
}
`); err != nil {
		t.Fatal(err)
	}
	if out := tf.Must(t, "init", "-no-color"); !strings.Contains(out, "v1.2.3") {
		t.Fatalf("init did not install version 1.2.3:\n%s", out)
	}
	installed := filepath.Join(".terraform", "providers", "*", "cloudaipilot", "cloudaipilot", "1.2.3",
		runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-cloudaipilot_v1.2.3")
	if found, _ := filepath.Glob(filepath.Join(tf.Dir, installed)); len(found) != 1 {
		t.Fatalf("%s: found %q", installed, found)
	}

	if err := tf.Write("main.tf", `terraform {
  required_providers {
    random = { source = "hashicorp/random" }
  }
}
`); err != nil {
		t.Fatal(err)
	}
	result, err := tf.Run(t.Context(), "init", "-no-color")
	if err != nil {
		t.Fatal(err)
	}
	if result.Exit == 0 {
		t.Fatalf("init installed a provider from elsewhere:\n%s", result.Stdout)
	}
}
