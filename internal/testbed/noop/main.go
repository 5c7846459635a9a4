// Command noop is a provider that does nothing: what Terraform itself takes for a plan is measured with it. It has the
// resource cloudaipilot_server with as many attributes as the real one, keeps them in the state, and asks nobody.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	opts := providerserver.ServeOpts{Address: "registry.terraform.io/cloudaipilot/cloudaipilot"}
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return noop{} }, opts); err != nil {
		log.Fatal(err)
	}
}

type noop struct{}

func (noop) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "cloudaipilot"
}

func (noop) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema.Attributes = map[string]providerschema.Attribute{
		"endpoint": providerschema.StringAttribute{Optional: true}, "token": providerschema.StringAttribute{Optional: true}}
}

func (noop) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}
func (noop) DataSources(context.Context) []func() datasource.DataSource                        { return nil }
func (noop) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return server{} }}
}

// server keeps what it is told.
type server struct{}

func (server) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "cloudaipilot_server"
}

var (
	texts   = []string{"id", "name", "host", "user", "host_key", "private_key_wo", "public_key", "backup_dir", "privilege", "environment"}
	numbers = []string{"port", "private_key_wo_version", "connect_timeout_seconds", "keepalive_interval_seconds", "max_concurrent_backups"}
	flags   = []string{"record_host_key", "generate_key"}
)

func (server) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema.Attributes = map[string]schema.Attribute{}
	for _, name := range texts {
		resp.Schema.Attributes[name] = schema.StringAttribute{Optional: true, Computed: true}
	}
	for _, name := range numbers {
		resp.Schema.Attributes[name] = schema.Int64Attribute{Optional: true, Computed: true}
	}
	for _, name := range flags {
		resp.Schema.Attributes[name] = schema.BoolAttribute{Optional: true, Computed: true}
	}
}

func (server) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	for _, name := range texts {
		settle(ctx, req, resp, name, types.StringUnknown(), types.StringValue("kept"))
	}
	for _, name := range numbers {
		settle(ctx, req, resp, name, types.Int64Unknown(), types.Int64Value(1))
	}
	for _, name := range flags {
		settle(ctx, req, resp, name, types.BoolUnknown(), types.BoolValue(false))
	}
}

// settle gives an attribute a value that has none yet.
func settle[T attr.Value](ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse, name string, planned, value T) {
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root(name), &planned)...)
	if planned.IsUnknown() {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

func (server) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}
func (server) Update(_ context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
}
func (server) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
