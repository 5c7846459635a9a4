package diagnosis

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// toolPackages are those of Debian and Ubuntu.
var toolPackages = map[backup.Engine]string{
	backup.EnginePostgreSQL: "postgresql-client",
	backup.EngineMySQL:      "mysql-client (on Debian from MySQL's own repository)",
	backup.EngineMariaDB:    "mariadb-client",
	backup.EngineSQLite:     "sqlite3",
}

// jobAccount is whom the job runs as.
func jobAccount(e backup.Evidence) string {
	if e.Privilege == string(backup.PrivilegeSudo) {
		return "root"
	}
	return e.User
}

func otherEngine(e backup.Engine) backup.Engine {
	if e == backup.EngineMariaDB {
		return backup.EngineMySQL
	}
	return backup.EngineMariaDB
}

var defaultPorts = map[backup.Engine]int{backup.EnginePostgreSQL: 5432, backup.EngineMySQL: 3306, backup.EngineMariaDB: 3306}

// databaseAddress is where the client looked.
func databaseAddress(d backup.Database) string {
	port := d.Port
	if port == 0 {
		port = defaultPorts[d.Engine]
	}
	switch {
	case d.Host == "":
		return "the local socket"
	case strings.HasPrefix(d.Host, "/"):
		return "the socket in " + d.Host
	}
	return d.Host + " port " + strconv.Itoa(port)
}

// credentials says where the client finds a password, without it.
func credentials(d backup.Database, e backup.Evidence) string {
	account := d.RunAs
	if account == "" {
		account = jobAccount(e)
	}
	user := d.User
	if user == "" {
		user = account
	}
	switch d.Engine {
	case backup.EnginePostgreSQL:
		host, port := d.Host, d.Port
		if host == "" || strings.HasPrefix(host, "/") {
			host = "localhost"
		}
		if port == 0 {
			port = defaultPorts[d.Engine]
		}
		return fmt.Sprintf("add this line, with the password at its end, to ~%s/.pgpass on the server, which must have mode 0600:\n     %s:%d:%s:%s:", account, host, port, d.Name, user)
	case backup.EngineMySQL, backup.EngineMariaDB:
		return fmt.Sprintf("write these lines, with the password, to ~%s/.my.cnf on the server, which should have mode 0600:\n     [client]\n     user = %s\n     password =", account, user)
	default:
		return "keep the credentials in the file of the engine's own client"
	}
}

// grant is what a login needs to read everything.
func grant(d backup.Database, e backup.Evidence) string {
	user := d.User
	if user == "" {
		user = d.RunAs
	}
	if user == "" {
		user = jobAccount(e)
	}
	switch d.Engine {
	case backup.EnginePostgreSQL:
		return fmt.Sprintf("GRANT pg_read_all_data TO %q;  (PostgreSQL 14 and newer; large objects take a superuser, or GRANT SELECT ON LARGE OBJECT)", user)
	case backup.EngineMySQL, backup.EngineMariaDB:
		return fmt.Sprintf("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `%s`.* TO '%s'@'localhost';", d.Name, user)
	default:
		return "chmod and chown of " + path.Base(d.Name)
	}
}
