package store

import (
	"context"
	"strconv"
	"time"
)

// The records of the time, in the table meta, of a control plane whose time is simulated.
const (
	simulatedStart = "simulated_start"
	simulatedNow   = "simulated_now"
)

// SimulatedTime returns when the simulated time began and what time it is; both are zero where none is kept.
func (s *Store) SimulatedTime(ctx context.Context) (start, now time.Time, err error) {
	var q query
	q.add(`SELECT name, value FROM meta WHERE name IN (?, ?)`, simulatedStart, simulatedNow)
	type pair struct{ name, value string }
	kept, err := list(ctx, s.db, &q, func(p *pair) columns { return columns{text("name", &p.name), text("value", &p.value)} })
	for _, p := range kept {
		ms, bad := strconv.ParseInt(p.value, 10, 64)
		if bad != nil {
			return start, now, bad
		}
		if p.name == simulatedStart {
			start = fromMillis(ms)
		} else {
			now = fromMillis(ms)
		}
	}
	return start, now, err
}

// SetSimulatedTime keeps what time it is. When it began is kept once.
func (s *Store) SetSimulatedTime(ctx context.Context, start, now time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2), ($3, $4)
		ON CONFLICT (name) DO UPDATE SET value = CASE WHEN meta.name = $1 THEN meta.value ELSE excluded.value END`,
		simulatedStart, strconv.FormatInt(millis(start), 10), simulatedNow, strconv.FormatInt(millis(now), 10))
	return err
}
