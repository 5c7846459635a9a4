package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

type simulationModel struct {
	Scenario types.String `tfsdk:"scenario"`
	Elapsed  types.String `tfsdk:"elapsed"`
}

func simulateAttribute() schema.Attribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Simulate servers, disks and the time: no server and no network is touched, no key is needed, and nothing is backed up. For tests of modules (`terraform test`): see the guide \"Test your modules\". " +
			"The records are in `data_dir`, by default `" + app.DefaultSimulatedDir + "`, and begin anew where no server is left in them. Environment variables that name a control plane do not count. Not together with `endpoint`.",
	}
}

func simulationAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "What happens to the simulated servers, and what time it is. Counts with `simulate = true` only.",
		Attributes: map[string]schema.Attribute{
			"scenario": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The scenario, in YAML or JSON: `file(\"tests/bad-week.yaml\")`, or `jsonencode({...})`. Without one nothing happens to the servers.",
			},
			"elapsed": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How much time has passed since the scenario's start, such as `36h` or `7d`. Everything that is due until then happens first. Time never goes back. Default: as much as has.",
			},
		},
	}
}

// simulation is what is configured about a simulated control plane, and false where that is not known yet.
func (m providerModel) simulation(ctx context.Context, diags *diag.Diagnostics) (s simulationModel, known bool) {
	if m.Simulate.IsUnknown() || m.Simulation.IsUnknown() {
		return s, false
	}
	if m.Simulation.IsNull() {
		return s, true
	}
	if m.Simulate.IsNull() {
		diags.AddAttributeError(path.Root("simulation"), "A simulation of nothing", "Something is said about a simulated control plane, and none is to be simulated. Add simulate = true, or remove it.")
		return s, true
	}
	diags.Append(m.Simulation.As(ctx, &s, basetypes.ObjectAsOptions{})...)
	return s, !s.Scenario.IsUnknown() && !s.Elapsed.IsUnknown()
}

// simulate connects the session to a simulated control plane, and has it come to the time that is configured.
func (p *cloudProvider) simulate(ctx context.Context, s *session, m providerModel, simulation simulationModel, diags *diag.Diagnostics) {
	var elapsed time.Duration
	if text := simulation.Elapsed.ValueString(); text != "" {
		var err error
		if elapsed, err = scenario.ParseSpan(text); err != nil {
			diags.AddAttributeError(path.Root("simulation").AtName("elapsed"), "Invalid duration", sentence(err.Error()))
		}
	}
	if !m.Endpoint.IsNull() {
		diags.AddAttributeError(path.Root("endpoint"), "An endpoint and a simulation", "The endpoint is a control plane of its own, and simulate = true asks for one that is simulated here. Remove one of both.")
	}
	if diags.HasError() {
		return
	}
	dir := m.DataDir.ValueString()
	if dir == "" {
		dir = app.DefaultSimulatedDir
	}
	embedded, err := p.factory.open(app.Config{DataDir: dir, Simulate: true, Scenario: simulation.Scenario.ValueString()})
	if err != nil {
		diags.AddAttributeError(path.Root("simulation").AtName("scenario"), "Unable to simulate", sentence(err.Error()))
		return
	}
	s.connect(embedded.Client("terraform-provider-cloudaipilot/"+p.factory.version), "the simulation in "+dir)
	s.simulated = true
	if _, err := s.client.AdvanceTo(ctx, elapsed); err != nil {
		diags.AddAttributeError(path.Root("simulate"), "Unable to simulate in "+dir, sentence(err.Error()))
	}
}
