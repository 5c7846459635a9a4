package controlplane

import (
	"context"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// ServerTest is what a look at a server showed.
type ServerTest struct {
	Preflight
	Failure *backup.Failure // nil: a backup could begin
}

// TestServer connects to a server, logs in and looks at its tools, its backup folder and its space, as a backup does
// before it begins. It changes nothing, there or in the records: a host key of the first contact is told, not kept.
func (c *ControlPlane) TestServer(ctx context.Context, id backup.ServerID) (ServerTest, error) {
	s, err := c.Server(ctx, id)
	if err != nil {
		return ServerTest{}, err
	}
	t, err := c.target(s)
	if err != nil {
		return ServerTest{}, err
	}
	found, err := c.lookAt(ctx, t, backup.Backup{Spec: backup.Spec{ServerID: s.ID}, ServerName: s.Name, Dir: s.BackupDir})
	if ctx.Err() != nil {
		return ServerTest{}, ctx.Err()
	}
	return ServerTest{Preflight: found, Failure: failureOf(err, backup.StageConnect)}, nil
}
