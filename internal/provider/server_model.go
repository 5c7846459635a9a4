package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

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
	MaxConcurrentBackups     types.Int64  `tfsdk:"max_concurrent_backups"`
	MaintenanceWindows       types.List   `tfsdk:"maintenance_windows"`
}

// input is what the model says to the API. The private key is not in it: it lives in the configuration alone.
func (m serverModel) input() api.ServerInput {
	empty, windows := "", windowsGiven(m.MaintenanceWindows)
	in := api.ServerInput{
		Name: givenText(m.Name), Host: givenText(m.Host), Port: givenInt(m.Port), User: givenText(m.User),
		HostKey: givenText(m.HostKey), RecordHostKey: givenBool(m.RecordHostKey), BackupDir: givenText(m.BackupDir),
		Privilege: givenText(m.Privilege), Environment: givenText(m.Environment),
		ConnectTimeoutSeconds: givenInt(m.ConnectTimeoutSeconds), KeepaliveIntervalSeconds: givenInt(m.KeepaliveIntervalSeconds),
		MaxConcurrentBackups: givenInt(m.MaxConcurrentBackups), MaintenanceWindows: &windows,
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
	u.add("max_concurrent_backups", m.MaxConcurrentBackups)
	u.add("maintenance_windows", m.MaintenanceWindows)
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
	m.MaxConcurrentBackups = types.Int64Value(int64(s.MaxConcurrentBackups))
	m.MaintenanceWindows = windowsShown(m.MaintenanceWindows, s.MaintenanceWindows)
	m.PrivateKeyWO = types.StringNull()
	if m.GenerateKey.IsNull() || m.GenerateKey.IsUnknown() {
		m.GenerateKey = types.BoolValue(s.KeySource != string(backup.KeyNone))
	}
}
