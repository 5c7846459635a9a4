package ssh

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	_ "embed"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

//go:embed backup.sh
var script string

// databaseScript is what the script needs for databases. It goes only where there are some.
//
//go:embed database.sh
var databaseScript string

// estimateScript is what the script needs to say how large a first archive may become. It goes only where that is asked.
//
//go:embed estimate.sh
var estimateScript string

const (
	// bootstrap reads the script from standard input up to the end marker and evaluates it;
	// what follows on standard input is the script's. The read builtin takes no byte too many,
	// unlike sh -s. It has no exclamation mark, so that csh passes it on like any other shell.
	bootstrap = `/bin/sh -c 'n=$(printf "\n.");n=${n%.};s=;while IFS= read -r l;do ` +
		`case $l in "#end-of-script")eval "$s";exit;;esac;s=$s$l$n;done;exit 66'`
	endOfScript = "#end-of-script\n"
	greeting    = "cloudaipilot-job 1"

	meanwhileLine = "\nmeanwhile=1\n"

	outputLimit = 256 << 10
	noiseLimit  = 64 << 10 // what login scripts may say before the greeting
	maxLine     = 4 << 10
	maxLines    = 2000
)

func command(sudo bool) string {
	if sudo {
		return "sudo -n " + bootstrap
	}
	return bootstrap
}

// parameter is one key=value line for the script.
type parameter struct{ key, value string }

func request(subcommand string, parameters []parameter) []byte {
	var b bytes.Buffer
	for _, part := range []parameter{{databaseKey, databaseScript}, {estimateKey, estimateScript}} {
		if slices.ContainsFunc(parameters, func(p parameter) bool { return p.key == part.key }) {
			b.WriteString(part.value)
		}
	}
	b.WriteString(script)
	b.WriteString(endOfScript)
	b.WriteString(subcommand + "\n")
	for _, p := range parameters {
		value := p.value
		if p.key != databaseKey { // whose fields are
			value = encode(value)
		}
		b.WriteString(p.key + "=" + value + "\n")
	}
	b.WriteString("end\n")
	return b.Bytes()
}

// encode writes every byte that could mean something to a shell as \0ooo, for printf %b.
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/_.,:+@%=-", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\0%03o`, c)
		}
	}
	return b.String()
}

const (
	databaseKey = "database"
	estimateKey = "estimate"
)

// encodeDatabase joins the fields of a database, each encoded, with what no encoded field has in it. The full stop keeps
// the shell from dropping empty ones at the end.
func encodeDatabase(d backup.Database) string {
	globals := "0"
	if d.Globals {
		globals = "1"
	}
	fields := []string{string(d.Engine), d.Name, d.RunAs, d.User, d.Host, strconv.Itoa(d.Port), globals, "."}
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(encode(f), ",", `\0054`)
	}
	return strings.Join(fields, ",")
}

func databaseParameters(databases []backup.Database) []parameter {
	parameters := make([]parameter, 0, len(databases))
	for _, d := range databases {
		parameters = append(parameters, parameter{databaseKey, encodeDatabase(d)})
	}
	return parameters
}

// answer is what the script said before the line ".".
type answer map[string][]string

var answerLine = backup.NewPattern(`^([a-z][a-z0-9_]*)=([ -~]*)$`)

var errNoGreeting = fmt.Errorf("%w: the job script did not begin: %w", ErrOutput, io.ErrUnexpectedEOF)

// readAnswer reads up to the line ".", and leaves r at what follows it.
func readAnswer(r *bufio.Reader) (answer, error) {
	for noise := 0; ; {
		text, err := readLine(r)
		if text == greeting && err == nil {
			break
		}
		noise += len(text) + 1
		if err != nil || noise > noiseLimit {
			return nil, errNoGreeting
		}
	}
	a := answer{}
	for range maxLines {
		text, err := readLine(r)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutput, io.ErrUnexpectedEOF)
		}
		if text == "." {
			return a, nil
		}
		match := answerLine().FindStringSubmatch(text)
		if match == nil {
			return nil, fmt.Errorf("%w: %s", ErrOutput, printable(text))
		}
		a[match[1]] = append(a[match[1]], match[2])
	}
	return nil, fmt.Errorf("%w: it has too many lines", ErrOutput)
}

// readLine returns a line without its end; of a line that is too long, a piece.
func readLine(r *bufio.Reader) (string, error) {
	raw, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return string(raw), nil
	}
	return strings.TrimSuffix(string(raw), "\n"), err
}

func newAnswerReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, maxLine) }

// has tells a key that was said from one that was not.
func (a answer) has(key string) bool { return len(a[key]) > 0 }

func (a answer) text(key string) string {
	if !a.has(key) {
		return ""
	}
	return a[key][0]
}

func (a answer) flag(key string) bool { return a.text(key) == "1" }

// number takes what is no number for unknown: -1.
func (a answer) number(key string) int64 {
	n, err := strconv.ParseInt(a.text(key), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// kib is a number of KiB in bytes, -1 when unknown.
func (a answer) kib(key string) int64 {
	n := a.number(key)
	if n < 0 || n > 1<<52 {
		return -1
	}
	return n << 10
}

func (a answer) job() JobID {
	pid, start := a.number("pid"), a.number("start")
	if pid <= 1 || pid > 1<<31-1 || start < 0 || !bootIDPattern.MatchString(a.text("boot")) {
		return JobID{}
	}
	return JobID{PID: int(pid), StartTime: start, BootID: a.text("boot")}
}

var (
	bootIDPattern = backup.NewPattern(`^[0-9a-f-]{1,64}$`)
	sha256Pattern = backup.NewPattern(`^[0-9a-f]{64}$`)
	wordPattern   = backup.NewPattern(`^[a-z_]{1,32}$`)
)

func parseCheck(a answer, includes, databases int) (CheckReport, error) {
	report := CheckReport{
		Missing:      toolNames(a["missing"]),
		GNUTar:       a.flag("gnu_tar"),
		Tools:        parseTools(a["tool"]),
		SudoOK:       a.text("uid") == "0",
		Folder:       FolderState(a.text("folder")),
		FolderDetail: a.text("detail"),
		FreeBytes:    a.kib("free_kib"),
		TotalBytes:   a.kib("total_kib"),
		FreeInodes:   a.number("free_inodes"),
		TotalInodes:  a.number("total_inodes"),
		BootID:       a.text("boot"),
		Time:         a.number("time"),
	}
	if !report.Folder.known() {
		return CheckReport{}, fmt.Errorf("%w: folder state %s", ErrOutput, printable(string(report.Folder)))
	}
	if len(a["path"]) != includes {
		return CheckReport{}, fmt.Errorf("%w: %d paths were asked for, %d told", ErrOutput, includes, len(a["path"]))
	}
	for _, said := range a["path"] {
		state := PathState(said)
		if !state.known() {
			return CheckReport{}, fmt.Errorf("%w: path state %s", ErrOutput, printable(said))
		}
		report.Paths = append(report.Paths, state)
	}
	if a.has("estimate_kib") {
		report.Estimate = parseEstimate(a)
	}
	var err error
	report.Databases, err = parseDatabases(a, databases)
	return report, err
}

// parseTools leaves out what is not of the form that the script gives it.
func parseTools(said []string) (tools []Tool) {
	for _, line := range said[:min(len(said), maxTools)] {
		words := strings.Fields(line)
		if len(words) != 3 || !toolPattern.MatchString(words[0]) {
			continue
		}
		t := Tool{Name: words[0], Version: version(words[2])}
		if words[1] == "GNU" || words[1] == "BusyBox" {
			t.Maker = words[1]
		}
		tools = append(tools, t)
	}
	return tools
}

// parseEstimate is nil where the numbers are none.
func parseEstimate(a answer) *Estimate {
	e := Estimate{Bytes: a.kib("estimate_kib"), Packed: a.kib("estimate_packed_kib"), Whole: a.flag("estimate_whole"), Patterns: a.flag("estimate_patterns")}
	if e.Bytes < 0 || e.Packed < 0 || e.Packed > e.Bytes {
		return nil
	}
	return &e
}

// parseDatabases reads one line of each kind for each database.
func parseDatabases(a answer, n int) ([]DatabaseReport, error) {
	for _, key := range []string{"db_state", "db_detail", "db_login", "db_server", "db_tool", "db_client", "db_size", "db_tables", "db_unseen"} {
		if len(a[key]) != n {
			return nil, fmt.Errorf("%w: %d databases were asked for, %d told", ErrOutput, n, len(a[key]))
		}
	}
	var reports []DatabaseReport
	for i, said := range a["db_state"] {
		state := DatabaseState(said)
		if !slices.Contains(databaseStates, state) {
			return nil, fmt.Errorf("%w: database state %s", ErrOutput, printable(said))
		}
		size, err := strconv.ParseInt(a["db_size"][i], 10, 64)
		if err != nil || size < 0 {
			size = -1
		}
		reports = append(reports, DatabaseReport{
			State: state, Detail: a["db_detail"][i], Login: a["db_login"][i], Size: size, Tables: a["db_tables"][i],
			Server: version(a["db_server"][i]), Tool: toolName(a["db_tool"][i]), Client: version(a["db_client"][i]), Unseen: unseenWords(a["db_unseen"][i]),
		})
	}
	return reports, nil
}

var versionPattern = backup.NewPattern(`^[A-Za-z0-9][A-Za-z0-9.-]{0,40}$`)

func version(said string) string {
	if !versionPattern.MatchString(said) {
		return ""
	}
	return said
}

func unseenWords(said string) []string {
	return slices.DeleteFunc(strings.Fields(said), func(w string) bool { return !wordPattern.MatchString(w) })
}

// toolNames keeps what may be the name of a tool, of not more tools than the script looks for.
func toolNames(said []string) []string {
	names := slices.DeleteFunc(slices.Clone(said), func(name string) bool { return !toolPattern.MatchString(name) })
	return names[:min(len(names), maxTools)]
}

func toolName(said string) string {
	if !toolPattern.MatchString(said) {
		return ""
	}
	return said
}

// maxTools is above the number of tools that the script needs.
const maxTools = 40

var toolPattern = backup.NewPattern(`^[A-Za-z0-9._+-]{1,32}( with -T and -X)?$`)

// clockTime is a server's time in Unix seconds, 0 where it says none that a calendar has.
func clockTime(seconds int64) int64 {
	const endOfYear9999 = 253402300799
	if seconds < 0 || seconds > endOfYear9999 {
		return 0
	}
	return seconds
}

func parseStatus(a answer, log []byte) (Status, error) {
	status := Status{
		Exists:      a.flag("exists"),
		Job:         a.job(),
		Alive:       a.flag("alive"),
		SameBoot:    a.flag("same_boot"),
		BootedAt:    clockTime(a.number("booted_at")),
		FirstStart:  max(0, a.number("first_start")),
		FreeBytes:   a.kib("free_kib"),
		TotalBytes:  a.kib("total_kib"),
		FreeInodes:  a.number("free_inodes"),
		TotalInodes: a.number("total_inodes"),
		Log:         string(log[max(0, len(log)-logLimit):]),
	}
	if boot := a.text("boot_now"); bootIDPattern.MatchString(boot) {
		status.BootID = boot
	}
	if step := a.text("progress_step"); wordPattern.MatchString(step) {
		status.Step = step
		status.Bytes = max(0, a.number("progress_bytes"))
		status.ProgressAt = clockTime(a.number("progress_at"))
		status.Database = databaseNumber(a, "progress_database")
	}
	if a.has("result_ok") {
		result, err := parseResult(a)
		if err != nil {
			return Status{}, err
		}
		status.Result = &result
	}
	return status, nil
}

// parseFolders leaves out what has not quite the form of a backup's identifier. Size and time are unknown where no tool told them.
func parseFolders(a answer) (folders []Folder, err error) {
	sizes, times := numbersByName(a["size"]), numbersByName(a["changed"])
	for _, entry := range a["entry"] {
		words := strings.Fields(entry)
		if len(words) != 3 {
			return nil, fmt.Errorf("%w: folder %s", ErrOutput, printable(entry))
		}
		if _, err := backup.ParseID(words[0]); err != nil {
			continue
		}
		f := Folder{ID: words[0], Bytes: -1, ChangedAt: clockTime(times[words[0]]), Alive: words[1] == "1", Archive: words[2] == "1"}
		if kib, told := sizes[f.ID]; told && kib <= 1<<52 {
			f.Bytes = kib << 10
		}
		folders = append(folders, f)
	}
	return folders, nil
}

// numbersByName reads lines of a number and a name, and leaves out what is none.
func numbersByName(lines []string) map[string]int64 {
	numbers := make(map[string]int64, len(lines))
	for _, line := range lines {
		said, name, _ := strings.Cut(line, " ")
		if n, err := strconv.ParseInt(said, 10, 64); err == nil && n >= 0 {
			numbers[name] = n
		}
	}
	return numbers
}

func parseResult(a answer) (Result, error) {
	result := Result{
		OK:        a.flag("result_ok"),
		Cancelled: a.flag("result_cancelled"),
		Stage:     a.text("result_stage"),
		Problem:   a.text("result_problem"),
		ExitTar:   exitStatus(a, "result_exit_tar"),
		ExitGzip:  exitStatus(a, "result_exit_gzip"),
		ExitWrite: exitStatus(a, "result_exit_write"),
		Size:      max(0, a.number("result_size")),
		SHA256:    a.text("result_sha256"),
		Entries:   max(0, a.number("result_entries")),
		Warning:   a.flag("result_warning"),

		Database:      databaseNumber(a, "result_database"),
		DatabaseState: DatabaseState(a.text("result_state")),
		ExitDump:      exitStatus(a, "result_exit_dump"),
		ServerVersion: version(a.text("result_server_version")),
		ClientVersion: version(a.text("result_client_version")),
	}
	if left := (Left{a.kib("result_free_kib"), a.number("result_free_inodes")}); left.Bytes >= 0 {
		result.Left = &left
	}
	if result.DatabaseState != "" && !slices.Contains(databaseStates, result.DatabaseState) {
		return Result{}, fmt.Errorf("%w: database state %s", ErrOutput, printable(string(result.DatabaseState)))
	}
	if !knownProblems[result.Problem] || result.OK != (result.Problem == "") {
		return Result{}, fmt.Errorf("%w: problem %s", ErrOutput, printable(result.Problem))
	}
	if !slices.Contains([]string{StageDump, StageArchive, StageVerify}, result.Stage) {
		return Result{}, fmt.Errorf("%w: stage %s", ErrOutput, printable(result.Stage))
	}
	if !sha256Pattern.MatchString(result.SHA256) {
		result.SHA256 = ""
	}
	if result.OK && (result.SHA256 == "" || result.Size == 0 || result.Entries == 0) {
		return Result{}, fmt.Errorf("%w: a success without an archive", ErrOutput)
	}
	return result, nil
}

// databaseNumber counts from 1; 0 is none.
func databaseNumber(a answer, key string) int {
	n := a.number(key)
	if n < 0 || n > backup.MaxDatabases {
		return 0
	}
	return int(n)
}

func exitStatus(a answer, key string) int {
	n := a.number(key)
	if n > 255 {
		return -1
	}
	return int(n)
}
