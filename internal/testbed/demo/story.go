package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

type step struct {
	heading string
	play    func(context.Context, *stage) error
}

// story is the demo. Every step fails unless what it tells came true.
var story = []step{
	{"There is a server with a website, and nobody may log in to it yet", introduce},
	{"Terraform installs the provider, from a mirror of this checkout", initialise},
	{"The plan: one server, one backup", plan},
	{"The first apply fails: the server does not know our key. The error says what to do", applyInVain},
	{"We do what it says: the public key goes into authorized_keys", authorise},
	{"The second apply retries the backup, and succeeds", applyAgain},
	{"The archive is listed, and holds exactly the website", inspect},
	{"A plan right after it finds nothing to do", planNothing},
	{"Destroy removes the records. The archive stays on the server until it expires", destroy},
}

func introduce(_ context.Context, s *stage) error {
	fmt.Printf("   %s@%s, port %d (this process, on loopback)\n", s.server.User, s.server.Host, s.server.Port)
	fmt.Printf("   website          %s\n", s.site)
	fmt.Printf("   authorized_keys  %s, empty\n", s.authorizedKeys())
	return nil
}

func initialise(ctx context.Context, s *stage) error {
	result, err := s.terraform(ctx, 0, "init")
	if err == nil {
		show(lines(result.Stdout, "Installed", "successfully initialized"))
	}
	return err
}

func plan(ctx context.Context, s *stage) error {
	result, err := s.terraform(ctx, 2, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	show(lines(result.Stdout, " will be ", "Plan:"))
	return expect(result.Stdout, "Plan: 2 to add, 0 to change, 0 to destroy.")
}

func applyInVain(ctx context.Context, s *stage) error {
	result, err := s.terraform(ctx, 1, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	show(result.Stderr)
	return expect(result.Stderr, "Error:", "authorized_keys", "ssh-ed25519 AAAA")
}

func authorise(ctx context.Context, s *stage) error {
	var line string
	if err := s.output(ctx, "public_key", &line); err != nil {
		return err
	}
	fmt.Println("   $ echo \"$(terraform output -raw public_key)\" >> ~/.ssh/authorized_keys")
	show(line)
	file, err := os.OpenFile(s.authorizedKeys(), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, line)
	return errors.Join(err, file.Close())
}

func applyAgain(ctx context.Context, s *stage) error {
	result, err := s.terraform(ctx, 0, "apply", "-auto-approve")
	if err == nil {
		show(lines(result.Stdout, "omplete after", "Apply complete!"))
	}
	return err
}

func inspect(ctx context.Context, s *stage) error {
	listed, err := s.cli(ctx, "backup", "list", "--data-dir", filepath.Join(s.tf.Dir, ".cloudaipilot"))
	if err != nil {
		return err
	}
	show(listed)
	var made struct {
		ID, Status, Path string
	}
	if err := s.output(ctx, "backup", &made); err != nil {
		return err
	}
	if err := expect(listed, made.ID, "completed"); err != nil {
		return err
	}
	differences, err := testbed.DiffTar(made.Path, s.site)
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	if len(differences) > 0 {
		return fmt.Errorf("the archive differs from the website:\n%s", strings.Join(differences, "\n"))
	}
	fmt.Printf("   %s holds every file, as it is on the server\n", filepath.Base(made.Path))
	return nil
}

func planNothing(ctx context.Context, s *stage) error {
	result, err := s.terraform(ctx, 0, "plan", "-detailed-exitcode")
	if err == nil {
		show(lines(result.Stdout, "No changes."))
	}
	return err
}

func destroy(ctx context.Context, s *stage) error {
	var made struct{ Path string }
	if err := s.output(ctx, "backup", &made); err != nil {
		return err
	}
	result, err := s.terraform(ctx, 0, "destroy", "-auto-approve")
	if err != nil {
		return err
	}
	show(lines(result.Stdout, "Destroy complete!"))
	if _, err := os.Stat(made.Path); err != nil {
		return fmt.Errorf("the archive is gone with the resource: %w", err)
	}
	return nil
}

// expect fails unless the text holds every word, and says which one it misses.
func expect(text string, words ...string) error {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return fmt.Errorf("%q is missing in:\n%s", word, text)
		}
	}
	return nil
}
