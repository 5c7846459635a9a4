package store

import (
	"database/sql/driver"
	"encoding/json"
	"strings"
	"time"
)

// column ties a column to the place of its value in a record, so that one list serves insert, update and scan.
type column struct {
	name  string
	value func() any // for writing
	into  func() any // for scanning
	after func() error
}

func text[T ~string](name string, p *T) column {
	return column{name: name, value: func() any { return string(*p) }, into: func() any { return p }}
}

func number[T ~int | ~int64](name string, p *T) column {
	return column{name: name, value: func() any { return int64(*p) }, into: func() any { return p }}
}

func flag(name string, p *bool) column {
	var v int64
	return column{name: name, value: func() any { return bit(*p) }, into: func() any { return &v },
		after: func() error { *p = v != 0; return nil }}
}

func instant(name string, p *time.Time) column {
	var v int64
	return column{name: name, value: func() any { return millis(*p) }, into: func() any { return &v },
		after: func() error { *p = fromMillis(v); return nil }}
}

func span(name string, p *time.Duration) column {
	var v int64
	return column{name: name, value: func() any { return p.Milliseconds() }, into: func() any { return &v },
		after: func() error { *p = time.Duration(v) * time.Millisecond; return nil }}
}

func document[T any](name string, p *T) column {
	var v string
	return column{name: name,
		value: func() any {
			raw, err := json.Marshal(*p)
			if err != nil {
				return unstorable{err}
			}
			return string(raw)
		},
		into: func() any { return &v }, after: func() error { return json.Unmarshal([]byte(v), p) }}
}

// unstorable is a value that cannot be written: the statement fails with its error.
type unstorable struct{ err error }

// Value implements driver.Valuer.
func (u unstorable) Value() (driver.Value, error) { return nil, u.err }

type columns []column

func (cs columns) names() string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// scan reads one row into the record the columns belong to.
func (cs columns) scan(row interface{ Scan(...any) error }) error {
	into := make([]any, len(cs))
	for i, c := range cs {
		into[i] = c.into()
	}
	if err := row.Scan(into...); err != nil {
		return err
	}
	for _, c := range cs {
		if c.after != nil {
			if err := c.after(); err != nil {
				return err
			}
		}
	}
	return nil
}

// insert appends "(names) VALUES (values)".
func (cs columns) insert(q *query) {
	q.add(" (" + cs.names() + ") VALUES (")
	for i, c := range cs {
		if i > 0 {
			q.add(", ")
		}
		q.add("?", c.value())
	}
	q.add(")")
}

// values are those of one row.
func (cs columns) values() []any {
	values := make([]any, len(cs))
	for i, c := range cs {
		values[i] = c.value()
	}
	return values
}

// set appends "name = value, ...".
func (cs columns) set(q *query) {
	for i, c := range cs {
		if i > 0 {
			q.add(", ")
		}
		q.add(c.name+" = ?", c.value())
	}
}
