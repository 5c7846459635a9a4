package apiserver

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// PreflightRequest is what a preflight is asked about.
type PreflightRequest struct {
	ServerPath
	Body api.PreflightInput
}

func (in *PreflightRequest) question() controlplane.PreflightRequest {
	return controlplane.PreflightRequest{Spec: in.Body.Spec(backup.ServerID(in.ID)), Schedule: backup.ScheduleID(in.Body.ScheduleID)}
}

func (h *handlers) preflight(ctx context.Context, in *PreflightRequest) (*body[api.Preflight], error) {
	r, err := h.plane.Preflight(ctx, in.question())
	return answer(api.FromPreflight(r.Server, in.Body.ScheduleID, r.Checks), err)
}

// watchPreflight tells each check in a line as soon as its answer is known, and at the end what preflight says.
func (h *handlers) watchPreflight(ctx context.Context, in *PreflightRequest) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", api.LinesType)
		w := &lateHeader{Context: c}
		tell := func(line api.PreflightLine) {
			_ = json.NewEncoder(w).Encode(line) // the client is gone if this fails
			if writer, ok := w.BodyWriter().(http.ResponseWriter); ok {
				_ = http.NewResponseController(writer).Flush()
			}
		}
		r, err := h.plane.WatchPreflight(ctx, in.question(), func(check backup.Check) {
			told := api.FromCheck(check)
			tell(api.PreflightLine{Check: &told})
		})
		switch {
		case err == nil:
			all := api.FromPreflight(r.Server, in.Body.ScheduleID, r.Checks)
			tell(api.PreflightLine{Preflight: &all})
		case w.begun:
			tell(api.PreflightLine{Problem: problemOf(err)})
		default:
			w.fail(err)
		}
	}}, nil
}
