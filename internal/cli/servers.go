package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (c *cli) serverCommand() *cobra.Command {
	return group("server", "Add, look at, test, change and remove servers",
		c.serverAdd(), c.serverList(), c.serverShow(), c.serverKey(), c.serverTest(), c.serverSet(), c.serverRemove())
}

func (c *cli) serverAdd() *cobra.Command {
	flags := &serverFlags{}
	cmd := &cobra.Command{Use: "add NAME --host HOST", Short: "Add a server", Args: cobra.ExactArgs(1),
		Long: `Add a server, and print what to do there: the line for authorized_keys, and with --privilege sudo the line for sudoers.

The control plane makes a key pair for it, unless --private-key brings one. The host key is needed, so that nobody can pretend
to be the server; --record-host-key trusts the one that the first backup meets.`,
		Example: `  cloudaipilot server add web-1 --host 203.0.113.10 --host-key "ssh-ed25519 AAAA..."
  ssh-keyscan -t ed25519 203.0.113.10 | tee web-1.pub     # compare it with the one on the server, then
  cloudaipilot server add web-1 --host 203.0.113.10 --host-key-file web-1.pub --privilege sudo
  cloudaipilot server add web-1 --host 203.0.113.10 --record-host-key --private-key - < ~/.ssh/backup`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := flags.input(cmd, c.in)
			if err != nil {
				return err
			}
			if in.Host == nil {
				return usageError{fmt.Errorf("--host says where the server is, and is missing; see %s --help", cmd.CommandPath())}
			}
			in.Name = &args[0]
			client, err := c.client()
			if err != nil {
				return err
			}
			s, err := client.CreateServer(cmd.Context(), in)
			if err != nil {
				return err
			}
			return c.printAdded(s)
		}}
	flags.add(cmd)
	return cmd
}

// printAdded says what to do on a new server.
func (c *cli) printAdded(s api.Server) error {
	if c.json || c.quiet {
		return c.record(s, []field{{"id", s.ID}})
	}
	fmt.Fprintf(c.out, "Server %s added (%s).\n", s.Name, s.ID)
	c.printPreparation(s)
	fmt.Fprintf(c.out, "\nThen look whether it works: %s\n", c.again("server", "test", s.Name))
	return nil
}

// printPreparation says what has to be on a server before it can be backed up.
func (c *cli) printPreparation(s api.Server) {
	if s.PublicKey == "" {
		fmt.Fprintf(c.out, "\nIt has no key, so nobody can log in to it. Give it one: %s\n", c.again("server", "set", s.Name, "--generate-key"))
		return
	}
	fmt.Fprintf(c.out, "\nOn %s, add this line to ~%s/.ssh/authorized_keys, if it is not there:\n\n%s\n", plain(s.Host), plain(s.User), plain(s.PublicKey))
	if s.Privilege == string(backup.PrivilegeSudo) {
		fmt.Fprintf(c.out, "\nThere too, as root: with visudo -f /etc/sudoers.d/cloudaipilot add this line (it gives %s the rights of root,\nwhich reading every file needs):\n\n%s\n", plain(s.User), plain(sudoers(s.User)))
	}
}

// sudoers is the line that privilege "sudo" needs.
func sudoers(user string) string { return user + " ALL=(root) NOPASSWD: /bin/sh" }

func (c *cli) serverList() *cobra.Command {
	cmd := c.command("list", "List the servers", cobra.NoArgs, func(ctx context.Context, client *apiclient.Client, _ []string) error {
		servers, err := client.Servers(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, s := range servers {
			rows = append(rows, []string{s.Name, address(s), s.Environment, s.KeySource, s.ID})
		}
		return c.table(orEmpty(servers), "NAME\tADDRESS\t?ENVIRONMENT\t?KEY\tID", rows)
	})
	cmd.Example = "  cloudaipilot server list\n  cloudaipilot server list --json"
	return cmd
}

func address(s api.Server) string { return s.User + "@" + s.Host + ":" + strconv.Itoa(s.Port) }

func (c *cli) serverShow() *cobra.Command {
	cmd := c.command("show NAME|ID", "Show a server", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, err := findServer(ctx, client, args[0])
		if err != nil {
			return err
		}
		return c.showServer(s)
	})
	cmd.Example = "  cloudaipilot server show web-1"
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

func (c *cli) showServer(s api.Server) error {
	return c.record(s, []field{
		{"name", s.Name}, {"id", s.ID}, {"address", address(s)}, {"environment", s.Environment},
		{"host key", s.HostKey}, {"recorded host key", s.RecordedHostKey}, {"key", s.KeySource}, {"public key", s.PublicKey},
		{"backup folder", s.BackupDir}, {"privilege", s.Privilege},
		{"connect timeout", strconv.Itoa(s.ConnectTimeoutSeconds) + " s"}, {"keepalive interval", strconv.Itoa(s.KeepaliveIntervalSeconds) + " s"},
		{"maintenance", windowsText(s.MaintenanceWindows)},
		{"max concurrent backups", strconv.Itoa(s.MaxConcurrentBackups)},
		{"created", clock(s.CreatedAt)}, {"updated", clock(s.UpdatedAt)},
	})
}

func (c *cli) serverKey() *cobra.Command {
	cmd := c.command("key NAME|ID", "Print a server's line for authorized_keys", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, err := findServer(ctx, client, args[0])
		if err != nil {
			return err
		}
		if s.PublicKey == "" {
			return &api.Problem{Title: "Server " + s.Name + " has no key", Code: backup.CodeSSHNotConfigured, Fix: "Give it one: " + c.again("server", "set", s.Name, "--generate-key")}
		}
		if c.json {
			return c.printJSON(map[string]string{"id": s.ID, "user": s.User, "public_key": s.PublicKey})
		}
		_, err = fmt.Fprintln(c.out, plain(s.PublicKey))
		return err
	})
	cmd.Example = `  cloudaipilot server key web-1 | ssh root@203.0.113.10 'cat >> ~cloudpilot/.ssh/authorized_keys'`
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

func (c *cli) serverSet() *cobra.Command {
	flags := &serverFlags{}
	cmd := &cobra.Command{Use: "set NAME|ID", Short: "Change a server in place", Args: cobra.ExactArgs(1),
		Long: `Change a server in place. What no flag names stays as it is.

--host-key pins another host key, after the server was installed anew for instance. --generate-key has the control plane make a
key pair where it did not make the present one; its line for authorized_keys is printed.

A server that Terraform keeps is changed in its configuration: the next apply would undo what is changed here.`,
		Example: `  cloudaipilot server set web-1 --host 203.0.113.11 --host-key-file web-1.pub
  cloudaipilot server set web-1 --backup-dir /var/backups/cloudpilot
  cloudaipilot server set web-1 --name web-2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := flags.input(cmd, c.in)
			if err != nil {
				return err
			}
			if !anyFlag(cmd) {
				return usageError{fmt.Errorf("no flag says what to change; see %s --help", cmd.CommandPath())}
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			s, err := findServer(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			in.Version = s.Version
			changed, err := client.UpdateServer(cmd.Context(), s.ID, in)
			if err != nil {
				return err
			}
			return c.printChanged(s, changed)
		}}
	flags.change(cmd)
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

// printChanged shows a server that was changed, and what that asks for on the server.
func (c *cli) printChanged(before, s api.Server) error {
	if err := c.showServer(s); err != nil || c.json || c.quiet {
		return err
	}
	if before.PublicKey != s.PublicKey || before.Host != s.Host || before.User != s.User || before.Privilege != s.Privilege {
		c.printPreparation(s)
	}
	return nil
}

func (c *cli) serverTest() *cobra.Command {
	cmd := c.command("test NAME|ID", "Connect to a server and look whether a backup could begin", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, err := findServer(ctx, client, args[0])
		if err != nil {
			return err
		}
		found, err := client.TestServer(ctx, s.ID)
		if err != nil {
			return err
		}
		return c.printTest(s, found)
	})
	cmd.Long = `Connect to a server, check its host key, log in, and look at its tools, its backup folder and the space there. Nothing is
changed: not on the server, and not in the records. Exit status 1 if a backup could not begin, with the reason and the way out.`
	cmd.Example = "  cloudaipilot server test web-1"
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

// printTest prints what a look at a server showed.
func (c *cli) printTest(s api.Server, found api.ServerTest) error {
	fields := []field{{"server", s.Name}, {"address", address(s)}, {"host key", found.HostKey}}
	if found.Reachable {
		fields = append(fields, field{"login", "good"})
	}
	if found.Failure == nil {
		fields = append(fields, field{"tools", "good"}, field{"backup folder", s.BackupDir + ": good"})
	}
	if found.TotalBytes > 0 {
		fields = append(fields, field{"space", size(found.FreeBytes) + " of " + size(found.TotalBytes) + " free"})
	}
	for _, w := range found.Warnings {
		fields = append(fields, field{"warning", w})
	}
	if c.quiet && found.Failure == nil {
		fields = []field{{"id", s.ID}}
	}
	if c.json || !c.quiet || found.Failure == nil {
		if err := c.record(found, fields); err != nil {
			return err
		}
	}
	if found.Failure != nil {
		return &failedError{what: "Server " + s.Name + " cannot be backed up: " + found.Failure.Title, failure: *found.Failure, flags: true}
	}
	if s.HostKey == "" && s.RecordedHostKey == "" {
		c.say("The host key is not pinned yet: the first backup trusts the one it meets. To pin this one now, if it is the server's own:\n  %s",
			c.again("server", "set", s.Name, "--host-key", shellWord(plain(found.HostKey))))
	}
	return nil
}

func (c *cli) serverRemove() *cobra.Command {
	var yes bool
	cmd := c.command("remove NAME|ID", "Forget a server and its key; its archives stay where they are", cobra.ExactArgs(1), func(ctx context.Context, client *apiclient.Client, args []string) error {
		s, err := findServer(ctx, client, args[0])
		if err != nil {
			return err
		}
		archives, more, err := client.NewestBackups(ctx, apiclient.BackupFilter{ServerID: s.ID, Status: string(backup.StatusCompleted)}, 1000)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, yes, consequences(s, archives, more), "Remove server "+s.Name); err != nil {
			return err
		}
		if err := client.DeleteServer(ctx, s.ID); err != nil {
			return err
		}
		return c.done("removed", s.ID, "Server "+s.Name+" removed.")
	})
	cmd.Long = `Forget a server and its key. Its archives stay on the server, and their records here; without the key they can be neither
downloaded nor deleted from here any more. Refused while a backup of it is being made.

A server that Terraform keeps is removed with Terraform.`
	cmd.Example = "  cloudaipilot server remove web-1\n  cloudaipilot server remove web-1 --yes     # asks nothing, for scripts"
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = c.completesFirst(serverWords)
	return cmd
}

// consequences says what goes with a server and what stays.
func consequences(s api.Server, archives []api.Backup, more bool) string {
	text := "Its key goes"
	switch s.KeySource {
	case string(backup.KeyGenerated):
		text += ", for good: the control plane made it, and nobody else has it. Its line in authorized_keys opens nothing any more."
	case string(backup.KeyProvided):
		text += " from here; your own copy stays yours."
	default:
		text = "It has no key."
	}
	if len(archives) == 0 {
		return text + " It has no archives."
	}
	var total int64
	for _, b := range archives {
		total += b.SizeBytes
	}
	count := strconv.Itoa(len(archives))
	if more {
		count = "more than " + count
	}
	return text + fmt.Sprintf("\n%s completed backups (%s) stay in %s on %s, and can then be neither downloaded nor deleted from here.", count, size(total), s.BackupDir, s.Host)
}
