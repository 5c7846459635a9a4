package runner

import (
	"context"
	"io"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// Host is the backup folder of a server that let us in: an ssh.Host, or one that is simulated. Errors are those of package ssh.
type Host interface {
	Check(ctx context.Context, r ssh.CheckRequest) (ssh.CheckReport, error)
	Start(ctx context.Context, r ssh.StartRequest) (ssh.StartReport, error)
	Status(ctx context.Context, id string) (ssh.Status, error)
	Watch(ctx context.Context, id string, known ssh.JobID) (ssh.Status, error)
	Cancel(ctx context.Context, id string) error
	Kill(ctx context.Context, id string, want ssh.JobID) (killed bool, err error)
	Clean(ctx context.Context, id string, keepLog bool) error
	Folders(ctx context.Context) ([]ssh.Folder, error)
	Archive(ctx context.Context, id string, w io.Writer) error
}

// Fleet is how servers are reached.
type Fleet interface {
	// Reach logs in to a server for what is to be done about a backup, and returns the line of the host key that it
	// presented. Its errors are those of package ssh.
	Reach(ctx context.Context, t controlplane.Target, b backup.Backup) (h Host, hostKey string, err error)
	// Forget closes what is open to a server.
	Forget(id backup.ServerID)
	Close()
}

// connections is the fleet that is reached over SSH.
type connections struct{ pool *ssh.Pool }

func (c connections) Reach(ctx context.Context, t controlplane.Target, b backup.Backup) (Host, string, error) {
	s := t.Server
	client, err := c.pool.Client(ctx, string(s.ID), ssh.Config{
		Host: s.Host, Port: s.Port, User: s.User, PrivateKey: t.PrivateKey,
		HostKey: s.TrustedHostKey(), RecordHostKey: s.RecordHostKey,
		ConnectTimeout: s.ConnectTimeout, KeepaliveInterval: s.KeepaliveInterval,
	})
	if err != nil {
		return nil, "", err
	}
	return ssh.Host{Client: client, Root: b.Dir, Sudo: s.Privilege == backup.PrivilegeSudo, User: s.User}, client.HostKey(), nil
}

func (c connections) Forget(id backup.ServerID) { c.pool.Drop(string(id)) }

func (c connections) Close() { c.pool.Close() }
