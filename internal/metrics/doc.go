// Package metrics measures the control plane for Prometheus.
//
// What one process does it counts as the control plane's Observer and around its handler; what is the same for all
// processes it asks the records at each scrape. It decides nothing. Start reading at New.
package metrics
