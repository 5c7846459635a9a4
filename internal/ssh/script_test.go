package ssh

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const jobA = "bk_01ARZ3NDEKTSV4RRFFQ69G5FAV"

// await polls a job until done says so.
func (s *server) await(id string, done func(Status) bool) Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		status, err := s.host().Status(ctx, id)
		must(s.t, err)
		if done(status) {
			return status
		}
	}
}

func ended(status Status) bool { return !status.Alive }

func TestFirst(t *testing.T) {
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := filepath.Join(s.dir, "data")
		must(t, os.MkdirAll(data, 0o755))
		must(t, os.WriteFile(filepath.Join(data, "a"), []byte("hello"), 0o644))
		r, err := s.host().Check(t.Context(), CheckRequest{Include: []string{data, "/nope"}})
		t.Logf("%+v %v", r, err)
		st, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{data}})
		t.Logf("%+v %v", st, err)
		status := s.await(jobA, ended)
		t.Logf("%+v %+v", status, status.Result)
	})
}
