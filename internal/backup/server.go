package backup

import (
	"strconv"
	"strings"
	"time"
)

// Privilege says with which rights the job runs on the server.
type Privilege string

// The two privileges.
const (
	PrivilegeNone Privilege = "none" // as the login user
	PrivilegeSudo Privilege = "sudo" // as root, through "sudo -n"
)

// Defaults of a server's settings. User, port and folder are the panel's [KB 02-06, 05-03].
const (
	DefaultUser              = "cloudpilot"
	DefaultPort              = 22
	DefaultBackupDir         = "/tmp/cloudpilot-backups"
	DefaultConnectTimeout    = 10 * time.Second
	DefaultKeepaliveInterval = 15 * time.Second
	// One at a time: two that read the same disks take longer together than one after the other.
	DefaultConcurrentBackups = 1
)

// KeySource says where a server's key pair came from.
type KeySource string

// The key sources.
const (
	KeyNone      KeySource = "none"      // no key: every backup ends with SSH_NOT_CONFIGURED
	KeyGenerated KeySource = "generated" // made by the control plane; its public half goes into authorized_keys
	KeyProvided  KeySource = "provided"  // brought by the user
)

// ServerSpec is what a person says about a server.
type ServerSpec struct {
	Name, Host    string
	Port          int
	User          string
	HostKey       string // a key line or "SHA256:..."; empty only with RecordHostKey
	RecordHostKey bool   // without HostKey: trust and keep the key of the first contact
	BackupDir     string
	Privilege     Privilege
	Environment   string
	// ConnectTimeout bounds TCP connect, handshake and login together: 1 s to 5 min.
	ConnectTimeout time.Duration
	// KeepaliveInterval is the pause between keepalives, of which three may stay unanswered: 1 s to 5 min.
	KeepaliveInterval time.Duration
	// MaxConcurrentBackups is how many backups are made on the server at a time, 1 to 32. The others wait.
	MaxConcurrentBackups int
	// MaintenanceWindows are times in which no schedule starts a backup of the server.
	MaintenanceWindows []Window
}

// DefaultServerSpec returns the settings a person need not name.
func DefaultServerSpec() ServerSpec {
	return ServerSpec{
		Port: DefaultPort, User: DefaultUser, BackupDir: DefaultBackupDir, Privilege: PrivilegeNone,
		ConnectTimeout: DefaultConnectTimeout, KeepaliveInterval: DefaultKeepaliveInterval,
		MaxConcurrentBackups: DefaultConcurrentBackups,
	}
}

// Server is a machine that can be backed up.
type Server struct {
	ID ServerID
	ServerSpec

	KeySource       KeySource
	PublicKey       string // the line for authorized_keys; empty without a key
	SealedKey       string // the private key, sealed with the master key
	RecordedHostKey string // the key line of the first contact, where RecordHostKey asked for it

	CreatedAt, UpdatedAt time.Time
	DeletedAt            time.Time // zero while it exists
	Version              int64     // counts updates, for optimistic concurrency
}

// Address is where the server is reached: host:port, an IPv6 address in brackets.
func (s ServerSpec) Address() string {
	host := s.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(s.Port)
}

// TrustedHostKey returns the host key to insist on: the pinned one, else the recorded one, else "".
func (s Server) TrustedHostKey() string {
	if s.HostKey != "" {
		return s.HostKey
	}
	return s.RecordedHostKey
}
