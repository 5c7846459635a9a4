// Command schema prints the provider's schema in the JSON form tfplugindocs reads. It asks the real Terraform, or
// OpenTofu, so that documentation is generated from what users get, without a registry.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const configuration = `terraform {
  required_providers {
    cloudaipilot = { source = "cloudaipilot/cloudaipilot" }
  }
}
`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schema <provider binary>")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string) error {
	dir, err := os.MkdirTemp("", "cloudaipilot-schema-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	tf, err := testbed.OpenTerraform(testbed.TerraformConfig{Dir: dir, Binary: binary})
	if err != nil {
		return err
	}
	if err := tf.Write("main.tf", configuration); err != nil {
		return err
	}
	var printed string
	for _, args := range [][]string{{"init", "-no-color"}, {"providers", "schema", "-json"}} {
		result, err := tf.Run(ctx, args...)
		if err != nil {
			return err
		}
		if result.Exit != 0 {
			return fmt.Errorf("terraform %s: exit status %d\n%s%s", args[0], result.Exit, result.Stdout, result.Stderr)
		}
		printed = result.Stdout
	}
	return rename(printed)
}

// rename prints the schemas with the provider under its short name, which tfplugindocs looks for.
func rename(printed string) error {
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(printed), &document); err != nil {
		return err
	}
	var schemas map[string]json.RawMessage
	if err := json.Unmarshal(document["provider_schemas"], &schemas); err != nil {
		return err
	}
	for _, address := range []string{testbed.ProviderAddress, testbed.ProviderAddressTofu} {
		schema, ok := schemas[address]
		if !ok {
			continue
		}
		renamed, err := json.Marshal(map[string]json.RawMessage{"cloudaipilot": schema})
		if err != nil {
			return err
		}
		document["provider_schemas"] = renamed
		return json.NewEncoder(os.Stdout).Encode(document)
	}
	return fmt.Errorf("terraform printed no schema of %s", testbed.ProviderAddress)
}
