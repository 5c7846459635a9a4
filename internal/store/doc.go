// Package store keeps the control plane's records in SQL.
//
// One schema and one set of queries serve SQLite and PostgreSQL; what differs is in dialect.go. It decides nothing:
// rules live in the domain, use cases in the control plane. Start reading at Open and OpenPostgres, then
// migrations/0001_records.sql.
package store
