package cron

// Spans are the starts and offsets of a zone's spans but the sentinel.
func (z *Zone) Spans() [][2]int64 {
	var all [][2]int64
	for _, s := range z.spans[:len(z.spans)-1] {
		all = append(all, [2]int64{s.start, s.offset})
	}
	return all
}

// OffsetAt is the offset that the search uses.
func (z *Zone) OffsetAt(t int64) int64 { return z.spans[z.spanAt(t)].offset }

// Distance is exported for its test.
var Distance = distance
