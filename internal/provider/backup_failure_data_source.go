package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type backupFailureDataSource struct{ session *session }

var _ datasource.DataSourceWithConfigure = (*backupFailureDataSource)(nil)

func newBackupFailureDataSource() datasource.DataSource { return &backupFailureDataSource{} }

type backupFailureModel struct {
	ServerID types.String `tfsdk:"server_id"`
	BackupID types.String `tfsdk:"backup_id"`
	Failed   types.Bool   `tfsdk:"failed"`
	Stage    types.String `tfsdk:"stage"`
	Code     types.String `tfsdk:"code"`
	Class    types.String `tfsdk:"class"`
	Title    types.String `tfsdk:"title"`
	Message  types.String `tfsdk:"message"`
	Fix      types.List   `tfsdk:"fix"`
	FailedAt types.String `tfsdk:"failed_at"`
	Trigger  types.String `tfsdk:"trigger"`
}

// Metadata implements datasource.DataSource.
func (d *backupFailureDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backup_failure"
}

// Schema implements datasource.DataSource.
func (d *backupFailureDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The last failure of a server's backups, or that of one backup. Where nothing failed, `failed` is `false` and the rest is null.",
		Attributes: map[string]schema.Attribute{
			"server_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The server whose last failed backup is meant. Exactly one of `server_id` and `backup_id` is given.",
				Validators: []validator.String{stringvalidator.ExactlyOneOf(path.MatchRoot("backup_id"))}},
			"backup_id": schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "The backup that is meant, or that failed last."},
			"failed":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether there is a failure."},
			"stage":     computed("During what it failed: `connect`, `preflight`, `archive` or `verify`."),
			"code":      computed("Code of the cause, such as `CONNECTION_REFUSED` or `NO_SPACE_LEFT`."),
			"class":     computed("Class of the cause, finer than the code."),
			"title":     computed("The cause in a few words."),
			"message":   computed("The cause in a sentence."),
			"fix":       schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What to do about it, in order."},
			"failed_at": computed("When it failed, RFC 3339 in UTC."),
			"trigger":   computed("Who asked for the backup: `manual` or `scheduled`."),
		},
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *backupFailureDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.session = configured(req.ProviderData, &resp.Diagnostics)
}

// Read implements datasource.DataSource.
func (d *backupFailureDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m backupFailureModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || !d.session.canRead("the last failure", &resp.Diagnostics) {
		return
	}
	last, err := d.session.client.LastFailure(ctx, m.ServerID.ValueString(), m.BackupID.ValueString())
	if err != nil {
		fail("Unable to read the last failure", err, &resp.Diagnostics)
		return
	}
	m.Failed, m.Fix = types.BoolValue(last.Failed), types.ListNull(types.StringType)
	if f := last.Failure; f != nil && last.Backup != nil {
		m.BackupID, m.Trigger = types.StringValue(last.Backup.ID), types.StringValue(last.Backup.Trigger)
		m.Stage, m.Code, m.Class = types.StringValue(f.Stage), types.StringValue(f.Code), types.StringValue(f.Class)
		m.Title, m.Message, m.FailedAt = types.StringValue(f.Title), types.StringValue(f.Cause), types.StringValue(f.FailedAt.Format(time.RFC3339))
		fix, diags := types.ListValueFrom(ctx, types.StringType, f.Fix)
		resp.Diagnostics.Append(diags...)
		m.Fix = fix
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
