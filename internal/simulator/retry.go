package simulator

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"

// pauseAfter returns how many seconds after that many tries a run is tried again, 0 for not at all.
func pauseAfter(r diagnosis.Retry, tries int32) int64 {
	switch {
	case r == diagnosis.RetryOnce && tries == 1:
		return 30
	case r == diagnosis.RetryBackoff && tries <= 3:
		return 30 << (tries - 1)
	}
	return 0
}
