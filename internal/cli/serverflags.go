package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// maxKeyFile bounds a key file; the API takes no longer private key.
const maxKeyFile = 64 << 10

// serverFlags are what a command line says about a server.
type serverFlags struct {
	name, host, user, hostKey, hostKeyFile, privateKey, backupDir, privilege, environment string

	port, concurrent   int
	record, noKey, key bool
	connect, keepalive time.Duration
	windows            []string
	windowsZone        string
}

// anyFlag reports whether a flag of the command itself was given.
func anyFlag(cmd *cobra.Command) (given bool) {
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { given = given || f.Changed })
	return given
}

// add registers the flags of a new server.
func (f *serverFlags) add(cmd *cobra.Command) {
	d := backup.DefaultServerSpec()
	f.register(cmd, d)
	cmd.Flags().BoolVar(&f.noKey, "no-key", false, "make no key pair: nobody can log in until the server is given one")
}

// change registers the flags of a server that exists.
func (f *serverFlags) change(cmd *cobra.Command) {
	f.register(cmd, backup.ServerSpec{})
	cmd.Flags().StringVar(&f.name, "name", "", "another name")
	cmd.Flags().BoolVar(&f.noKey, "no-key", false, "forget the key: nobody can log in until the server is given another")
	cmd.Flags().BoolVar(&f.key, "generate-key", false, "have the control plane make a key pair, unless it made the present one")
}

func (f *serverFlags) register(cmd *cobra.Command, d backup.ServerSpec) {
	flags := cmd.Flags()
	flags.StringVar(&f.host, "host", "", "host name or address")
	flags.IntVar(&f.port, "port", d.Port, "port of its SSH daemon")
	flags.StringVar(&f.user, "user", d.User, "login user")
	flags.StringVar(&f.hostKey, "host-key", "", `its host key: a line "ssh-ed25519 AAAA..." or a fingerprint "SHA256:..."`)
	flags.StringVar(&f.hostKeyFile, "host-key-file", "", "file with its host key, such as a copy of its /etc/ssh/ssh_host_ed25519_key.pub or what ssh-keyscan printed")
	flags.BoolVar(&f.record, "record-host-key", false, "trust the host key that the first backup meets, and keep it")
	flags.StringVar(&f.privateKey, "private-key", "", "file with your own private key for it, without a passphrase; - reads standard input")
	flags.StringVar(&f.backupDir, "backup-dir", d.BackupDir, "folder for archives on the server")
	flags.StringVar(&f.privilege, "privilege", string(d.Privilege), "none, or sudo to read every file")
	flags.StringVar(&f.environment, "environment", "", "such as production or staging")
	flags.DurationVar(&f.connect, "connect-timeout", d.ConnectTimeout, "time for connecting and logging in, 1s to 5m")
	flags.DurationVar(&f.keepalive, "keepalive-interval", d.KeepaliveInterval, "pause between keepalives, 1s to 5m")
	flags.StringArrayVar(&f.windows, "maintenance", nil, "when no schedule starts a backup of it: 'CRON for 2h'; may be repeated, and '' removes all")
	flags.StringVar(&f.windowsZone, "maintenance-timezone", backup.DefaultTimezone, "time zone of the maintenance windows given")
	flags.IntVar(&f.concurrent, "max-concurrent-backups", d.MaxConcurrentBackups, "how many backups are made on it at a time, 1 to 32")
	_ = cmd.MarkFlagFilename("host-key-file")
	_ = cmd.MarkFlagFilename("private-key")
	for flag, words := range map[string][]string{"privilege": {"none", "sudo"}, "environment": {"production", "staging", "development"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// input is what the flags that were given say.
func (f *serverFlags) input(cmd *cobra.Command, stdin io.Reader) (in api.ServerInput, err error) {
	for _, exclusive := range [][]string{{"host-key", "host-key-file", "record-host-key"}, {"private-key", "no-key", "generate-key"}} {
		if err := atMostOne(cmd, exclusive); err != nil {
			return in, err
		}
	}
	given := cmd.Flags().Changed
	for _, text := range []struct {
		flag  string
		value *string
		to    **string
	}{
		{"name", &f.name, &in.Name}, {"host", &f.host, &in.Host}, {"user", &f.user, &in.User}, {"host-key", &f.hostKey, &in.HostKey},
		{"backup-dir", &f.backupDir, &in.BackupDir}, {"privilege", &f.privilege, &in.Privilege}, {"environment", &f.environment, &in.Environment},
	} {
		if given(text.flag) {
			*text.to = text.value
		}
	}
	for _, number := range []struct {
		flag  string
		value *int
		to    **int
	}{{"port", &f.port, &in.Port}, {"max-concurrent-backups", &f.concurrent, &in.MaxConcurrentBackups}} {
		if given(number.flag) {
			*number.to = number.value
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		to    **int
	}{{"connect-timeout", f.connect, &in.ConnectTimeoutSeconds}, {"keepalive-interval", f.keepalive, &in.KeepaliveIntervalSeconds}} {
		if !given(d.flag) {
			continue
		}
		if d.value%time.Second != 0 {
			return in, usageError{fmt.Errorf("--%s is %s; give whole seconds, such as 10s", d.flag, d.value)}
		}
		seconds := int(d.value / time.Second)
		*d.to = &seconds
	}
	if given("maintenance") {
		windows, err := windowsIn("maintenance", f.windows, f.windowsZone)
		if err != nil {
			return in, err
		}
		in.MaintenanceWindows = &windows
	}
	return in, f.keys(given, &in, stdin)
}

// keys reads the host key and the private key.
func (f *serverFlags) keys(given func(string) bool, in *api.ServerInput, stdin io.Reader) error {
	yes, no, none := true, false, ""
	if given("host-key-file") {
		line, err := hostKeyIn(f.hostKeyFile)
		if err != nil {
			return err
		}
		in.HostKey = &line
	}
	if in.HostKey != nil && !f.record {
		in.RecordHostKey = &no // what was recorded before is another key
	}
	if f.record {
		in.RecordHostKey, in.HostKey = &yes, &none
	}
	if f.noKey {
		in.GenerateKey = &no
	}
	if f.key {
		in.GenerateKey = &yes
	}
	if given("private-key") {
		key, err := readKey(f.privateKey, stdin)
		if err != nil {
			return err
		}
		in.PrivateKey = &key
	}
	return nil
}

// atMostOne refuses flags that contradict one another.
func atMostOne(cmd *cobra.Command, flags []string) error {
	given := slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return !cmd.Flags().Changed(f) })
	if len(given) > 1 {
		return usageError{fmt.Errorf("--%s contradict each other; give one", strings.Join(given, " and --"))}
	}
	return nil
}

// readKey reads a private key; no error quotes any of it.
func readKey(path string, stdin io.Reader) (string, error) {
	from := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("the private key cannot be read: %w", err)
		}
		defer file.Close()
		from = file
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxKeyFile+1))
	if err != nil {
		return "", fmt.Errorf("the private key cannot be read: %w", err)
	}
	if len(raw) > maxKeyFile {
		return "", fmt.Errorf("the private key is longer than %d bytes: this is another file", maxKeyFile)
	}
	return string(raw), nil
}

// hostKeyIn finds a host key in a file: a public key, or lines of ssh-keyscan or known_hosts, which begin with the
// host's name. Of several kinds ed25519 is taken, which a connection asks for first.
func hostKeyIn(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the host key cannot be read: %w", err)
	}
	defer file.Close()
	var keys []string
	for lines := bufio.NewScanner(io.LimitReader(file, maxKeyFile)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, rest, ok := strings.Cut(line, " "); ok && backup.CheckHostKey(line) != nil && backup.CheckHostKey(rest) == nil {
			line = rest
		}
		if err := backup.CheckHostKey(line); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if strings.HasPrefix(line, "ssh-ed25519 ") {
			return line, nil
		}
		keys = append(keys, line)
	}
	if len(keys) == 0 {
		return "", fmt.Errorf("%s holds no host key", path)
	}
	return keys[0], nil
}
