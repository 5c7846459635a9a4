package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

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

type serverModel struct {
	ID                       types.String `tfsdk:"id"`
	Name                     types.String `tfsdk:"name"`
	Host                     types.String `tfsdk:"host"`
	Port                     types.Int64  `tfsdk:"port"`
	User                     types.String `tfsdk:"user"`
	HostKey                  types.String `tfsdk:"host_key"`
	RecordHostKey            types.Bool   `tfsdk:"record_host_key"`
	PrivateKeyWO             types.String `tfsdk:"private_key_wo"`
	PrivateKeyWOVersion      types.Int64  `tfsdk:"private_key_wo_version"`
	GenerateKey              types.Bool   `tfsdk:"generate_key"`
	PublicKey                types.String `tfsdk:"public_key"`
	BackupDir                types.String `tfsdk:"backup_dir"`
	Privilege                types.String `tfsdk:"privilege"`
	Environment              types.String `tfsdk:"environment"`
	ConnectTimeoutSeconds    types.Int64  `tfsdk:"connect_timeout_seconds"`
	KeepaliveIntervalSeconds types.Int64  `tfsdk:"keepalive_interval_seconds"`
}

// Metadata implements resource.Resource.
func (r *serverResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_server"
}

// Schema implements resource.Resource.
func (r *serverResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	text := func(description, value string) schema.StringAttribute {
		a := schema.StringAttribute{Optional: true, MarkdownDescription: description}
		if value != "" {
			a.Computed, a.Default = true, stringdefault.StaticString(value)
			a.MarkdownDescription += fmt.Sprintf(" Default: `%s`.", value)
		}
		return a
	}
	number := func(description string, value int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(value),
			MarkdownDescription: fmt.Sprintf("%s Default: `%d`.", description, value)}
	}
	d := backup.DefaultServerSpec()
	resp.Schema = schema.Schema{
		MarkdownDescription: "A server that can be backed up over SSH: Linux with a POSIX shell, tar, gzip, coreutils and setsid, or BusyBox. Nothing is installed on it. Every setting changes in place.",
		Attributes: map[string]schema.Attribute{
			"id":   schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier.", PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name, unique in the control plane: 1 to 63 letters, digits, dots, dashes and underscores."},
			"host": schema.StringAttribute{Required: true, MarkdownDescription: "Host name or IP address."},
			"port": number("Port of sshd, 1 to 65535.", int64(d.Port)),
			"user": text("Login user.", d.User),
			"host_key": schema.StringAttribute{Optional: true,
				MarkdownDescription: "Host key to insist on: the line that `cat /etc/ssh/ssh_host_ed25519_key.pub` prints on the server, or a fingerprint `SHA256:...`. Needed unless `record_host_key` is set."},
			"record_host_key": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Trust the host key of the first contact, keep it, and insist on it from then on. `cloudaipilot server show` prints it. Ignored with `host_key`. Default: `false`."},
			"private_key_wo": schema.StringAttribute{Optional: true, Sensitive: true, WriteOnly: true,
				MarkdownDescription: "Your own private key for the login user, unencrypted, OpenSSH or PEM. Write-only: it reaches the control plane, sealed, and neither plan nor state. Without it the control plane makes a pair.",
				Validators:          []validator.String{stringvalidator.AlsoRequires(path.MatchRoot("private_key_wo_version"))}},
			"private_key_wo_version": schema.Int64Attribute{Optional: true, MarkdownDescription: "Raise it to have a changed `private_key_wo` taken over; remove it to go back to a generated pair.",
				Validators: []validator.Int64{int64validator.AlsoRequires(path.MatchRoot("private_key_wo"))}},
			"generate_key": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Without `private_key_wo`: have the control plane make a key pair. With `false` the server has no key, and every backup of it is refused with `SSH_NOT_CONFIGURED`. Default: `true`."},
			"public_key":                 schema.StringAttribute{Computed: true, MarkdownDescription: "Public key line for the login user's `~/.ssh/authorized_keys`; null without a key."},
			"backup_dir":                 text("Folder for archives on the server. It is made with mode 0700 in a folder that exists, and refused if anybody else could write to it. Many systems empty `/tmp` at boot: name a lasting folder for archives that must live.", d.BackupDir),
			"privilege":                  text("`none`: the job runs as the login user. `sudo`: it runs as root through `sudo -n`, which needs the line `USER ALL=(root) NOPASSWD: /bin/sh` in sudoers.", string(d.Privilege)),
			"environment":                text("What the server is for, such as `production` or `staging`.", ""),
			"connect_timeout_seconds":    number("Bound on TCP connect, handshake and login together, 1 to 300 seconds.", int64(d.ConnectTimeout.Seconds())),
			"keepalive_interval_seconds": number("Pause between keepalives, 1 to 300 seconds; three without an answer end the connection.", int64(d.KeepaliveInterval.Seconds())),
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *serverResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = configured(req.ProviderData, &resp.Diagnostics)
}

// input is what the model says to the API. The private key is not in it: it lives in the configuration alone.
func (m serverModel) input() api.ServerInput {
	empty := ""
	in := api.ServerInput{
		Name: givenText(m.Name), Host: givenText(m.Host), Port: givenInt(m.Port), User: givenText(m.User),
		HostKey: givenText(m.HostKey), RecordHostKey: givenBool(m.RecordHostKey), BackupDir: givenText(m.BackupDir),
		Privilege: givenText(m.Privilege), Environment: givenText(m.Environment),
		ConnectTimeoutSeconds: givenInt(m.ConnectTimeoutSeconds), KeepaliveIntervalSeconds: givenInt(m.KeepaliveIntervalSeconds),
		Unknown: m.unknown(),
	}
	if m.HostKey.IsNull() {
		in.HostKey = &empty
	}
	if m.Environment.IsNull() {
		in.Environment = &empty
	}
	return in
}

func (m serverModel) unknown() []string {
	var u unknowns
	u.add("name", m.Name)
	u.add("host", m.Host)
	u.add("port", m.Port)
	u.add("user", m.User)
	u.add("host_key", m.HostKey)
	u.add("record_host_key", m.RecordHostKey)
	u.add("backup_dir", m.BackupDir)
	u.add("privilege", m.Privilege)
	u.add("environment", m.Environment)
	u.add("connect_timeout_seconds", m.ConnectTimeoutSeconds)
	u.add("keepalive_interval_seconds", m.KeepaliveIntervalSeconds)
	return u
}

// show puts what the API says into the model. What only the configuration knows stays.
func (m *serverModel) show(s api.Server) {
	m.ID, m.Name, m.Host = types.StringValue(s.ID), types.StringValue(s.Name), types.StringValue(s.Host)
	m.Port, m.User = types.Int64Value(int64(s.Port)), types.StringValue(s.User)
	m.HostKey, m.RecordHostKey = textOrNull(s.HostKey), types.BoolValue(s.RecordHostKey)
	m.PublicKey, m.BackupDir, m.Privilege = textOrNull(s.PublicKey), types.StringValue(s.BackupDir), types.StringValue(s.Privilege)
	m.Environment = textOrNull(s.Environment)
	m.ConnectTimeoutSeconds = types.Int64Value(int64(s.ConnectTimeoutSeconds))
	m.KeepaliveIntervalSeconds = types.Int64Value(int64(s.KeepaliveIntervalSeconds))
	m.PrivateKeyWO = types.StringNull()
	if m.GenerateKey.IsNull() || m.GenerateKey.IsUnknown() {
		m.GenerateKey = types.BoolValue(s.KeySource != string(backup.KeyNone))
	}
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
	if req.Plan.Raw.IsNull() || !r.session.known() {
		return
	}
	var plan, state serverModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !creating && plan.PublicKey.IsUnknown() && !keyChanges(plan, state) {
		plan.PublicKey = state.PublicKey
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("public_key"), plan.PublicKey)...)
	}
	if !creating && req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	findings, err := r.session.client.CheckServer(ctx, state.ID.ValueString(), plan.input())
	if err != nil {
		fail("Unable to check server "+plan.Name.ValueString(), err, &resp.Diagnostics)
		return
	}
	report(findings, &resp.Diagnostics)
}

func keyChanges(plan, state serverModel) bool {
	return !plan.PrivateKeyWOVersion.Equal(state.PrivateKeyWOVersion) || !plan.GenerateKey.Equal(state.GenerateKey)
}

// withKey adds what is wished about the key pair. config holds the write-only key.
func withKey(in api.ServerInput, plan, config serverModel) api.ServerInput {
	if !config.PrivateKeyWO.IsNull() {
		in.PrivateKey = givenText(config.PrivateKeyWO)
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
	marked, diags := r.session.belongs(ctx, req.Private)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	if !found {
		resp.State.RemoveResource(ctx)
		return
	}
	m.show(s)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	if !marked {
		resp.Diagnostics.Append(r.session.mark(ctx, resp.Private)...)
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
