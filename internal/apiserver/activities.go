package apiserver

import (
	"context"
	"net/http"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func (h *handlers) listActivities(ctx context.Context, in *struct {
	PageQuery
	WaitQuery
	TargetID string `query:"target_id" maxLength:"64" doc:"Only those about this backup or server"`
	ServerID string `query:"server_id" maxLength:"64"`
	Since    string `query:"since" maxLength:"64" doc:"Only those newer than this one; with wait, answer when there is one"`
},
) (*body[api.List[api.Activity]], error) {
	f := controlplane.ActivityFilter{TargetID: in.TargetID, ServerID: backup.ServerID(in.ServerID), Page: in.page()}
	patience, err := in.patience()
	if err != nil {
		return nil, err
	}
	wire := func(a backup.Activity) api.Activity { return api.FromActivity(a, nil) }
	id := func(a backup.Activity) string { return string(a.ID) }
	if in.Since != "" || patience > 0 {
		news, err := h.plane.FollowActivities(ctx, f, backup.ActivityID(in.Since), patience)
		return answer(listOf(news, 0, wire, id), err)
	}
	found, err := h.plane.Activities(ctx, f)
	return answer(listOf(found, in.Limit, wire, id), err)
}

func (h *handlers) getActivity(ctx context.Context, in *struct {
	WaitQuery
	ID    string `path:"id" maxLength:"64"`
	After int64  `query:"after" minimum:"0" doc:"Only log lines after the one of this number; with wait, answer when there is one or the activity is finished"`
},
) (*body[api.Activity], error) {
	id, err := backup.ParseActivityID(in.ID)
	if err != nil {
		return nil, &api.Problem{Title: "There is no such activity", Status: http.StatusNotFound, Code: backup.CodeNotFound, Detail: err.Error() + "."}
	}
	patience, err := in.patience()
	if err != nil {
		return nil, err
	}
	a, lines, err := h.plane.FollowActivity(ctx, id, in.After, patience)
	return answer(api.FromActivity(a, lines), err)
}
