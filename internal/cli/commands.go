package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// command is a leaf that talks to the control plane.
func (c *cli) command(use, short string, args cobra.PositionalArgs, run func(context.Context, *apiclient.Client, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		client, err := c.client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), client, args)
	}}
}

func (c *cli) serverCommand() *cobra.Command {
	list := c.command("list", "List the servers", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		servers, err := client.Servers(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, s := range servers {
			rows = append(rows, []string{s.Name, s.User + "@" + s.Host + ":" + strconv.Itoa(s.Port), s.Environment, s.KeySource, s.ID})
		}
		return c.table(orEmpty(servers), "NAME\tADDRESS\tENVIRONMENT\tKEY\tID", rows)
	})
	show := c.command("show NAME|ID", "Show a server", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		id, err := serverID(ctx, client, args[0])
		if err != nil {
			return err
		}
		s, err := client.Server(ctx, id)
		if err != nil {
			return err
		}
		return c.record(s, []field{
			{"name", s.Name}, {"id", s.ID}, {"address", s.User + "@" + s.Host + ":" + strconv.Itoa(s.Port)}, {"environment", s.Environment},
			{"host key", s.HostKey}, {"recorded host key", s.RecordedHostKey}, {"key", s.KeySource}, {"public key", s.PublicKey},
			{"backup folder", s.BackupDir}, {"privilege", s.Privilege},
			{"connect timeout", strconv.Itoa(s.ConnectTimeoutSeconds) + " s"}, {"keepalive interval", strconv.Itoa(s.KeepaliveIntervalSeconds) + " s"},
			{"max concurrent backups", strconv.Itoa(s.MaxConcurrentBackups)},
			{"created", clock(s.CreatedAt)}, {"updated", clock(s.UpdatedAt)},
		})
	})
	return group("server", "Look at servers", list, show)
}

func (c *cli) backupCommand() *cobra.Command {
	return group("backup", "Look at backups, download them", c.backupList(), c.backupShow(), c.backupLog(), c.backupWait(), c.backupDownload())
}

func (c *cli) backupList() *cobra.Command {
	var server, status string
	cmd := c.command("list", "List the backups, newest first", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		if status != "" && !slices.Contains(backup.Statuses, backup.Status(status)) {
			return usageError{fmt.Errorf("--status is %q; allowed are pending, running, completed and failed", status)}
		}
		f := apiclient.BackupFilter{Status: status, Newest: true}
		if server != "" {
			id, err := serverID(ctx, client, server)
			if err != nil {
				return err
			}
			f.ServerID = id
		}
		backups, err := client.Backups(ctx, f)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, b := range backups {
			rows = append(rows, []string{b.ID, b.ServerName, b.Type, state(b), size(b.SizeBytes), clock(b.CreatedAt), clock(b.ExpiresAt)})
		}
		return c.table(orEmpty(backups), "ID\tSERVER\tTYPE\tSTATUS\tSIZE\tCREATED\tEXPIRES", rows)
	})
	cmd.Flags().StringVar(&server, "server", "", "only backups of this server (name or id)")
	cmd.Flags().StringVar(&status, "status", "", "only pending, running, completed or failed ones")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"pending", "running", "completed", "failed"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
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
	return c.command("show ID", "Show a backup, and why it failed", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		b, err := client.Backup(ctx, args[0])
		if err != nil {
			return err
		}
		return c.showBackup(b)
	})
}

func (c *cli) showBackup(b api.Backup) error {
	fields := []field{
		{"id", b.ID}, {"server", b.ServerName}, {"type", b.Type}, {"status", b.Status}, {"trigger", b.Trigger},
		{"include", strings.Join(b.Files.Include, ", ")}, {"exclude", strings.Join(b.Files.Exclude, ", ")},
		{"created", clock(b.CreatedAt)}, {"started", clockOrNothing(b.StartedAt)}, {"finished", clockOrNothing(b.FinishedAt)},
		{"expires", clock(b.ExpiresAt)}, {"deleted", clockOrNothing(b.DeletedAt)},
	}
	if b.Path != "" {
		fields = append(fields, field{"path", b.Path}, field{"size", size(b.SizeBytes)}, field{"entries", strconv.FormatInt(b.Entries, 10)}, field{"sha256", b.SHA256})
	}
	for _, w := range b.Warnings {
		fields = append(fields, field{"warning", w})
	}
	if f := b.Failure; f != nil {
		fields = append(fields, field{"failed at", f.Stage}, field{"code", f.Code}, field{"cause", f.Title + ": " + f.Cause})
		for i, step := range f.Fix {
			fields = append(fields, field{"fix " + strconv.Itoa(i+1), strings.Join(strings.Fields(step), " ")})
		}
	}
	return c.record(b, fields)
}

func (c *cli) backupLog() *cobra.Command {
	return c.command("log ID", "Show what happened, and what the tools on the server said", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
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
}

// errBackupFailed is the end of a command about a backup that failed. What it says was printed already.
var errBackupFailed = errors.New("the backup failed")

func (c *cli) backupWait() *cobra.Command {
	cmd := c.command("wait ID", "Look after a backup until it is completed or failed", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		b, err := client.WaitForBackup(ctx, args[0], nil)
		if err != nil {
			return err
		}
		if err := c.showBackup(b); err != nil {
			return err
		}
		if b.Status != string(backup.StatusCompleted) {
			return errBackupFailed
		}
		return nil
	})
	cmd.Long = `Look after a backup until it is completed or failed, and show it. Exit status 1 if it failed.

A backup that Terraform did not wait for (wait = false, a timeout, Ctrl-C) goes on its server. Without a running
control plane nobody looks at it: this command does.`
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

func (c *cli) activityCommand() *cobra.Command {
	var server string
	var limit int
	var follow bool
	cmd := c.command("activity [ID]", "Show what happened, newest first, or one entry with its log", cobra.MaximumNArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if len(args) == 1 && follow {
			return c.followActivity(ctx, client, args[0])
		}
		if len(args) == 1 {
			return c.showActivity(ctx, client, args[0])
		}
		id := ""
		if server != "" {
			var err error
			if id, err = serverID(ctx, client, server); err != nil {
				return err
			}
		}
		activities, err := client.Activities(ctx, "", id, limit)
		if err != nil {
			return err
		}
		if follow {
			return c.followActivities(ctx, client, activities, id)
		}
		var rows [][]string
		for _, a := range activities {
			rows = append(rows, []string{clock(a.CreatedAt), a.Title, a.Status, currentStep(a), a.TargetID, a.ID})
		}
		return c.table(orEmpty(activities), "TIME\tWHAT\tSTATUS\tSTEP\tTARGET\tID", rows)
	})
	cmd.Flags().StringVar(&server, "server", "", "only what is about this server (name or id)")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on: with an ID until that entry is finished (exit status 1 if it failed), else until Ctrl-C")
	return cmd
}

func (c *cli) showActivity(ctx context.Context, client *apiclient.Client, id string) error {
	if _, err := backup.ParseActivityID(id); err != nil {
		return usageError{err}
	}
	a, err := client.Activity(ctx, id)
	if err != nil {
		return err
	}
	fields := []field{{"what", a.Title}, {"id", a.ID}, {"target", a.TargetID}, {"status", a.Status}, {"created", clock(a.CreatedAt)}, {"finished", clockOrNothing(a.FinishedAt)}}
	for _, s := range a.Steps {
		fields = append(fields, field{"step", s.Name + ": " + string(s.Status)})
	}
	for _, l := range a.Log {
		fields = append(fields, field{clock(l.At), l.Text})
	}
	return c.record(a, fields)
}

// followActivity prints an activity's log line by line until it is finished.
func (c *cli) followActivity(ctx context.Context, client *apiclient.Client, id string) error {
	if _, err := backup.ParseActivityID(id); err != nil {
		return usageError{err}
	}
	a, err := client.FollowActivity(ctx, id, func(l api.LogLine) {
		if c.json {
			c.printLine(l)
			return
		}
		fmt.Fprintf(c.out, "%s  %-9s  %s\n", clock(l.At), l.Step, plain(l.Text))
	})
	if err == nil && a.Status == string(backup.ActivityFailed) {
		return fmt.Errorf("%s failed", a.Title)
	}
	return err
}

// followActivities prints what was given, newest first, and then every new activity, a line for each.
func (c *cli) followActivities(ctx context.Context, client *apiclient.Client, known []api.Activity, server string) error {
	each := func(a api.Activity) {
		if c.json {
			c.printLine(a)
			return
		}
		fmt.Fprintf(c.out, "%s  %-9s  %s  %s\n", clock(a.CreatedAt), a.Status, a.ID, plain(a.Title))
	}
	newest := ""
	for _, a := range slices.Backward(known) {
		each(a)
		newest = a.ID
	}
	if err := client.FollowActivities(ctx, newest, server, each); ctx.Err() == nil {
		return err
	}
	return nil // Ctrl-C is how it ends
}

// printLine prints one JSON object on a line of its own.
func (c *cli) printLine(v any) {
	raw, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(c.out, "%s\n", raw)
	}
}

// currentStep is the step that an activity is at, or where it failed.
func currentStep(a api.Activity) string {
	for _, s := range a.Steps {
		if s.Status == backup.ActivityRunning || s.Status == backup.ActivityFailed {
			return s.Name
		}
	}
	return ""
}

// orEmpty makes an empty list [] in JSON instead of null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
