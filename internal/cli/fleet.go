package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// usualBytes is the size of an archive of which none was made yet.
const usualBytes = simulator.DefaultBytes

// keptFleet is what the control plane keeps. Archives are as large as the newest one of the same server and type.
func (c *cli) keptFleet(ctx context.Context, h scenario.Horizon, seed uint64) (scenario.Scenario, error) {
	client, err := c.client()
	if err != nil {
		return scenario.Scenario{}, err
	}
	servers, err := client.Servers(ctx)
	if err != nil {
		return scenario.Scenario{}, err
	}
	schedules, err := client.Schedules(ctx, apiclient.ScheduleFilter{})
	if err != nil {
		return scenario.Scenario{}, err
	}
	if len(schedules) == 0 {
		return scenario.Scenario{}, errors.New(`there is no schedule to simulate: add one (cloudaipilot schedule add), or simulate a scenario (--scenario FILE) or a made-up fleet (--synthetic 100)`)
	}
	sc := &simulator.Scenario{Start: h.Start, End: h.End, Seed: seed}
	number, known := map[string]int{}, map[string]plannedServer{}
	for _, s := range servers {
		server, err := as[plannedServer](s)
		if err != nil {
			return scenario.Scenario{}, err
		}
		number[s.ID], known[s.ID] = len(sc.Servers), server
		sc.Servers = append(sc.Servers, simulator.Server{Name: s.Name, MaxConcurrent: server.MaxConcurrent})
	}
	for _, s := range schedules {
		at, ok := number[s.ServerID]
		if !ok {
			continue // deleted a moment ago
		}
		planned, err := as[plannedSchedule](s)
		if err != nil {
			return scenario.Scenario{}, err
		}
		added, err := scenario.Scheduled(planned.spec(), known[s.ServerID].Name, known[s.ServerID].Maintenance)
		if err != nil {
			return scenario.Scenario{}, fmt.Errorf("schedule %s/%s: %w", known[s.ServerID].Name, s.Name, err)
		}
		if added.Bytes, err = newestSize(ctx, client, s); err != nil {
			return scenario.Scenario{}, err
		}
		added.Server = at
		sc.Schedules = append(sc.Schedules, added)
	}
	return scenario.Scenario{Scenario: sc}, nil
}

// as reads one record as another: the API names what is simulated as the resources do.
func as[T any](record any) (out T, err error) {
	raw, err := json.Marshal(record)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

func newestSize(ctx context.Context, client *apiclient.Client, s api.Schedule) (int64, error) {
	newest, _, err := client.NewestBackups(ctx, apiclient.BackupFilter{ServerID: s.ServerID, Status: "completed", Type: s.Type}, 1)
	if err != nil || len(newest) == 0 {
		return usualBytes, err
	}
	return cmp.Or(newest[0].SizeBytes, usualBytes), nil
}
