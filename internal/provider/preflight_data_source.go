package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func preflightFacts() facts[api.Preflight] {
	type preflight = api.Preflight
	return facts[preflight]{
		"server_id":   textFact("The server.", func(p preflight) string { return p.ServerID }),
		"schedule_id": textFact("The schedule whose source was looked at; null: none.", func(p preflight) string { return p.ScheduleID }),
		"server_name": textFact("Name of the server.", func(p preflight) string { return p.ServerName }),
		"ok":          flagFact("Whether no check failed. Warnings do not count.", func(p preflight) bool { return p.OK }),
		"verdict":     textFact("`healthy`; `warning`, where a check warns; `unhealthy`, where one failed.", func(p preflight) string { return p.Verdict }),
		"failed":      numberFact("How many checks failed.", func(p preflight) int { return p.Failed }),
		"checks": partsFact("In this order: `key`, `resolve`, `connect`, `host_key`, `login`, `shell`, `tools`, `sudo`, `sources`, `backup_dir`, `space`, `database`, `clock`.",
			checkFacts(), func(p preflight) []api.Check { return p.Checks }),
	}
}

func newPreflightDataSource() datasource.DataSource {
	either := stringvalidator.AtLeastOneOf(path.MatchRoot("server_id"), path.MatchRoot("schedule_id"))
	return one("preflight", "the preflight", "What a backup would meet on a server now: everything that it does before it begins, each check with its answer, its evidence and what to do. The server is asked whenever this is read, and nothing is changed there. A server out of reach is `ok = false` with its diagnosis, not an error. Good in a `check` block.",
		preflightFacts(), map[string]schema.Attribute{
			"server_id": schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "The server. Without `schedule_id`, what every backup needs is looked at.",
				Validators: []validator.String{identifier(backup.ParseServerID), either}},
			"schedule_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The schedule whose source is looked at.",
				Validators: []validator.String{identifier(backup.ParseScheduleID)}},
		}, preflight)
}

func preflight(ctx context.Context, s *session, q question) (api.Preflight, error) {
	server, schedule := q.text("server_id"), q.text("schedule_id")
	if server == "" {
		found, err := s.client.Schedule(ctx, schedule)
		if apiclient.IsNotFound(err) {
			none := noneWithID(s, "schedule", schedule)
			none.field = "schedule_id"
			return api.Preflight{}, none
		}
		if err != nil {
			return api.Preflight{}, err
		}
		server = found.ServerID
	}
	p, err := s.client.Preflight(ctx, server, api.PreflightInput{ScheduleID: schedule})
	if apiclient.IsNotFound(err) {
		none := noneWithID(s, "server", server)
		if none.field = "server_id"; schedule != "" {
			none = &noneError{"schedule_id", "There is no such server or schedule", err.Error()}
		}
		return p, none
	}
	return p, err
}
