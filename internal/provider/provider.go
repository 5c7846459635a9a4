package provider

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
)

// Address is the provider's address in the registry.
const Address = "registry.terraform.io/cloudaipilot/cloudaipilot"

// DataDirEnv names the environment variable of the data directory.
const DataDirEnv = "CLOUDAIPILOT_DATA_DIR"

// Factory makes providers and ends what they started.
type Factory struct {
	version string

	mu     sync.Mutex
	opened []*app.Embedded
}

// NewFactory returns a factory of providers of this version.
func NewFactory(version string) *Factory { return &Factory{version: version} }

// New returns a provider.
func (f *Factory) New() provider.Provider { return &cloudProvider{factory: f} }

// Serve answers the Terraform process that started this one, until it says goodbye.
func (f *Factory) Serve() error {
	return tf6server.Serve(Address, func() tfprotov6.ProviderServer {
		s, err := f.Server()
		if err != nil {
			panic(err) // the framework and this package do not fit: a bug that every test shows
		}
		return s
	})
}

// Close ends every control plane that the providers embedded.
func (f *Factory) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, e := range f.opened {
		errs = append(errs, e.Close())
	}
	f.opened = nil
	return errors.Join(errs...)
}

func (f *Factory) open(c app.Config) (*app.Embedded, error) {
	c.Version, c.Log = f.version, pluginLog()
	e, err := app.NewEmbedded(c)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, e)
	return e, nil
}

type cloudProvider struct{ factory *Factory }

var (
	_ provider.Provider              = (*cloudProvider)(nil)
	_ provider.ProviderWithFunctions = (*cloudProvider)(nil)
)

type providerModel struct {
	DataDir  types.String `tfsdk:"data_dir"`
	Endpoint types.String `tfsdk:"endpoint"`
	Token    types.String `tfsdk:"token"`
	CAFile   types.String `tfsdk:"ca_file"`

	Simulate   types.Bool   `tfsdk:"simulate"`
	Simulation types.Object `tfsdk:"simulation"`
}

// Metadata implements provider.Provider.
func (p *cloudProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "cloudaipilot", p.factory.version
}

// Schema implements provider.Provider.
func (p *cloudProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Backs servers up over SSH, and says in words why a backup failed and how to fix it. Without any setting the control plane runs inside the provider, on SQLite in `data_dir`.",
		Attributes: map[string]schema.Attribute{
			"data_dir": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Directory of the embedded control plane's records, made when first needed, for your eyes only. Default: the environment variable `" + DataDirEnv +
					"`, else `" + app.DefaultDataDir + "` in the working directory. Keep it: it is not part of the state. Not together with `endpoint`.",
				Validators: []validator.String{stringvalidator.ConflictsWith(path.MatchRoot("endpoint"))},
			},
			"endpoint": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Address of a control plane that runs by itself (`cloudaipilot serve`), such as `https://backups.example.com:8642`. Default: the environment variable `" + app.EndpointEnv + "`, else the control plane is embedded.",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Token for the endpoint, begins with `cap_`. Better left to the environment variable `" + app.TokenEnv + "`. A token without an endpoint is an error.",
			},
			"simulate":   simulateAttribute(),
			"simulation": simulationAttribute(),
			"ca_file": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "PEM file of the authorities that the endpoint's certificate is checked against, instead of the system's. Default: the environment variable `" + app.CAFileEnv + "`.",
			},
		},
	}
}

// Configure implements provider.Provider. It makes one request, so that a control plane that cannot be reached is one
// error here and not one in every resource.
func (p *cloudProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var m providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := &session{}
	resp.ResourceData, resp.DataSourceData = s, s
	simulation, known := m.simulation(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !known || m.DataDir.IsUnknown() || m.Endpoint.IsUnknown() || m.Token.IsUnknown() || m.CAFile.IsUnknown() {
		return // which control plane it will be is not known yet: resources keep their state
	}
	if m.Simulate.ValueBool() {
		p.simulate(ctx, s, m, simulation, &resp.Diagnostics)
		return
	}
	remote := app.Remote{Endpoint: orEnv(m.Endpoint, app.EndpointEnv), Token: orEnv(m.Token, app.TokenEnv), CAFile: orEnv(m.CAFile, app.CAFileEnv)}
	switch {
	case remote.Endpoint != "" && m.DataDir.IsNull():
		p.reach(ctx, s, remote, &resp.Diagnostics)
	case remote.Token != "" && remote.Endpoint == "":
		resp.Diagnostics.AddAttributeError(path.Root("token"), "A token without an endpoint", sentence(app.ErrTokenAlone.Error()))
	default:
		p.embed(ctx, s, m.DataDir, &resp.Diagnostics)
	}
}

// orEnv is the value that was configured, else that of the environment variable.
func orEnv(v types.String, name string) string {
	if s := v.ValueString(); s != "" {
		return s
	}
	return os.Getenv(name)
}

// reach connects the session to a control plane that runs by itself.
func (p *cloudProvider) reach(ctx context.Context, s *session, remote app.Remote, diags *diag.Diagnostics) {
	client, err := remote.Client("terraform-provider-cloudaipilot/" + p.factory.version)
	if err != nil {
		diags.AddAttributeError(path.Root("endpoint"), "Unable to use the endpoint", sentence(err.Error()))
		return
	}
	s.connect(client, "the endpoint "+remote.Endpoint)
	if _, err := s.client.ControlPlane(ctx); err != nil {
		summary, hint := "Unable to reach the control plane at "+remote.Endpoint, "\n\nLook there whether \"cloudaipilot serve\" runs, and compare endpoint (CLOUDAIPILOT_ENDPOINT) with its --listen."
		if errors.As(err, new(*api.Problem)) {
			summary, hint = "The control plane at "+remote.Endpoint+" refused", ""
		}
		diags.AddAttributeError(path.Root("endpoint"), summary, sentence(err.Error())+hint)
	}
}

// embed connects the session to the control plane of a data directory.
func (p *cloudProvider) embed(ctx context.Context, s *session, dataDir types.String, diags *diag.Diagnostics) {
	dir := orEnv(dataDir, DataDirEnv)
	if dir == "" {
		dir = app.DefaultDataDir
	}
	embedded, err := p.factory.open(app.Config{DataDir: dir})
	if err != nil {
		diags.AddAttributeError(path.Root("data_dir"), "Unable to use the data directory", err.Error())
		return
	}
	s.connect(embedded.Client("terraform-provider-cloudaipilot/"+p.factory.version), "the data directory "+dir)
	who, err := s.client.ControlPlane(ctx)
	if err != nil {
		diags.AddAttributeError(path.Root("data_dir"), "Unable to read the control plane of "+dir, err.Error())
	} else if who.Simulated {
		diags.AddAttributeError(path.Root("data_dir"), "The control plane of "+dir+" is simulated", "Its servers are not there, and what it calls a backup is none. Add simulate = true, or name another data directory.")
	}
}

// Resources implements provider.Provider.
func (p *cloudProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newServerResource, newBackupResource, newScheduleResource}
}

// DataSources implements provider.Provider.
func (p *cloudProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newServerDataSource, newServersDataSource, newBackupDataSource, newBackupsDataSource, newBackupFailureDataSource,
		newScheduleDataSource, newSchedulesDataSource, newScheduleHealthDataSource, newScheduleForecastDataSource, newPreflightDataSource, newActivitiesDataSource,
	}
}

// Functions implements provider.ProviderWithFunctions.
func (p *cloudProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newCronNextFunction, newCronDescribeFunction, newDiagnoseFunction}
}
