package scheduler

// Seed returns the number that stands for a schedule in Chance, from its "server name/schedule name": both are known
// when a change is planned, so that everybody computes the same times.
func Seed(name string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Chance returns a number that is as good as random, and the same whenever the same is asked.
func Chance(seed uint64, due int64) uint64 {
	h := seed + uint64(due)*0x9e3779b97f4a7c15 //nolint:gosec // the bits are wanted, not the number
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9       // splitmix64
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
