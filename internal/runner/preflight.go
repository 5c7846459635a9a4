package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
)

// Preflight implements controlplane.Runner: one connection and one command answer all checks.
func (r *Runner) Preflight(ctx context.Context, t controlplane.Target, b backup.Backup) (controlplane.Preflight, error) {
	begun := r.now()
	h, hostKey, err := r.fleet.Reach(ctx, t, b)
	connecting := r.now().Sub(begun)
	told := answers{tell: t.Tell}
	if err != nil {
		found, err := stopped(connectChecks(t, ""), explain(err, t, backup.StageConnect), connecting)
		told.all(found.Checks)
		return found, err
	}
	reached := connectChecks(t, hostKey)
	reached[len(reached)-1].Took = connecting
	told.all(reached)
	asked := r.now()
	request := ssh.CheckRequest{Include: b.Files.Include, Exclude: b.Files.Exclude, Databases: b.Databases,
		Versions: b.ID == ""} // somebody reads the answers, and no backup waits for them
	if t.LastBytes == 0 || t.LeastBytes > 0 {
		request.Estimate = estimateFor
	}
	request.Meanwhile = func(soFar ssh.CheckReport) {
		checks := append(slices.Clone(reached), onServer(soFar, t, b, r.now().Sub(asked))...)
		told.all(checks[:slices.Index(backup.PreflightChecks, backup.PreflightSpace)]) // what the estimate is for
	}
	report, err := h.Check(ctx, request)
	answered := r.now()
	if err != nil {
		found, err := stopped(told.checks, explain(err, t, backup.StagePreflight), answered.Sub(asked))
		told.all(found.Checks)
		return found, err
	}
	told.all(append(append(reached, onServer(report, t, b, answered.Sub(asked))...), clock(report, t, asked, answered)))
	found := controlplane.Preflight{HostKey: hostKey, Checks: told.checks, FreeBytes: max(0, report.FreeBytes), TotalBytes: max(0, report.TotalBytes)}
	found.Warnings = databaseWarnings(report, b)
	if links := linkWarning(report, b); links != "" {
		found.Warnings = append(found.Warnings, links)
	}
	for _, check := range found.Checks {
		if check.Status == backup.CheckWarning && (check.Name == backup.PreflightClock || check.Name == backup.PreflightSpace) {
			found.Warnings = append(found.Warnings, check.Evidence)
		}
	}
	if f := backup.FirstFailure(found.Checks); f != nil {
		return found, f
	}
	return found, nil
}

// answers tells each answer once, in order, to who wants to know as soon as it is known.
type answers struct {
	checks []backup.Check
	tell   func(backup.Check)
}

// all takes all answers that are known by now, those that were told before included.
func (a *answers) all(checks []backup.Check) {
	for _, c := range checks[min(len(a.checks), len(checks)):] {
		a.checks = append(a.checks, c)
		if a.tell != nil {
			a.tell(c)
		}
	}
}

// onServer are the answers that the script gave.
func onServer(r ssh.CheckReport, t controlplane.Target, b backup.Backup, took time.Duration) []backup.Check {
	shell := good(backup.PreflightShell, "The server runs the job's script.")
	shell.Took = took
	return append([]backup.Check{shell}, hostChecks(r, t, b)...)
}

func good(name, evidence string, values ...any) backup.Check {
	return backup.Check{Name: name, Status: backup.CheckOK, Evidence: fmt.Sprintf(evidence, values...)}
}

func warned(name, evidence string, values ...any) backup.Check {
	return backup.Check{Name: name, Status: backup.CheckWarning, Evidence: fmt.Sprintf(evidence, values...)}
}

func skipped(name, reason string) backup.Check {
	return backup.Check{Name: name, Status: backup.CheckSkipped, Evidence: reason}
}

// connectChecks are the checks up to the login, all of which are good where there is a connection.
func connectChecks(t controlplane.Target, hostKey string) []backup.Check {
	s := t.Server
	resolve := good(backup.PreflightResolve, "%s has an address.", s.Host)
	if _, err := netip.ParseAddr(s.Host); err == nil {
		resolve.Evidence = s.Host + " is an address."
	}
	key := "The host key is the trusted one: " + backup.Excerpt(cmp.Or(hostKey, s.TrustedHostKey()), 200)
	switch {
	case s.TrustedHostKey() == "" && hostKey == "": // who was turned away at the login does not say which key it met
		key = "No host key is pinned, and the first one met is to be recorded."
	case s.TrustedHostKey() == "":
		key = "No host key is pinned, and the first one met is to be recorded: " + backup.Excerpt(hostKey, 200)
	}
	return []backup.Check{
		good(backup.PreflightKey, "A private key is set."), resolve,
		good(backup.PreflightConnect, "%s accepts connections.", evidence(t, backup.Backup{}).Address), good(backup.PreflightHostKey, "%s", key),
		good(backup.PreflightLogin, "User %s is let in.", s.User),
	}
}

// failedAt says which check a fact fails before anything is known of the server. The ones before it were passed: the
// transport takes them in this order.
var failedAt = map[backup.Fact]string{
	backup.FactNoKey: backup.PreflightKey, backup.FactKeyInvalid: backup.PreflightKey,
	backup.FactDNS:     backup.PreflightResolve,
	backup.FactRefused: backup.PreflightConnect, backup.FactTimeout: backup.PreflightConnect, backup.FactNoRoute: backup.PreflightConnect,
	backup.FactHostKeyUnknown: backup.PreflightHostKey, backup.FactHostKeyChanged: backup.PreflightHostKey,
	backup.FactAuthFailed: backup.PreflightLogin,
	backup.FactSudo:       backup.PreflightSudo, backup.FactFolderUnsafe: backup.PreflightBackupDir,
}

// stopped is a preflight that came to its end before the server told anything. An error that is no failure is the
// caller's own doing.
func stopped(passed []backup.Check, err error, took time.Duration) (controlplane.Preflight, error) {
	var f *backup.Failure
	if !errors.As(err, &f) {
		return controlplane.Preflight{}, err
	}
	at, ok := failedAt[f.Fact]
	login := slices.Index(backup.PreflightChecks, backup.PreflightLogin)
	loggedIn := len(passed) > login && passed[login].Took > 0
	switch {
	case loggedIn && (!ok || f.Stage == backup.StageConnect):
		at = backup.PreflightShell
	case !ok:
		at = backup.PreflightConnect
	}
	if n := len(passed); loggedIn && slices.Index(backup.PreflightChecks, at) < n { // it broke off after that one was passed
		at = backup.PreflightChecks[n]
	}
	reason := "Not looked at, because the check " + at + " failed."
	checks := make([]backup.Check, 0, len(backup.PreflightChecks))
	failing := slices.Index(backup.PreflightChecks, at)
	for i, name := range backup.PreflightChecks {
		switch {
		case i == failing:
			checks = append(checks, backup.Check{Name: name, Status: backup.CheckFailed, Evidence: sentence(f.Text), Failure: f, Took: took})
		case i < failing && i < len(passed):
			checks = append(checks, passed[i])
		case i < failing && name == backup.PreflightShell:
			checks = append(checks, good(name, "The server runs commands."))
		default:
			checks = append(checks, skipped(name, reason))
		}
	}
	return controlplane.Preflight{HostKey: f.Evidence.HostKeyGot, Checks: checks}, f
}

// sentence begins and ends a text as one. A tool's name before its message stays as it is called.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if s == "" {
		return "It failed."
	}
	if first, _, _ := strings.Cut(s, " "); !strings.HasSuffix(first, ":") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// judge says why a run would fail, from what the server said.
func judge(r ssh.CheckReport, t controlplane.Target, b backup.Backup) *backup.Failure {
	return backup.FirstFailure(hostChecks(r, t, b))
}

// hostChecks are the checks from the tools to the databases.
func hostChecks(r ssh.CheckReport, t controlplane.Target, b backup.Backup) []backup.Check {
	l := look{r, t, b}
	return []backup.Check{l.tools(), l.sudo(), l.sources(), l.folder(), l.space(), l.databases()}
}

// look is what a server said, and what is asked of it.
type look struct {
	ssh.CheckReport
	target controlplane.Target
	backup backup.Backup
}

func (l look) fail(name string, fact backup.Fact, text string, values ...any) backup.Check {
	e := evidence(l.target, l.backup)
	e.FreeBytes, e.TotalBytes, e.FreeInodes, e.TotalInodes = max(0, l.FreeBytes), max(0, l.TotalBytes), max(0, l.FreeInodes), max(0, l.TotalInodes)
	f := &backup.Failure{Stage: backup.StagePreflight, Fact: fact, Text: fmt.Sprintf(text, values...), Evidence: e}
	return backup.Check{Name: name, Status: backup.CheckFailed, Evidence: sentence(f.Text), Failure: f}
}

func (l look) tools() backup.Check {
	if len(l.Missing) > 0 {
		c := l.fail(backup.PreflightTools, backup.FactToolMissing, "not found on the server: %s", strings.Join(l.Missing, ", "))
		c.Failure.Evidence.Tools = l.Missing
		return c
	}
	var found []string
	for _, t := range l.Tools {
		found = append(found, t.String())
	}
	for _, d := range l.Databases {
		if t := (ssh.Tool{Name: d.Tool, Version: d.Client}).String(); d.Tool != "" && !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return good(backup.PreflightTools, "All tools are there.")
	}
	return good(backup.PreflightTools, "All tools are there: %s.", strings.Join(found, ", "))
}

func (l look) sudo() backup.Check {
	if l.target.Server.Privilege == backup.PrivilegeSudo {
		return good(backup.PreflightSudo, "sudo lets %s run the job as root without a password.", l.target.Server.User)
	}
	return skipped(backup.PreflightSudo, "Not needed: the job runs as the login user.")
}

func (l look) sources() backup.Check {
	include := l.backup.Files.Include
	if len(include) == 0 {
		return skipped(backup.PreflightSources, "No path is asked for.")
	}
	for _, state := range []struct {
		state ssh.PathState
		fact  backup.Fact
		text  string
	}{
		{ssh.PathMissing, backup.FactPathMissing, "no such path: %s"},
		{ssh.PathUnreadable, backup.FactPathUnreadable, "not readable: %s"},
	} {
		if paths := pathsIn(l.CheckReport, l.backup, state.state); len(paths) > 0 {
			c := l.fail(backup.PreflightSources, state.fact, state.text, strings.Join(paths, ", "))
			c.Failure.Evidence.Paths = paths
			return c
		}
	}
	if links := linkWarning(l.CheckReport, l.backup); links != "" {
		return warned(backup.PreflightSources, "%s", sentence(links))
	}
	return good(backup.PreflightSources, "There, and readable at their top: %s.", backup.Excerpt(strings.Join(include, ", "), 500))
}

// linkWarning tells of paths of which the archive will hold less than one may think.
func linkWarning(r ssh.CheckReport, b backup.Backup) string {
	links := pathsIn(r, b, ssh.PathSymlink)
	if len(links) == 0 {
		return ""
	}
	return fmt.Sprintf("only the symbolic link itself is in the archive, not what it points to: %s", strings.Join(links, ", "))
}

func (l look) folder() backup.Check {
	switch l.Folder {
	case ssh.FolderOK:
		return good(backup.PreflightBackupDir, "%s is a real folder that only its owner, the job's account, can enter and write.", l.backup.Dir)
	case ssh.FolderAbsent:
		return good(backup.PreflightBackupDir, "%s is not there yet, and can be made.", l.backup.Dir)
	case ssh.FolderParentMissing:
		return l.fail(backup.PreflightBackupDir, backup.FactFolderUnsafe, "%s on the server; only the last folder of backup_dir is made, so make the ones above it first", l.FolderDetail)
	default:
		return l.fail(backup.PreflightBackupDir, backup.FactFolderUnsafe, "%s", l.FolderDetail)
	}
}

// estimateFor bounds the counting of what a first archive will hold, on the server.
const estimateFor = 20 * time.Second

// fewInodes is less than the files that a job makes beside its archive.
const fewInodes = 16

func (l look) space() backup.Check {
	dumps := room(l.CheckReport, l.backup)
	needed := max(dumps+certain(l.Estimate), l.target.LastBytes, l.least(dumps))
	grown := max(dumps, l.target.GrownBytes)
	free, total := diagnosis.Bytes(l.FreeBytes), diagnosis.Bytes(l.TotalBytes)
	switch {
	case l.FreeBytes < 0:
		return warned(backup.PreflightSpace, "The server does not tell how much space it has.")
	case l.FreeBytes < needed:
		c := l.fail(backup.PreflightSpace, backup.FactSpaceShort, "the dumps and the archive need at least %d bytes, and %d are free", needed, l.FreeBytes)
		c.Failure.Evidence.NeededBytes = needed
		return c
	case l.TotalInodes > 0 && l.FreeInodes >= 0 && l.FreeInodes < fewInodes:
		return l.fail(backup.PreflightSpace, backup.FactInodesShort, "%d of %d inodes are free, and a backup needs %d", l.FreeInodes, l.TotalInodes, fewInodes)
	case l.Estimate != nil && l.FreeBytes < dumps+l.Estimate.Bytes:
		return warned(backup.PreflightSpace, "Whether the first archive fits depends on how well it compresses: %s, and %s of %s are free.", l.estimated(dumps), free, total)
	case l.FreeBytes < grown:
		return warned(backup.PreflightSpace, "The archive fits if it is as large as the last one, and not if it grows as that one did: %s are free, and it would need %s.", free, diagnosis.Bytes(grown))
	case l.Estimate != nil:
		return good(backup.PreflightSpace, "%s of %s are free, and %s.", free, total, l.estimated(dumps))
	case grown > 0:
		return good(backup.PreflightSpace, "%s of %s are free, and the backup needs about %s.", free, total, diagnosis.Bytes(grown))
	case len(l.backup.Files.Include)+len(l.backup.Databases) == 0:
		return good(backup.PreflightSpace, "%s of %s are free. How much a backup needs is known once it is said of what.", free, total)
	}
	return good(backup.PreflightSpace, "%s of %s are free. How much the backup needs is known after the first one.", free, total)
}

// certain is what an archive will hold at least, though nobody has made it yet. gzip may make a twentieth of any other file, but
// nothing of one that is compressed already: a tenth is taken off those, for some that are not what their names say.
func certain(e *ssh.Estimate) int64 {
	if e == nil {
		return 0
	}
	return e.Packed - e.Packed/10
}

// least is what an archive of the same source held when the disk was full, unless the sources hold less by now.
func (l look) least(dumps int64) int64 {
	if l.Estimate != nil && l.Estimate.Whole {
		return min(l.target.LeastBytes, dumps+l.Estimate.Bytes)
	}
	return l.target.LeastBytes
}

// estimated says what was counted of the sources.
func (l look) estimated(dumps int64) string {
	e := *l.Estimate
	about, more := "about", ""
	if !e.Whole {
		about, more = "at least", ", as far as they could be counted in time"
	}
	text := fmt.Sprintf("the sources hold %s %s before compression%s", about, diagnosis.Bytes(e.Bytes), more)
	if e.Packed > 0 {
		text += fmt.Sprintf("; %s of it are in files that are compressed already, by their names", diagnosis.Bytes(e.Packed))
	}
	if dumps > 0 {
		text += fmt.Sprintf("; the dumps need at least %s besides", diagnosis.Bytes(dumps))
	}
	if !e.Patterns && len(l.backup.Files.Exclude) > 0 {
		text += "; the server's du knows no patterns, so what files.exclude leaves out is counted too"
	}
	return text
}

func (l look) databases() backup.Check {
	if len(l.backup.Databases) == 0 {
		return skipped(backup.PreflightDatabase, "No database is asked for.")
	}
	var seen []string
	for i, d := range l.Databases {
		if i >= len(l.backup.Databases) {
			break
		}
		asked := l.backup.Databases[i]
		switch d.State {
		case ssh.DatabaseSkipped:
			seen = append(seen, fmt.Sprintf("%s %s was not looked at, for want of time", asked.Engine, asked.Name))
		case ssh.DatabaseOK:
			seen = append(seen, dumpable(asked, d))
		default:
			c := l.fail(backup.PreflightDatabase, databaseFacts[d.State], "%s", cmp.Or(text(d.Detail), string(d.State)))
			blame(c.Failure, asked, d)
			c.Evidence = sentence(c.Failure.Text)
			return c
		}
	}
	if lacking := databaseWarnings(l.CheckReport, l.backup); len(lacking) > 0 {
		return warned(backup.PreflightDatabase, "%s", sentence(strings.Join(append(seen, lacking...), "; ")))
	}
	return good(backup.PreflightDatabase, "%s", sentence(strings.Join(seen, "; ")))
}

// dumpable says what shows that a database can be dumped: who was let in, with which rights, and that the tool fits the server.
func dumpable(asked backup.Database, d ssh.DatabaseReport) string {
	login, tool, client := cmp.Or(text(d.Login), "the login"), cmp.Or(d.Tool, "the tool"), cmp.Or(d.Client, "of an unknown version")
	if asked.Engine == backup.EngineSQLite {
		return fmt.Sprintf("%s %s: %s may read it, and %s is %s", asked.Engine, asked.Name, login, tool, client)
	}
	return fmt.Sprintf("%s %s: %s is let in and may read its tables, the server is %s and %s %s", asked.Engine, asked.Name, login,
		cmp.Or(d.Server, "of an unknown version"), tool, client)
}

func clock(r ssh.CheckReport, t controlplane.Target, asked, answered time.Time) backup.Check {
	if r.Time <= 0 {
		return warned(backup.PreflightClock, "The server does not tell its time.")
	}
	offset := backup.ClockOffset(time.Unix(r.Time, 0), asked, answered)
	if offset.Abs() <= backup.ClockTolerance {
		return good(backup.PreflightClock, "The server's clock is that of the control plane, to %s.", backup.ClockTolerance)
	}
	way := "ahead of"
	if offset < 0 {
		way = "behind"
	}
	text := fmt.Sprintf("The server's clock is %s %s the control plane's.", offset.Abs().Round(time.Second), way)
	c := warned(backup.PreflightClock, "%s", text)
	c.Failure = &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactClockOff, Text: text, Evidence: evidence(t, backup.Backup{})}
	return c
}
