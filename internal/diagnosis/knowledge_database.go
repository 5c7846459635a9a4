package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

var databaseKnowledge = []entry{
	{
		class: "container_missing", code: "INVALID_CONFIG", family: "database", retry: RetryNo, title: "the container does not exist",
		cause:   "The container that the backup works in does not exist: it was renamed, made anew, or runs on another machine.",
		fix:     []string{"List them: docker ps -a", "Correct the container's name in the backup, or start the service."},
		certain: []string{"couldn't find data container", "pull access denied for", "container & was not found", "unable to find service", "could not find the container", "container name & not found", "no such volume: & {docker}", "container & cannot be found", "does not match any containers", "container not found & !container not found (", "no such container", "no such object", "no container found", "no container with name or id", "pods ' & not found", "container & not found & !executable & !container not found (", "container & does not exist & !specified container", "no such service", "no such pod", "couldn't find linked", "unable to find container", "could not find container", "no running containers found", "service & not found & {docker}", "container id & not found"},
		hints:   []string{"no such task", "no resources found", "manifest unknown", "no such image"},
	},
	{
		class: "container_not_running", family: "database", retry: RetryBackoff, title: "the container is not running",
		cause:   "The container exists, but it is stopped, restarting or just starting.",
		fix:     []string{"See why: docker ps -a; docker logs CONTAINER", "Start it, then run the backup again."},
		certain: []string{"unable to upgrade connection: container not found", "is the docker daemon running", "cannot connect to the docker daemon", "does not appear to be running", "container & stopped", "container & restarting", "is not running, start it", "imagepullbackoff", "not running: container", "container & not healthy", "podman: container state", "container & is not running", "is restarting, wait until the container is running", "can only create exec sessions on running containers", "container state improper", "container not found (", "cannot exec in a stopped", "cannot exec a container that has stopped", "cannot exec in a stopped state", "container & is paused", "is paused, unpause", "cannot exec into a container in a completed pod", "container & not running", "pod & is not running", "container & has exited", "is not running & ~{docker} & !cron & !scheduler & !process & !backup & !server", "crashloopbackoff", "container is stopped", "container & exited", "container & is dead", "container is unhealthy", "pod is not running", "service & is not running & {docker}"},
		likely:  []string{"service & is not running & !cron & !scheduler"},
		hints:   []string{"containercreating", "container is restarting", "no running task", "container exited"},
	},
	{
		class: "container_network", code: "INVALID_CONFIG", family: "database", retry: RetryNo, title: "the container's network is missing",
		cause:   "The backup's container could not be attached to the network of the others.",
		fix:     []string{"List them: docker network ls", "Create the network, or start the service anew so that it is made; correct its name in the backup."},
		certain: []string{"network & is ambiguous", "network & has active endpoints", "endpoint with name & already exists in network", "could not find network", "network & was not found", "daemon: network & not found", "|network| & not found & {docker}", "does not belong to the default network", "failed to set up container networking", "driver failed programming external connectivity", "non-overlapping ipv4 address pool", "all predefined address pools have been fully subnetted", "network & declared as external, but could not be found", "could not attach to network", "failed to create endpoint", "error creating network", "network-scoped alias", "no such network", "network & does not exist & {docker}", "iptables failed", "failed to create network", "not attached to network", "network sandbox", "sandbox join failed", "network & could not be found", "cni plugin", "failed to connect to network", "cannot be attached to network", "network name & not unique"},
	},
	{
		class: "db_auth_failed", family: "database", retry: RetryNo, title: "the database refused the login",
		cause: "User or password is wrong, or the database does not let this user in from this machine.",
		fix:   []string{"Try it by hand with the same user, host and password.", "Correct the password in the backup, or the right to connect (GRANT, pg_hba.conf)."},
		certain: []string{
			"|1862|", "you must reset your password", "bad auth : authentication failed", "error: password authentication", "invalid password & {db}", "(unauthorized) command & requires authentication", "client does not support authentication & mongo", "user & has no password assigned", "permission denied for user & {db}", "ora-28000", "ora-28001", "login failed. & {db}", "invalid credentials & @db & !{s3}",
			"access denied for user & using password", "password authentication failed", "peer authentication failed", "ident authentication failed", "md5 authentication failed", "no pg_hba.conf entry", "pg_hba.conf rejects", "no password supplied", "sasl authentication step", "authentication failed & {db} & !failed to authenticate", "auth error: sasl", "wrongpass", "noauth authentication required", "(authenticationfailed)", "role & does not exist & !{s3}", "sqlstate[hy000] [1045]", "sqlstate[28000]", "error 1045", "error: 1045", "1698 & access denied", "(28000)", "is not allowed to connect to this", "1130 & host", "error: 1130", "login failed for user",
			"access denied for user & when trying to connect", "ora-01017", "gss authentication failed", "ldap authentication failed", "scram authentication failed", "cert authentication failed", "user & not found in", "authentication failed & ~mongodump", "password is missing & {db}", "authentication unsuccessful & {db}", "server requested a password, but", "sasl: scram-server-first-message: client password must be a string", "unable to authenticate using mechanism", "empty password returned by client", "requires authentication & {db}", "command & requires authentication", "invalid username-password pair", "radius authentication failed", "no encryption) & pg_hba",
		},
		likely: []string{"access denied for user & !to database & !process & !lock tables", "mongoerror: authentication failed", "authentication failed & ~{db} & !publickey & !failed to authenticate & !~{s3}", "fatal: & authentication failed & !publickey & !{s3}"},
		hints:  []string{"bad & password & @db", "valid client certificate", "sasl authentication failed", "bad auth", "invalid authorization specification"},
		own: []own{{
			facts: databaseFailed, title: "the database server refused the login",
			cause: "{db_address} refused {db_user}, asked by account {account}: {line}",
			fix: []string{
				"For peer or socket login: run as the account that has the database user's name (run_as), or create that user.",
				"For a password: {credentials}",
			},
		}},
	},
	{
		class: "db_privilege_missing", family: "database", retry: RetryNo, title: "the database user lacks a privilege",
		cause: "The login works, but the user may not read or lock everything that is dumped.",
		fix:   []string{"Grant what the message names; for MySQL: GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT, PROCESS; for PostgreSQL: GRANT pg_read_all_data.", "Or leave it out (--no-tablespaces, --single-transaction, --exclude-table)."},
		certain: []string{
			"read:authorizations", "is not able to access the database", "show view command denied", "lock tables command denied", "requires at least one of", "for this operation (1227)", "not allowed to dump", "access to & denied & {db} & !user", "must have & privilege", "does not have the required", "insufficientprivilege",
			"you need (at least one of)", "access denied for user & to database", "access denied; you need", "command denied to user", "permission denied for table", "permission denied for relation", "permission denied for schema", "permission denied for sequence", "permission denied for database", "permission denied for large object", "permission denied for view", "permission denied for function", "permission denied for foreign", "permission denied for materialized", "permission denied to", "not authorized on", "must be superuser", "specified as a definer", "when using lock tables & access denied", "lack rights to use them", "must be owner of", "(1227)", "(1142)", "insufficient privilege", "error: 1044", "row-level security", "row level security policy",
			"|noperm|", "must be member of", "requires the privilege", "is missing privileges", "lacks privilege", "user lacks", "replication slave privilege", "insufficient privileges & {db}", "access denied & privilege", "permission was denied on the object", "backup database permission denied", "not allowed to do action", "does not have permission & {db}", "need the & privilege", "ora-01031", "role & permitted to log in", "not permitted to log in", "requires superuser",
		},
		likely: []string{"{denied} & {db} & !{nofile} & !open & !tar: & !mkdir & !/ & !publickey", "privilege & {db} & {fails}"},
		hints:  []string{"permission denied on", "select command denied", "trigger command denied", "need super", "missing grants", "backup role"},
		own: []own{{
			facts: []backup.Fact{backup.FactDatabaseRights}, title: "the login may not read all of the database",
			cause: "{db_user} may not read all of {database}: {text}.",
			fix:   []string{"On the database server: {grant}", "Or name a user that may, or an account in run_as."},
		},
			{
				facts: databaseFailed, title: "the login may not read all of the database",
				cause: "{db_user} may not read all of {database}: {line}",
				fix:   []string{"On the database server: {grant}", "Or name a user that may, or an account in run_as."},
			}},
	},
	{
		class: "db_client_version_mismatch", family: "database", retry: RetryNo, title: "the dump tool does not fit the database's version",
		cause: "The client is older than the server, or of another make, and does not understand it.",
		fix:   []string{"Compare: pg_dump --version or mysqldump --version, and SELECT version();", "Install the client of the server's version, or dump inside the database's own container."},
		certain: []string{
			"unknown redo log format", "unsupported mongodb version", "unsupported mysql version", "unsupported mariadb version", "not support server version", "couldn't execute & error in your sql syntax", "unexpected response & syntax error & replication",
			"unknown function: pg_catalog",
			"unknown option '--", "server has a newer version", "this version of mongodump", "server does not support ssl, but", "client version & server version", "requires a newer version of", "unrecognized option: --column",
			"server version mismatch", "column_statistics", "unsupported version & in file header", "does not support authentication protocol", "caching_sha2_password", "requires libpq version", "wire version", "authentication method 10 not supported", "authentication method & not supported & {db}", "generation_expression", "unknown column 'generation", "sha256_password & cannot be loaded", "authentication plugin & cannot be loaded", "authentication plugin & reported error", "plugin & could not be loaded", "unrecognized configuration parameter", "unknown variable 'set-gtid-purged", "unknown option '--column-statistics", "unknown variable 'column-statistics", "server version: & version: & mismatch",
			"unsupported postgresql version", "unsupported server version", "unknown system variable", "the server version is too", "is not supported by this version of", "unsupported frontend protocol", "unknown authentication plugin", "auth_gssapi_client", "unsupported protocol version & {db}", "this version of pg_dump", "only supports up to", "version & not compatible & {db}", "version of mysqldump", "unsupported file format & {db}", "please use the same version", "database version is newer",
		},
		likely: []string{"server version: & pg_dump version:", "server version: & pg_dumpall version:", "version mismatch & {db}", "proc & column count", "unsupported redo log format"},
		hints:  []string{"unknown variable", "incompatible with server", "unsupported wire", "unknown authentication"},
		own: []own{{
			facts: []backup.Fact{backup.FactDatabaseClientOld}, title: "pg_dump is older than the server",
			cause: "The newest pg_dump on {address} is {client_version}, and the server that keeps {database} is {server_version}: it refuses servers newer than itself.",
			fix:   []string{"On {address} install pg_dump of version {server_major} or newer; on Debian and Ubuntu, from apt.postgresql.org where the system's own is older: apt-get install postgresql-client-{server_major}"},
		},
			{
				facts: databaseFailed, title: "the dump tool and the server do not fit together",
				cause: "{line} The tool is {client_version}, the server {server_version}.",
				fix:   []string{"Install the client of the server's own version on {address}."},
			}},
	},
	{
		class: "db_connection_limit", family: "database", retry: RetryBackoff, title: "the database accepts no more connections",
		cause:   "All connections that the database, or the user, may have are taken.",
		fix:     []string{"Look at who holds them: SHOW PROCESSLIST; or SELECT * FROM pg_stat_activity;", "Wait, close idle ones, or raise max_connections."},
		certain: []string{"exceeds max_wal_senders", "all replication slots are in use", "has exceeded the 'max", "max_connections_per_hour", "max_questions", "too many database connections", "max number of clients", "sqlstate 53300", "53300", "all connections are in use", "too many connections & !@ssh", "too many clients already", "remaining connection slots are reserved", "max_user_connections", "error: 1040", "1040 & too many", "too many connections for role", "too many connections for database", "max number of clients reached", "error 1040", "sqlstate[hy000] [1040]", "sqlstate[08004]", "max clients reached", "connection limit exceeded", "too many connections", "max_connections", "connection pool exhausted & {db}", "max client connections reached", "no more connections allowed"},
		hints:   []string{"no free connections"},
		own: []own{{
			facts: databaseFailed, title: "the database server takes no more connections",
			cause: "{line}",
			fix:   []string{"Try again when fewer are connected, raise max_connections, or keep a reserved connection for {db_user}."},
		}},
	},
	{
		class: "db_connection_lost", family: "database", retry: RetryOnce, title: "the database connection broke during the dump",
		cause:   "The database closed the connection in the middle: it restarted, crashed, or timed out.",
		fix:     []string{"Look at the database's own log of that moment.", "Raise net_read_timeout and net_write_timeout, or tcp_keepalives, if it was merely slow; then try again."},
		certain: []string{"error reading data from the connection", "error writing data to the connection", "error while sending & packet", "error reading communication packets", "connection to server was lost", "connection has been closed", "connection is closed & {db}", "error: connection lost", "socket exception & mongo", "cursor id & not found", "connection pool & was cleared", "lost connection & {db}", "server shutdown in progress", "due to administrator command", "replication terminated by primary", "could not send replication command & closed", "node is shutting down", "interruptedatshutdown", "connection & closed by the server & {db}", "lost connection to mysql", "lost connection to server", "server closed the connection unexpectedly", "server has gone away", "pqgetcopydata() failed", "ssl syscall error", "terminating connection due to administrator command", "terminating connection because of crash", "incomplete read of message header", "ssl connection has been closed unexpectedly", "error 2013", "error: 2013", "(2013)", "(2006)", "error: 2006", "terminating connection due to idle", "no connection to the server & {db}", "the database system is shutting down", "connection to database lost", "connection to client lost & {db}", "could not receive data from server", "could not send data to server", "pqputcopydata", "terminated by signal 11", "connection terminated unexpectedly", "connection not open & {db}", "server terminated abnormally", "socket was unexpectedly closed", "connection() error & {reset}", "could not receive data from client", "lost connection during query", "canceling statement due to user request", "query execution was interrupted", "max_statement_time", "lock wait timeout exceeded", "canceling statement due to lock timeout"},
		likely:  []string{"{reset} & {db}", "{pipe} & {db} & !gzip", "connection closed & {db}", "pqgetresult() failed", "unexpected eof & {db}"},
		hints:   []string{"error reading result", "statement timeout", "deadlock", "reading communication packets", "writing communication packets", "connection was killed", "cursornotfound", "cursor not found", "terminating walreceiver"},
		own: []own{{
			facts: databaseFailed, title: "the database server ended the connection",
			cause: "{database} was being dumped: {line}",
			fix:   []string{"Look at the log of the database server, then try again."},
		}},
	},
	{
		class: "db_corruption", family: "database", retry: RetryNo, title: "the database is damaged",
		cause: "The database found damaged data while it was read.",
		fix:   []string{"Do not overwrite older backups: keep the last good one.", "Check disk and memory, then repair: REINDEX or pg_amcheck, REPAIR TABLE or mysqlcheck, PRAGMA integrity_check.", "Restore what cannot be repaired."},
		certain: []string{
			"could not open file 'base/", "could not open file 'pg_", "innodb: & corrupt", "database file is corrupt", "crashed and should be repaired", "cannot read from & corrupted", "wiredtiger & checksum", "database schema is corrupt", "error: disk image",
			"invalid page in block", "missing chunk number", "unexpected chunk number", "is marked as crashed", "marked as crashed", "could not read block", "database disk image is malformed", "file is not a database", "doesn't exist in engine", "database page corruption", "incorrect key file for table", "cache lookup failed for", "tablespace is missing", "tablespace & missing for table", "invalid page header", "page verification failed", "compressed data is corrupt", "compressed pglz data is corrupt", "invalid page checksums", "wt_panic", "file is encrypted or is not a database", "could not access status of transaction", "incorrect information in file", "table & is corrupt", "index & is corrupt", "index & is corrupted", "table & corrupted", "data dictionary & corrupt", "tuple concurrently",
			"malformed database schema", "could not open relation", "right sibling's left-link", "unexpected data beyond eof", "got error 127", "can't find file: & (errno: 2", "data page checksum", "innodb: corruption", "corrupted page", "btree & corrupt", "checksum mismatch & innodb", "row 1 missing from index", "wrong # of entries in index", "integrity_check & fail", "could not find block", "invalid memory alloc request size 1844", "toast value", "got error 194", "got error 176", "got error 126", "query returned 0 rows instead of one", "unrecoverable checkpoint", "invalid record length & {fails}", "page & corrupt & {db}",
		},
		likely: []string{"corrupt & {db}", "table & doesn't exist & when using lock tables"},
		hints:  []string{"repair failed", "table upgrade required", "found xmin", "heap tid", "catalog is missing", "relation mapping file", "database is corrupt", "database corruption", "corrupted table", "page is corrupted", "invalid bson", "tablespace is discarded"},
		own: []own{{
			facts: databaseFailed, title: "this is no sound database",
			cause: "{database}: {line}",
			fix:   []string{"Check it on the server, and restore an older backup of it if it is damaged."},
		},
			{
				facts: []backup.Fact{backup.FactDumpDamaged}, title: "the copy of the database is not sound",
				cause: "The copy of {database} does not pass integrity_check, so either the database is damaged, or copying it went wrong.",
				fix:   []string{"On the server: sqlite3 FILE \"PRAGMA integrity_check\", and restore an older backup of it if that does not say ok.", "Else try again, and check the server's disk."},
			}},
	},
	{
		class: "db_host_unresolvable", code: "INVALID_CONFIG", family: "database", retry: RetryNo, title: "the database's host name does not resolve",
		cause:   "The name of the database's host, often a container's or service's name, is not known where the dump runs.",
		fix:     []string{"Correct the host of the database in the backup.", "With containers: run the dump in the network of the database's container."},
		certain: []string{"could not translate host name", "unknown mysql server host", "unknown server host", "unknown mariadb server host", "error: 2005", "php_network_getaddresses & {db}", "sqlstate & {nameres}", ":27017 & {nameres}", "lookup & :27017", "{nameres} & mongo", "{nameres} & {db} & !{s3} & !amazonaws", "error 2005", "getaddrinfo for", "hostname & not resolved & {db}", "getaddrinfo & postgres", "getaddrinfo & mysql", "getaddrinfo & mariadb", "getaddrinfo & redis", "name or service not known & redis", "getaddrinfo enotfound db|", "getaddrinfo eai_again db|", "ora-12545"},
		own: []own{{
			facts: databaseFailed, title: "the name of the database server does not resolve",
			cause: "{line}",
			fix:   []string{"Correct host of {database}, or the resolver of {address}."},
		}},
	},
	{
		class: "db_packet_too_big", family: "database", retry: RetryNo, title: "a row is too big for the client or the server",
		cause:   "One row, or one value, is larger than the limit of the protocol or of the client.",
		fix:     []string{"MySQL: mysqldump --max_allowed_packet=1G, and max_allowed_packet of the server.", "PostgreSQL: dump the table's large column apart (COPY with a part of it), or store it otherwise."},
		certain: []string{"out of memory & enlarge", "value too large & {db}", "exceeds max_allowed", "larger than max_allowed", "result of & was larger than max_allowed_packet", "bson document too large", "message too large & {db}", "packet bigger than", "max_allowed_packet", "invalid memory alloc request size", "cannot enlarge string buffer", "packet too large", "net_packet_too_large", "error 2020", "error: 2020", "string or blob too big", "bsonobj size", "object to insert too large", "packet sequence number wrong", "packets out of order", "message contents do not agree with length", "out of memory allocating & bytes for copy", "maximum bson size", "document is too large", "row size too large"},
		hints:   []string{"maximum allowed packet", "document exceeds"},
		own: []own{{
			facts: databaseFailed, title: "a row is larger than the client takes",
			cause: "{line}",
			fix:   []string{"Set max_allowed_packet = 1G below [mysqldump] in ~{account}/.my.cnf on {address}."},
		}},
	},
	{
		class: "db_pooler_incompatible", family: "database", retry: RetryNo, title: "a connection pooler stands between",
		cause:   "The dump went through a pooler (PgBouncer and its like) that does not support what it needs.",
		fix:     []string{"Connect to the database itself: its own host and port (5432), or the address that the provider calls direct.", "Or session pooling, and ignore_startup_parameters in pgbouncer.ini."},
		likely:  []string{"query failed: error: & error: 42601"},
		certain: []string{"unexpected response from login query", "pooler.supabase", "cannot & transaction pooling", "prepared statements & pool", "session mode is required", "server login has been failing", "unsupported startup parameter", "unsupported options startup parameter", "only '-c config=val' is allowed", "pool_mode set to", "prepared statement & does not exist", "prepared statement & already exists", "transaction pooling", "server conn crashed", "query_wait_timeout", "tenant or user not found", "pgbouncer cannot connect to server", "server_login_retry", "no such database: & pgbouncer", "client_login_timeout", "not supported in transaction pool", "pooler & not supported", "non-pooled", "maxclientsinsessionmode", "max clients in session mode", "transaction mode & pool", "replication connections are not supported", "bouncer config error", "pgbouncer & {fails}", "named prepared statements"},
		hints:   []string{"pooler error", "supavisor"},
	},
	{
		class: "db_standby_conflict", family: "database", retry: RetryOnce, title: "the replica cancelled the dump",
		cause:   "The dump reads a standby, and the standby needed to apply changes that the dump still held up.",
		fix:     []string{"On the standby set hot_standby_feedback = on, or raise max_standby_streaming_delay.", "Or dump from the primary, or pause replay: SELECT pg_wal_replay_pause();"},
		certain: []string{"standby & cancel", "due to conflict with recovery", "row versions that must be removed", "holding a relation lock for too long", "recovery conflict", "conflict with recovery", "holding shared buffer pin for too long", "caused buffer deadlock with recovery", "recovery is in progress", "cannot assign transactionids during recovery", "timeout before standby replayed"},
		own: []own{{
			facts: databaseFailed, title: "the standby cancelled the dump",
			cause: "{line}",
			fix:   []string{"Raise max_standby_streaming_delay on the standby, or dump from the primary."},
		}},
	},
	{
		class: "db_unreachable", family: "database", retry: RetryBackoff, title: "the database does not answer",
		cause:   "Nothing answers where the database should listen: it is stopped, starting, or elsewhere.",
		fix:     []string{"Check that it runs, and where it listens: systemctl status; ss -ltn; docker ps", "Correct host, port or socket in the backup. In a container, localhost is the container itself."},
		guesses: []string{"could not connect & @db", "couldn't connect & @db", "failed to connect & @db", "unable to connect & @db"},
		certain: []string{
			"blocked because of many connection errors", "connection could not be established & {db}", "could not find a master", "notprimarynosecondaryok", "not master and slaveok=false", "unable to reach primary", "database server & unreachable", "mongod & not running", "loading redis is loading the dataset", "loading the dataset in memory", "can't reach database server", "p1001", "connection to database failed & !authentication", "failed to connect to mysql", "failed to connect to mongodb", "failed to connect to postgres", "cannot connect to server & {db}", "unable to connect to mysql", "unable to connect to postgres", "mysql & not ready", "postgres & not ready", "no response & pg_isready",
			"can't connect to mysql", "can't connect to local mysql", "can't connect to local server", "can't connect to server on", "can't connect to mariadb", "can't connect to local mariadb", "is the server running", "{refused} & @db & !:22 & !{s3} & !{notice}", "could not connect to server & {db}", "server selection error", "server selection timeout", "the database system is starting up", "could not connect to redis", "error: 2002", "error: 2003", "error 2002", "error 2003", "sqlstate[hy000] [2002]", "sqlstate[hy000] [2003]", "sqlstate[08006] & !translate", "connection to server & {timedout}", ":27017 & {refused}", "the database system is in recovery mode", "not yet accepting connections", "serverselectiontimeouterror", "no reachable servers", "econnrefused & :3306", "econnrefused & :5432", "econnrefused & :27017", "mysqld.sock", "mysql.sock", "s.pgsql.5432",
			"{timedout} & @db & !:22 & !{s3} & !{notice} & !@ssh", "{noroute} & @db & !@ssh", "couldn't connect to server & {db}", "could not connect to database", "failed to connect to database", "unable to connect to database", "database is not accessible", "is not accessible, retrying", "database server & not running", "cannot connect to database", "connection to server at & failed & !fatal", "connection to the database failed", "database is unavailable", "database is down", "unable to connect to the database", "ora-12541", "sql server does not exist or access denied", "a network-related or instance-specific error", "is not currently accepting connections", "is not accepting connections", "the mysql server is not running", "tls handshake failed & {db}",
		},
		likely: []string{"could not connect to server", "server selection", "connection to server & failed & !fatal"},
		hints:  []string{"host is blocked", "server selection loop", "connect econnrefused", "rejecting connections"},
		own: []own{{
			facts: []backup.Fact{backup.FactDatabaseConnect}, last: true, title: "the database server does not answer",
			cause: "{database} at {db_address} could not be asked from {address}: {text}.",
			fix:   []string{"Look whether the database server runs there, and start it.", "Compare host and port, or the folder of the socket, with its settings."},
		}},
	},

	// Only our own facts name these.
	{
		class: "db_engine_mismatch", code: "INVALID_CONFIG", family: "database", retry: RetryNo, title: "the database server is of another kind",
		cause: "The database is said to be of one kind, and the server is of another.",
		fix:   []string{"Correct the engine in the backup."},
		own: []own{{
			facts: []backup.Fact{backup.FactDatabaseEngine},
			cause: "{database} is said to be kept by {engine}, and {text}.",
			fix:   []string{"Set engine = \"{other_engine}\"."},
		}},
	},
	{
		class: "db_not_found", code: "INVALID_CONFIG", family: "database", retry: RetryNo, title: "there is no such database",
		cause: "The server has no database of that name.",
		fix:   []string{"Correct the name; \"psql -l\" and \"SHOW DATABASES\" list them."},
		own: []own{{
			facts: []backup.Fact{backup.FactDatabaseConnect}, texts: []string{"unknown database", "fatal:  database \""},
			cause: "The server at {db_address} has no database {database}: {line}",
		}},
	},
	{
		class: "dump_failed", family: "database", retry: RetryNo, title: "the database could not be dumped",
		cause: "The tool that dumps the database ended with an error.",
		fix:   []string{"Read what it said: cloudaipilot backup log", "Correct it on the server, then try again."},
		own: []own{{
			facts: []backup.Fact{backup.FactDumpFailed}, last: true,
			cause: "The tool that dumps {database} ended with exit status {exit_status}: {line}",
		}},
	},
}
