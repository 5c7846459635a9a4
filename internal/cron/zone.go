package cron

import (
	"archive/zip"
	_ "embed" // the zone database
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// ZoneVersion is the release of the IANA time zone database that is embedded. All machines that run one version of this
// program compute the same times, whatever their own database says.
//
// zoneinfo.zip is lib/time/zoneinfo.zip of Go 1.26; lib/time/update.bash beside it names the release.
const ZoneVersion = "2025c"

//go:embed zoneinfo.zip
var zoneArchive string

// Zone is a time zone as a table of offsets from UTC. LoadZone makes them; they are never changed.
type Zone struct {
	name     string
	location *time.Location
	spans    []span   // by start; the last one is a sentinel that never begins
	index    []uint16 // for each 2^indexShift seconds since firstUnix the span in which they begin
}

// span is a time with one offset. It ends where the next one begins.
type span struct{ start, offset int64 }

const (
	firstUnix  = -2 * 86400         // 1970 has begun nowhere
	lastUnix   = 7289654400 + 86400 // 2201 has begun everywhere
	firstYear  = 1970
	lastYear   = 2200
	indexShift = 25 // about a year: two more steps find the span
)

// UTC is the zone without surprises.
var UTC = newZone("UTC", time.UTC)

var zoneFiles = sync.OnceValue(func() map[string]*zip.File {
	r, err := zip.NewReader(strings.NewReader(zoneArchive), int64(len(zoneArchive)))
	if err != nil {
		panic(fmt.Sprintf("cron: the embedded zone database: %v", err)) // a broken build
	}
	files := make(map[string]*zip.File, len(r.File))
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			files[f.Name] = f
		}
	}
	return files
})

// zones holds what was loaded: at most one table per name of the database, about 8 KB each.
var zones sync.Map

// LoadZone returns the zone of an IANA name such as Europe/Berlin, from the embedded database alone. The error is a *ZoneError
// for names that are not in it; "Local" and "" are not either, because they mean another thing on every machine.
func LoadZone(name string) (*Zone, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*Zone), nil //nolint:errcheck,forcetypeassert // only zones are stored
	}
	file := zoneFiles()[name]
	if file == nil {
		return nil, unknownZone(name)
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	location, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	z, _ := zones.LoadOrStore(name, newZone(name, location))
	return z.(*Zone), nil //nolint:errcheck,forcetypeassert // only zones are stored
}

// ZoneNames returns every name that LoadZone takes, sorted.
func ZoneNames() []string {
	names := make([]string, 0, len(zoneFiles()))
	for name := range zoneFiles() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Name returns the name that the zone was loaded by.
func (z *Zone) Name() string { return z.name }

// Location returns the zone for formatting times.
func (z *Zone) Location() *time.Location { return z.location }

func newZone(name string, location *time.Location) *Zone {
	z := &Zone{name: name, location: location, spans: []span{{math.MinInt64, offsetAt(location, firstUnix)}}}
	for at := int64(firstUnix); at < lastUnix; {
		at = nextChange(location, at)
		if offset := offsetAt(location, at); offset != z.spans[len(z.spans)-1].offset && at < lastUnix {
			z.spans = append(z.spans, span{at, offset})
		}
	}
	z.spans = append(z.spans, span{start: math.MaxInt64})
	for at, i := int64(firstUnix), 0; at < lastUnix; at += 1 << indexShift {
		for z.spans[i+1].start <= at {
			i++
		}
		z.index = append(z.index, uint16(i))
	}
	return z
}

// nextChange returns a time after at up to which the offset does not change. ZoneBounds alone will not do: on the last day of
// a leap year it may return an end that has passed (golang/go#81583). Then the hours are looked at one by one.
func nextChange(location *time.Location, at int64) int64 {
	_, end := time.Unix(at, 0).In(location).ZoneBounds()
	switch {
	case end.IsZero():
		return lastUnix
	case end.Unix() > at:
		return end.Unix()
	}
	offset, next := offsetAt(location, at), at+3600
	if offsetAt(location, next) == offset {
		return next
	}
	for next-at > 1 {
		if middle := at + (next-at)/2; offsetAt(location, middle) == offset {
			at = middle
		} else {
			next = middle
		}
	}
	return next
}

func offsetAt(location *time.Location, unix int64) int64 {
	_, offset := time.Unix(unix, 0).In(location).Zone()
	return int64(offset)
}

// spanAt returns the index of the span that holds t, which must lie between firstUnix and lastUnix.
func (z *Zone) spanAt(t int64) int {
	i := int(z.index[uint64(t-firstUnix)>>indexShift]) //nolint:gosec // t is not before firstUnix
	for z.spans[i+1].start <= t {
		i++
	}
	return i
}
