package apiclient

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// PollFor is how long one long poll lasts.
const PollFor = 20 * time.Second

// ControlPlane asks who answers.
func (c *Client) ControlPlane(ctx context.Context) (out api.ControlPlane, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/control-plane", nil, nil, &out)
}

// Simulation asks how a simulated time stands.
func (c *Client) Simulation(ctx context.Context) (out api.Simulation, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/simulation", nil, nil, &out)
}

// AdvanceTo has a simulated time come to so long after its beginning, however long that takes.
func (c *Client) AdvanceTo(ctx context.Context, elapsed time.Duration) (out api.Simulation, err error) {
	for err == nil && !out.Reached {
		out = api.Simulation{}
		err = c.call(ctx, http.MethodPost, "/v1/simulation/advance", nil, api.AdvanceInput{Elapsed: elapsed.String()}, &out)
	}
	return out, err
}

// all follows the cursors of a list to its end.
func all[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	return atMost[T](ctx, c, path, query, math.MaxInt)
}

// atMost follows the cursors of a list until it has so many items or is at its end.
func atMost[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) ([]T, error) {
	var items []T
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(items), 1000)))
		var page api.List[T]
		if err := c.call(ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.NextCursor == "" || len(items) >= limit {
			return items, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

// Servers lists all servers.
func (c *Client) Servers(ctx context.Context) ([]api.Server, error) {
	return all[api.Server](ctx, c, "/v1/servers", url.Values{})
}

// ServersNamed returns the server of that name, or none.
func (c *Client) ServersNamed(ctx context.Context, name string) ([]api.Server, error) {
	return all[api.Server](ctx, c, "/v1/servers", url.Values{"name": {name}})
}

// Server shows a server.
func (c *Client) Server(ctx context.Context, id string) (out api.Server, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/servers/"+url.PathEscape(id), nil, nil, &out)
}

// CreateServer adds a server.
func (c *Client) CreateServer(ctx context.Context, in api.ServerInput) (out api.Server, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/servers", nil, in, &out)
}

// CheckServer says what adding a server, or changing the one with that id, would meet.
func (c *Client) CheckServer(ctx context.Context, id string, in api.ServerInput) ([]backup.Finding, error) {
	path := "/v1/servers/validate_only"
	if id != "" {
		path = "/v1/servers/" + url.PathEscape(id) + "/validate_only"
	}
	var out api.Findings
	err := c.call(ctx, http.MethodPost, path, nil, in, &out)
	return out.Findings, err
}

// UpdateServer changes a server in place.
func (c *Client) UpdateServer(ctx context.Context, id string, in api.ServerInput) (out api.Server, err error) {
	return out, c.call(ctx, http.MethodPatch, "/v1/servers/"+url.PathEscape(id), nil, in, &out)
}

// DeleteServer forgets a server.
func (c *Client) DeleteServer(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/servers/"+url.PathEscape(id), nil, nil, nil)
}

// ScheduleFilter selects schedules; zero fields select all.
type ScheduleFilter struct{ ServerID, Name string }

// Schedules lists schedules.
func (c *Client) Schedules(ctx context.Context, f ScheduleFilter) ([]api.Schedule, error) {
	v := url.Values{}
	for name, value := range map[string]string{"server_id": f.ServerID, "name": f.Name} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return all[api.Schedule](ctx, c, "/v1/schedules", v)
}

// Schedule shows a schedule.
func (c *Client) Schedule(ctx context.Context, id string) (out api.Schedule, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/schedules/"+url.PathEscape(id), nil, nil, &out)
}

// ScheduleHealth says whether a schedule does what it is for, and what shows it.
func (c *Client) ScheduleHealth(ctx context.Context, id string) (out api.ScheduleHealth, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/schedules/"+url.PathEscape(id)+"/health", nil, nil, &out)
}

// Forecast says what will become of a schedule.
func (c *Client) Forecast(ctx context.Context, id string, terms api.ForecastTerms) (out api.Forecast, err error) {
	v := url.Values{"from": {terms.From.Format(time.RFC3339)}}
	if terms.For != "" {
		v.Set("for", terms.For)
	}
	if terms.NextRunsCount != nil {
		v.Set("next_runs_count", strconv.Itoa(*terms.NextRunsCount))
	}
	if terms.GrowthBytesPerDay != nil {
		v.Set("growth_bytes_per_day", strconv.FormatInt(*terms.GrowthBytesPerDay, 10))
	}
	for name, n := range map[string]int64{"archive_bytes": terms.ArchiveBytes, "bytes_per_second": terms.BytesPerSecond, "space_bytes": terms.SpaceBytes} {
		if n != 0 {
			v.Set(name, strconv.FormatInt(n, 10))
		}
	}
	return out, c.call(ctx, http.MethodGet, "/v1/schedules/"+url.PathEscape(id)+"/forecast", v, nil, &out)
}

// ForecastPlanned says what would become of a schedule that is only planned.
func (c *Client) ForecastPlanned(ctx context.Context, in api.ForecastInput) (out api.Forecast, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/schedules/forecast", nil, in, &out)
}

// CreateSchedule adds a schedule.
func (c *Client) CreateSchedule(ctx context.Context, in api.ScheduleInput) (out api.Schedule, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/schedules", nil, in, &out)
}

// CheckSchedule says what adding a schedule, or changing the one with that id, would meet.
func (c *Client) CheckSchedule(ctx context.Context, id string, in api.ScheduleInput) ([]backup.Finding, error) {
	path := "/v1/schedules/validate_only"
	if id != "" {
		path = "/v1/schedules/" + url.PathEscape(id) + "/validate_only"
	}
	var out api.Findings
	err := c.call(ctx, http.MethodPost, path, nil, in, &out)
	return out.Findings, err
}

// UpdateSchedule changes a schedule in place.
func (c *Client) UpdateSchedule(ctx context.Context, id string, in api.ScheduleInput) (out api.Schedule, err error) {
	return out, c.call(ctx, http.MethodPatch, "/v1/schedules/"+url.PathEscape(id), nil, in, &out)
}

// Runs lists what became of the newest due times of a schedule, at most limit, newest first; 0: all.
func (c *Client) Runs(ctx context.Context, id string, limit int) ([]api.Run, error) {
	return atMost[api.Run](ctx, c, "/v1/schedules/"+url.PathEscape(id)+"/runs", url.Values{}, cmp.Or(limit, math.MaxInt))
}

// DeleteSchedule deletes a schedule; the backups it made stay.
func (c *Client) DeleteSchedule(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/schedules/"+url.PathEscape(id), nil, nil, nil)
}

// TestServer connects to a server and says what that showed.
func (c *Client) TestServer(ctx context.Context, id string) (out api.ServerTest, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/servers/"+url.PathEscape(id)+"/test", nil, nil, &out)
}

// WatchPreflight is Preflight that tells each check as soon as its answer is known.
func (c *Client) WatchPreflight(ctx context.Context, server string, in api.PreflightInput, tell func(api.Check)) (api.Preflight, error) {
	resp, err := c.send(ctx, http.MethodPost, "/v1/servers/"+url.PathEscape(server)+"/preflight/watch", nil, in)
	if err != nil {
		return api.Preflight{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	for {
		var line api.PreflightLine
		err := lines.Decode(&line)
		switch {
		case err != nil:
			return api.Preflight{}, fmt.Errorf("the preflight broke off: %w", err)
		case line.Problem != nil:
			return api.Preflight{}, line.Problem
		case line.Preflight != nil:
			return *line.Preflight, nil
		case line.Check != nil:
			tell(*line.Check)
		}
	}
}

// Preflight does what a backup does before it begins, and tells the answer of every check.
func (c *Client) Preflight(ctx context.Context, server string, in api.PreflightInput) (out api.Preflight, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/servers/"+url.PathEscape(server)+"/preflight", nil, in, &out)
}

// CreateBackup asks for a backup, which is pending when this returns.
func (c *Client) CreateBackup(ctx context.Context, server string, in api.BackupInput) (out api.Backup, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/servers/"+url.PathEscape(server)+"/backups", nil, in, &out)
}

// CheckBackup says what a backup would meet.
func (c *Client) CheckBackup(ctx context.Context, server string, in api.BackupInput) ([]backup.Finding, error) {
	var out api.Findings
	err := c.call(ctx, http.MethodPost, "/v1/backups/validate_only", url.Values{"server_id": {server}}, in, &out)
	return out.Findings, err
}

// BackupFilter selects backups; zero fields select all.
type BackupFilter struct {
	ServerID   string
	ScheduleID string
	Status     string
	Type       string
	Managed    *bool
	Newest     bool // newest first
	Limit      int  // how many at most; 0: all
}

func (f BackupFilter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"server_id": f.ServerID, "schedule_id": f.ScheduleID, "status": f.Status, "type": f.Type} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if f.Managed != nil {
		v.Set("managed", strconv.FormatBool(*f.Managed))
	}
	if f.Newest {
		v.Set("order", "newest")
	}
	return v
}

// Backups lists backups.
func (c *Client) Backups(ctx context.Context, f BackupFilter) ([]api.Backup, error) {
	return atMost[api.Backup](ctx, c, "/v1/backups", f.values(), cmp.Or(f.Limit, math.MaxInt))
}

// NewestBackups lists the newest backups, at most limit (1 to 1,000), and reports whether there are more.
func (c *Client) NewestBackups(ctx context.Context, f BackupFilter, limit int) (newest []api.Backup, more bool, err error) {
	f.Newest = true
	query := f.values()
	query.Set("limit", strconv.Itoa(limit))
	var page api.List[api.Backup]
	if err := c.call(ctx, http.MethodGet, "/v1/backups", query, nil, &page); err != nil || page.NextCursor == "" {
		return page.Items, false, err
	}
	query.Set("limit", "1") // a page that is full names a next one, even an empty one
	query.Set("cursor", page.NextCursor)
	var next api.List[api.Backup]
	err = c.call(ctx, http.MethodGet, "/v1/backups", query, nil, &next)
	return page.Items, len(next.Items) > 0, err
}

// Backup shows a backup or its tombstone.
func (c *Client) Backup(ctx context.Context, id string) (out api.Backup, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/backups/"+url.PathEscape(id), nil, nil, &out)
}

// WaitForBackup waits until a backup is finished or ctx ends, and calls progress after every poll.
func (c *Client) WaitForBackup(ctx context.Context, id string, progress func(api.Backup)) (api.Backup, error) {
	query := url.Values{"wait": {PollFor.String()}, "client": {c.name}}
	for {
		var b api.Backup
		if err := c.call(ctx, http.MethodGet, "/v1/backups/"+url.PathEscape(id), query, nil, &b); err != nil {
			return b, err
		}
		if progress != nil {
			progress(b)
		}
		if backup.Status(b.Status).Finished() || b.DeletedAt != nil {
			return b, nil
		}
	}
}

// UpdateBackup changes a backup's record.
func (c *Client) UpdateBackup(ctx context.Context, id string, in api.BackupPatch) (out api.Backup, err error) {
	return out, c.call(ctx, http.MethodPatch, "/v1/backups/"+url.PathEscape(id), nil, in, &out)
}

// CancelBackup asks for an end of an unfinished backup.
func (c *Client) CancelBackup(ctx context.Context, id string) (out api.Backup, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/backups/"+url.PathEscape(id)+"/cancel", nil, nil, &out)
}

// RetryBackup makes a failed backup again.
func (c *Client) RetryBackup(ctx context.Context, id string, force bool) (out api.Backup, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/backups/"+url.PathEscape(id)+"/retry", nil, api.Force{Force: force}, &out)
}

// RecoverBackup ends a backup that hangs, and removes what is left of one that is over; with preview it only says what it
// would do.
func (c *Client) RecoverBackup(ctx context.Context, id string, force, preview bool) (out api.Recovery, err error) {
	path := "/v1/backups/" + url.PathEscape(id) + "/recover"
	if preview {
		path += "/validate_only"
	}
	return out, c.call(ctx, http.MethodPost, path, nil, api.Force{Force: force}, &out)
}

// RecoverServer removes from a server what failed and deleted backups left there; with preview it only says what lies there.
func (c *Client) RecoverServer(ctx context.Context, id string, preview bool) (out api.ServerRecovery, err error) {
	path := "/v1/servers/" + url.PathEscape(id) + "/recover"
	if preview {
		path += "/validate_only"
	}
	return out, c.call(ctx, http.MethodPost, path, nil, nil, &out)
}

// DeleteBackup deletes a finished backup and its archive.
func (c *Client) DeleteBackup(ctx context.Context, id string) (out api.Deleted, err error) {
	return out, c.call(ctx, http.MethodDelete, "/v1/backups/"+url.PathEscape(id), nil, nil, &out)
}

// BackupLog shows how a backup went.
func (c *Client) BackupLog(ctx context.Context, id string) (out api.BackupLog, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/backups/"+url.PathEscape(id)+"/log", nil, nil, &out)
}

// Download writes an archive to w and checks its length and SHA-256 against the record.
func (c *Client) Download(ctx context.Context, id string, w io.Writer) (int64, error) {
	resp, err := c.send(ctx, http.MethodGet, "/v1/backups/"+url.PathEscape(id)+"/archive", nil, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), resp.Body)
	if err != nil {
		return n, fmt.Errorf("the download broke off after %d of %d bytes: %w", n, resp.ContentLength, err)
	}
	if got, want := hex.EncodeToString(hash.Sum(nil)), resp.Header.Get(api.ChecksumHeader); got != want {
		return n, fmt.Errorf("the archive is damaged: its SHA-256 is %s and was %s when it was made", got, want)
	}
	return n, nil
}

// LastFailure shows the last failure of a server or a schedule, or that of a backup. Exactly one of the ids is given.
func (c *Client) LastFailure(ctx context.Context, server, schedule, id string) (out api.LastFailure, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"server_id": server, "schedule_id": schedule, "backup_id": id} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return out, c.call(ctx, http.MethodGet, "/v1/failures/last", query, nil, &out)
}

// Tokens lists all tokens.
func (c *Client) Tokens(ctx context.Context) ([]api.Token, error) {
	return all[api.Token](ctx, c, "/v1/tokens", url.Values{})
}

// CreateToken makes a token; its secret is in the answer and never to be had again.
func (c *Client) CreateToken(ctx context.Context, in api.TokenInput) (out api.NewToken, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/tokens", nil, in, &out)
}

// RevokeToken makes a token let nobody in any more.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil, nil)
}

// Activities lists the newest activities, at most limit (1 to 1,000); target and server may be empty.
func (c *Client) Activities(ctx context.Context, target, server string, limit int) ([]api.Activity, error) {
	var page api.List[api.Activity]
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if target != "" {
		query.Set("target_id", target)
	}
	if server != "" {
		query.Set("server_id", server)
	}
	err := c.call(ctx, http.MethodGet, "/v1/activities", query, nil, &page)
	return page.Items, err
}

// Activity shows an activity and its log.
func (c *Client) Activity(ctx context.Context, id string) (out api.Activity, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/activities/"+url.PathEscape(id), nil, nil, &out)
}

// FollowActivity hands every line of an activity's log to line, those to come too, and returns the activity once it is
// finished or ctx ends.
func (c *Client) FollowActivity(ctx context.Context, id string, line func(api.LogLine)) (api.Activity, error) {
	var last int64
	for {
		var a api.Activity
		query := url.Values{"wait": {PollFor.String()}, "after": {strconv.FormatInt(last, 10)}}
		if err := c.call(ctx, http.MethodGet, "/v1/activities/"+url.PathEscape(id), query, nil, &a); err != nil {
			return a, err
		}
		for _, l := range a.Log {
			line(l)
			last = l.Seq
		}
		if a.FinishedAt != nil && len(a.Log) == 0 {
			return a, nil
		}
	}
}

// FollowActivities hands every activity newer than the one named to each, oldest first, until ctx ends.
func (c *Client) FollowActivities(ctx context.Context, newest, server string, each func(api.Activity)) error {
	for {
		var page api.List[api.Activity]
		query := url.Values{"wait": {PollFor.String()}, "since": {newest}, "limit": {"1000"}}
		if server != "" {
			query.Set("server_id", server)
		}
		if err := c.call(ctx, http.MethodGet, "/v1/activities", query, nil, &page); err != nil {
			return err
		}
		for _, a := range slices.Backward(page.Items) {
			each(a)
			newest = a.ID
		}
	}
}
