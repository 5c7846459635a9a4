package diagnosis

import "slices"

// Codes lists the codes that a failure of ours can have, each once, in alphabetical order.
func Codes() []string {
	codes := []string{unknown.codeOrClass()}
	for _, e := range knowledge {
		if len(e.own) > 0 || slices.Contains(ourFamilies, e.family) {
			codes = append(codes, e.codeOrClass())
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
