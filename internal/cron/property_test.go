package cron_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// randomExpression is one that fires; the same for the same chance.
func randomExpression(t *testing.T, chance *rand.Rand) *cron.Expression {
	t.Helper()
	field := func(low, high int) string {
		a, b := low+chance.IntN(high-low+1), low+chance.IntN(high-low+1)
		switch chance.IntN(6) {
		case 0, 1:
			return "*"
		case 2:
			return fmt.Sprintf("*/%d", 1+chance.IntN(high-low+1))
		case 3:
			return fmt.Sprintf("%d-%d", min(a, b), max(a, b))
		case 4:
			return fmt.Sprintf("%d,%d", a, b)
		}
		return fmt.Sprint(a)
	}
	for {
		text := strings.Join([]string{field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)}, " ")
		if e, err := cron.Parse(text, ""); err == nil {
			return &e
		}
	}
}

func TestNextIsStrictlyAfterAndBetweenIsRepeatedNext(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(1, 2))
	names := cron.ZoneNames()
	for range 2000 {
		e, z := randomExpression(t, chance), mustZone(t, names[chance.IntN(len(names))])
		after := chance.Int64N(7_000_000_000)
		var repeated []int64
		until := after
		for at, n := after, 0; n < 20; n++ {
			next, ok := e.NextUnix(z, at)
			if !ok {
				break
			}
			if next <= at {
				t.Fatalf("%s in %s after %d: %d", e.Text(), z.Name(), at, next)
			}
			// Nothing is due between: whoever asks in between gets the same answer.
			if between, ok := e.NextUnix(z, at+chance.Int64N(next-at)); !ok || between != next {
				t.Fatalf("%s in %s after %d is %d, but asked later %d", e.Text(), z.Name(), at, next, between)
			}
			repeated = append(repeated, next)
			at, until = next, next
		}
		if diff := cmp.Diff(repeated, slices.Collect(e.Between(z, after, until))); diff != "" {
			t.Fatalf("%s in %s:\n%s", e.Text(), z.Name(), diff)
		}
		var chunks []int64
		for from := after; from < until; {
			to := min(until, from+1+chance.Int64N(1+(until-after)/3))
			chunks = slices.AppendSeq(chunks, e.Between(z, from, to))
			from = to
		}
		if diff := cmp.Diff(repeated, chunks); diff != "" {
			t.Fatalf("%s in %s, in chunks:\n%s", e.Text(), z.Name(), diff)
		}
	}
}

func TestBetweenStopsWhenAsked(t *testing.T) {
	t.Parallel()
	n := 0
	for range mustParse(t, "* * * * *").Between(cron.UTC, 0, 1<<40) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d times", n)
	}
}

func TestCanonicalFormMeansTheSame(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		e := randomExpression(t, chance)
		again, err := cron.Parse(e.String(), "")
		if err != nil || !again.Equal(*e) {
			t.Fatalf("%q: %q means something else (%v)", e.Text(), e.String(), err)
		}
		at := chance.Int64N(6_000_000_000)
		a, okA := e.NextUnix(cron.UTC, at)
		b, okB := again.NextUnix(cron.UTC, at)
		if a != b || okA != okB {
			t.Fatalf("%q is due at %d, %q at %d", e.Text(), a, again.Text(), b)
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	z := mustZone(t, "America/New_York")
	at := time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC)
	for _, text := range oracleExpressions {
		e := mustParse(t, text)
		if n := testing.AllocsPerRun(100, func() {
			for range 5 {
				at, _ = e.Next(z, at)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
