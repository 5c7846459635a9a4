package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) backupCommand() *cobra.Command {
	return group("backup", "Make backups, look at them, download and delete them", c.backupRun(), c.backupList(), c.backupShow(), c.backupLog(),
		c.backupWait(), c.backupRetry(), c.backupDownload(), c.backupCancel(), c.backupDelete())
}

// mostListed is how much a list shows at most, unless all of it is asked for.
const mostListed = 1000

func (c *cli) backupList() *cobra.Command {
	var server, schedule, status string
	var limit int
	var all bool
	cmd := c.command("list", "List the backups, newest first", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		if status != "" && !slices.Contains(backup.Statuses, backup.Status(status)) {
			return usageError{fmt.Errorf("--status is %q; allowed are pending, running, completed and failed", status)}
		}
		if limit < 1 || limit > mostListed {
			return usageError{fmt.Errorf("--limit is %d; allowed are 1 to %d, or --all", limit, mostListed)}
		}
		f := apiclient.BackupFilter{Status: status, Newest: true}
		if server != "" {
			id, err := serverID(ctx, client, server)
			if err != nil {
				return err
			}
			f.ServerID = id
		}
		if schedule != "" {
			s, _, err := findSchedule(ctx, client, schedule)
			if err != nil {
				return err
			}
			f.ScheduleID = s.ID
		}
		backups, more, err := listBackups(ctx, client, f, limit, all)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, b := range backups {
			rows = append(rows, []string{b.ID, b.ServerName, b.Type, state(b), size(b.SizeBytes), clock(b.CreatedAt), clock(b.ExpiresAt)})
		}
		if err := c.table(orEmpty(backups), "ID\tSERVER\t?TYPE\tSTATUS\t?SIZE\tCREATED\t?EXPIRES", rows); err != nil {
			return err
		}
		if more {
			fmt.Fprintf(c.err, "These are the newest %d; --all shows all.\n", limit)
		}
		return nil
	})
	cmd.Example = `  cloudaipilot backup list --server web-1 --status failed
  cloudaipilot backup list --all --json`
	cmd.Flags().StringVar(&server, "server", "", "only backups of this server (name or id)")
	cmd.Flags().StringVar(&schedule, "schedule", "", "only backups that this schedule asked for (name or id)")
	_ = cmd.RegisterFlagCompletionFunc("schedule", c.completes(scheduleWords))
	cmd.Flags().StringVar(&status, "status", "", "only pending, running, completed or failed ones")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	cmd.Flags().BoolVar(&all, "all", false, "all of them")
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"pending", "running", "completed", "failed"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func listBackups(ctx context.Context, client *apiclient.Client, f apiclient.BackupFilter, limit int, all bool) ([]api.Backup, bool, error) {
	if !all {
		return client.NewestBackups(ctx, f, limit)
	}
	backups, err := client.Backups(ctx, f)
	return backups, false, err
}

// state is a status with what one wants to know next.
func state(b api.Backup) string {
	if b.Failure != nil {
		return b.Status + " (" + b.Failure.Code + ")"
	}
	if len(b.Warnings) > 0 {
		return b.Status + ", with a warning"
	}
	return b.Status
}

func (c *cli) backupShow() *cobra.Command {
	cmd := c.command("show ID", "Show a backup, and why it failed", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		b, err := client.Backup(ctx, args[0])
		if err != nil {
			return err
		}
		return c.showBackup(b)
	})
	cmd.Example = "  cloudaipilot backup show bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	cmd.ValidArgsFunction = c.completesFirst(backupWords(anyBackup))
	return cmd
}

func (c *cli) showBackup(b api.Backup) error {
	fields := []field{
		{"id", b.ID}, {"server", b.ServerName}, {"type", b.Type}, {"status", b.Status}, {"trigger", b.Trigger},
		{"include", strings.Join(b.Files.Include, ", ")}, {"exclude", strings.Join(b.Files.Exclude, ", ")},
		{"databases", databases(b.Databases)},
		{"created", clock(b.CreatedAt)}, {"started", clockOrNothing(b.StartedAt)}, {"finished", clockOrNothing(b.FinishedAt)},
		{"expires", clock(b.ExpiresAt)}, {"deleted", clockOrNothing(b.DeletedAt)},
	}
	if b.Path != "" {
		fields = append(fields, field{"path", b.Path}, field{"made on", b.Address}, field{"size", size(b.SizeBytes)}, field{"entries", strconv.FormatInt(b.Entries, 10)}, field{"sha256", b.SHA256})
	}
	if b.RetryOf != "" {
		fields = append(fields, field{"retry of", b.RetryOf})
	}
	fields = append(append(fields, triesBefore(b)...), field{"no progress", motionless(b, time.Now())})
	for _, w := range b.Warnings {
		fields = append(fields, field{"warning", w})
	}
	if f := b.Failure; f != nil {
		fields = append(fields, field{"failed at", f.Stage}, field{"code", f.Code}, field{"cause", f.Title + ": " + f.Cause}, field{"process", processes[f.Evidence.Process]})
		for i, step := range f.Fix {
			fields = append(fields, field{"fix " + strconv.Itoa(i+1), strings.Join(strings.Fields(step), " ")})
		}
	}
	return c.record(b, fields)
}

// processes says what became of the process that made an archive.
var processes = map[backup.ProcessState]string{
	backup.ProcessLives:      "lived when it was last looked at",
	backup.ProcessGone:       "gone; the server was not restarted",
	backup.ProcessFormerBoot: "gone with a restart of the server",
}

func (c *cli) backupLog() *cobra.Command {
	cmd := c.command("log ID", "Show what happened, and what the tools on the server said", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		log, err := client.BackupLog(ctx, args[0])
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(log)
		}
		for _, l := range log.Lines {
			if _, err := fmt.Fprintf(c.out, "%s  %-9s  %s\n", clock(l.At), l.Step, plain(l.Text)); err != nil {
				return err
			}
		}
		for line := range strings.Lines(log.Output) {
			if _, err := fmt.Fprintf(c.out, "  | %s\n", plain(strings.TrimRight(line, "\r\n"))); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Example = "  cloudaipilot backup log bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	cmd.ValidArgsFunction = c.completesFirst(backupWords(anyBackup))
	return cmd
}

func (c *cli) backupDownload() *cobra.Command {
	var output string
	cmd := c.command("download ID", "Download an archive (.tar.gz) and check its SHA-256", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		if output == "" {
			output = args[0] + ".tar.gz"
		}
		n, err := downloadTo(ctx, client, args[0], output)
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(map[string]any{"id": args[0], "file": output, "size_bytes": n})
		}
		_, err = fmt.Fprintf(c.out, "%s: %s, SHA-256 checked\n", output, size(n))
		return err
	})
	cmd.Example = "  cloudaipilot backup download bk_01JCXM8B5D3F7H9K1M2P4R6T8V -o web-1.tar.gz"
	cmd.ValidArgsFunction = c.completesFirst(backupWords(completed))
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; must not exist (default ID.tar.gz)")
	return cmd
}

// downloadTo writes the archive to a new file, which appears only once it is whole and checked.
func downloadTo(ctx context.Context, client *apiclient.Client, id, path string) (n int64, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s exists already; name another file with --output", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".download-*") // 0600
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	n, err = client.Download(ctx, id, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	return n, os.Link(f.Name(), path)
}

func (c *cli) backupCancel() *cobra.Command {
	var detach bool
	cmd := c.command("cancel ID", "End a backup that is being made", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		b, err := client.CancelBackup(ctx, args[0])
		if err != nil {
			return err
		}
		if !finished(b) && !detach {
			c.say("Backup %s of %s was asked to end.", b.ID, b.ServerName)
			if b, err = client.WaitForBackup(ctx, b.ID, nil); err != nil {
				return c.leave(ctx, b, err)
			}
		}
		return c.printCancelled(b)
	})
	cmd.Long = `Ask a backup to end, and wait until it has: its job on the server looks for that between steps, and what it left is removed.
A backup that is finished already stays as it is, which is no error.`
	cmd.Example = "  cloudaipilot backup cancel bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait for its end")
	cmd.ValidArgsFunction = c.completesFirst(backupWords(unfinished))
	return cmd
}

func (c *cli) printCancelled(b api.Backup) error {
	if c.json || c.quiet {
		return c.record(b, []field{{"id", b.ID}})
	}
	text := "is " + b.Status
	switch {
	case b.Failure != nil && b.Failure.Class == "cancelled":
		text = "was cancelled; nothing of it is left"
	case !finished(b):
		text = "was asked to end"
	}
	_, err := fmt.Fprintf(c.out, "Backup %s of %s %s.\n", b.ID, b.ServerName, text)
	return err
}

func (c *cli) backupDelete() *cobra.Command {
	var yes bool
	cmd := c.command("delete ID", "Delete a backup and its archive", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		b, err := client.Backup(ctx, args[0])
		if err != nil {
			return err
		}
		if b.DeletedAt != nil {
			return &api.Problem{Title: "Backup " + b.ID + " is deleted already", Code: backup.CodeNotFound, Detail: "It was on " + clock(*b.DeletedAt) + "."}
		}
		if finished(b) {
			if err := c.confirm(ctx, yes, whatGoes(b), "Delete backup "+b.ID); err != nil {
				return err
			}
		}
		gone, err := client.DeleteBackup(ctx, b.ID)
		if err != nil {
			return c.inProgress(b, err)
		}
		if gone.Leftover != "" {
			fmt.Fprintln(c.err, "Warning: files remain on the server: "+plain(gone.Leftover))
		}
		return c.done("deleted", b.ID, "Backup "+b.ID+" of "+b.ServerName+" deleted.")
	})
	cmd.Long = `Delete a backup and its archive on the server. One that is being made is not deleted: wait for it or cancel it.
Where the server cannot be reached the record goes, and a warning says which files are left.`
	cmd.Example = "  cloudaipilot backup delete bk_01JCXM8B5D3F7H9K1M2P4R6T8V\n  cloudaipilot backup list --status failed --quiet | xargs -n 1 cloudaipilot backup delete --yes"
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = c.completesFirst(backupWords(finished))
	return cmd
}

// whatGoes says what is lost with a backup.
func whatGoes(b api.Backup) string {
	text := fmt.Sprintf("The backup of %s of %s is %s.", b.ServerName, clock(b.CreatedAt), b.Status)
	if b.Path != "" {
		text += fmt.Sprintf(" Its archive %s (%s) goes with it.", b.Path, size(b.SizeBytes))
	}
	if b.Managed {
		text += "\nTerraform keeps it, and makes a new one with its next apply."
	}
	return text
}

// inProgress adds the commands to the refusal to delete what is being made.
func (c *cli) inProgress(b api.Backup, err error) error {
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != backup.CodeBackupInProgress || finished(b) {
		return err
	}
	p.Fix = "Wait for it: " + c.again("backup", "wait", b.ID) + " or cancel it: " + c.again("backup", "cancel", b.ID)
	return p
}
