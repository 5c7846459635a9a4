package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// serverID finds a server by its name or id.
func serverID(ctx context.Context, client *apiclient.Client, nameOrID string) (string, error) {
	if _, err := backup.ParseServerID(nameOrID); err == nil {
		return nameOrID, nil
	}
	s, err := serverNamed(ctx, client, nameOrID)
	return s.ID, err
}

// findServer shows a server by its name or id.
func findServer(ctx context.Context, client *apiclient.Client, nameOrID string) (api.Server, error) {
	if _, err := backup.ParseServerID(nameOrID); err == nil {
		return client.Server(ctx, nameOrID)
	}
	return serverNamed(ctx, client, nameOrID)
}

func serverNamed(ctx context.Context, client *apiclient.Client, name string) (api.Server, error) {
	if name == "" { // the API would list all of them
		return api.Server{}, noServer(name, nil)
	}
	found, err := client.ServersNamed(ctx, name)
	if err != nil {
		return api.Server{}, err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	all, err := client.Servers(ctx)
	if err != nil {
		return api.Server{}, err
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return api.Server{}, noServer(name, names)
}

// noServer says that a server does not exist, and which was probably meant.
func noServer(name string, known []string) error {
	p := &api.Problem{Title: "There is no server " + fmt.Sprintf("%q", plain(name)), Code: backup.CodeNotFound, Fix: "cloudaipilot server list shows them."}
	if near := backup.Nearest(name, known); near != "" {
		p.Fix = fmt.Sprintf("Did you mean %q? cloudaipilot server list shows all.", near)
	}
	return p
}

// completeWithin bounds the time that somebody who pressed the tab key waits.
const completeWithin = time.Second

// lister lists what may stand for a word that begins so.
type lister func(ctx context.Context, client *apiclient.Client, begun string) ([]cobra.Completion, error)

// completes asks the control plane what a word may be. Whatever goes wrong, it only completes nothing.
func (c *cli) completes(list lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		var words []cobra.Completion
		if client, err := c.client(); err == nil {
			words, _ = list(ctx, client, begun)
		}
		var fitting []cobra.Completion
		for _, w := range words {
			if strings.HasPrefix(w, begun) {
				fitting = append(fitting, w)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

// completesFirst completes the first argument only.
func (c *cli) completesFirst(list lister) cobra.CompletionFunc {
	complete := c.completes(list)
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, begun)
	}
}

// serverWords are the names of the servers, or their ids once a word begins like one.
func serverWords(ctx context.Context, client *apiclient.Client, begun string) ([]cobra.Completion, error) {
	servers, err := client.Servers(ctx)
	var words []cobra.Completion
	for _, s := range servers {
		word, about := s.Name, s.User+"@"+s.Host
		if strings.HasPrefix(begun, backup.ServerIDPrefix) {
			word, about = s.ID, s.Name
		}
		words = append(words, cobra.CompletionWithDesc(word, about))
	}
	return words, err
}

// backupWords are the ids of the newest backups that fit.
func backupWords(fit func(api.Backup) bool) lister {
	return func(ctx context.Context, client *apiclient.Client, _ string) ([]cobra.Completion, error) {
		backups, _, err := client.NewestBackups(ctx, apiclient.BackupFilter{}, 100)
		var words []cobra.Completion
		for _, b := range backups {
			if fit(b) {
				words = append(words, cobra.CompletionWithDesc(b.ID, b.ServerName+", "+b.Status+", "+clock(b.CreatedAt)))
			}
		}
		return words, err
	}
}

func anyBackup(api.Backup) bool { return true }

func finished(b api.Backup) bool   { return backup.Status(b.Status).Finished() }
func unfinished(b api.Backup) bool { return !finished(b) }
func completed(b api.Backup) bool  { return b.Status == string(backup.StatusCompleted) }

// activityWords are the ids of the newest activities.
func activityWords(ctx context.Context, client *apiclient.Client, _ string) ([]cobra.Completion, error) {
	activities, err := client.Activities(ctx, "", "", 50)
	var words []cobra.Completion
	for _, a := range activities {
		words = append(words, cobra.CompletionWithDesc(a.ID, plain(a.Title)))
	}
	return words, err
}
