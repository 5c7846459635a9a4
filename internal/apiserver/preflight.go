package apiserver

import (
	"context"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func (h *handlers) preflight(ctx context.Context, in *struct {
	ServerPath
	Body api.PreflightInput
},
) (*body[api.Preflight], error) {
	r, err := h.plane.Preflight(ctx, controlplane.PreflightRequest{Spec: in.Body.Spec(backup.ServerID(in.ID)), Schedule: backup.ScheduleID(in.Body.ScheduleID)})
	return answer(api.FromPreflight(r.Server, in.Body.ScheduleID, r.Checks), err)
}
