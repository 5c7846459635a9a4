package provider

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

type serverResource struct{ session *session }

var (
	_ resource.ResourceWithConfigure      = (*serverResource)(nil)
	_ resource.ResourceWithValidateConfig = (*serverResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*serverResource)(nil)
	_ resource.ResourceWithImportState    = (*serverResource)(nil)
)

func newServerResource() resource.Resource { return &serverResource{} }

// Metadata implements resource.Resource.
func (r *serverResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_server"
}

// Configure implements resource.ResourceWithConfigure.
func (r *serverResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = configured(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements resource.ResourceWithValidateConfig: what the configuration alone decides.
func (r *serverResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m serverModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	spec := backup.DefaultServerSpec()
	m.input().Apply(&spec)
	report(backup.Validate(backup.ServerRules, spec, m.unknown()), &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: the key that will change, and what a dry run says.
func (r *serverResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	creating := req.State.Raw.IsNull()
	if !r.session.known() || !creating && req.Plan.Raw.Equal(req.State.Raw) { // a thousand servers are planned without a change
		return
	}
	var plan, state serverModel
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		r.tellOrphans(ctx, state, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !creating && plan.PublicKey.IsUnknown() && !keyChanges(plan, state) {
		plan.PublicKey = state.PublicKey
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("public_key"), plan.PublicKey)...)
	}
	findings, err := r.session.client.CheckServer(ctx, state.ID.ValueString(), plan.input())
	if err != nil {
		fail("Unable to check server "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	report(findings, &resp.Diagnostics)
}

// tellOrphans says at plan time which archives outlive the server's key, for then nobody can fetch or remove them from here.
func (r *serverResource) tellOrphans(ctx context.Context, state serverModel, diags *diag.Diagnostics) {
	if r.session.simulated { // there are none
		return
	}
	archives, err := r.session.archives.all(ctx)
	if err != nil {
		fail("Unable to look for archives of server "+state.Name.ValueString(), err, diags)
		return
	}
	archives = slices.DeleteFunc(archives, func(b api.Backup) bool { return b.ServerID != state.ID.ValueString() })
	if len(archives) == 0 {
		return
	}
	newest := slices.MaxFunc(archives, func(a, b api.Backup) int { return a.CreatedAt.Compare(b.CreatedAt) })
	diags.AddWarning(fmt.Sprintf("The key of server %s goes, and archives of it stay", state.Name.ValueString()),
		fmt.Sprintf("%d completed backups of it are known, the newest of them in %s on %s. What is not destroyed together with the server stays there, and without the key it can be neither downloaded nor deleted from here.\n\n"+
			"Download what you need first: cloudaipilot backup download %s", len(archives), newest.Path, state.Host.ValueString(), newest.ID))
}

func keyChanges(plan, state serverModel) bool {
	return !plan.PrivateKeyWOVersion.Equal(state.PrivateKeyWOVersion) || !plan.GenerateKey.Equal(state.GenerateKey)
}

// withKey adds what is wished about the key pair. config holds the write-only key.
func withKey(in api.ServerInput, plan, config serverModel) api.ServerInput {
	if !config.PrivateKeyWO.IsNull() || !plan.PrivateKeyWOVersion.IsNull() {
		key := config.PrivateKeyWO.ValueString() // empty is refused by the control plane
		in.PrivateKey = &key
	} else {
		in.GenerateKey = givenBool(plan.GenerateKey)
	}
	return in
}

// Create implements resource.Resource.
func (r *serverResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config serverModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, err := r.session.client.CreateServer(ctx, withKey(plan.input(), plan, config))
	if err != nil {
		fail("Unable to add server "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	r.session.servers.forget()
	plan.show(s)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(r.session.mark(ctx, resp.Private)...)
}

// Read implements resource.Resource.
func (r *serverResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if !r.session.known() {
		return
	}
	var m serverModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, found, err := r.session.servers.find(ctx, m.ID.ValueString())
	if err != nil {
		fail("Unable to read server "+m.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.Append(r.session.recognise(ctx, req.Private, resp.Private)...); resp.Diagnostics.HasError() {
		return
	}
	if !found {
		resp.State.RemoveResource(ctx)
		return
	}
	before := m
	if m.show(s); !reflect.DeepEqual(m, before) {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// Update implements resource.Resource.
func (r *serverResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config serverModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	in := plan.input()
	if keyChanges(plan, state) {
		in = withKey(in, plan, config)
	}
	s, err := r.session.client.UpdateServer(ctx, state.ID.ValueString(), in)
	if err != nil {
		fail("Unable to change server "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	r.session.servers.forget()
	plan.show(s)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// Delete implements resource.Resource. Archives stay on the server.
func (r *serverResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state serverModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.session.settle(ctx, req.Private)...)
	if resp.Diagnostics.HasError() {
		return
	}
	err := r.session.client.DeleteServer(ctx, state.ID.ValueString())
	r.session.servers.forget()
	if err != nil && !apiclient.IsNotFound(err) {
		fail("Unable to delete server "+state.Name.ValueString(), err, &resp.Diagnostics)
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *serverResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importByID(ctx, req, resp, func(id string) error {
		_, err := backup.ParseServerID(id)
		return err
	})
}

// importByID imports by an identifier whose form is checked first.
func importByID(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse, check func(string) error) {
	if err := check(req.ID); err != nil {
		resp.Diagnostics = append(resp.Diagnostics, diag.NewErrorDiagnostic("Unable to import", err.Error()+"."))
		return
	}
	resource.ImportStatePassthroughID(ctx, path.Root("id"), req, resp)
}
