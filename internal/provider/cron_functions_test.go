package provider_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// call calls a function of the provider as Terraform does, and returns what it returns, or the argument and the text of its error.
func call(t *testing.T, name string, arguments ...any) (result tftypes.Value, wrong *tfprotov6.FunctionError) {
	t.Helper()
	server, all := schemas(t)
	req := &tfprotov6.CallFunctionRequest{Name: name}
	for _, a := range arguments {
		shape := tftypes.Type(tftypes.String)
		if _, ok := a.(int); ok {
			shape = tftypes.Number
		}
		raw, err := tfprotov6.NewDynamicValue(shape, tftypes.NewValue(shape, a))
		if err != nil {
			t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &raw)
	}
	resp, err := server.CallFunction(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return result, resp.Error
	}
	result, err = resp.Result.Unmarshal(all.Functions[name].Return.Type)
	if err != nil {
		t.Fatal(err)
	}
	return result, nil
}

func texts(t *testing.T, v tftypes.Value) (all []string) {
	t.Helper()
	var elements []tftypes.Value
	if err := v.As(&elements); err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		var s string
		if err := e.As(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func TestCronNextReturnsTimesWithTheOffsetOfTheZone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments []any
		want      []string
	}{
		"a skipped hour":    {[]any{"30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00", 2}, []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		"a repeated hour":   {[]any{"30 1 * * *", "America/New_York", "2026-10-31T12:00:00-04:00", 2}, []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		"another offset":    {[]any{"0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", 1}, []string{"2026-07-01T03:00:00+02:00"}},
		"strictly after":    {[]any{"0 3 * * *", "UTC", "2026-07-01T03:00:00Z", 1}, []string{"2026-07-02T03:00:00Z"}},
		"a seed":            {[]any{"H 3 * * *", "UTC", "2026-07-01T00:00:00Z", 1, "web-1/nightly"}, []string{"2026-07-01T03:11:00Z"}},
		"a seed not needed": {[]any{"0 3 * * *", "UTC", "2026-07-01T00:00:00Z", 1, "web-1/nightly"}, []string{"2026-07-01T03:00:00Z"}},
		"the end of 2200":   {[]any{"@yearly", "UTC", "2199-06-01T00:00:00Z", 2}, []string{"2200-01-01T00:00:00Z"}},
	} {
		got, wrong := call(t, "cron_next", test.arguments...)
		if wrong != nil {
			t.Errorf("%s: %s", name, wrong.Text)
			continue
		}
		same(t, name, test.want, texts(t, got))
	}
	got, wrong := call(t, "cron_next", "* * * * *", "UTC", "2026-07-01T00:00:00Z", 1000)
	if wrong != nil || len(texts(t, got)) != 1000 {
		t.Errorf("the most times: %v", wrong)
	}
}

func TestCronDescribeSpeaksEnglish(t *testing.T) {
	t.Parallel()
	for want, arguments := range map[string][]any{
		"At 00:00 on Sunday":              {"0 0 * * 7"},
		"At 03:11 every day":              {"H 3 * * *", "web-1/nightly"},
		"Every 15 minutes":                {"*/15 * * * *"},
		"At 00:00 on Monday":              {" 0  0 * * mon "},
		"Every 2 hours, from midnight on": {"0 */2 * * *"},
	} {
		got, wrong := call(t, "cron_describe", arguments...)
		var text string
		if wrong != nil || got.As(&text) != nil || text != want {
			t.Errorf("%v: %q, %v; want %q", arguments, text, wrong, want)
		}
	}
}

// TestCronFunctionsBlameTheRightArgument looks at the position of the argument and at a part of the text.
func TestCronFunctionsBlameTheRightArgument(t *testing.T) {
	t.Parallel()
	const from = "2026-07-01T00:00:00Z"
	for name, test := range map[string]struct {
		function  string
		arguments []any
		position  int64
		says      []string
	}{
		"a minute":              {"cron_next", []any{"61 3 * * *", "UTC", from, 1}, 0, []string{"minute 61 is out of range: allowed is 0 to 59\n    61 3 * * *\n    ^"}},
		"day and month":         {"cron_next", []any{"0 0 1 31 *", "UTC", from, 1}, 0, []string{`Did you mean "0 0 31 1 *"?`}},
		"never":                 {"cron_next", []any{"0 0 30 2 *", "UTC", from, 1}, 0, []string{"never fires"}},
		"too long":              {"cron_next", []any{strings.Repeat("1,", 1000), "UTC", from, 1}, 0, []string{"at most 1024"}},
		"H without a seed":      {"cron_next", []any{"H 3 * * *", "UTC", from, 1}, 0, []string{"needs a name", "the last argument of a Terraform function"}},
		"an empty seed":         {"cron_next", []any{"H 3 * * *", "UTC", from, 1, ""}, 0, []string{"needs a name"}},
		"two seeds":             {"cron_next", []any{"H 3 * * *", "UTC", from, 1, "web-1", "nightly"}, 5, []string{`there are 2 seeds: give one, such as "web-1/nightly"`}},
		"a zone":                {"cron_next", []any{"0 3 * * *", "Europe/Berln", from, 1}, 1, []string{"Europe/Berlin"}},
		"no zone":               {"cron_next", []any{"0 3 * * *", "", from, 1}, 1, []string{"time zone"}},
		"a time":                {"cron_next", []any{"0 3 * * *", "UTC", "tomorrow", 1}, 2, []string{`"tomorrow" is no time in RFC 3339; write 2026-03-08T01:30:00-05:00`}},
		"no times":              {"cron_next", []any{"0 3 * * *", "UTC", from, 0}, 3, []string{"count is 0: allowed is 1 to 1000"}},
		"too many times":        {"cron_next", []any{"0 3 * * *", "UTC", from, 1001}, 3, []string{"count is 1001: allowed is 1 to 1000"}},
		"described: seconds":    {"cron_describe", []any{"0 0 3 * * *"}, 0, []string{"seconds are not supported"}},
		"described: no seed":    {"cron_describe", []any{"H 3 * * *"}, 0, []string{"needs a name"}},
		"described: two seeds":  {"cron_describe", []any{"H 3 * * *", "a", "b"}, 2, []string{"there are 2 seeds"}},
		"described: characters": {"cron_describe", []any{"0 3\x00 * * *"}, 0, []string{"U+0000"}},
	} {
		_, wrong := call(t, test.function, test.arguments...)
		if wrong == nil || wrong.FunctionArgument == nil {
			t.Errorf("%s: %v", name, wrong)
			continue
		}
		same(t, name, test.position, *wrong.FunctionArgument)
		if strings.HasSuffix(wrong.Text, ".") || strings.HasSuffix(wrong.Text, "?") {
			t.Errorf("%s: Terraform sets a full stop behind %q", name, wrong.Text)
		}
		for _, want := range test.says {
			if !strings.Contains(wrong.Text, want) {
				t.Errorf("%s: no %q in %q", name, want, wrong.Text)
			}
		}
	}
}

// outputs are the outputs of the state.
func (w *workspace) outputs() map[string]any {
	w.t.Helper()
	var printed map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(w.terraform("output", "-json").stdout), &printed); err != nil {
		w.t.Fatal(err)
	}
	values := map[string]any{}
	for name, o := range printed {
		values[name] = o.Value
	}
	return values
}

// TestExamplesOfFunctionsReturnWhatTheySay runs each in a real Terraform and holds the outputs to the comment that ends each block.
func TestExamplesOfFunctionsReturnWhatTheySay(t *testing.T) {
	t.Parallel()
	acceptance(t)
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "examples", "functions", "*", "function.tf"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	w, config, promised := newWorkspace(t), requirements, map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config += string(text)
		for block := range strings.SplitSeq(string(text), `output "`) {
			name, rest, _ := strings.Cut(block, `" {`)
			_, comment, ok := strings.Cut(rest, "\n  # ")
			if !ok {
				continue
			}
			var value any
			if err := json.Unmarshal([]byte(strings.Split(comment, "\n")[0]), &value); err != nil {
				t.Fatalf("%s: %s: %v", file, name, err)
			}
			promised[name] = value
		}
	}
	w.write(config)
	w.mustApply()
	if len(promised) < 3 {
		t.Errorf("only %d outputs were promised", len(promised))
	}
	same(t, "outputs", promised, w.outputs())
	same(t, "plan again", 0, w.terraform("plan", "-detailed-exitcode").exit)
	w.terraform("plan", "-var", "backup_cron=30 25 * * *").expect(t, diagnostic{severity: "error", summary: "Invalid value for variable"}, "backup_cron must be a cron expression of five fields")
	if _, err := os.Stat(filepath.Join(w.tf.Dir, ".cloudaipilot")); err == nil {
		t.Error("a function made the data directory")
	}
}

func TestFunctionErrorsSpeakTheUsersLanguage(t *testing.T) {
	t.Parallel()
	acceptance(t)
	w := newWorkspace(t)
	w.write(requirements + `
output "next" {
  value = provider::cloudaipilot::cron_next("0 0 1 31 *", "UTC", "2026-07-01T00:00:00Z", 3)
}
`)
	r := w.terraform("plan")
	r.expect(t, diagnostic{severity: "error", summary: "Invalid function argument"},
		"Invalid value for \"expression\" parameter: month 31 is out of range: allowed is 1 to 12 or JAN to DEC\n    0 0 1 31 *\n          ^\n")
	same(t, "exit", 1, r.exit)
}
