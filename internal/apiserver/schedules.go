package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// SchedulePath names a schedule.
type SchedulePath struct {
	ID string `path:"id" maxLength:"64"`
}

func (h *handlers) listSchedules(ctx context.Context, in *struct {
	PageQuery
	ServerID string `query:"server_id" maxLength:"64" doc:"Only those of this server"`
	Name     string `query:"name" maxLength:"64" doc:"Only those of this name"`
},
) (*body[api.List[api.Schedule]], error) {
	f := controlplane.ScheduleFilter{ServerID: backup.ServerID(in.ServerID), Name: in.Name, Page: in.page()}
	schedules, err := h.plane.Schedules(ctx, f)
	return answer(listOf(schedules, in.Limit, api.FromSchedule, func(s backup.Schedule) string { return string(s.ID) }), err)
}

func (h *handlers) createSchedule(ctx context.Context, in *struct {
	Idempotent
	Body api.ScheduleInput
},
) (*body[api.Schedule], error) {
	once, err := in.of(in.Body)
	if err != nil {
		return nil, err
	}
	spec := backup.DefaultScheduleSpec()
	in.Body.Apply(&spec)
	s, err := h.plane.CreateSchedule(ctx, spec, once)
	return answer(api.FromSchedule(s), err)
}

func (h *handlers) validateSchedule(ctx context.Context, in *body[api.ScheduleInput]) (*body[api.Findings], error) {
	spec := backup.DefaultScheduleSpec()
	in.Body.Apply(&spec)
	return findings(h.plane.CheckSchedule(ctx, spec, "", in.Body.Unknown))
}

func (h *handlers) validateScheduleUpdate(ctx context.Context, in *struct {
	SchedulePath
	Body api.ScheduleInput
},
) (*body[api.Findings], error) {
	s, err := h.plane.Schedule(ctx, backup.ScheduleID(in.ID))
	if err != nil {
		return nil, err
	}
	in.Body.Apply(&s.ScheduleSpec)
	return findings(h.plane.CheckSchedule(ctx, s.ScheduleSpec, s.ID, in.Body.Unknown))
}

func (h *handlers) getSchedule(ctx context.Context, in *SchedulePath) (*body[api.Schedule], error) {
	s, err := h.plane.Schedule(ctx, backup.ScheduleID(in.ID))
	return answer(api.FromSchedule(s), err)
}

func (h *handlers) updateSchedule(ctx context.Context, in *struct {
	SchedulePath
	Body api.ScheduleInput
},
) (*body[api.Schedule], error) {
	s, err := h.plane.UpdateSchedule(ctx, backup.ScheduleID(in.ID), in.Body.Version, in.Body.Apply)
	return answer(api.FromSchedule(s), err)
}

func (h *handlers) listRuns(ctx context.Context, in *struct {
	SchedulePath
	PageQuery
},
) (*body[api.List[api.Run]], error) {
	page := in.page()
	f := controlplane.RunFilter{ScheduleID: backup.ScheduleID(in.ID), Limit: page.Limit}
	if page.After != "" {
		before, err := time.Parse(time.RFC3339, page.After)
		if err != nil {
			return nil, &api.Problem{Title: "Invalid cursor", Status: http.StatusUnprocessableEntity, Code: backup.CodeInvalidArgument, Field: "cursor",
				Detail: "cursor is none that this list gave out."}
		}
		f.Before = before
	}
	runs, err := h.plane.Runs(ctx, f)
	return answer(listOf(runs, in.Limit, api.FromRun, func(r backup.Run) string { return r.DueAt.Format(time.RFC3339) }), err)
}

func (h *handlers) deleteSchedule(ctx context.Context, in *SchedulePath) (*nothing, error) {
	return &nothing{}, h.plane.DeleteSchedule(ctx, backup.ScheduleID(in.ID))
}
