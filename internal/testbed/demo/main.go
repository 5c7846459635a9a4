// Command demo plays the main story with real parts: a backup fails, the error says what to do, the fix is made,
// the next apply succeeds. Terraform, the provider and its control plane are the real ones; the server is an SSH
// server of this process on loopback. Everything lives in one temporary folder, which is removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	keep := flag.Bool("keep", false, "keep the temporary folder and print its path")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	start := time.Now()
	err := play(ctx, *keep)
	switch {
	case ctx.Err() != nil:
		fmt.Println("\nInterrupted.")
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "\nThe demo did not go as its story says: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("\nDone in %.1f s.\n", time.Since(start).Seconds())
}

// play sets the stage, runs the steps in order and clears up, whatever happened.
func play(ctx context.Context, keep bool) (err error) {
	s, err := openStage()
	if s != nil {
		defer func() { err = errors.Join(err, s.close(keep)) }()
	}
	if err != nil {
		return err
	}
	for i, step := range story {
		start := time.Now()
		fmt.Printf("\n%d. %s\n\n", i+1, step.heading)
		if err := step.play(ctx, s); err != nil {
			return fmt.Errorf("step %d, %q: %w", i+1, step.heading, err)
		}
		fmt.Printf("   (%.1f s)\n", time.Since(start).Seconds())
	}
	return nil
}
