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

func (c *cli) backupRun() *cobra.Command {
	var source sourceFlags
	var retention int
	var detach bool
	cmd := &cobra.Command{Use: "run SERVER --include PATH", Short: "Make a backup of a server", Args: cobra.ExactArgs(1),
		Long: `Make a backup of a server and wait for it. On a terminal a line shows how it goes; elsewhere a line is printed when something
changed, at most every 10 seconds. Both go to standard error.

Ctrl-C ends the command, never the backup: it says how to look on and how to cancel. Exit status 0: completed, 1: failed, with
the cause and what to do.

The job runs on the server by itself. This command looks after it while it waits, unless "cloudaipilot serve" runs, which does so
anyway. With --detach and no serve, nobody starts or looks after the backup until "cloudaipilot backup wait".`,
		Example: `  cloudaipilot backup run web-1 --include /etc --include /var/www --exclude '*.log'
  cloudaipilot backup run web-1 --include /srv --retention-days 7 --detach
  cloudaipilot backup run db-1 --db postgresql:app --db engine=mysql,name=shop,user=backup`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := source.input(cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("retention-days") {
				in.RetentionDays = &retention
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			return c.runBackup(cmd.Context(), client, args[0], in, detach)
		}}
	source.register(cmd)
	cmd.Flags().IntVar(&retention, "retention-days", backup.DefaultRetentionDays, "how long the archive is kept, 1 to 365")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait")
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

func (c *cli) runBackup(ctx context.Context, client *apiclient.Client, server string, in api.BackupInput, detach bool) error {
	id, err := serverID(ctx, client, server)
	if err != nil {
		return err
	}
	b, err := client.CreateBackup(ctx, id, in)
	if err != nil {
		return err
	}
	if found, err := client.CheckBackup(ctx, id, in); err == nil {
		c.warn(found)
	}
	if detach {
		return c.printDetached(b)
	}
	if c.quiet { // at once: whoever reads it may have to look after the backup
		fmt.Fprintln(c.out, b.ID)
	}
	c.say("Backup %s of %s.", b.ID, b.ServerName)
	done, err := c.follow(ctx, client, b)
	if err != nil {
		return c.leave(ctx, b, err)
	}
	return c.printFinished(done, c.quiet)
}

// printDetached prints a backup that nobody waits for, and says who looks after it.
func (c *cli) printDetached(b api.Backup) error {
	if c.json || c.quiet {
		if err := c.record(b, []field{{"id", b.ID}}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.out, "Backup %s of %s is asked for.\n", b.ID, b.ServerName)
	}
	if c.alone() {
		dir, _ := c.embedded.Dir()
		fmt.Fprintf(c.err, "No control plane runs on %s: nobody starts this backup or looks after it until one of these does:\n  %s\n  %s\n",
			plain(dir), c.again("backup", "wait", b.ID), c.again("serve"))
		return nil
	}
	c.say("How it goes: %s", c.again("backup", "wait", b.ID))
	return nil
}

// alone reports whether nobody works on the records once this process ends.
func (c *cli) alone() bool { return c.embedded != nil && c.embedded.OwnsHere() }

func (c *cli) backupWait() *cobra.Command {
	cmd := c.command("wait ID", "Look after a backup until it is completed or failed", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		if _, err := backup.ParseID(args[0]); err != nil {
			return usageError{err}
		}
		b, err := client.Backup(ctx, args[0])
		if err != nil {
			return err
		}
		done, err := c.follow(ctx, client, b)
		if err != nil {
			return c.leave(ctx, b, err)
		}
		return c.printFinished(done, false)
	})
	cmd.Long = `Look after a backup until it is completed or failed, and show it. Exit status 1 if it failed, with the cause and what to do.

A backup that nobody waits for (backup run --detach, Ctrl-C, wait = false or a timeout in Terraform) is made all the same, on its server. Without
a running control plane nobody looks at it: this command does.`
	cmd.Example = "  cloudaipilot backup wait bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	cmd.ValidArgsFunction = c.completesFirst(backupWords(unfinished))
	return cmd
}

// printFinished shows a backup that ended. One that failed is an error, with its diagnosis.
func (c *cli) printFinished(b api.Backup, shown bool) error {
	if !shown && (completed(b) || c.json || c.quiet) { // else the diagnosis says it all
		if err := c.showBackup(b); err != nil {
			return err
		}
	}
	switch {
	case completed(b):
		return nil
	case b.Failure != nil:
		return &failedError{what: "Backup of " + b.ServerName + " failed: " + b.Failure.Title, failure: *b.Failure, flags: !b.Managed,
			next: "What happened, step by step: " + c.again("backup", "log", b.ID)}
	}
	return fmt.Errorf("the backup %s is %s and was deleted", b.ID, b.Status)
}

// failedError is a failure with its diagnosis.
type failedError struct {
	what    string
	failure api.Failure
	flags   bool // its remedies are flags of the command line, not attributes of Terraform
	next    string
}

func (e *failedError) Error() string { return e.what }

func (e *failedError) trouble(*cli) trouble {
	t := trouble{what: e.what, code: e.failure.Code, why: e.failure.Cause}
	for _, step := range e.failure.Fix {
		if e.flags {
			step = inFlags(step)
		}
		t.fix = append(t.fix, step)
	}
	if e.next != "" {
		t.after = e.next
	}
	return t
}

// leftAlone is the end of a command that stopped waiting for a backup which goes on.
type leftAlone struct {
	backup api.Backup
	alone  bool // nobody works on the records from now on
}

func (e *leftAlone) Error() string { return "the backup " + e.backup.ID + " was not cancelled" }

func (e *leftAlone) trouble(c *cli) trouble {
	t := trouble{label: "Interrupted:", what: "backup " + e.backup.ID + " of " + e.backup.ServerName + " was not cancelled: its job on the server goes on."}
	if e.alone {
		t.why = "No control plane runs here once this command has ended: nobody looks after it until one of these does."
	}
	t.fix = []string{"Look on: " + c.again("backup", "wait", e.backup.ID), "Cancel it: " + c.again("backup", "cancel", e.backup.ID)}
	return t
}

// leave explains why the waiting for a backup ended before the backup did.
func (c *cli) leave(ctx context.Context, b api.Backup, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &leftAlone{backup: b, alone: c.alone()}
	}
	c.say("The backup %s was not cancelled. Look on: %s", b.ID, c.again("backup", "wait", b.ID))
	return err
}

// follow waits for a backup and shows how it goes.
func (c *cli) follow(ctx context.Context, client *apiclient.Client, b api.Backup) (api.Backup, error) {
	if c.quiet || finished(b) {
		return client.WaitForBackup(ctx, b.ID, nil)
	}
	type end struct {
		b   api.Backup
		err error
	}
	ended := make(chan end, 1)
	go func() {
		b, err := client.WaitForBackup(ctx, b.ID, nil)
		ended <- end{b, err}
	}()
	live := obeys(c.err)
	m := meter{out: c.err, live: live, width: func() int { return width(c.err) }, before: lastLike(ctx, client, b)}
	every := sayEvery
	if live {
		every = drawEvery
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	defer m.end()
	m.show(b, time.Now())
	for {
		select {
		case e := <-ended:
			return e.b, e.err
		case <-ticks.C:
			if now, err := client.Backup(ctx, b.ID); err == nil { // who waits tells of errors
				m.show(now, time.Now())
			}
		}
	}
}

// lastLike is the last completed backup of the same source; its size tells about how far this one has come.
func lastLike(ctx context.Context, client *apiclient.Client, b api.Backup) api.Backup {
	done, _, _ := client.NewestBackups(ctx, apiclient.BackupFilter{ServerID: b.ServerID, Status: string(backup.StatusCompleted)}, 100)
	same := specOf(b)
	for _, d := range done {
		if specOf(d).Same(same) {
			return d
		}
	}
	return api.Backup{}
}

func specOf(b api.Backup) backup.Spec {
	return backup.Spec{ServerID: backup.ServerID(b.ServerID), Type: backup.Type(b.Type), Files: b.Files, Databases: b.Databases}
}

// databases lists what is dumped.
func databases(all []backup.Database) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = string(d.Engine) + ":" + d.Name
	}
	return strings.Join(names, ", ")
}
