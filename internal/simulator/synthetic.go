package simulator

import (
	"fmt"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// The mix of a synthetic fleet: how people schedule backups, most often nightly, in the zones they live in.
var (
	syntheticCrons = []struct {
		text  string
		share int
		bytes int64
		days  int64 // of retention
	}{
		{"H * * * *", 30, 200 << 20, 2},
		{"H H(0-6) * * *", 30, 2 << 30, 30},
		{"30 2 * * *", 10, 3 << 30, 30},
		{"H */6 * * *", 10, 500 << 20, 7},
		{"*/15 * * * *", 8, 20 << 20, 1},
		{"15 3 * * 1-5", 6, 1 << 30, 14},
		{"0 4 * * 0", 4, 8 << 30, 60},
		{"0 5 1 * *", 2, 20 << 30, 180},
	}
	syntheticZones = []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "America/Sao_Paulo", "Europe/London", "Asia/Kolkata"}
)

// MaxSynthetic bounds the schedules of a synthetic fleet.
const MaxSynthetic = 100_000

const perServer = 4 // schedules

// Synthetic makes a mixed fleet of n schedules in several zones, four to a server, the same for the same seed: for trying and for
// measuring. Every tenth server is down for a night, and one run in two hundred loses its connection.
func Synthetic(n int, start, end int64, seed uint64) (*Scenario, error) {
	sc := &Scenario{Start: start, End: end, Seed: seed, Faults: []Fault{{Span: Span{start, end}, Class: "ssh_connection_dropped", Chance: 0.005}}}
	for i := range (n + perServer - 1) / perServer {
		s := Server{Name: fmt.Sprintf("web-%d", i+1), Disk: 2 << 40, Others: 20 << 30, OthersPerDay: 10 << 20, BytesPerSec: 100 << 20, MaxConcurrent: 2}
		if i%10 == 9 {
			from := start + int64(scheduler.Chance(seed, int64(i))%90)*day
			s.Faults = []Fault{{Span: Span{from, from + 10*3600}, Class: "server_offline"}}
		}
		sc.Servers = append(sc.Servers, s)
	}
	for i := range n {
		pick := int(scheduler.Chance(seed+1, int64(i)) % 100)
		kind := syntheticCrons[0]
		for _, k := range syntheticCrons {
			if kind = k; pick < k.share {
				break
			}
			pick -= k.share
		}
		server := i / perServer
		name := fmt.Sprintf("backup-%d", i%perServer+1)
		full := sc.Servers[server].Name + "/" + name
		e, err := cron.Parse(kind.text, full)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", kind.text, err)
		}
		zone, err := cron.LoadZone(syntheticZones[scheduler.Chance(seed+2, int64(server))%uint64(len(syntheticZones))])
		if err != nil {
			return nil, err
		}
		sc.Schedules = append(sc.Schedules, Schedule{Name: name, Server: server, Vault: NoVault, Expression: e, Zone: zone,
			Policy: scheduler.Policy{Seed: scheduler.Seed(full), Jitter: int64(i%3) * 60}, Retention: kind.days * day, Bytes: kind.bytes, PerDay: kind.bytes / 2000, Seconds: 5})
	}
	return sc, nil
}
