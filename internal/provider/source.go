package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// sourceModel is what a backup takes in, in the words that backups and schedules share. Its parts may be unknown as a
// whole, so they are kept as values of Terraform.
type sourceModel struct {
	Type      types.String `tfsdk:"type"`
	Files     types.Object `tfsdk:"files"`
	Databases types.List   `tfsdk:"databases"`
}

var (
	filesType    = map[string]attr.Type{"include": types.ListType{ElemType: types.StringType}, "exclude": types.ListType{ElemType: types.StringType}}
	databaseType = map[string]attr.Type{"engine": types.StringType, "name": types.StringType, "run_as": types.StringType,
		"user": types.StringType, "host": types.StringType, "port": types.Int64Type, "globals": types.BoolType}
)

// sourceAttributes are the attributes of a sourceModel. change says what a change of one of them does.
func sourceAttributes(change string, text []planmodifier.String, object []planmodifier.Object, list []planmodifier.List) map[string]schema.Attribute {
	optional := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"type": schema.StringAttribute{Required: true, PlanModifiers: text,
			MarkdownDescription: "`files`, `database`, or `full` for both in one archive. The panel's `snapshot` is refused with `INVALID_TYPE`. " + change},
		"files": schema.SingleNestedAttribute{Optional: true, PlanModifiers: object,
			MarkdownDescription: "The files to take in, for the types `files` and `full`. " + change,
			Attributes: map[string]schema.Attribute{
				"include": schema.ListAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Absolute paths, 1 to 1,000. The backup folder itself is never taken in."},
				"exclude": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Patterns of what to leave out, as tar's `--exclude`: `*.log` matches at any depth, `/var/cache` is that path."},
			}},
		"databases": schema.ListNestedAttribute{Optional: true, PlanModifiers: list,
			MarkdownDescription: "The databases to take in, 1 to 100, for the types `database` and `full`. Passwords stay on the server, where the engine's own client finds them: peer or socket login, `~/.pgpass`, `~/.my.cnf`. " + change,
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"engine":  schema.StringAttribute{Required: true, MarkdownDescription: "`postgresql`, `mysql`, `mariadb` or `sqlite`."},
				"name":    schema.StringAttribute{Required: true, MarkdownDescription: "Name of the database; of `sqlite`, the absolute path of its file."},
				"run_as":  optional("Account on the server under which the engine's client runs, through `sudo -n -u`, such as `postgres`. Default: that of the job."),
				"user":    optional("User of the database server. Default: as its client has it."),
				"host":    optional("Name or address of the database server as seen from the server, or the folder of its socket. Default: the local socket."),
				"port":    schema.Int64Attribute{Optional: true, MarkdownDescription: "Port of the database server. Default: the engine's own."},
				"globals": schema.BoolAttribute{Optional: true, MarkdownDescription: "Take in the roles and tablespaces of the whole PostgreSQL server as well."},
			}}},
	}
}

// files returns the files named; nil where none are, or it is not known whether.
func (m sourceModel) files() *backup.FilesSource {
	if m.Files.IsNull() || m.Files.IsUnknown() {
		return nil
	}
	of := m.Files.Attributes()
	return &backup.FilesSource{Include: texts(of["include"]), Exclude: texts(of["exclude"])}
}

// databases returns the databases named, with empty fields where they are not known.
func (m sourceModel) databases() (all []backup.Database) {
	for _, e := range m.Databases.Elements() {
		o, ok := e.(types.Object)
		if !ok {
			continue
		}
		of := o.Attributes()
		port, _ := of["port"].(types.Int64)
		globals, _ := of["globals"].(types.Bool)
		all = append(all, backup.Database{Engine: backup.Engine(text(of["engine"])), Name: text(of["name"]), RunAs: text(of["run_as"]),
			User: text(of["user"]), Host: text(of["host"]), Port: int(port.ValueInt64()), Globals: globals.ValueBool()})
	}
	return all
}

func (m sourceModel) unknown(u *unknowns) {
	u.add("type", m.Type)
	u.add("files", m.Files)
	u.add("databases", m.Databases)
}

func (m sourceModel) sameSource(o sourceModel) bool {
	return m.Type.Equal(o.Type) && m.Files.Equal(o.Files) && m.Databases.Equal(o.Databases)
}

// show puts what the API says into the model. What means the same as what is there stays as it was written.
func (m *sourceModel) show(kind string, files backup.FilesSource, databases []backup.Database) {
	m.Type = types.StringValue(kind)
	if now := m.files(); now == nil && len(files.Include)+len(files.Exclude) > 0 || now != nil && !sameFiles(*now, files) {
		m.Files = filesValue(files)
	}
	if now := m.databases(); !slices.Equal(now, databases) || m.Databases.IsUnknown() {
		m.Databases = databasesValue(databases)
	}
}

func sameFiles(a, b backup.FilesSource) bool {
	return slices.Equal(a.Include, b.Include) && slices.Equal(a.Exclude, b.Exclude)
}

func filesValue(f backup.FilesSource) types.Object {
	exclude := types.ListNull(types.StringType)
	if len(f.Exclude) > 0 {
		exclude = textList(f.Exclude)
	}
	return types.ObjectValueMust(filesType, map[string]attr.Value{"include": textList(f.Include), "exclude": exclude})
}

func databasesValue(all []backup.Database) types.List {
	of := types.ObjectType{AttrTypes: databaseType}
	if len(all) == 0 {
		return types.ListNull(of)
	}
	values := make([]attr.Value, len(all))
	for i, d := range all {
		port, globals := types.Int64Null(), types.BoolNull()
		if d.Port != 0 {
			port = types.Int64Value(int64(d.Port))
		}
		if d.Globals {
			globals = types.BoolValue(true)
		}
		values[i] = types.ObjectValueMust(databaseType, map[string]attr.Value{"engine": types.StringValue(string(d.Engine)), "name": types.StringValue(d.Name),
			"run_as": textOrNull(d.RunAs), "user": textOrNull(d.User), "host": textOrNull(d.Host), "port": port, "globals": globals})
	}
	return types.ListValueMust(of, values)
}
