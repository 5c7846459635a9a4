package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
)

func (c *cli) dbCommand() *cobra.Command {
	return group("db", "Copy and check the records of the control plane itself", c.dbBackup(), c.dbCheck())
}

func (c *cli) dbBackup() *cobra.Command {
	var force bool
	cmd := &cobra.Command{Use: "backup FILE", Short: "Copy all records into a file", Args: cobra.ExactArgs(1),
		Long: `Copy all records of the data directory into one file, as they are at one moment. Whoever uses the directory goes on. The copy
is checked before it gets its name, and only its owner can read it.

Of a PostgreSQL database (--database) pg_dump makes the copy, for pg_restore.

The copy holds the servers' private keys as they are stored: sealed. The master key that opens them is not in it: keep that
as well, and elsewhere.`,
		Example: "  cloudaipilot db backup records.db --data-dir /var/lib/cloudaipilot",
		RunE: func(cmd *cobra.Command, args []string) error {
			records, err := c.records(cmd)
			if err != nil {
				return err
			}
			made, err := records.Backup(cmd.Context(), args[0], force)
			if err != nil {
				return err
			}
			return c.printCopy(made)
		}}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there already, once the copy is good")
	return cmd
}

func (c *cli) printCopy(made app.RecordsCopy) error {
	err := c.record(made, []field{
		{"file", made.File}, {"format", made.Format}, {"size", size(made.SizeBytes)}, {"servers", strconv.Itoa(made.Servers)},
		{"backups", strconv.Itoa(made.Backups)}, {"schema version", strconv.Itoa(made.SchemaVersion)},
	})
	if err != nil {
		return err
	}
	for _, f := range made.Findings {
		fmt.Fprintf(c.err, "Warning: the records that were copied are not sound: %s: %s\n", plain(f.Record), plain(f.Text))
	}
	if c.json {
		return nil
	}
	where := "It was not found here: look where the control plane runs."
	if made.MasterKey != "" {
		where = "It comes from " + plain(made.MasterKey) + "."
	}
	_, err = fmt.Fprintf(c.out, "\nThe master key is not in the copy. Keep it as well, in another place: without it the servers' keys in the copy\ncannot be opened. %s\n", where)
	return err
}

func (c *cli) dbCheck() *cobra.Command {
	return &cobra.Command{Use: "check [FILE]", Short: "Look whether the records, or those in a copy, are sound", Args: cobra.MaximumNArgs(1),
		Long: `Look whether the file is whole, every record is as it must be, all belong together, and the master key opens the servers'
keys. With FILE, look into a copy that "cloudaipilot db backup" made of a data directory. Nothing is changed.

Exit status: 0 sound, 1 not sound.`,
		Example: "  cloudaipilot db check\n  cloudaipilot db check records.db",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := c.check(cmd, args)
			if err != nil {
				return err
			}
			return c.printCheck(found)
		}}
}

func (c *cli) check(cmd *cobra.Command, args []string) (app.RecordsCheck, error) {
	if len(args) == 1 {
		if cmd.Flags().Changed("database") || cmd.Flags().Changed("endpoint") {
			return app.RecordsCheck{}, usageError{errors.New("a file and --database or --endpoint are both given; name one")}
		}
		return app.CheckCopy(cmd.Context(), args[0])
	}
	records, err := c.records(cmd)
	if err != nil {
		return app.RecordsCheck{}, err
	}
	return records.Check(cmd.Context())
}

func (c *cli) printCheck(found app.RecordsCheck) error {
	fields := []field{{"records", found.Records}}
	if !found.Damaged {
		fields = append(fields, field{"schema version", strconv.Itoa(found.SchemaVersion)}, field{"servers", strconv.Itoa(found.Servers)},
			field{"backups", strconv.Itoa(found.Backups)}, field{"master key", found.MasterKey})
	}
	sound := "yes"
	if !found.Sound {
		sound = "no"
	}
	if err := c.record(found, append(fields, field{"sound", sound})); err != nil {
		return err
	}
	for _, note := range found.Notes {
		fmt.Fprintln(c.err, "Note:", plain(note))
	}
	if found.Sound {
		return nil
	}
	if !c.json {
		var rows [][]string
		for _, f := range found.Findings {
			rows = append(rows, []string{f.Record, f.Text})
		}
		fmt.Fprintln(c.out)
		if err := c.table(nil, "RECORD\tFINDING", rows); err != nil {
			return err
		}
	}
	return fmt.Errorf("the records are not sound. %s", found.Fix)
}

// records says where the records are that a command looks at as they lie.
func (c *cli) records(cmd *cobra.Command) (app.Records, error) {
	flags := cmd.Flags()
	if flags.Changed("endpoint") || c.endpoint != "" && !flags.Changed("data-dir") && !flags.Changed("database") {
		return app.Records{}, usageError{fmt.Errorf("this looks at the records where they are, not through --endpoint (or $%s): run it there, with --data-dir or --database", app.EndpointEnv)}
	}
	if flags.Changed("data-dir") && !flags.Changed("database") {
		return app.Records{DataDir: c.dataDir}, nil
	}
	return app.Records{DataDir: c.dataDir, Database: c.databaseURL()}, nil
}
