package backup

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled when it is first asked: Terraform starts a provider for every command, and most
// of them ask none.
type Pattern func() *regexp.Regexp

// NewPattern returns a pattern. An expression that is none panics when it is first asked, so that any test of it shows it.
func NewPattern(expression string) Pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// MatchString reports whether s holds a match.
func (p Pattern) MatchString(s string) bool { return p().MatchString(s) }
