package simulator

import (
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// classes numbers the classes of failures that a scenario can have. 0 is none.
type classes struct {
	names               []diagnosis.Class
	connect             []bool
	diskFull, vaultFull uint8
}

func newClasses(sc *Scenario) *classes {
	c := &classes{names: []diagnosis.Class{""}, connect: []bool{false}}
	c.diskFull, c.vaultFull = c.of("disk_full"), c.of("offsite_storage_full")
	add := func(faults []Fault) {
		for _, f := range faults {
			if f.Slower <= 1 {
				c.of(f.Class)
			}
		}
	}
	add(sc.Faults)
	for _, s := range sc.Servers {
		add(s.Faults)
	}
	for _, v := range sc.Vaults {
		add(v.Faults)
	}
	return c
}

// faults prepares faults.
func (c *classes) faults(faults []Fault) []fault {
	prepared := make([]fault, 0, len(faults))
	for _, f := range faults {
		p := fault{Span: f.Span, below: uint64(f.Chance * (1 << 63) * 2), slower: f.Slower}
		if f.Chance >= 1 {
			p.below = 0
		}
		if f.Slower <= 1 {
			p.class = c.of(f.Class)
		}
		prepared = append(prepared, p)
	}
	return prepared
}

// of returns the number of a class, which it numbers if it has none. Only newClasses has new ones numbered.
func (c *classes) of(class diagnosis.Class) uint8 {
	if i := slices.Index(c.names, class); i >= 0 {
		return uint8(i) //nolint:gosec // there are not so many classes
	}
	c.names = append(c.names, class)
	c.connect = append(c.connect, Connects(class))
	return uint8(len(c.names) - 1) //nolint:gosec // there are not so many classes
}

func (c *classes) name(class uint8) diagnosis.Class { return c.names[class] }

// connects reports whether a failure of the class shows when the server is called.
func (c *classes) connects(class uint8) bool { return c.connect[class] }
