package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
)

type backupFailureDataSource struct{ session *session }

var _ datasource.DataSourceWithConfigure = (*backupFailureDataSource)(nil)

func newBackupFailureDataSource() datasource.DataSource { return &backupFailureDataSource{} }

type backupFailureModel struct {
	ServerID   types.String  `tfsdk:"server_id"`
	ScheduleID types.String  `tfsdk:"schedule_id"`
	BackupID   types.String  `tfsdk:"backup_id"`
	Failed     types.Bool    `tfsdk:"failed"`
	Stage      types.String  `tfsdk:"stage"`
	Code       types.String  `tfsdk:"code"`
	Class      types.String  `tfsdk:"class"`
	Title      types.String  `tfsdk:"title"`
	Cause      types.String  `tfsdk:"cause"`
	Fix        types.List    `tfsdk:"fix"`
	References types.List    `tfsdk:"references"`
	Retry      types.String  `tfsdk:"retry"`
	Confidence types.Float64 `tfsdk:"confidence"`
	Evidence   types.String  `tfsdk:"evidence"`
	FailedAt   types.String  `tfsdk:"failed_at"`
	Attempt    types.Int64   `tfsdk:"attempt"`
	Text       types.String  `tfsdk:"text"`
	Trigger    types.String  `tfsdk:"trigger"`

	ExitStatus  types.Int64  `tfsdk:"exit_status"`
	Signal      types.Int64  `tfsdk:"signal"`
	Step        types.String `tfsdk:"step"`
	BytesDone   types.Int64  `tfsdk:"bytes_done"`
	FreeBytes   types.Int64  `tfsdk:"free_bytes"`
	TotalBytes  types.Int64  `tfsdk:"total_bytes"`
	NeededBytes types.Int64  `tfsdk:"needed_bytes"`
	FreeInodes  types.Int64  `tfsdk:"free_inodes"`
	TotalInodes types.Int64  `tfsdk:"total_inodes"`
	Address     types.String `tfsdk:"address"`
	HostKeyWant types.String `tfsdk:"host_key_wanted"`
	HostKeyGot  types.String `tfsdk:"host_key_got"`
	Process     types.String `tfsdk:"process"`
	BootedAt    types.String `tfsdk:"booted_at"`

	Resolved            types.Bool   `tfsdk:"resolved"`
	ConsecutiveFailures types.Int64  `tfsdk:"consecutive_failures"`
	LastSuccessAt       types.String `tfsdk:"last_success_at"`
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
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	listed := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The last failure of a server's or a schedule's backups, or that of one backup, with its diagnosis and what became of it. " +
			"Where nothing failed, `failed` is `false` and what tells of a failure is null: that is no error, so the data source can be used in `check` blocks and outputs. " +
			"A failure is told after its backup was deleted too.",
		Attributes: map[string]schema.Attribute{
			"server_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The server whose last failed backup is meant. Exactly one of `server_id`, `schedule_id` and `backup_id` is given.",
				Validators: []validator.String{stringvalidator.ExactlyOneOf(path.MatchRoot("schedule_id"), path.MatchRoot("backup_id"))}},
			"schedule_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The schedule whose last failed backup is meant. Only backups that it asked for count, for `resolved` and the like too."},
			"backup_id":   schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "The backup that is meant, or that failed last."},
			"failed":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether there is a failure. One that a good backup followed is one too: see `resolved`."},
			"stage":       computed("During what it failed: `connect`, `preflight`, `archive` or `verify`."),
			"code":        computed("Code of the cause, such as `CONNECTION_REFUSED` or `NO_SPACE_LEFT`."),
			"class":       computed("Class of the cause, finer than the code."),
			"title":       computed("The cause in a few words."),
			"cause":       computed("The cause in a sentence."),
			"fix":         listed("What to do about it, in order."),
			"references":  listed("Articles of the panel's knowledge base."),
			"retry":       computed("Whether it is worth trying again without a change: `no`, `once`, `backoff`, or `after_fix`, once the cause is gone."),
			"confidence":  schema.Float64Attribute{Computed: true, MarkdownDescription: "How sure the class is, 0 to 1."},
			"evidence":    computed("The words that decided the class, shortened, without secrets."),
			"failed_at":   computed("When it failed, RFC 3339 in UTC."),
			"attempt":     number("Which of its tries failed, from 1 on: what passes by itself is tried again."),
			"text":        computed("The error in the words of whoever raised it, without secrets."),
			"trigger":     computed("Who asked for the backup: `manual` or `scheduled`."),

			"exit_status":     number("With what the tool ended that failed first. Null where none did, or a signal ended it."),
			"signal":          number("The number of the signal that ended it. Null where none did."),
			"step":            computed("The last step that was logged."),
			"bytes_done":      number("Bytes of the archive that were written."),
			"free_bytes":      number("What the file system of the backup folder had left. Null where it was not measured, as with the next three."),
			"total_bytes":     number("Its size."),
			"needed_bytes":    number("What the backup needs at least, where it was refused because it would not fit. Null otherwise."),
			"free_inodes":     number("How many more files it could take."),
			"total_inodes":    number("How many it can take."),
			"address":         computed("Host and port that were tried."),
			"host_key_wanted": computed("The host key that is trusted, where the server showed another one."),
			"host_key_got":    computed("The host key that the server showed, where it is not the trusted one."),
			"process":         computed("What became of the process that made the archive: `lives`, `gone`, or `former_boot`, where the server was restarted since. Null where nobody could look, or it ended with a result."),
			"booted_at":       computed("When the server was last started, by its own clock, RFC 3339 in UTC. Null where it was not asked."),

			"resolved":             schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether a good backup of the same type, or a full one, followed."},
			"consecutive_failures": number("How many backups failed since the last good one. Where nothing failed, 0."),
			"last_success_at":      computed("When the last good backup ended, RFC 3339 in UTC. Null where there is none."),
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
	last, err := d.session.client.LastFailure(ctx, m.ServerID.ValueString(), m.ScheduleID.ValueString(), m.BackupID.ValueString())
	if err != nil {
		fail("Unable to read the last failure", err, &resp.Diagnostics)
		return
	}
	m.Fix, m.References = types.ListNull(types.StringType), types.ListNull(types.StringType)
	m.Failed, m.Resolved, m.ConsecutiveFailures = types.BoolValue(last.Failed), types.BoolValue(last.Resolved), types.Int64Value(int64(last.ConsecutiveFailures))
	if last.LastSuccessAt != nil {
		m.LastSuccessAt = types.StringValue(last.LastSuccessAt.Format(time.RFC3339))
	}
	if last.Failure != nil && last.Backup != nil {
		m.BackupID, m.Trigger = types.StringValue(last.Backup.ID), types.StringValue(last.Backup.Trigger)
		resp.Diagnostics.Append(m.tell(ctx, *last.Failure)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// tell fills in a failure. What was not measured is null.
func (m *backupFailureModel) tell(ctx context.Context, f api.Failure) (diags diag.Diagnostics) {
	m.Stage, m.Code, m.Class = types.StringValue(f.Stage), types.StringValue(f.Code), types.StringValue(f.Class)
	m.Title, m.Cause, m.FailedAt = types.StringValue(f.Title), types.StringValue(f.Cause), types.StringValue(f.FailedAt.Format(time.RFC3339))
	m.Retry, m.Confidence, m.Evidence = types.StringValue(f.Retry), types.Float64Value(f.Confidence), known(f.Said)
	for list, texts := range map[*types.List][]string{&m.Fix: f.Fix, &m.References: f.References} {
		value, wrong := types.ListValueFrom(ctx, types.StringType, texts)
		diags.Append(wrong...)
		*list = value
	}
	e := f.Evidence
	m.ExitStatus, m.Signal, m.BytesDone = counted(int64(f.ExitStatus), f.ExitStatus != 0), counted(int64(f.Signal), f.Signal != 0), types.Int64Value(e.BytesDone)
	m.Attempt, m.Text, m.NeededBytes = types.Int64Value(int64(f.Attempt)), known(f.Text), counted(e.NeededBytes, e.NeededBytes > 0)
	m.FreeBytes, m.TotalBytes = counted(e.FreeBytes, e.TotalBytes > 0), counted(e.TotalBytes, e.TotalBytes > 0)
	m.FreeInodes, m.TotalInodes = counted(e.FreeInodes, e.TotalInodes > 0), counted(e.TotalInodes, e.TotalInodes > 0)
	m.Step, m.Address, m.HostKeyWant, m.HostKeyGot = known(e.Step), known(e.Address), known(e.HostKeyWant), known(e.HostKeyGot)
	m.Process = known(string(e.Process))
	if !e.BootedAt.IsZero() {
		m.BootedAt = types.StringValue(e.BootedAt.Format(time.RFC3339))
	}
	return diags
}

// known is a text, null where there is none.
func known(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// counted is a number, null where it was not counted.
func counted(n int64, measured bool) types.Int64 {
	if !measured {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}
