package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Class names a cause, in the words of the knowledge table.
type Class string

// ClassUnknown is the honest answer where nothing is known.
const ClassUnknown Class = "unknown"

// Diagnosis is what a failure means and what to do about it.
type Diagnosis struct {
	Class      Class
	Code       string   // the playbook's code where it has one, else the class in capitals
	Title      string   // "the server's disk is full"
	Cause      string   // one or two sentences with the facts at hand
	Fix        []string // steps, in order
	References []string // articles of the panel's knowledge base
	Retry      Retry
	Confidence float64 // 0 to 1; 0 where nothing is known
	Evidence   string  // the words that decided, shortened, without secrets
}

// Retry says when a backup that failed so is tried again without anybody asking.
type Retry string

// The ways to try again.
const (
	RetryNo       Retry = "no"
	RetryOnce     Retry = "once"
	RetryBackoff  Retry = "backoff"
	RetryAfterFix Retry = "after_fix" // by itself, as soon as a look at the live system no longer finds the cause
)

// RetryOf returns when a backup that failed of a class is tried again, and FamilyOf the group of causes it belongs to: "disk",
// "network", "ssh" and so on. A class that nobody knows is never tried again, and has no family.
func RetryOf(class Class) Retry {
	if e := entryOf(class); e != nil {
		return e.retry
	}
	return RetryNo
}

// FamilyOf is described at RetryOf.
func FamilyOf(class Class) string {
	if e := entryOf(class); e != nil {
		return e.family
	}
	return ""
}

// Explain says what a failure of ours means. The answer depends on its argument alone, so that better knowledge also
// explains old failures. What the control plane itself saw decides; where it only saw a tool fail, the tool's words do.
func Explain(f backup.Failure) Diagnosis {
	tools := slices.Contains(toolsFailed, f.Fact)
	if tools {
		if e, line, confidence := heard(f); e != nil {
			if o := e.ownCase(f.Fact); o == nil || !o.last {
				return e.explainLine(f, o, line).with(confidence, line)
			}
		}
	}
	e, o := decidedBy(f.Fact)
	if e == nil {
		return unknown.explain(f, nil)
	}
	confidence := 1.0 // it was seen
	if tools {
		confidence = sure // that they failed was seen, and not of what
	}
	return e.explain(f, o).with(confidence, backup.Excerpt(Mask(f.Text), maxEvidence))
}

// with tells how sure a diagnosis is, and by what.
func (d Diagnosis) with(confidence float64, evidence string) Diagnosis {
	d.Confidence, d.Evidence = confidence, evidence
	return d
}

// toolsFailed are the facts whose meaning stands in the tools' own words, databaseFailed those of databases among them.
var (
	toolsFailed    = append([]backup.Fact{backup.FactToolFailed, backup.FactRemoteCommand, backup.FactArchiveDamaged, backup.FactArchiveEmpty, backup.FactFolderUnsafe}, databaseFailed...)
	databaseFailed = []backup.Fact{backup.FactDatabaseConnect, backup.FactDumpFailed, backup.FactDumpIncomplete}
)

// ourFamilies are what a job on a server can fail of.
var ourFamilies = []string{"disk", "host", "database"}

// heard is what the tools' own words say, the line that says it, and how surely.
func heard(f backup.Failure) (*entry, string, float64) {
	in := Input{Text: f.Output + "\n" + f.Text, Stage: f.Stage, ExitStatus: f.ExitStatus}
	if slices.Contains(databaseFailed, f.Fact) {
		in.Stage = "dump" // whatever the stage was, the words are of a database
		for i := range knowledge {
			if o := knowledge[i].ownCase(f.Fact); o != nil && o.texts != nil && containsAny(strings.ToLower(in.Text), o.texts) {
				return &knowledge[i], firstLine(in.Text, o.texts), certain
			}
		}
	}
	r := Text(in)
	e := entryOf(r.Class)
	noShell := f.Fact == backup.FactRemoteCommand && r.Class == "ssh_shell_disabled"
	if e != nil && (noShell || slices.Contains(ourFamilies, e.family)) {
		return e, r.Evidence, r.Confidence
	}
	return nil, "", 0
}

func containsAny(s string, texts []string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(s, t) })
}

// firstLine is the first line that has one of the texts.
func firstLine(s string, texts []string) string {
	for line := range strings.Lines(s) {
		if containsAny(strings.ToLower(line), texts) {
			return backup.Excerpt(strings.TrimSpace(Mask(line)), maxEvidence)
		}
	}
	return ""
}

// decidedBy is the class that a fact means where no words say better.
func decidedBy(fact backup.Fact) (*entry, *own) {
	for i := range knowledge {
		if o := knowledge[i].ownCase(fact); o != nil && (o.last || !slices.Contains(toolsFailed, fact)) {
			return &knowledge[i], o
		}
	}
	return nil, nil
}

// entry is what is known about one class.
type entry struct {
	class      Class
	code       string // the playbook's, where it has one
	family     string
	retry      Retry
	title      string
	cause      string
	fix        []string
	references []string

	certain, likely, hints, guesses []string // the signatures of its texts, by strength; signature.go says how they are written

	own []own
}

// own is how a failure of our own is told, with the facts at hand: {names} are filled. What is empty is as for any text.
type own struct {
	facts []backup.Fact
	last  bool     // the fact decides where the tools' words do not
	texts []string // in lower case: these words decide before any others
	title string
	cause string
	fix   []string
}

func entryOf(class Class) *entry {
	i := slices.IndexFunc(knowledge, func(e entry) bool { return e.class == class })
	if i < 0 {
		return nil
	}
	return &knowledge[i]
}

func (e *entry) ownCase(fact backup.Fact) *own {
	for i := range e.own {
		if slices.Contains(e.own[i].facts, fact) {
			return &e.own[i]
		}
	}
	return nil
}

func (e *entry) codeOrClass() string {
	if e.code != "" {
		return e.code
	}
	return strings.ToUpper(string(e.class))
}

func (e *entry) explain(f backup.Failure, o *own) Diagnosis { return e.explainLine(f, o, "") }

// explainLine fills in the facts at hand; line is the one that decided, if one did.
func (e *entry) explainLine(f backup.Failure, o *own, line string) Diagnosis {
	title, cause, fix := e.title, e.cause, e.fix
	if o != nil {
		title, cause = or(o.title, title), or(o.cause, cause)
		if o.fix != nil {
			fix = o.fix
		}
	}
	facts := factsOf(f, line)
	d := Diagnosis{Class: e.class, Code: e.codeOrClass(), Title: title, Cause: facts.Replace(cause), References: e.references, Retry: e.retry}
	for _, step := range fix {
		d.Fix = append(d.Fix, facts.Replace(step))
	}
	return d
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// ended is a text that ends a sentence: a tool may have ended it itself.
func ended(s string) string {
	s = strings.TrimRight(s, ".")
	if strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// factsOf fills the {names} of the knowledge with the values at hand. line is the one that decided, if one did.
func factsOf(f backup.Failure, line string) *strings.Replacer {
	e, said := f.Evidence, backup.Excerpt(Mask(f.Text), 500)
	var d backup.Database
	if e.Database != nil {
		d = *e.Database
	}
	return strings.NewReplacer(
		"{address}", or(e.Address, "the server"),
		"{user}", or(e.User, "the login user"),
		"{backup_dir}", or(e.BackupDir, "the backup folder"),
		"{paths}", or(strings.Join(quoteAll(e.Paths), ", "), "a source path"),
		"{tools}", or(strings.Join(e.Tools, ", "), "a tool"),
		"{public_key}", or(e.PublicKey, "(the server's public_key)"),
		"{host_key_wanted}", or(e.HostKeyWant, "none"),
		"{host_key_got}", or(e.HostKeyGot, "(unknown)"),
		"{bytes_done}", Bytes(e.BytesDone),
		"{free}", known(e.FreeBytes, e.TotalBytes),
		"{total}", known(e.TotalBytes, e.TotalBytes),
		"{inodes}", inodes(e),
		"{free_inodes}", fmt.Sprint(e.FreeInodes),
		"{exit_status}", fmt.Sprint(f.ExitStatus),
		"{needed}", Bytes(e.NeededBytes),
		"{missing}", missing(e),
		"{held}", held(e.Room),
		"{fitting}", fitting(e.Room),
		"{engine}", or(string(d.Engine), "database"),
		"{database}", or(d.Name, "the database"),
		"{account}", or(d.RunAs, or(jobAccount(e), "the login user")),
		"{run_as}", or(d.RunAs, "the account of run_as"),
		"{db_user}", or(d.User, or(d.RunAs, or(jobAccount(e), "the login user"))),
		"{db_address}", databaseAddress(d),
		"{tables}", or(e.Tables, "some tables"),
		"{server_version}", or(e.ServerVersion, "(unknown)"),
		"{server_major}", or(strings.Split(e.ServerVersion, ".")[0], "VERSION"),
		"{client_version}", or(e.ClientVersion, "(unknown)"),
		"{tool_package}", or(toolPackages[d.Engine], "the engine's client"),
		"{other_engine}", string(otherEngine(d.Engine)),
		"{credentials}", credentials(d, e),
		"{grant}", grant(d, e),
		"{text}.", ended(said),
		"{text}", said,
		"{line}", or(line, or(Mask(lastLine(f.Output)), said)),
	)
}

// known is a size of a file system, where df told its total.
func known(n, total int64) string {
	if total <= 0 {
		return "an unknown amount"
	}
	return Bytes(n)
}

// inodes tells of a file system that can take no more files, though it may have space.
func inodes(e backup.Evidence) string {
	if e.TotalInodes <= 0 || e.FreeInodes > 0 {
		return ""
	}
	return fmt.Sprintf(", but not one of its %d inodes,", e.TotalInodes)
}

// missing says how much space a backup lacks, where that is known.
func missing(e backup.Evidence) string {
	if e.TotalBytes <= 0 || e.NeededBytes <= e.FreeBytes {
		return ""
	}
	return ": " + Bytes(e.NeededBytes-e.FreeBytes) + " are missing"
}

// held says what the archives of a server hold of its disk.
func held(r *backup.Room) string {
	switch {
	case r == nil:
		return ""
	case r.Backups == 1:
		return ": 1 backup of it holds " + Bytes(r.Bytes)
	}
	return fmt.Sprintf(": %d backups of it hold %s", r.Backups, Bytes(r.Bytes))
}

// fitting says which retention would make the missing space free.
func fitting(r *backup.Room) string {
	if r == nil || r.FittingDays == 0 {
		return ""
	}
	return fmt.Sprintf(" from %d to %d, which frees %s", r.RetentionDays, r.FittingDays, Bytes(r.FittingBytes))
}

func quoteAll(paths []string) []string {
	quoted := make([]string, 0, len(paths))
	for i, p := range paths {
		if i == 5 {
			return append(quoted, fmt.Sprintf("and %d more", len(paths)-i))
		}
		quoted = append(quoted, fmt.Sprintf("%q", backup.Excerpt(p, 120)))
	}
	return quoted
}

// closings are the lines that tools end with whatever went wrong.
var closings = []string{"exiting with failure status", "error is not recoverable", "error exit delayed"}

// lastLine is the last line that says something.
func lastLine(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		low := strings.ToLower(line)
		if strings.TrimSpace(line) != "" && !slices.ContainsFunc(closings, func(c string) bool { return strings.Contains(low, c) }) {
			last = line
		}
	}
	return backup.Excerpt(strings.TrimSpace(last), 500)
}

// Bytes writes a size for people: "4.2 GiB".
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

// Classes returns every class that is known, in the order of the knowledge.
func Classes() []Class {
	all := make([]Class, 0, len(knowledge))
	for i := range knowledge {
		all = append(all, knowledge[i].class)
	}
	return all
}
