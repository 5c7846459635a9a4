package diagnosis

import (
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Codes lists the codes that a diagnosis can have, each once, in alphabetical order.
func Codes() []string {
	codes := []string{unknown.fill(backup.Failure{}).Code}
	for _, e := range knowledge {
		codes = append(codes, e.fill(backup.Failure{}).Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
