package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

type scheduleResource struct{ session *session }

var (
	_ resource.ResourceWithConfigure      = (*scheduleResource)(nil)
	_ resource.ResourceWithValidateConfig = (*scheduleResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*scheduleResource)(nil)
	_ resource.ResourceWithImportState    = (*scheduleResource)(nil)
)

func newScheduleResource() resource.Resource { return &scheduleResource{} }

// Metadata implements resource.Resource.
func (r *scheduleResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backup_schedule"
}

// Configure implements resource.ResourceWithConfigure.
func (r *scheduleResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = configured(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements resource.ResourceWithValidateConfig: what the configuration alone refuses. The dry run warns, once.
func (r *scheduleResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m scheduleModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	report(backup.Refuses(backup.CheckSchedule(m.spec(), m.unknown())), &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: what a dry run says.
func (r *scheduleResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state scheduleModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	r.planRetry(ctx, plan, state, resp)
	if !r.session.known() || req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	id := state.ID.ValueString()
	if !plan.ServerID.Equal(state.ServerID) {
		id = "" // it will be a new one
	}
	findings, err := r.session.client.CheckSchedule(ctx, id, plan.input())
	if err != nil {
		fail("Unable to check schedule "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	report(findings, &resp.Diagnostics)
}

// Create implements resource.Resource.
func (r *scheduleResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan scheduleModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, err := r.session.client.CreateSchedule(ctx, plan.input())
	if err != nil {
		fail("Unable to add schedule "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	r.session.schedules.forget()
	plan.show(s)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(r.session.mark(ctx, resp.Private)...)
}

// Read implements resource.Resource.
func (r *scheduleResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if !r.session.known() {
		return
	}
	var m scheduleModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, found, err := r.session.schedules.find(ctx, m.ID.ValueString())
	if err != nil {
		fail("Unable to read schedule "+m.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.Append(r.session.recognise(ctx, req.Private, resp.Private)...); resp.Diagnostics.HasError() {
		return
	}
	if !found {
		resp.State.RemoveResource(ctx)
		return
	}
	m.show(s)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Update implements resource.Resource.
func (r *scheduleResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan scheduleModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, err := r.session.client.UpdateSchedule(ctx, plan.ID.ValueString(), plan.input())
	if err != nil {
		fail("Unable to change schedule "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	r.session.schedules.forget()
	retry := s.UnresolvedFailure != "" && plan.Unresolved.IsNull() && plan.RetryOnApply.ValueBool()
	planned := plan.Unresolved
	plan.show(s)
	if retry { // the settings are saved, whatever comes of it
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		plan.Unresolved = r.retry(ctx, s, &resp.Diagnostics)
	} else {
		plan.Unresolved = planned // what came since is the next plan's
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// Delete implements resource.Resource. The backups it made stay.
func (r *scheduleResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state scheduleModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	err := r.session.client.DeleteSchedule(ctx, state.ID.ValueString())
	r.session.schedules.forget()
	if err != nil && !apiclient.IsNotFound(err) {
		fail("Unable to delete schedule "+state.Name.ValueString(), err, &resp.Diagnostics)
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *scheduleResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importByID(ctx, req, resp, func(id string) error {
		_, err := backup.ParseScheduleID(id)
		return err
	})
}
