package backup

// Nearest returns the candidate that was probably meant by s, a typing error or two away, or "".
func Nearest(s string, candidates []string) string { return nearest(s, candidates) }
