package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// ServePlan says in words what Serve would do.
type ServePlan struct {
	Listen  string `json:"listen"`
	TLS     string `json:"tls"`
	Records string `json:"records"` // the data directory, or the database without its password
}

// CheckServe looks at everything that Serve needs to start, as far as that changes nothing and asks nobody: it opens
// neither the address nor the database.
func CheckServe(c ServeConfig) (ServePlan, error) {
	plan := ServePlan{Listen: c.Listen, TLS: "no, on a loopback address"}
	_, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return plan, fmt.Errorf("cannot listen on %q: want host:port, such as 127.0.0.1:8642 or :8642", c.Listen)
	}
	if _, err := c.certificate(); err != nil {
		return plan, err
	}
	if c.TLSCert != "" {
		plan.TLS = c.TLSCert
	}
	if err := c.setStage(); err != nil {
		return plan, err
	}
	if c.Database != "" && c.Simulate {
		return plan, errSimulatedDatabase
	}
	if !c.Simulate {
		if _, _, err := masterKey(false); err != nil && !errors.As(err, new(*absentKeyError)) { // which would be made
			return plan, err
		}
	}
	if c.Database != "" {
		plan.Records = store.PostgresName(c.Database)
		return plan, store.CheckPostgresURL(c.Database)
	}
	dir, err := filepath.Abs(c.DataDir)
	plan.Records = dir
	return plan, errors.Join(err, dataDir(dir).usable(), dataDir(dir).mayHold(c.Simulate))
}

// usable reports what keeps the directory from being a data directory. It changes nothing.
func (d dataDir) usable() error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it will be made
	}
	if err != nil {
		return fmt.Errorf("the data directory: %w", err)
	}
	info, err := os.Stat(string(d))
	switch {
	case err != nil:
		return fmt.Errorf("the data directory: %w", err)
	case !ours(info):
		return fmt.Errorf("the data directory %s belongs to another user: check as that user, or name one of your own", d)
	case !d.marked(entries):
		return fmt.Errorf("%s is not empty and not a data directory: name an empty or a new one", d)
	}
	return nil
}
