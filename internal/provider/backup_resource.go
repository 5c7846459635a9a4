package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// What becomes of the archive when the resource is destroyed.
const (
	onDestroyRetain = "retain"
	onDestroyDelete = "delete"
)

// Default timeouts. Archives are large and disks are slow.
const (
	createTimeout = 4 * time.Hour
	deleteTimeout = 10 * time.Minute
)

type backupResource struct{ session *session }

var (
	_ resource.ResourceWithConfigure      = (*backupResource)(nil)
	_ resource.ResourceWithValidateConfig = (*backupResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*backupResource)(nil)
	_ resource.ResourceWithImportState    = (*backupResource)(nil)
)

func newBackupResource() resource.Resource { return &backupResource{} }

// Metadata implements resource.Resource.
func (r *backupResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backup"
}

// Configure implements resource.ResourceWithConfigure.
func (r *backupResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = configured(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements resource.ResourceWithValidateConfig: what the configuration alone decides.
func (r *backupResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m backupModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	report(backup.Validate(backup.Rules, m.input().Spec(backup.ServerID(m.ServerID.ValueString())), m.unknown()), &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan. Planned values follow from configuration and state alone;
// what the control plane says only adds warnings and errors.
func (r *backupResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !r.session.known() {
		return
	}
	var state backupModel
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		if resp.Diagnostics.HasError() {
			return
		}
	}
	if req.Plan.Raw.IsNull() {
		tellRetained(state, &resp.Diagnostics)
		return
	}
	var plan backupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !req.State.Raw.IsNull() {
		if !r.planUpdate(ctx, state, plan, req, resp) {
			return
		}
	}
	findings, err := r.session.client.CheckBackup(ctx, plan.ServerID.ValueString(), plan.input())
	if err != nil {
		fail("Unable to check the backup", err, &resp.Diagnostics)
		return
	}
	report(findings, &resp.Diagnostics)
}

// planUpdate plans a change of an existing backup: in place, or, reported by true, a new one.
func (r *backupResource) planUpdate(ctx context.Context, state, plan backupModel, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) (replaced bool) {
	if state.Status.ValueString() == string(backup.StatusFailed) {
		// A failure that came after the apply had ended: the plan shows it, and apply makes a new backup.
		resp.Diagnostics.Append(forgetOutcome(ctx, &resp.Plan, "id", "created_at", "expires_at")...)
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("status"))
		resp.Diagnostics.AddAttributeWarning(path.Root("status"), "Backup "+state.ID.ValueString()+" failed",
			state.ErrorMessage.ValueString()+"\n\nApply deletes the failed record and makes a new backup.\n\nCode: "+state.ErrorCode.ValueString())
		return true
	}
	if !plan.samePlace(state) {
		tellRetained(state, &resp.Diagnostics)
		return true
	}
	if !backup.Status(state.Status.ValueString()).Finished() && !resp.Plan.Raw.Equal(req.State.Raw) {
		resp.Diagnostics.Append(forgetOutcome(ctx, &resp.Plan)...) // it may be finished by the time of the apply
	}
	expires := state.ExpiresAt
	if !plan.RetentionDays.Equal(state.RetentionDays) {
		expires = types.StringUnknown()
		created, err := time.Parse(time.RFC3339, state.CreatedAt.ValueString())
		if err == nil && !plan.RetentionDays.IsUnknown() {
			expires = types.StringValue(backup.ExpiryOf(created, int(plan.RetentionDays.ValueInt64())).Format(time.RFC3339))
		}
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("expires_at"), expires)...)
	return false
}

// forgetOutcome plans what comes out of a backup, and the other texts named, as not known yet.
func forgetOutcome(ctx context.Context, plan *tfsdk.Plan, others ...string) (diags diag.Diagnostics) {
	for _, name := range append(others, "status", "sha256", "path", "error_code", "error_message") {
		diags.Append(plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
	}
	diags.Append(plan.SetAttribute(ctx, path.Root("size_bytes"), types.Int64Unknown())...)
	diags.Append(plan.SetAttribute(ctx, path.Root("warnings"), types.ListUnknown(types.StringType))...)
	return diags
}

// samePlace reports whether nothing changes that makes a new backup. The framework does not tell: what the
// attributes' own plan modifiers require is added after ModifyPlan.
func (m backupModel) samePlace(state backupModel) bool {
	return m.ServerID.Equal(state.ServerID) && m.Triggers.Equal(state.Triggers) && m.sameSource(state.sourceModel)
}

// tellRetained says at plan time that an archive outlives its resource.
func tellRetained(state backupModel, diags *diag.Diagnostics) {
	if state.OnDestroy.ValueString() != onDestroyRetain || state.Status.ValueString() != string(backup.StatusCompleted) {
		return
	}
	diags.AddWarning(fmt.Sprintf("The archive of backup %s stays on the server", state.ID.ValueString()),
		fmt.Sprintf("on_destroy is %q: %s is kept until %s, when its retention is over. Set on_destroy = %q and apply before destroying to have it removed.",
			onDestroyRetain, state.Path.ValueString(), state.ExpiresAt.ValueString(), onDestroyDelete))
}

// Create implements resource.Resource. The id is in the state before any waiting starts.
func (r *backupResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan backupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	patience, diags := plan.Timeouts.Create(ctx, createTimeout)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	in := plan.input()
	if plan.Wait.ValueBool() {
		in.Client = r.session.client.Name() // else the id is in the state as soon as there is one
	}
	b, err := r.session.client.CreateBackup(ctx, plan.ServerID.ValueString(), in)
	if err != nil {
		fail("Unable to make the backup", err, &resp.Diagnostics)
		return
	}
	r.session.backups.forget()
	resp.Diagnostics.Append(plan.show(ctx, b)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(r.session.mark(ctx, resp.Private)...)
	if resp.Diagnostics.HasError() || !plan.Wait.ValueBool() {
		return
	}
	finished, err := r.session.client.WaitForBackup(ctx, b.ID, nil)
	r.session.backups.forget()
	if err != nil {
		r.acknowledge(ctx, b.ID)
		notWaited(ctx, b, patience, err, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(plan.show(ctx, finished)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	if finished.Status == string(backup.StatusFailed) {
		resp.Diagnostics.AddError(explainFailure(finished))
		return
	}
	for _, w := range finished.Warnings {
		resp.Diagnostics.AddWarning("Backup "+finished.ID+" of "+finished.ServerName+" completed with a warning", w+".\n\ncloudaipilot backup log "+finished.ID+" shows what the tools said.")
	}
}

// acknowledge says that the id is in the state, so that nobody takes the backup over. That it cannot be said is no
// error of its own: the control plane is then out of reach, which is told anyway.
func (r *backupResource) acknowledge(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = r.session.client.UpdateBackup(ctx, id, api.BackupPatch{Acknowledged: true})
}

// notWaited tells of a backup whose end was not seen, and both ways on.
func notWaited(ctx context.Context, b api.Backup, patience time.Duration, err error, diags *diag.Diagnostics) {
	why := "the control plane could not be asked any more: " + err.Error()
	switch ctx.Err() {
	case context.DeadlineExceeded:
		why = fmt.Sprintf("it took longer than %s (timeouts.create)", patience)
	case context.Canceled:
		why = "the apply was interrupted"
	}
	diags.AddError(fmt.Sprintf("Backup of %s was not seen to its end", b.ServerName),
		fmt.Sprintf("The backup %s was started, then %s. Nothing is lost: its id is in the state, and the job on the server goes on.\n\n"+
			"  - To keep it: terraform untaint this resource, then: cloudaipilot backup wait %s\n"+
			"  - To cancel it and start over: run apply again.", b.ID, why, b.ID))
}

// Read implements resource.Resource.
func (r *backupResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if !r.session.known() {
		return
	}
	var m backupModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	b, found, err := r.find(ctx, m.ID.ValueString())
	if err != nil {
		fail("Unable to read backup "+m.ID.ValueString(), err, &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.Append(r.session.recognise(ctx, req.Private, resp.Private)...); resp.Diagnostics.HasError() {
		return
	}
	if gone := !found || b.DeletedAt != nil; gone {
		if found && b.DeletedAt.Before(b.ExpiresAt) || !found {
			resp.State.RemoveResource(ctx) // it vanished before its time: that is drift
		}
		return // it is past its time: that is no drift
	}
	resp.Diagnostics.Append(m.show(ctx, b)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// find looks in the list of what Terraform keeps, then for the one backup or its tombstone.
func (r *backupResource) find(ctx context.Context, id string) (api.Backup, bool, error) {
	b, found, err := r.session.backups.find(ctx, id)
	if err != nil || found {
		return b, found, err
	}
	b, err = r.session.client.Backup(ctx, id)
	return ifFound(b, err)
}

// Update implements resource.Resource: the retention changes in place.
func (r *backupResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan backupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	b, err := r.session.client.UpdateBackup(ctx, plan.ID.ValueString(), api.BackupPatch{RetentionDays: givenInt(plan.RetentionDays)})
	if err != nil {
		fail("Unable to change backup "+plan.ID.ValueString(), err, &resp.Diagnostics)
		return
	}
	r.session.backups.forget()
	resp.Diagnostics.Append(plan.show(ctx, b)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// Delete implements resource.Resource: a running backup is cancelled, a failed one removed, and a completed one
// left to its retention or removed, as on_destroy says.
func (r *backupResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state backupModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	patience, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer r.session.backups.forget()

	if err := r.remove(ctx, state, &resp.Diagnostics); err != nil {
		fail("Unable to delete backup "+state.ID.ValueString(), err, &resp.Diagnostics)
	}
}

func (r *backupResource) remove(ctx context.Context, state backupModel, diags *diag.Diagnostics) error {
	client, id := r.session.client, state.ID.ValueString()
	b, found, err := ifFound(client.Backup(ctx, id))
	if err != nil || !found || b.DeletedAt != nil {
		return err
	}
	if !backup.Status(b.Status).Finished() {
		if _, err := client.CancelBackup(ctx, id); err != nil {
			return err
		}
		if b, err = client.WaitForBackup(ctx, id, nil); err != nil {
			return err
		}
	}
	if b.Status == string(backup.StatusCompleted) && state.OnDestroy.ValueString() == onDestroyRetain {
		managed := false
		_, err := client.UpdateBackup(ctx, id, api.BackupPatch{Managed: &managed})
		return err
	}
	deleted, err := client.DeleteBackup(ctx, id)
	if err == nil && deleted.Leftover != "" {
		diags.AddWarning("Files of backup "+id+" may remain on the server", deleted.Leftover+".")
	}
	_, _, err = ifFound(b, err)
	return err
}

// ImportState implements resource.ResourceWithImportState.
func (r *backupResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importByID(ctx, req, resp, func(id string) error {
		_, err := backup.ParseID(id)
		return err
	})
}
