package simulator

import (
	"fmt"
	"strings"
	"time"
)

// Assertion is something that a simulation must show.
type Assertion struct {
	Name string // as a scenario writes it: "max_gap: 26h"
	// Check returns what does not hold, a sentence each.
	Check func(*Scenario, *Report) []string
}

// MaxGap asserts that no schedule's newest good backup is ever older than that.
func MaxGap(most time.Duration) Assertion {
	return Assertion{"max_gap: " + Short(most), func(sc *Scenario, r *Report) (wrong []string) {
		for i := range r.Schedules {
			if s := &r.Schedules[i]; s.MaxGap > int64(most/time.Second) {
				wrong = append(wrong, fmt.Sprintf("%s: the newest good backup was %s old on %s", sc.FullName(i), Short(time.Duration(s.MaxGap)*time.Second), stamp(s.MaxGapAt)))
			}
		}
		return wrong
	}}
}

// NoCollisions asserts that no two runs go on at a time on one server.
func NoCollisions() Assertion {
	return Assertion{"no_collisions: true", func(sc *Scenario, r *Report) (wrong []string) {
		for i := range r.Servers {
			if n := r.Servers[i].Collisions; n > 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %d runs began while another was going on", sc.Servers[i].Name, n))
			}
		}
		return wrong
	}}
}

// NoFailures asserts that every run completes and reaches its vault.
func NoFailures() Assertion {
	return Assertion{"no_failures: true", func(sc *Scenario, r *Report) (wrong []string) {
		for i := range r.Schedules {
			s := &r.Schedules[i]
			if n := s.Of(Failed); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %d runs failed", sc.FullName(i), n))
			}
			unsent := int64(0)
			for _, n := range s.unsent {
				unsent += n
			}
			if unsent > 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %d archives did not reach their vault", sc.FullName(i), unsent))
			}
		}
		return wrong
	}}
}

// DiskPeak asserts that no disk is ever fuller than that, in percent.
func DiskPeak(most float64) Assertion {
	return Assertion{fmt.Sprintf("disk_peak_percent: %g", most), func(sc *Scenario, r *Report) (wrong []string) {
		for i := range r.Servers {
			switch percent, s := sc.PeakPercent(r, i), &r.Servers[i]; {
			case s.FullAt > 0:
				wrong = append(wrong, fmt.Sprintf("%s: a backup met a full disk on %s", sc.Servers[i].Name, stamp(s.FullAt)))
			case percent > most:
				wrong = append(wrong, fmt.Sprintf("%s: the disk was %.1f %% full", sc.Servers[i].Name, percent))
			}
		}
		return wrong
	}}
}

// PeakPercent is how full a server's disk was at most, 0 where it has no end.
func (sc *Scenario) PeakPercent(r *Report, server int) float64 {
	if sc.Servers[server].Disk == 0 {
		return 0
	}
	return 100 * float64(r.Servers[server].PeakBytes) / float64(sc.Servers[server].Disk)
}

// FullName names a schedule as people do: "server/schedule".
func (sc *Scenario) FullName(schedule int) string {
	s := &sc.Schedules[schedule]
	return sc.Servers[s.Server].Name + "/" + s.Name
}

// Short writes a duration as people do: 26h, 1h30m, 45s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func stamp(t int64) string { return time.Unix(t, 0).UTC().Format("2006-01-02 15:04 MST") }
