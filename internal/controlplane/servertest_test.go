package controlplane_test

import (
	"errors"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func TestTestOfAServerOnlyLooks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	found, err := b.TestServer(t.Context(), s.ID)
	if err != nil || found.Failure != nil || found.HostKey != "ssh-ed25519 AAAA" {
		t.Errorf("%+v, %v", found, err)
	}
	if len(b.server.calls) != 1 || !b.server.has("preflight") {
		t.Errorf("asked of the server: %q", b.server.calls)
	}
	if after, err := b.Server(t.Context(), s.ID); err != nil || after.RecordedHostKey != "" || after.Version != s.Version {
		t.Errorf("the record was changed: %+v, %v", after, err)
	}
}

func TestTestOfAServerTellsWhatABackupWouldMeet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	b.server.preflight = &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactToolMissing, Text: "not found: tar"}
	if found, err := b.TestServer(t.Context(), s.ID); err != nil || found.Failure == nil || found.Failure.Fact != backup.FactToolMissing {
		t.Errorf("%+v, %v", found.Failure, err)
	}
	if _, err := b.TestServer(t.Context(), "srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("a server that is none: %v", err)
	}
}
