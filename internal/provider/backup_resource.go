package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
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

type backupModel struct {
	ID            types.String   `tfsdk:"id"`
	ServerID      types.String   `tfsdk:"server_id"`
	Type          types.String   `tfsdk:"type"`
	Files         *filesModel    `tfsdk:"files"`
	RetentionDays types.Int64    `tfsdk:"retention_days"`
	Triggers      types.Map      `tfsdk:"triggers"`
	Wait          types.Bool     `tfsdk:"wait"`
	OnDestroy     types.String   `tfsdk:"on_destroy"`
	Status        types.String   `tfsdk:"status"`
	SizeBytes     types.Int64    `tfsdk:"size_bytes"`
	SHA256        types.String   `tfsdk:"sha256"`
	Path          types.String   `tfsdk:"path"`
	Warnings      types.List     `tfsdk:"warnings"`
	CreatedAt     types.String   `tfsdk:"created_at"`
	ExpiresAt     types.String   `tfsdk:"expires_at"`
	ErrorCode     types.String   `tfsdk:"error_code"`
	ErrorMessage  types.String   `tfsdk:"error_message"`
	Timeouts      timeouts.Value `tfsdk:"timeouts"`
}

type filesModel struct {
	Include types.List `tfsdk:"include"`
	Exclude types.List `tfsdk:"exclude"`
}

// Metadata implements resource.Resource.
func (r *backupResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backup"
}

// Schema implements resource.Resource.
func (r *backupResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keptText := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description, PlanModifiers: keptText}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "One backup, made when the resource is created. A backup that fails ends the apply with its cause and its fix, and the next apply makes a new one in its place. Destroying the resource does not destroy the archive, unless `on_destroy` says so.",
		Attributes: map[string]schema.Attribute{
			"id": computed("Identifier."),
			"server_id": schema.StringAttribute{Required: true, MarkdownDescription: "The server to back up. Changing it makes a new backup.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"type": schema.StringAttribute{Required: true, MarkdownDescription: "`files`. The panel's other types, `database`, `full` and `snapshot`, are refused with `INVALID_TYPE` by this version. Changing it makes a new backup.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"files": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "What a files backup takes in. Changing it makes a new backup.",
				PlanModifiers: []planmodifier.Object{objectplanmodifier.RequiresReplace()},
				Attributes: map[string]schema.Attribute{
					"include": schema.ListAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Absolute paths, 1 to 1,000. The backup folder itself is never taken in."},
					"exclude": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Patterns of what to leave out, as tar's `--exclude`: `*.log` matches at any depth, `/var/cache` is that path."},
				},
			},
			"retention_days": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(backup.DefaultRetentionDays),
				MarkdownDescription: fmt.Sprintf("Days to keep the archive, %d to %d. Changes in place. Default: `%d`.", backup.MinRetentionDays, backup.MaxRetentionDays, backup.DefaultRetentionDays)},
			"triggers": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Any values: when one changes, a new backup is made.",
				PlanModifiers: []planmodifier.Map{mapplanmodifier.RequiresReplace()}},
			"wait": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Wait until the backup is completed or failed. With `false` and an embedded control plane, which ends with the apply, `cloudaipilot backup wait` looks after it. Default: `true`."},
			"on_destroy": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(onDestroyRetain),
				MarkdownDescription: "What becomes of a completed archive when the resource is destroyed or replaced: `retain` leaves it on the server until its retention is over, `delete` removes it. Failed backups are always removed. Default: `retain`.",
				Validators:          []validator.String{stringvalidator.OneOf(onDestroyRetain, onDestroyDelete)}},
			"status":     computed("`pending`, `running`, `completed` or `failed`."),
			"size_bytes": schema.Int64Attribute{Computed: true, MarkdownDescription: "Size of the archive in bytes; null until it is completed.", PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}},
			"sha256":     computed("SHA-256 of the archive, in hex; null until it is completed."),
			"path":       computed("Path of the archive on the server; null until it is completed."),
			"warnings": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What a completed backup has to say, such as files that changed while they were read.",
				PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()}},
			"created_at":    computed("When the backup was asked for, RFC 3339 in UTC."),
			"expires_at":    schema.StringAttribute{Computed: true, MarkdownDescription: "When the retention is over: `created_at` plus `retention_days`."},
			"error_code":    computed("Why the backup failed, as a code; null if it did not."),
			"error_message": computed("Why the backup failed, in words; null if it did not."),
			"timeouts":      timeouts.Attributes(ctx, timeouts.Opts{Create: true, Delete: true, CreateDescription: "How long to wait for the backup. Default: `4h`.", DeleteDescription: "How long to wait for a running backup to be cancelled. Default: `10m`."}),
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *backupResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = configured(req.ProviderData, &resp.Diagnostics)
}

// input is what the model says to the API.
func (m backupModel) input() api.BackupInput {
	in := api.BackupInput{Type: m.Type.ValueString(), RetentionDays: givenInt(m.RetentionDays), Managed: true, Unknown: m.unknown()}
	if m.Files != nil {
		in.Files = &backup.FilesSource{Include: texts(m.Files.Include), Exclude: texts(m.Files.Exclude)}
	}
	return in
}

func (m backupModel) unknown() []string {
	var u unknowns
	u.add("server_id", m.ServerID)
	u.add("type", m.Type)
	u.add("retention_days", m.RetentionDays)
	if m.Files != nil {
		u.add("files.include", m.Files.Include)
		u.add("files.exclude", m.Files.Exclude)
	}
	return u
}

// show puts what the API says into the model. What only the configuration knows stays.
func (m *backupModel) show(ctx context.Context, b api.Backup) (diags diag.Diagnostics) {
	m.ID, m.ServerID, m.Type = types.StringValue(b.ID), types.StringValue(b.ServerID), types.StringValue(b.Type)
	m.RetentionDays, m.Status = types.Int64Value(int64(b.RetentionDays)), types.StringValue(b.Status)
	m.SizeBytes, m.SHA256, m.Path = types.Int64Null(), textOrNull(b.SHA256), textOrNull(b.Path)
	if b.Path != "" {
		m.SizeBytes = types.Int64Value(b.SizeBytes)
	}
	m.CreatedAt, m.ExpiresAt = types.StringValue(b.CreatedAt.Format(time.RFC3339)), types.StringValue(b.ExpiresAt.Format(time.RFC3339))
	m.ErrorCode, m.ErrorMessage = types.StringNull(), types.StringNull()
	if b.Failure != nil {
		m.ErrorCode, m.ErrorMessage = types.StringValue(b.Failure.Code), types.StringValue(b.Failure.Cause)
	}
	var d diag.Diagnostics
	m.Warnings, d = types.ListValueFrom(ctx, types.StringType, b.Warnings)
	diags.Append(d...)
	if m.Files == nil { // imported
		m.Files = &filesModel{Exclude: types.ListNull(types.StringType)}
		m.Files.Include, d = types.ListValueFrom(ctx, types.StringType, b.Files.Include)
		diags.Append(d...)
		if len(b.Files.Exclude) > 0 {
			m.Files.Exclude, d = types.ListValueFrom(ctx, types.StringType, b.Files.Exclude)
			diags.Append(d...)
		}
	}
	if m.Wait.IsNull() {
		m.Wait = types.BoolValue(true)
	}
	if m.OnDestroy.IsNull() {
		m.OnDestroy = types.StringValue(onDestroyRetain)
	}
	return diags
}

// ValidateConfig implements resource.ResourceWithValidateConfig: what the configuration alone decides.
func (r *backupResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	// An object that is not known as a whole has no model: its own paths are told apart here.
	var whole types.Object
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("files"), &whole)...)
	if resp.Diagnostics.HasError() || whole.IsUnknown() {
		return
	}
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
	var whole types.Object
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("files"), &whole)...)
	if resp.Diagnostics.HasError() || whole.IsUnknown() {
		return
	}
	var plan backupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !req.State.Raw.IsNull() {
		if !r.planUpdate(ctx, state, plan, resp) {
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
func (r *backupResource) planUpdate(ctx context.Context, state, plan backupModel, resp *resource.ModifyPlanResponse) (replaced bool) {
	if state.Status.ValueString() == string(backup.StatusFailed) {
		// A failure that came after the apply had ended: the plan shows it, and apply makes a new backup.
		for _, a := range []string{"id", "status", "sha256", "path", "created_at", "expires_at", "error_code", "error_message"} {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(a), types.StringUnknown())...)
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("size_bytes"), types.Int64Unknown())...)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("warnings"), types.ListUnknown(types.StringType))...)
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("status"))
		resp.Diagnostics.AddAttributeWarning(path.Root("status"), "Backup "+state.ID.ValueString()+" failed",
			state.ErrorMessage.ValueString()+"\n\nApply deletes the failed record and makes a new backup.\n\nCode: "+state.ErrorCode.ValueString())
		return true
	}
	if !plan.samePlace(state) {
		tellRetained(state, &resp.Diagnostics)
		return true
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

// samePlace reports whether nothing changes that makes a new backup. The framework does not tell: what the
// attributes' own plan modifiers require is added after ModifyPlan.
func (m backupModel) samePlace(state backupModel) bool {
	return m.ServerID.Equal(state.ServerID) && m.Type.Equal(state.Type) && m.Triggers.Equal(state.Triggers) && m.Files.equal(state.Files)
}

func (f *filesModel) equal(o *filesModel) bool {
	if f == nil || o == nil {
		return f == o
	}
	return f.Include.Equal(o.Include) && f.Exclude.Equal(o.Exclude)
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
	in.Client = r.session.client.Name()
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
	marked, diags := r.session.belongs(ctx, req.Private)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
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
	if !marked {
		resp.Diagnostics.Append(r.session.mark(ctx, resp.Private)...)
	}
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
