package cron

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// hash reads H and H(0-7), with or without a step, as Jenkins does: without one the hash is the value, with one it is where
// the steps begin.
func (p *parser) hash(i int, w word, step int, stepped bool) (values, error) {
	spec := &fieldSpecs[i]
	v := values{first: spec.lowest, last: spec.hashed, step: step}
	if inner, ok := strings.CutPrefix(w.text, "H("); ok {
		inner, closed := strings.CutSuffix(inner, ")")
		low, high, ranged := strings.Cut(inner, "-")
		if !closed || !ranged {
			return values{}, p.fail(i, w, fmt.Sprintf("%s is not closed or has no range", quoted(w.text)), "Write a range in the parentheses, such as H(0-7).")
		}
		within, err := p.span(i, word{inner, w.at + len("H(")}, values{step: step}, low, high)
		if err != nil {
			return values{}, err
		}
		v = within
	}
	if p.seed == "" {
		return values{}, p.fail(i, w, "H in the "+spec.name+" needs a name to be hashed, and there is none",
			`H stands for a number made from the schedule's name, so that schedules spread. Give the seed "server name/schedule name" (--seed on the command line, the last argument of a Terraform function), or write a number.`)
	}
	width := v.last - v.first + 1
	if stepped && step > width {
		return values{}, p.fail(i, w, fmt.Sprintf("step %d is wider than the range of %s in the %s, which has %d values", step, w.text, spec.name, width), "")
	}
	if stepped {
		v.first += bucket(p.seed, spec.name, step)
		return v, nil
	}
	v.first += bucket(p.seed, spec.name, width)
	v.last = v.first
	return v, nil
}

// bucket returns a number below n that depends on the seed and the field alone. It must never change: schedules would move.
func bucket(seed, field string, n int) int {
	sum := sha256.Sum256([]byte(field + "\x00" + seed))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n)) //nolint:gosec // n is positive and small, so the result is below 60
}
