package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) backupRetry() *cobra.Command {
	var force, detach bool
	cmd := c.command("retry ID", "Make a failed backup again, with the same settings", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		b, err := client.RetryBackup(ctx, args[0], force)
		if err != nil {
			return err
		}
		if detach {
			return c.printDetached(b)
		}
		if c.quiet {
			fmt.Fprintln(c.out, b.ID)
		}
		c.say("Backup %s of %s, again after %s.", b.ID, b.ServerName, b.RetryOf)
		done, err := c.follow(ctx, client, b)
		if err != nil {
			return c.leave(ctx, b, err)
		}
		return c.printFinished(done, c.quiet)
	})
	cmd.Long = `Make a new backup with the type and the settings of a failed one, and wait for it as "backup run" does.

First the server is looked at, as before every backup: where the same cause still stands, the retry is refused with what to do, for it would
only fail again. --force tries it all the same.`
	cmd.Example = "  cloudaipilot backup retry bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	cmd.Flags().BoolVar(&force, "force", false, "try it although the same cause still stands")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait")
	cmd.ValidArgsFunction = c.completesFirst(backupWords(failed))
	return cmd
}

func failed(b api.Backup) bool { return b.Status == string(backup.StatusFailed) }

func (c *cli) recoverCommand() *cobra.Command {
	var dry, force bool
	var server string
	cmd := c.command("recover BACKUP", "End a backup that hangs, and remove what is left of one that is over", cobra.MaximumNArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		switch {
		case server == "" && len(args) == 0:
			return usageError{errors.New("nothing says what to recover: give a BACKUP, or --server NAME for what backups left on a server")}
		case server != "" && (len(args) > 0 || force):
			return usageError{errors.New("--server is about what is left of backups that are over: leave the BACKUP and --force out")}
		case server != "":
			return c.recoverServer(ctx, client, server, dry)
		}
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		r, err := client.RecoverBackup(ctx, args[0], force, dry)
		if err != nil {
			return err
		}
		if !dry && len(r.Actions) > 0 && !finished(r.Backup) {
			if r, err = c.recovered(ctx, client, r); err != nil {
				return c.leave(ctx, r.Backup, err)
			}
		}
		return c.printRecovery(r)
	})
	cmd.Long = `End a backup that hangs: its own process group is ended, if it is the very process that made it (process id, start time and boot must
match), its own folder is removed and nothing else, its record is marked failed with the reason, and its place is free again. Of a backup
that is over, what is left on its server is removed. A second time there is nothing to do.

One that still moves is left alone, unless --force is given. Where the server cannot be reached, what is left is removed before its next
backup begins, or by the control plane ("cloudaipilot serve") once it answers again.

With --server, the backup folder of a server is looked through for folders that belong to no backup which is kept. Those of failed and
deleted backups are removed; one that no record here knows may be another control plane's, and is told with the command that removes it.`
	cmd.Example = "  cloudaipilot recover bk_01JCXM8B5D3F7H9K1M2P4R6T8V --dry-run\n  cloudaipilot recover bk_01JCXM8B5D3F7H9K1M2P4R6T8V\n  cloudaipilot recover --server web-1 --dry-run"
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	cmd.Flags().BoolVar(&force, "force", false, "end a backup that still moves")
	cmd.Flags().StringVar(&server, "server", "", "remove what failed and deleted backups left on this server (name or id)")
	_ = cmd.RegisterFlagCompletionFunc("server", c.completes(serverWords))
	cmd.ValidArgsFunction = c.completesFirst(backupWords(anyBackup))
	return cmd
}

// recoverServer removes what backups left on a server, or only says what would be.
func (c *cli) recoverServer(ctx context.Context, client *apiclient.Client, nameOrID string, dry bool) error {
	id, err := serverID(ctx, client, nameOrID)
	if err != nil {
		return err
	}
	r, err := client.RecoverServer(ctx, id, dry)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(r)
	}
	for _, o := range r.Orphans {
		if c.quiet {
			fmt.Fprintln(c.out, o.BackupID)
			continue
		}
		if _, err := fmt.Fprintf(c.out, "%s %s (%s): %s\n", becomes[o.Status], plain(o.Path), held(o), plain(o.Text)); err != nil {
			return err
		}
	}
	if len(r.Orphans) == 0 && !c.quiet {
		_, err = fmt.Fprintf(c.out, "Nothing to recover: every backup in %s on %s is one that is kept or being made.\n", plain(r.Server.BackupDir), plain(r.Server.Name))
	}
	return err
}

// becomes says what becomes of a folder that belongs to no backup which is kept.
var becomes = map[string]string{"planned": "would remove", "done": "removed", "waits": "not removed yet:", "told": "stays:"}

// held says how much of the disk a folder takes, and since when it is as it is.
func held(o api.Orphan) string {
	text := "of unknown size"
	if o.SizeBytes >= 0 {
		text = size(o.SizeBytes)
	}
	if o.ChangedAt != nil {
		text += ", last changed " + clock(*o.ChangedAt)
	}
	return text
}

// recovered waits until the steps have done what was planned.
func (c *cli) recovered(ctx context.Context, client *apiclient.Client, r api.Recovery) (api.Recovery, error) {
	b, err := client.WaitForBackup(ctx, r.Backup.ID, nil)
	if err != nil {
		return r, err
	}
	r.Backup = b
	for i := range r.Actions {
		r.Actions[i].Status = "done"
		if r.Actions[i].Name == "remove_folder" && b.OnServer {
			r.Actions[i].Status = "waits"
		}
	}
	return r, nil
}

// did says how an action went.
var did = map[string]string{"planned": "would", "under_way": "is about to", "done": "done:", "waits": "waits until the server answers:"}

func (c *cli) printRecovery(r api.Recovery) error {
	if c.json || c.quiet {
		return c.record(r, []field{{"id", r.Backup.ID}})
	}
	if len(r.Actions) == 0 {
		_, err := fmt.Fprintf(c.out, "Nothing to recover: backup %s of %s is %s, and nothing of it is left on its server.\n", r.Backup.ID, r.Backup.ServerName, r.Backup.Status)
		return err
	}
	for _, a := range r.Actions {
		if _, err := fmt.Fprintf(c.out, "%s %s\n", did[a.Status], plain(a.Text)); err != nil {
			return err
		}
	}
	return nil
}

// triesBefore are the fields that tell of tries that failed.
func triesBefore(b api.Backup) (fields []field) {
	for i, t := range b.Tries {
		fields = append(fields, field{fmt.Sprintf("try %d", i+1), strings.Join([]string{"failed", clock(t.FailedAt), "at", t.Stage + ":", t.Title, "(" + t.Code + ")"}, " ")})
	}
	return fields
}

// motionless says since when a running backup has not come on, where that is long enough to wonder.
func motionless(b api.Backup, now time.Time) string {
	if finished(b) || b.Progress.Moved == nil || now.Sub(*b.Progress.Moved) < time.Minute {
		return ""
	}
	return "since " + clock(*b.Progress.Moved)
}
