package controlplane_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func nightly(s backup.Server, change ...func(*backup.ScheduleSpec)) backup.ScheduleSpec {
	spec := backup.DefaultScheduleSpec()
	spec.Name, spec.Cron, spec.Timezone = "nightly", "30 2 * * *", "Europe/Berlin"
	spec.ServerID, spec.Type, spec.Files = s.ID, backup.TypeFiles, backup.FilesSource{Include: []string{"/etc"}}
	for _, c := range change {
		c(&spec)
	}
	return spec
}

func (b *bench) schedule(spec backup.ScheduleSpec) backup.Schedule {
	b.t.Helper()
	s, err := b.CreateSchedule(b.t.Context(), spec, controlplane.Idempotency{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func TestScheduleIsKeptChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	server := b.addServer()
	made := b.schedule(nightly(server))
	got, err := b.UpdateSchedule(ctx, made.ID, made.Version, func(s *backup.ScheduleSpec) { s.Paused, s.Cron = true, "@daily" })
	if err != nil || !got.Paused || got.Cron != "@daily" || got.Version != 2 {
		t.Errorf("changed: %+v, %v", got, err)
	}
	if _, err := b.UpdateSchedule(ctx, made.ID, made.Version, func(*backup.ScheduleSpec) {}); !errors.Is(err, controlplane.ErrConflict) {
		t.Errorf("changed from an old version: %v", err)
	}
	kept, err := b.Schedule(ctx, made.ID)
	if diff := cmp.Diff(got, kept); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if err := b.DeleteServer(ctx, server.ID); code(err) != backup.CodeConflict || !strings.Contains(err.Error(), "nightly") {
		t.Errorf("its server deleted: %v", err)
	}
	if err := b.DeleteSchedule(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Schedule(ctx, made.ID); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	b.schedule(nightly(server)) // its name is free again
	activities, err := b.Activities(ctx, controlplane.ActivityFilter{TargetID: string(made.ID)})
	if err != nil || len(activities) != 3 || activities[0].Title != "Schedule nightly deleted" || activities[0].ServerID != server.ID {
		t.Errorf("activities: %+v, %v", activities, err)
	}
}

func TestScheduleIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	b.schedule(nightly(server))
	keyless, err := b.CreateServer(t.Context(), func() backup.ServerSpec {
		s := server.ServerSpec
		s.Name = "web-2"
		return s
	}(), controlplane.KeyWish{None: true}, controlplane.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spec backup.ScheduleSpec
		code backup.Code
		path string
	}{
		"its name is taken":      {nightly(server), backup.CodeNameTaken, "name"},
		"no such server":         {nightly(backup.Server{ID: "srv_no"}), backup.CodeNotFound, "server_id"},
		"a server without a key": {nightly(keyless), backup.CodeSSHNotConfigured, "server_id"},
		"bad cron":               {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Cron = "n", "0 25 * * *" }), backup.CodeInvalidArgument, "cron"},
		"never fires":            {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Cron = "n", "0 0 30 2 *" }), backup.CodeInvalidArgument, "cron"},
		"bad zone":               {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Timezone = "n", "Europe/Berln" }), backup.CodeInvalidArgument, "timezone"},
		"bad retention":          {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.RetentionDays = "n", 366 }), backup.CodeInvalidArgument, "retention_days"},
		"a vault":                {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.VaultID = "n", "vlt_1" }), backup.CodeInvalidConfig, "offsite.vault_id"},
		"encryption":             {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Encrypted = "n", true }), backup.CodeInvalidArgument, "encrypted"},
		"bad overlap":            {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Overlap = "n", "skp" }), backup.CodeInvalidArgument, "overlap"},
		"bad window": {nightly(server, func(s *backup.ScheduleSpec) {
			s.Name, s.Blackouts = "n", []backup.Window{{Cron: "x", DurationMinutes: 1}}
		}),
			backup.CodeInvalidArgument, "blackout_windows.0.cron"},
		"increments": {nightly(server, func(s *backup.ScheduleSpec) { s.Name, s.Incremental = "n", true }), backup.CodeInvalidArgument, "incremental"},
	} {
		_, err := b.CreateSchedule(t.Context(), test.spec, controlplane.Idempotency{})
		refused, ok := errors.AsType[*backup.FindingsError](err)
		if !ok || refused.Findings[0].Code != test.code || refused.Findings[0].Path != test.path {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := b.Schedules(t.Context(), controlplane.ScheduleFilter{}); len(all) != 1 || err != nil {
		t.Errorf("%d schedules, %v", len(all), err)
	}
}
