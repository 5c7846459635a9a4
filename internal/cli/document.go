package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func (c *cli) manCommand() *cobra.Command {
	return &cobra.Command{Use: "man DIR", Short: "Write manual pages into a folder", Args: cobra.ExactArgs(1),
		Long: `Write a manual page for every command into a folder, which is made if it does not exist. To install them for yourself, name
~/.local/share/man/man1; then "man cloudaipilot-backup-run" shows one.`,
		Example: "  cloudaipilot man ~/.local/share/man/man1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return err
			}
			header := &doc.GenManHeader{Section: "1", Source: "cloudaipilot " + c.version, Manual: "CloudAIPilot"}
			if err := doc.GenManTree(cmd.Root(), header, args[0]); err != nil {
				return err
			}
			pages, err := filepath.Glob(filepath.Join(args[0], "cloudaipilot*.1"))
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"folder": args[0], "pages": len(pages)})
			}
			_, err = fmt.Fprintf(c.out, "%d pages in %s\n", len(pages), args[0])
			return err
		}}
}

// referenceCommand prints the part of docs/guides/command-line.md that comes from the commands themselves.
func (c *cli) referenceCommand() *cobra.Command {
	return &cobra.Command{Use: "reference", Short: "Print the reference of all commands in Markdown", Args: cobra.NoArgs, Hidden: true,
		Example: "  cloudaipilot reference",
		RunE: func(cmd *cobra.Command, _ []string) error {
			root := cmd.Root()
			root.InitDefaultHelpFlag()
			fmt.Fprint(c.out, "\n## Every command\n")
			fmt.Fprintf(c.out, "\nFlags of all commands:\n\n")
			printFlags(c.out, root.PersistentFlags())
			for _, sub := range root.Commands() {
				printReference(c.out, sub)
			}
			return nil
		}}
}

// printReference prints a command and those below it.
func printReference(w io.Writer, cmd *cobra.Command) {
	if !cmd.IsAvailableCommand() || cmd.Name() == "help" {
		return
	}
	fmt.Fprintf(w, "\n### %s\n\n", cmd.CommandPath())
	about := cmd.Short + "."
	if cmd.Long != "" && cmd.Parent().Name() != "completion" {
		about = cmd.Long
	}
	fmt.Fprintln(w, about)
	if !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n```\n%s\n```\n", cmd.UseLine())
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\n```sh\n%s\n```\n", strings.TrimSpace(outdent(cmd.Example)))
	}
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		fmt.Fprintln(w)
		printFlags(w, flags)
	}
	for _, sub := range cmd.Commands() {
		printReference(w, sub)
	}
}

func outdent(example string) string { return strings.ReplaceAll(example, "\n  ", "\n") }

// printFlags prints a table of flags.
func printFlags(w io.Writer, flags *pflag.FlagSet) {
	fmt.Fprint(w, "| flag | default | meaning |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + kind
		}
		fallback := f.DefValue
		if fallback == "[]" || fallback == "false" || fallback == "0" && f.Value.Type() == "int" && !strings.Contains(usage, "0:") || f.Value.Type() == "duration" && fallback == "0s" {
			fallback = ""
		}
		if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", name, fallback, strings.ReplaceAll(usage, "|", `\|`))
	})
}
