package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

type scheduleModel struct {
	sourceModel

	ID            types.String `tfsdk:"id"`
	ServerID      types.String `tfsdk:"server_id"`
	Name          types.String `tfsdk:"name"`
	Cron          cronValue    `tfsdk:"cron"`
	Timezone      types.String `tfsdk:"timezone"`
	RetentionDays types.Int64  `tfsdk:"retention_days"`
	Offsite       types.Object `tfsdk:"offsite"`
	Encrypted     types.Bool   `tfsdk:"encrypted"`
	Incremental   types.Bool   `tfsdk:"incremental"`
	Paused        types.Bool   `tfsdk:"paused"`
	Overlap       types.String `tfsdk:"overlap"`
	MissedRuns    types.String `tfsdk:"missed_runs"`
	MaxMissedRuns types.Int64  `tfsdk:"max_missed_runs"`
	StartDeadline types.Int64  `tfsdk:"starting_deadline_seconds"`
	Jitter        types.Int64  `tfsdk:"jitter_seconds"`
	Blackouts     types.List   `tfsdk:"blackout_windows"`
	Unresolved    types.String `tfsdk:"unresolved_failure"`
	RetryOnApply  types.Bool   `tfsdk:"retry_on_apply"`
}

var offsiteType = map[string]attr.Type{"vault_id": types.StringType}

// input is what the model says to the API: everything, so that what was removed from the configuration is removed.
func (m scheduleModel) input() api.ScheduleInput {
	files, databases := m.files(), append([]backup.Database{}, m.databases()...) // none is said as none
	if files == nil {
		files = &backup.FilesSource{}
	}
	blackouts := windowsGiven(m.Blackouts)
	return api.ScheduleInput{
		ServerID: givenText(m.ServerID), Name: givenText(m.Name), Type: givenText(m.Type), Files: files, Databases: &databases,
		Cron: givenText(m.Cron.StringValue), Timezone: givenText(m.Timezone), RetentionDays: givenInt(m.RetentionDays),
		Offsite: &api.Offsite{VaultID: text(m.Offsite.Attributes()["vault_id"])}, Encrypted: givenBool(m.Encrypted), Incremental: givenBool(m.Incremental),
		Paused: givenBool(m.Paused), Overlap: givenText(m.Overlap), MissedRuns: givenText(m.MissedRuns), MaxMissedRuns: givenInt(m.MaxMissedRuns),
		StartingDeadlineSeconds: givenInt(m.StartDeadline), JitterSeconds: givenInt(m.Jitter), BlackoutWindows: &blackouts, Unknown: m.unknown(),
	}
}

// spec is the schedule that the model describes.
func (m scheduleModel) spec() backup.ScheduleSpec {
	spec := backup.DefaultScheduleSpec()
	m.input().Apply(&spec)
	return spec
}

func (m scheduleModel) unknown() []string {
	var u unknowns
	for name, v := range map[string]attr.Value{"server_id": m.ServerID, "name": m.Name, "cron": m.Cron, "timezone": m.Timezone,
		"retention_days": m.RetentionDays, "offsite": m.Offsite, "encrypted": m.Encrypted, "incremental": m.Incremental, "paused": m.Paused,
		"overlap": m.Overlap, "missed_runs": m.MissedRuns, "max_missed_runs": m.MaxMissedRuns, "starting_deadline_seconds": m.StartDeadline,
		"jitter_seconds": m.Jitter, "blackout_windows": m.Blackouts} {
		u.add(name, v)
	}
	m.sourceModel.unknown(&u)
	return u
}

// show puts what the API says into the model. A vault that is the same stays as it was written.
func (m *scheduleModel) show(s api.Schedule) {
	m.ID, m.ServerID, m.Name = types.StringValue(s.ID), types.StringValue(s.ServerID), types.StringValue(s.Name)
	m.sourceModel.show(s.Type, s.Files, s.Databases)
	m.Cron = cronValue{types.StringValue(s.Cron)} // its type keeps what was written where both mean the same
	m.Timezone, m.RetentionDays = types.StringValue(s.Timezone), types.Int64Value(int64(s.RetentionDays))
	m.Encrypted, m.Incremental, m.Paused = types.BoolValue(s.Encrypted), types.BoolValue(s.Incremental), types.BoolValue(s.Paused)
	m.Overlap, m.MissedRuns, m.MaxMissedRuns = types.StringValue(s.Overlap), types.StringValue(s.MissedRuns), types.Int64Value(int64(s.MaxMissedRuns))
	m.StartDeadline, m.Jitter = types.Int64Value(int64(s.StartingDeadlineSeconds)), types.Int64Value(int64(s.JitterSeconds))
	m.Unresolved = types.StringNull()
	if s.UnresolvedFailure != "" {
		m.Unresolved = types.StringValue(s.UnresolvedFailure)
	}
	if m.RetryOnApply.IsNull() { // imported
		m.RetryOnApply = types.BoolValue(true)
	}
	m.Blackouts = windowsShown(m.Blackouts, s.BlackoutWindows)
	vault := ""
	if s.Offsite != nil {
		vault = s.Offsite.VaultID
	}
	if text(m.Offsite.Attributes()["vault_id"]) == vault && !m.Offsite.IsUnknown() {
		return
	}
	m.Offsite = types.ObjectNull(offsiteType)
	if vault != "" {
		m.Offsite = types.ObjectValueMust(offsiteType, map[string]attr.Value{"vault_id": types.StringValue(vault)})
	}
}
