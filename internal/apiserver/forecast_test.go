package apiserver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForecastOverHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const terms = "from=2026-01-01T00:00:00Z&for=10d&archive_bytes=7&growth_bytes_per_day=0&bytes_per_second=7&next_runs_count=1"
	schedule := `{"server_id":"` + s.addServer() + `","name":"nightly","type":"files","files":{"include":["/etc"]},"cron":"30 2 * * *","retention_days":3}`
	_, made := s.do("POST", "/v1/schedules", schedule)
	id, _ := made["id"].(string)
	status, kept := s.do("GET", "/v1/schedules/"+id+"/forecast?"+terms, "")
	if status != 200 || kept["runs"] != 10.0 || kept["archives"] != 3.0 || kept["storage_bytes"] != 21.0 || kept["schedule_id"] != id {
		t.Errorf("%d %v", status, kept)
	}
	if diff := cmp.Diff([]any{"2026-01-01T02:30:00Z"}, kept["next_runs"]); diff != "" {
		t.Error(diff)
	}
	status, planned := s.do("POST", "/v1/schedules/forecast",
		`{"schedule":`+schedule+`,"from":"2026-01-01T00:00:00Z","for":"10d","archive_bytes":7,"growth_bytes_per_day":0,"bytes_per_second":7,"next_runs_count":1}`)
	delete(kept, "schedule_id")
	if diff := cmp.Diff(kept, planned); diff != "" || status != 200 {
		t.Errorf("in the place of the one that is kept, the same planned one differs: %d %s", status, diff)
	}
	if _, all := s.do("GET", "/v1/schedules", ""); len(all["items"].([]any)) != 1 { //nolint:errcheck,forcetypeassert // a list it is
		t.Errorf("schedules: %v", all)
	}
	for query, want := range map[string]string{
		"for=10d":                                     "query.from",
		"from=tomorrow":                               "query.from",
		"from=2026-01-01T00:00:00Z&for=soon":          "for",
		"from=2026-01-01T00:00:00Z&space_bytes=-1":    "space_bytes",
		"from=2026-01-01T00:00:00Z&next_runs_count=x": "query.next_runs_count",
	} {
		if status, got := s.do("GET", "/v1/schedules/"+id+"/forecast?"+query, ""); status != 422 || got["field"] != want {
			t.Errorf("%s: %d %v", query, status, got)
		}
	}
	if status, got := s.do("GET", "/v1/schedules/sch_none/forecast?"+terms, ""); status != 404 || got["code"] != "NOT_FOUND" {
		t.Errorf("of no schedule: %d %v", status, got)
	}
}
