// Package store keeps the control plane's records in SQL.
//
// One schema and one set of queries serve every database. It decides nothing: rules live in the domain, use cases in
// the control plane. Start reading at Open, then migrations/0001_records.sql.
package store
