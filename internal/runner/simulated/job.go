package simulated

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// bootID begins the boot that every simulated server is at. What follows it in a job is that job's fate: the record of the backup
// keeps it, so that another process goes on where this one ended.
const bootID = "simulated"

// job is a job on a simulated server.
type job struct {
	id             backup.Job
	class          diagnosis.Class
	begun, ends    time.Time
	bytes, written int64 // of the whole archive, and when it ends

	ended  time.Time // before its time
	killed bool      // else it was asked to end
}

// newJob is the job that meets its fate.
func (h *host) newJob(id string) *job {
	begun := h.fleet.now()
	ends := begun.Add(time.Duration(h.fate.Seconds) * time.Second)
	j := &job{class: h.fate.Class, begun: begun, ends: ends, bytes: h.fate.Bytes, written: h.fate.Written}
	j.id = backup.Job{PID: processOf(id), StartTime: begun.UnixMilli(),
		BootID: strings.Join([]string{bootID, strconv.FormatInt(ends.UnixMilli(), 36), strconv.FormatInt(j.bytes, 36), strconv.FormatInt(j.written, 36), string(j.class)}, ":")}
	return j
}

// processOf is a process id, such as a Linux of many processes has them.
func processOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return 1000 + int(h.Sum32()%4_000_000)
}

// parseJob reads the fate of a job out of its identity.
func parseJob(id backup.Job) (*job, bool) {
	parts := strings.Split(id.BootID, ":")
	if len(parts) != 5 || parts[0] != bootID {
		return nil, false
	}
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(parts[i+1], 36, 64); err != nil {
			return nil, false
		}
	}
	return &job{id: id, class: diagnosis.Class(parts[4]), begun: time.UnixMilli(id.StartTime).UTC(), ends: time.UnixMilli(n[0]).UTC(), bytes: n[1], written: n[2]}, true
}

// job is the backup's, if it was started. The fleet's lock is held.
func (h *host) job(id string) *job {
	if j, ok := h.fleet.jobs[backup.ID(id)]; ok {
		return j
	}
	j, ok := parseJob(h.backup.Job)
	if ok {
		h.fleet.jobs[backup.ID(id)] = j
	}
	return j
}

// alive reports whether the job runs at a time.
func (j *job) alive(now time.Time) bool {
	return j.ended.IsZero() && (now.Before(j.ends) || plays[j.class].hangs)
}

// progress is how much the job has written at a time.
func (j *job) progress(now time.Time) int64 {
	if !j.ended.IsZero() {
		now = j.ended
	}
	whole := j.ends.Sub(j.begun)
	if whole <= 0 || !now.Before(j.ends) {
		return j.written
	}
	return int64(float64(j.written) * float64(max(now.Sub(j.begun), 0)) / float64(whole))
}

// Start implements runner.Host.
func (h *host) Start(_ context.Context, r ssh.StartRequest) (ssh.StartReport, error) {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	if j := h.job(r.ID); j != nil {
		return ssh.StartReport{Job: ssh.JobID(j.id), AlreadyStarted: true}, nil
	}
	j := h.newJob(r.ID)
	h.fleet.jobs[backup.ID(r.ID)] = j
	if j.class == "" {
		h.fleet.put(h.backup.ServerID, backup.ID(r.ID), j.bytes)
	}
	return ssh.StartReport{Job: ssh.JobID(j.id)}, nil
}

// Watch implements runner.Host.
func (h *host) Watch(ctx context.Context, id string, _ ssh.JobID) (ssh.Status, error) {
	return h.Status(ctx, id)
}

// Status implements runner.Host.
func (h *host) Status(_ context.Context, id string) (ssh.Status, error) {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	s := ssh.Status{FreeInodes: inodes, TotalInodes: inodes}
	s.FreeBytes, s.TotalBytes = h.space()
	j := h.job(id)
	if j == nil {
		return s, nil
	}
	now := h.fleet.now()
	s.Exists, s.Job, s.Alive, s.SameBoot, s.BootID = true, ssh.JobID(j.id), j.alive(now), true, j.id.BootID
	s.Step, s.Bytes = ssh.StageArchive, j.progress(now)
	if s.ProgressAt = min(now.Unix(), j.ends.Unix()); s.Alive {
		return s, nil
	}
	play := plays[j.class]
	if s.Log = play.log; play.full {
		s.FreeBytes = 0
	}
	s.Result = h.result(j, id, play)
	return s, nil
}

// result is what a job that has ended left; nil where it left none.
func (h *host) result(j *job, id string, play play) *ssh.Result {
	switch {
	case j.killed:
		return &ssh.Result{Stage: ssh.StageArchive, Problem: ssh.ProblemTerminated}
	case !j.ended.IsZero():
		return &ssh.Result{Stage: ssh.StageArchive, Problem: ssh.ProblemCancelled, Cancelled: true}
	case play.gone:
		return nil
	case j.class == "":
		return &ssh.Result{OK: true, Size: j.bytes, SHA256: sumOf(id), Entries: entries(j.bytes)}
	}
	r := play.result
	if r.Problem == "" { // it should have failed before it began, and there was nothing that it could fail of
		r = ssh.Result{Problem: ssh.ProblemTar, ExitTar: 2}
	}
	r.Stage = cmp.Or(r.Stage, ssh.StageArchive)
	if play.databases {
		r.Stage, r.Database = ssh.StageDump, 1
	}
	return &r
}

// sumOf stands for a checksum: there are no bytes to sum up.
func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keyText is what a host key's line says behind its type: an ed25519 key as it is written, with a point that nobody has the
// private half of.
func keyText(text string) string {
	sum := sha256.Sum256([]byte(text))
	blob := append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), sum[:]...)
	return base64.StdEncoding.EncodeToString(blob)
}

// entries is how many files an archive of so many bytes holds, with a folder at least.
func entries(bytes int64) int64 { return 1 + bytes/(64<<10) }

// Cancel implements runner.Host.
func (h *host) Cancel(_ context.Context, id string) error {
	h.end(id, false)
	return nil
}

// Kill implements runner.Host.
func (h *host) Kill(_ context.Context, id string, want ssh.JobID) (killed bool, err error) {
	h.fleet.mu.Lock()
	j := h.job(id)
	same := j != nil && backup.Job(want) == j.id && j.alive(h.fleet.now())
	h.fleet.mu.Unlock()
	if same {
		h.end(id, true)
	}
	return same, nil
}

// end ends a job that runs.
func (h *host) end(id string, kill bool) {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	if j := h.job(id); j != nil && j.alive(h.fleet.now()) {
		j.ended, j.killed = h.fleet.now(), kill
		h.fleet.put(h.backup.ServerID, backup.ID(id), 0)
	}
}

// Clean implements runner.Host.
func (h *host) Clean(_ context.Context, id string, _ bool) error {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	if j := h.job(id); j != nil && j.alive(h.fleet.now()) {
		return fmt.Errorf("clean: %w", ssh.ErrJobRunning)
	}
	delete(h.fleet.jobs, backup.ID(id))
	h.fleet.put(h.backup.ServerID, backup.ID(id), 0)
	return nil
}

// Folders implements runner.Host: what holds some of the server's disk.
func (h *host) Folders(context.Context) (folders []ssh.Folder, err error) {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	disk := h.fleet.disks[h.target.Server.ID]
	for _, id := range slices.Sorted(maps.Keys(disk)) {
		j := h.fleet.jobs[id]
		alive := j != nil && j.alive(h.fleet.now())
		folders = append(folders, ssh.Folder{ID: string(id), Bytes: disk[id], Alive: alive, Archive: !alive})
	}
	return folders, nil
}

// Archive implements runner.Host.
func (h *host) Archive(context.Context, string, io.Writer) error {
	return &ssh.RemoteError{Exit: 1, Stderr: "the server is simulated: its archives have a size and no content"}
}
