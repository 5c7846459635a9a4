package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// question is what a configuration asks a data source, by attribute. All of it is known: Terraform waits for that.
type question map[string]attr.Value

func (q question) text(name string) string { return text(q[name]) }

func (q question) given(name string) bool { return !q[name].IsNull() }

// number is 0 where none was given.
func (q question) number(name string) int {
	n, _ := q[name].(types.Int64)
	return int(n.ValueInt64())
}

// lookup is a data source that answers a question from what the control plane says. Those of one record and those of
// many are made by one and many.
type lookup struct {
	name    string // of its type, without the provider's
	noun    string // for messages
	schema  schema.Schema
	answer  func(context.Context, *session, question) (map[string]attr.Value, error)
	session *session
}

var _ datasource.DataSourceWithConfigure = (*lookup)(nil)

// one is the data source of the T that find returns. Configuration may give the attributes in choice.
func one[T any](name, noun, about string, f facts[T], choice map[string]schema.Attribute, find func(context.Context, *session, question) (T, error)) datasource.DataSource {
	attributes := f.attributes()
	maps.Copy(attributes, choice)
	return &lookup{
		name: name, noun: noun, schema: schema.Schema{MarkdownDescription: about, Attributes: attributes},
		answer: func(ctx context.Context, s *session, q question) (map[string]attr.Value, error) {
			found, err := find(ctx, s, q)
			if err != nil {
				return nil, err
			}
			return f.values(found), nil
		},
	}
}

// many is the data source of those that list returns: objects in the attribute called plural, and their ids.
func many[T any](name, plural, about string, f facts[T], filters map[string]schema.Attribute, list func(context.Context, *session, question) ([]T, error)) datasource.DataSource {
	id := f["id"].of
	attributes := map[string]schema.Attribute{
		"ids":  schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Their identifiers, in the same order."},
		plural: schema.ListNestedAttribute{Computed: true, MarkdownDescription: "All that match.", NestedObject: schema.NestedAttributeObject{Attributes: f.attributes()}},
	}
	maps.Copy(attributes, filters)
	return &lookup{
		name: name, noun: "the " + plural, schema: schema.Schema{MarkdownDescription: about, Attributes: attributes},
		answer: func(ctx context.Context, s *session, q question) (map[string]attr.Value, error) {
			found, err := list(ctx, s, q)
			if err != nil {
				return nil, err
			}
			ids := make([]attr.Value, len(found))
			for i, v := range found {
				ids[i] = id(v)
			}
			return map[string]attr.Value{"ids": types.ListValueMust(types.StringType, ids), plural: f.objects(found)}, nil
		},
	}
}

// Metadata implements datasource.DataSource.
func (d *lookup) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.name
}

// Schema implements datasource.DataSource.
func (d *lookup) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *lookup) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.session = configured(req.ProviderData, &resp.Diagnostics)
}

// Read implements datasource.DataSource.
func (d *lookup) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config types.Object
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || !d.session.canRead(d.noun, &resp.Diagnostics) {
		return
	}
	state := config.Attributes()
	answer, err := d.answer(ctx, d.session, state)
	if none, ok := errors.AsType[*noneError](err); ok {
		resp.Diagnostics.AddAttributeError(path.Root(none.field), none.summary, none.detail)
		return
	}
	if err != nil {
		fail("Unable to read "+d.noun, err, &resp.Diagnostics)
		return
	}
	maps.Copy(state, answer)
	resp.Diagnostics.Append(resp.State.Set(ctx, types.ObjectValueMust(config.AttributeTypes(ctx), state))...)
}

// canRead reports whether a data source can be read, and says why not: unlike a resource, it has no state to keep.
func (s *session) canRead(noun string, diags *diag.Diagnostics) bool {
	if !s.known() {
		diags.AddError("Unable to read "+noun, "It is not known yet which control plane is meant: data_dir, endpoint, token or ca_file of the provider depends on something that is only known after apply.\n\n"+
			"Apply that first (terraform apply -target), or set them to values that are known.")
	}
	return s.known()
}

// noneError says that there is not what was asked for, and on which attribute.
type noneError struct{ field, summary, detail string }

func (e *noneError) Error() string { return e.summary + ": " + e.detail }

// noneWithID is the error of an identifier that nothing has.
func noneWithID(s *session, noun, id string) *noneError {
	return &noneError{"id", fmt.Sprintf("There is no %s %s", noun, id),
		fmt.Sprintf("The control plane of %s has no %s with this identifier. It was deleted, or it belongs to another control plane.", s.place, noun)}
}

// noneNamed is the error of a name that nothing has. where says among what, and names are those that there are.
func noneNamed(noun, name, where string, names []string) error {
	const most = 10
	slices.Sort(names)
	detail := where + " has no " + noun + " of this name."
	switch near := backup.Nearest(name, names); {
	case near != "":
		detail += fmt.Sprintf(" Did you mean %q?", near)
	case len(names) == 0:
		detail += " It has none at all."
	case len(names) > most:
		detail += fmt.Sprintf(" It has %d others: %s, ...", len(names), strings.Join(names[:most], ", "))
	default:
		detail += " It has: " + strings.Join(names, ", ") + "."
	}
	return &noneError{"name", fmt.Sprintf("There is no %s %q", noun, backup.Excerpt(name, 64)), detail}
}

// --- what a configuration may give --------------------------------------------------------------------------------

// choice is a text that a configuration may give and that is known of what was found.
func choice(description string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: description, Validators: validators}
}

// filter is a text that a configuration may give.
func filter(description string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: validators}
}

// onlyOf is the filter by server.
func onlyOf(description string) schema.StringAttribute {
	return filter(description, identifier(backup.ParseServerID))
}

// accepted is a text that a function does not refuse.
type accepted struct {
	summary string // of the diagnostic, where it does
	check   func(string) error
}

// identifier accepts what the parser of an identifier accepts.
func identifier[ID any](parse func(string) (ID, error)) validator.String {
	return accepted{"Invalid identifier", func(s string) error {
		_, err := parse(s)
		return err
	}}
}

// Description implements validator.String.
func (a accepted) Description(context.Context) string { return "refuses: " + a.summary }

// MarkdownDescription implements validator.String.
func (a accepted) MarkdownDescription(ctx context.Context) string { return a.Description(ctx) }

// ValidateString implements validator.String.
func (a accepted) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := a.check(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, a.summary, sentence(err.Error()))
	}
}
