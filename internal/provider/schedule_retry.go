package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
)

// planRetry plans that a failure which nobody has seen to is seen to, and says why the backup failed. With
// retry_on_apply = false it only says so.
func (r *scheduleResource) planRetry(ctx context.Context, plan, state scheduleModel, resp *resource.ModifyPlanResponse) {
	planned := types.StringNull()
	if !plan.RetryOnApply.ValueBool() && !state.Unresolved.IsNull() {
		planned = state.Unresolved
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("unresolved_failure"), planned)...)
	if state.Unresolved.ValueString() == "" || !r.session.known() {
		return
	}
	last, err := r.session.client.LastFailure(ctx, "", "", state.Unresolved.ValueString())
	if err != nil || last.Backup == nil {
		resp.Diagnostics.AddAttributeWarning(path.Root("unresolved_failure"), "The last backup of schedule "+state.Name.ValueString()+" failed",
			"No good one has followed "+state.Unresolved.ValueString()+".")
		return
	}
	summary, detail := explainFailure(*last.Backup)
	resp.Diagnostics.AddAttributeWarning(path.Root("unresolved_failure"), "Schedule "+state.Name.ValueString()+": "+summary, detail)
}

// retry makes the failed backup of a schedule again and waits for it. It returns what is unresolved then.
func (r *scheduleResource) retry(ctx context.Context, s api.Schedule, diags *diag.Diagnostics) types.String {
	failed := types.StringValue(s.UnresolvedFailure)
	b, err := r.session.client.RetryBackup(ctx, s.UnresolvedFailure, false)
	if err != nil {
		if p, ok := errors.AsType[*api.Problem](err); ok {
			for i := range p.Findings { // Terraform shows one of several with the same summary
				p.Findings[i].Summary = "Schedule " + s.Name + ": " + p.Findings[i].Summary
			}
		}
		fail("Schedule "+s.Name+": unable to make its failed backup again", err, diags)
		return failed
	}
	r.session.backups.forget()
	defer r.session.schedules.forget()
	done, err := r.session.client.WaitForBackup(ctx, b.ID, nil)
	if err != nil {
		fail("Schedule "+s.Name+": unable to wait for backup "+b.ID, err, diags)
		return failed
	}
	if done.Failure != nil {
		summary, detail := explainFailure(done)
		diags.AddError("Schedule "+s.Name+": "+summary, detail)
		return types.StringValue(done.ID)
	}
	return types.StringNull()
}
