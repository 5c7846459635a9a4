package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// stages are what a person may say was going on.
var stages = []string{"connect", "preflight", "dump", "archive", "verify", "upload", "expire", "restore"}

// diagnosed is what cloudaipilot diagnose --json prints.
type diagnosed struct {
	Class        string        `json:"class"`
	Code         string        `json:"code"`
	Title        string        `json:"title"`
	Cause        string        `json:"cause"`
	Fix          []string      `json:"fix"`
	References   []string      `json:"references"`
	Retry        string        `json:"retry"`
	Confidence   float64       `json:"confidence"`
	Evidence     string        `json:"evidence"`
	Alternatives []alternative `json:"alternatives"`
}

type alternative struct {
	Class      string  `json:"class"`
	Confidence float64 `json:"confidence"`
}

func (c *cli) diagnoseCommand() *cobra.Command {
	var stage string
	cmd := &cobra.Command{Use: "diagnose [FILE|-]", Short: "Say what the error text of a backup means, from any tool", Args: cobra.MaximumNArgs(1),
		Long: `Say what the error text of a backup means, and what to do about it. The text may come from any tool: a log, the output of a
command, a mail. It is read from FILE, or from standard input without one or with -; nothing leaves this machine.

Of a text longer than 1 MiB the first and the last half of that are read. Secrets in it are not printed. Where the text does not say
why it failed, the class is unknown: that is an answer too, and the exit status is 0.`,
		Example: `  cloudaipilot diagnose backup.log
  restic backup /srv 2>&1 | cloudaipilot diagnose --stage upload --json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if stage != "" && !slices.Contains(stages, stage) {
				return usageError{fmt.Errorf("--stage %q: allowed are %s", plain(stage), strings.Join(stages, ", "))}
			}
			text, err := c.readText(args)
			if err != nil {
				return err
			}
			if !c.json && strings.TrimSpace(text) == "" {
				c.say("There was no text to read. Of a command in a pipe, errors come with 2>&1: COMMAND 2>&1 | cloudaipilot diagnose")
			}
			return c.printDiagnosis(diagnosis.Text(diagnosis.Input{Text: text, Stage: backup.Stage(stage)}))
		}}
	cmd.Flags().StringVar(&stage, "stage", "", "what was going on: "+strings.Join(stages, ", "))
	_ = cmd.RegisterFlagCompletionFunc("stage", cobra.FixedCompletions(stages, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// readText reads the head and the tail of a file, or of standard input, without keeping what is between.
func (c *cli) readText(args []string) (string, error) {
	in := c.in
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return "", usageError{fmt.Errorf("the text cannot be read: %w", err)}
		}
		defer f.Close()
		in = f
	} else if _, person := terminal(in); person && len(args) == 0 {
		return "", usageError{errors.New("name a file, or pipe the text into it; with - it is read from the terminal, up to Ctrl-D")}
	}
	head, err := io.ReadAll(io.LimitReader(in, diagnosis.MaxText))
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	tail := make([]byte, 0, diagnosis.MaxText)
	for more := make([]byte, diagnosis.MaxText/2); ; {
		n, err := io.ReadFull(in, more)
		tail = append(tail[max(0, len(tail)+n-diagnosis.MaxText):], more[:n]...)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return string(head) + string(tail), nil
		case err != nil:
			return "", fmt.Errorf("read the text: %w", err)
		}
	}
}

func (c *cli) printDiagnosis(r diagnosis.Result) error {
	d := diagnosed{Class: string(r.Class), Code: r.Code, Title: r.Title, Cause: r.Cause, Fix: orNone(r.Fix), References: orNone(r.References),
		Retry: string(r.Retry), Confidence: r.Confidence, Evidence: r.Evidence, Alternatives: []alternative{}}
	fields := []field{{"class", d.Class}, {"code", d.Code}, {"title", d.Title}, {"cause", d.Cause}}
	for i, step := range d.Fix {
		fields = append(fields, field{"fix " + strconv.Itoa(i+1), strings.Join(strings.Fields(step), " ")})
	}
	fields = append(fields, field{"references", strings.Join(d.References, ", ")}, field{"retry", d.Retry}, field{"confidence", percent(d.Confidence)}, field{"evidence", d.Evidence})
	for _, a := range r.Alternatives {
		d.Alternatives = append(d.Alternatives, alternative{string(a.Class), a.Confidence})
		fields = append(fields, field{"or", string(a.Class) + ", " + percent(a.Confidence)})
	}
	return c.record(d, fields)
}

func percent(f float64) string { return strconv.Itoa(int(f*100+0.5)) + " %" }

func orNone(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
