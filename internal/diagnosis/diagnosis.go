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
}

// Explain says what a failure means. The answer depends on its argument alone, so that better knowledge also
// explains old failures.
func Explain(f backup.Failure) Diagnosis {
	for _, e := range knowledge {
		if e.knows(f) {
			return e.fill(f)
		}
	}
	return unknown.fill(f)
}

// entry is what is known about one class. A failure belongs to the first entry that names its fact and, where
// the entry has texts, one of whose texts stands in the tools' own words.
type entry struct {
	class      Class
	code       string
	title      string
	facts      []backup.Fact
	texts      []string // in lower case
	cause      string
	fix        []string
	references []string
}

func (e entry) knows(f backup.Failure) bool {
	return slices.Contains(e.facts, f.Fact) && (len(e.texts) == 0 || e.deciding(f) != "")
}

// deciding is the first line of the tools' own words that has one of the entry's texts in it.
func (e entry) deciding(f backup.Failure) string {
	for line := range strings.Lines(f.Output + "\n" + f.Text) {
		low := strings.ToLower(line)
		if slices.ContainsFunc(e.texts, func(t string) bool { return strings.Contains(low, t) }) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func (e entry) fill(f backup.Failure) Diagnosis {
	facts := factsOf(f, e.deciding(f))
	d := Diagnosis{Class: e.class, Code: e.code, Title: e.title, Cause: facts.Replace(e.cause), References: e.references}
	if d.Code == "" {
		d.Code = strings.ToUpper(string(e.class))
	}
	for _, step := range e.fix {
		d.Fix = append(d.Fix, facts.Replace(step))
	}
	return d
}

// factsOf fills the {names} of the knowledge with the values at hand. deciding is the line that decided, if one did.
func factsOf(f backup.Failure, deciding string) *strings.Replacer {
	e := f.Evidence
	var d backup.Database
	if e.Database != nil {
		d = *e.Database
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
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
		"{exit_status}", fmt.Sprint(f.ExitStatus),
		"{needed}", Bytes(e.NeededBytes),
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
		"{text}", backup.Excerpt(f.Text, 500),
		"{line}", or(backup.Excerpt(deciding, 500), or(lastLine(f.Output), backup.Excerpt(f.Text, 500))),
	)
}

// known is a size of a file system, where df told its total.
func known(n, total int64) string {
	if total <= 0 {
		return "an unknown amount"
	}
	return Bytes(n)
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
