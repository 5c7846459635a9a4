package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// confirm has a person agree to what cannot be undone. Where nobody can be asked, --yes is needed.
func (c *cli) confirm(ctx context.Context, yes bool, consequences, what string) error {
	if yes {
		return nil
	}
	_, in := terminal(c.in)
	_, out := terminal(c.err)
	if !in || !out {
		return usageError{errors.New(what + "? Nobody can be asked here: say --yes")}
	}
	fmt.Fprintf(c.err, "%s\n%s? [y/N] ", consequences, what)
	answer := make(chan string, 1)
	go func() { // reading knows no context; the process ends soon if nobody answers
		line, _ := bufio.NewReader(io.LimitReader(c.in, 100)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		if a == "y" || a == "yes" {
			return nil
		}
		return errors.New("nothing was done")
	case <-ctx.Done():
		fmt.Fprintln(c.err)
		return ctx.Err()
	}
}

// done prints that something was done to a record.
func (c *cli) done(what, id, text string) error {
	switch {
	case c.json:
		return c.printJSON(map[string]any{"id": id, what: true})
	case c.quiet:
		text = id
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}
