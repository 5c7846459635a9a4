package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// session is what resources and data sources share: the way to the control plane and what was read there.
type session struct {
	client    *apiclient.Client // nil while it is not known which control plane is meant
	place     string            // of the control plane, for messages
	simulated bool              // nothing of what it tells is there
	servers   listing[api.Server]
	backups   listing[api.Backup]

	schedules listing[api.Schedule]
	archives  listing[api.Backup] // completed backups, whoever made them
}

func (s *session) connect(client *apiclient.Client, place string) {
	managed := true
	s.client, s.place = client, place
	s.servers = listing[api.Server]{load: client.Servers, id: func(v api.Server) string { return v.ID }}
	s.schedules = listing[api.Schedule]{id: func(v api.Schedule) string { return v.ID }, load: func(ctx context.Context) ([]api.Schedule, error) {
		return client.Schedules(ctx, apiclient.ScheduleFilter{})
	}}
	s.archives = listing[api.Backup]{id: func(v api.Backup) string { return v.ID }, load: func(ctx context.Context) ([]api.Backup, error) {
		return client.Backups(ctx, apiclient.BackupFilter{Status: string(backup.StatusCompleted)})
	}}
	s.backups = listing[api.Backup]{id: func(v api.Backup) string { return v.ID }, load: func(ctx context.Context) ([]api.Backup, error) {
		return client.Backups(ctx, apiclient.BackupFilter{Managed: &managed})
	}}
}

// listing keeps one list of the control plane for the length of a plan: reading a thousand resources takes one pass
// over the pages, not a thousand requests. Writers forget it.
type listing[T any] struct {
	load func(context.Context) ([]T, error)
	id   func(T) string

	mu    sync.Mutex // held while loading, so that many readers make one pass
	items map[string]T
}

// find returns the item, and false if it is not in the list.
func (l *listing[T]) find(ctx context.Context, id string) (item T, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fill(ctx); err != nil {
		return item, false, err
	}
	item, ok = l.items[id]
	return item, ok, nil
}

// all returns every item, in no order.
func (l *listing[T]) all(ctx context.Context) ([]T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.fill(ctx)
	return slices.Collect(maps.Values(l.items)), err
}

// fill loads the list unless that was done. The lock is held.
func (l *listing[T]) fill(ctx context.Context) error {
	if l.items != nil {
		return nil
	}
	items, err := l.load(ctx)
	if err != nil {
		return err
	}
	l.items = make(map[string]T, len(items))
	for _, i := range items {
		l.items[l.id(i)] = i
	}
	return nil
}

func (l *listing[T]) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = nil
}

// configured takes the session out of what a resource or data source is configured with.
func configured(data any, diags *diag.Diagnostics) *session {
	if data == nil { // before the provider is configured
		return nil
	}
	s, ok := data.(*session)
	if !ok {
		diags.AddError("Unable to configure", fmt.Sprintf("The provider handed over a %T. This is a bug of the provider.", data))
	}
	return s
}

// known reports whether it is known which control plane is meant.
func (s *session) known() bool { return s != nil && s.client != nil }

// controlPlaneKey is where a resource's private state keeps the id of the control plane it belongs to.
const controlPlaneKey = "control_plane"

// privateState is the part of a resource's private state that the framework hands out.
type privateState interface {
	privateReader
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type controlPlaneMark struct {
	ID string `json:"id"`
}

// mark writes down which control plane the resource belongs to: the one that answered last.
func (s *session) mark(ctx context.Context, private privateState) diag.Diagnostics {
	raw, err := json.Marshal(controlPlaneMark{ID: s.client.ControlPlaneID()})
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unable to mark the state", err.Error())}
	}
	return private.SetKey(ctx, controlPlaneKey, raw)
}

// belongs checks that the resource belongs to the control plane that answered last. Reading a state against another
// one, or against an empty directory, must never look as if everything had been deleted.
func (s *session) belongs(ctx context.Context, private privateReader) (marked bool, diags diag.Diagnostics) {
	raw, diags := private.GetKey(ctx, controlPlaneKey)
	if diags.HasError() || len(raw) == 0 {
		return false, diags
	}
	var m controlPlaneMark
	if err := json.Unmarshal(raw, &m); err != nil {
		diags.AddError("Unable to read the state", "The mark of the control plane in the private state is damaged: "+err.Error())
		return true, diags
	}
	here := s.client.ControlPlaneID()
	if m.ID == here {
		return true, diags
	}
	found := "this is " + here
	if here == "" {
		found = "there are no records here"
	}
	diags.AddError("State belongs to another control plane",
		fmt.Sprintf("The state belongs to control plane %s, and %s: %s. Nothing was read or changed.\n\n"+
			"Use the control plane that the state was made with: set endpoint (%s) or data_dir (%s), or put the directory back. "+
			"If it is lost for good, remove the resource from the state (terraform state rm) and start anew.", m.ID, found, s.place, app.EndpointEnv, DataDirEnv))
	return true, diags
}

// recognise checks that the resource belongs to the control plane that answered last, and marks one that was imported.
func (s *session) recognise(ctx context.Context, before privateReader, after privateState) diag.Diagnostics {
	marked, diags := s.belongs(ctx, before)
	if !marked && !diags.HasError() {
		diags.Append(s.mark(ctx, after)...)
	}
	return diags
}

// settle asks who answers and checks that the resource belongs there, before anything is changed.
func (s *session) settle(ctx context.Context, private privateReader) (diags diag.Diagnostics) {
	if _, err := s.client.ControlPlane(ctx); err != nil {
		diags.AddError("Unable to reach the control plane", err.Error())
		return diags
	}
	_, diags = s.belongs(ctx, private)
	return diags
}

// pluginLog writes what the embedded control plane says where Terraform looks for it; TF_LOG shows it.
func pluginLog() *slog.Logger {
	if os.Getenv("TF_LOG") == "" && os.Getenv("TF_LOG_PROVIDER") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}
