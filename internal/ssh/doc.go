// Package ssh owns the transport to a server and the backup job that runs there.
// It must not know what a backup is for: no retries, no diagnosis, no store, no vault.
// Read [Dial] and [Pool] for the connection, then [Host] for what can be asked of a server,
// and backup.sh for what happens there, with database.sh where databases are dumped. Everything a server says is bounded and taken as hostile,
// and every failure a caller decides on has a type: [ConnectError], [RefusedError], [SudoError], [RemoteError].
package ssh
