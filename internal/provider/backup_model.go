package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
)

type backupModel struct {
	sourceModel

	ID            types.String   `tfsdk:"id"`
	ServerID      types.String   `tfsdk:"server_id"`
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

// input is what the model says to the API.
func (m backupModel) input() api.BackupInput {
	return api.BackupInput{Type: m.Type.ValueString(), Files: m.files(), Databases: m.databases(), RetentionDays: givenInt(m.RetentionDays),
		Managed: true, Unknown: m.unknown()}
}

func (m backupModel) unknown() []string {
	var u unknowns
	u.add("server_id", m.ServerID)
	u.add("retention_days", m.RetentionDays)
	m.sourceModel.unknown(&u)
	return u
}

// show puts what the API says into the model. What only the configuration knows stays.
func (m *backupModel) show(ctx context.Context, b api.Backup) (diags diag.Diagnostics) {
	m.ID, m.ServerID = types.StringValue(b.ID), types.StringValue(b.ServerID)
	m.sourceModel.show(b.Type, b.Files, b.Databases)
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
	if m.Wait.IsNull() {
		m.Wait = types.BoolValue(true)
	}
	if m.OnDestroy.IsNull() {
		m.OnDestroy = types.StringValue(onDestroyRetain)
	}
	return diags
}
