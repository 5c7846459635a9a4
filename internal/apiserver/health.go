package apiserver

import (
	"context"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (h *handlers) scheduleHealth(ctx context.Context, in *SchedulePath) (*body[api.ScheduleHealth], error) {
	health, err := h.plane.ScheduleHealth(ctx, backup.ScheduleID(in.ID))
	return answer(api.FromHealth(health.Health, health.Standing), err)
}
