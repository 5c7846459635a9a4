package ssh

import (
	"fmt"
	"strconv"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// checkRequest holds a request against the domain's rules once more: what it names becomes paths on the server.
func checkRequest(subcommand, root, id string) error {
	if err := backup.CheckBackupDir(root); err != nil {
		return fmt.Errorf("invalid backup folder: %w", err)
	}
	if !aboutJob(subcommand) {
		return nil
	}
	_, err := backup.ParseID(id)
	return err
}

func aboutJob(subcommand string) bool { return subcommand != "check" && subcommand != "folders" }

// checkSource holds what is to be archived against the domain's rules once more.
func checkSource(include, exclude []string, databases []backup.Database) error {
	if err := checkDatabases(databases); err != nil {
		return err
	}
	if len(include) > backup.MaxPaths || len(exclude) > backup.MaxPaths {
		return fmt.Errorf("more than %d paths or patterns", backup.MaxPaths)
	}
	size := 0
	for _, list := range []struct {
		values []string
		check  func(string) error
	}{{include, backup.CheckInclude}, {exclude, backup.CheckExclude}} {
		for _, v := range list.values {
			if err := list.check(v); err != nil {
				return fmt.Errorf("%s %w", printable(v), err)
			}
			size += len(v)
		}
	}
	if size > backup.MaxSourceBytes {
		return fmt.Errorf("the paths and patterns hold more than %d bytes together", backup.MaxSourceBytes)
	}
	return nil
}

func checkDatabases(databases []backup.Database) error {
	if len(databases) == 0 {
		return nil
	}
	spec := backup.Spec{Type: backup.TypeDatabase, Databases: databases, RetentionDays: backup.DefaultRetentionDays}
	if refused := backup.Refuses(backup.Validate(backup.Rules, spec, nil)); len(refused) > 0 {
		return &backup.FindingsError{Findings: refused}
	}
	return nil
}

// printable quotes hostile text for an error message, shortened.
func printable(s string) string {
	const limit = 100
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
