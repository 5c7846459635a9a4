package cron_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func mustParse(t testing.TB, text string) *cron.Expression {
	t.Helper()
	e, err := cron.Parse(text, "web-1/nightly")
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return &e
}

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"30 3 * * *":                       "30 3 * * *",
		" \t30  03\t* *  *\n":              "30 3 * * *",
		"@hourly":                          "0 * * * *",
		"@DAILY":                           "0 0 * * *",
		"@midnight":                        "0 0 * * *",
		"@weekly":                          "0 0 * * 0",
		"@monthly":                         "0 0 1 * *",
		"@yearly":                          "0 0 1 1 *",
		"@annually":                        "0 0 1 1 *",
		"0 0 * * 7":                        "0 0 * * 0",
		"0 0 * * sun":                      "0 0 * * 0",
		"0 0 * * 5-7":                      "0 0 * * 0,5,6",
		"0 0 * * fri-Sun":                  "0 0 * * 0,5,6",
		"0 0 * * 1-7":                      "0 0 * * *",
		"0 0 * * 0-7":                      "0 0 * * *",
		"0 0 * * 1-7/2":                    "0 0 * * 0,1,3,5",
		"0 0 * jan-mar,JUL Mon":            "0 0 * 1-3,7 1",
		"0/15 * * * *":                     "*/15 * * * *",
		"0,15,30,45 * * * *":               "*/15 * * * *",
		"20-35/15 * * * *":                 "20,35 * * * *",
		"5/15 * * * *":                     "5-50/15 * * * *",
		"0 */1 * * *":                      "0 * * * *",
		"0 0-23 * * *":                     "0 0-23 * * *", // follows the wall clock, unlike *
		"0 0 */2 * *":                      "0 0 */2 * *",
		"0 0 1-31/2 * *":                   "0 0 */2 * *",
		"0 0 */2 * 1":                      "0 0 */2 * 1", // both must fit
		"0 0 1-31/2 * 1":                   "0 0 1-31/2 * 1",
		"0 0 1-31 * 1":                     "0 0 * * *",
		"0 0 31 4 1":                       "0 0 * 4 1",
		"0 0 1-30 4 *":                     "0 0 * 4 *",
		"0 0 * * */2":                      "0 0 * * 0-6/2",
		"0 0 29 2 */7":                     "0 0 29 2 */7",
		"*/60 * * * *":                     "0 * * * *",
		"1,2,3 5,6 10 * *":                 "1-3 5,6 10 * *",
		"0 0 " + strings.Repeat("1,", 500): "", // 1006 bytes, but four fields
	} {
		e, err := cron.Parse(text, "")
		if want == "" {
			if err == nil {
				t.Errorf("Parse(%q) = %s, want an error", text, e.String())
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.String()); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
		if again, err := cron.Parse(e.String(), ""); err != nil || !again.Equal(e) {
			t.Errorf("%q: its canonical form %q means something else (%v)", text, e.String(), err)
		}
		if e.Text() != text {
			t.Errorf("Text() = %q, want %q", e.Text(), text)
		}
	}
}

func TestEqualComparesWhatExpressionsMean(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"0 3 * * 7", "0  03 * * SUN", true},
		{"@daily", "0 0 * * *", true},
		{"0 0 * * 1-5", "0 0 * * MON,TUE,WED,THU,FRI", true},
		{"H 3 * * *", "H  3 * * *", true},
		{"H 3 * * *", "7 3 * * *", false},
		{"H 3 * * *", "H(0-59) 3 * * *", true},
		{"0 3 * * *", "0 4 * * *", false},
		{"0 * * * *", "0 0-23 * * *", false},
		{"0 0 */2 * 1", "0 0 1-31/2 * 1", false},
		{"nonsense", "nonsense", true},
		{"nonsense", "0 3 * * *", false},
	}
	for _, tt := range tests {
		if got := cron.Equal(tt.a, tt.b); got != tt.want {
			t.Errorf("Equal(%q, %q) = %t", tt.a, tt.b, got)
		}
		if got := cron.Equal(tt.b, tt.a); got != tt.want {
			t.Errorf("Equal(%q, %q) = %t", tt.b, tt.a, got)
		}
	}
}

// The numbers may never change: every schedule with H would move.
func TestHashStandsForTheSameNumberForEver(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, seed, want string }{
		{"H H(0-23) * * *", "web-1/nightly", "11 0 * * *"},
		{"H H(0-23) * * *", "web-2/nightly", "34 12 * * *"},
		{"H H(0-7) * * H", "web-1/nightly", "11 0 * * 5"},
		{"H/15 * * * *", "web-1/nightly", "11-56/15 * * * *"},
		{"H(0-29)/10 * * * *", "web-1/nightly", "1-21/10 * * * *"},
		{"0 0 H * *", "web-1/nightly", "0 0 7 * *"},
		{"0 0 H H(1-12) *", "web-1/nightly", "0 0 7 11 *"},
		{"0 0 * * H(5-7)", "web-1/nightly", "0 0 * * 6"},
	}
	for _, tt := range tests {
		e, err := cron.Parse(tt.text, tt.seed)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, e.String()); diff != "" {
			t.Errorf("%q of %s:\n%s", tt.text, tt.seed, diff)
		}
	}
}

func TestHashSpreads(t *testing.T) {
	t.Parallel()
	var count [60]int
	for i := range 6000 {
		e, err := cron.Parse("H 0 1 1 *", strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/182))
		if err != nil {
			t.Fatal(err)
		}
		z, _ := e.NextUnix(cron.UTC, 0)
		count[z/60%60]++
	}
	for minute, n := range count {
		if n < 50 || n > 150 {
			t.Errorf("minute %d was chosen %d times of 6000, want about 100", minute, n)
		}
	}
}

// errorCases are texts, what is said about them and where the caret is.
var errorCases = []struct {
	text   string
	field  string
	column int
	reason string // part of it
	hint   string // part of it
}{
	{"", "", 0, "empty", "five fields"},
	{" \n", "", 0, "empty", "five fields"},
	{"61 3 * * *", "minute", 1, "minute 61 is out of range: allowed is 0 to 59", ""},
	{"60 3 * * *", "minute", 1, "minute 60", `The full hour is minute 0. Did you mean "0 3 * * *"?`},
	{"0 24 * * *", "hour", 3, "hour 24", `Midnight is hour 0. Did you mean "0 0 * * *"?`},
	{"3 30 * * *", "hour", 3, "hour 30", `Did you mean "30 3 * * *"?`},
	{"30 40 * * *", "hour", 4, "hour 40", ""},
	{"0 3 0 * *", "day of the month", 5, "allowed is 1 to 31", "The first day of a month is 1"},
	{"0 3 32 * *", "day of the month", 5, "day of the month 32", ""},
	{"0 0 1 31 *", "month", 7, "month 31 is out of range: allowed is 1 to 12 or JAN to DEC", `Did you mean "0 0 31 1 *"?`},
	{"0 0 2 30 *", "month", 7, "month 30", ""}, // 30 February is no better
	{"0 0 1 0 *", "month", 7, "month 0", "January is 1"},
	{"0 0 * * 8", "day of the week", 9, "allowed is 0 to 7 or SUN to SAT", "0 and 7 are Sunday"},
	{"0 3 ? * 1", "day of the month", 5, `"?"`, `Did you mean "0 3 * * 1"?`},
	{"0 0 L * *", "day of the month", 5, `"L"`, "last day"},
	{"0 0 15W * *", "day of the month", 5, `"15W"`, "working day"},
	{"0 0 * * 5L", "day of the week", 9, `"5L"`, "last day"},
	{"0 0 * * FRI#2", "day of the week", 9, `"FRI#2"`, "n-th weekday"},
	{"0 0 3 * * *", "", 1, "6 fields", `seconds are not supported. Did you mean "0 3 * * *"?`},
	{"0 3 ? * 1 *", "", 11, "6 fields", `years are not supported. Did you mean "0 3 * * 1"?`},
	{"0 3 1 1 * 2027", "", 11, "6 fields", "years are not supported"},
	{"0 0 3 * * ? 2027", "", 1, "7 fields", `Did you mean "0 3 * * *"?`},
	{"0 3 * * * root /bin/true", "", 11, "7 fields", "commands do not belong"},
	{"0 3 1, 15 * *", "", 13, "6 fields", "Lists have no spaces"},
	{"0 3 * *", "", 8, "4 fields", "Fill up"},
	{"daily", "", 6, "one field", "Fill up"},
	{"cron(0 3 * * ? *)", "", 1, "AWS", `Did you mean "0 3 * * *"?`},
	{"cron(", "", 1, "AWS", "wrapper"},
	{"rate(15 minutes)", "", 1, "AWS", `Did you mean "*/15 * * * *"?`},
	{"rate(7 minutes)", "", 1, "AWS", "five fields"},
	{"@reboot", "", 1, "@reboot", "not a time"},
	{"@dialy", "", 1, "@dialy", `"@daily"`},
	{"@every 2h", "", 1, "@every", `"0 */2 * * *"`},
	{"@every -1h", "", 1, "@every", "Write the times"},
	{"@daily x", "", 8, "behind @daily", ""},
	{"@", "", 1, "@", ""},
	{"TZ=UTC", "", 1, "time zone", "--timezone"},
	{"CRON_TZ=UTC", "", 1, "time zone", "--timezone"},
	{"TZ=Europe/Berlin 0 3 * * *", "", 1, "time zone", "--timezone"},
	{`"0 3 * * *"`, "", 1, "quotation mark", "off"},
	{"*/61 * * * *", "minute", 3, "steps are 1 to 60", "begin anew"},
	{"*/120 * * * *", "minute", 3, "steps are 1 to 60", "0 */2 * * *"},
	{"*/0 * * * *", "minute", 3, "steps are 1 to 60", ""},
	{"*/ * * * *", "minute", 3, "steps are 1 to 60", ""},
	{"*/5/5 * * * *", "minute", 3, "steps are 1 to 60", ""},
	{"*/-5 * * * *", "minute", 3, "steps are 1 to 60", ""},
	{"*-5 * * * *", "minute", 1, `"*"`, "A star stands alone"},
	{"** * * * *", "minute", 1, `"**"`, "A star stands alone"},
	{"-5 * * * *", "minute", 1, `""`, "before or behind a hyphen"},
	{"5- * * * *", "minute", 3, `""`, "before or behind a hyphen"},
	{"1,,2 * * * *", "minute", 3, "a value is missing", "comma"},
	{"1, * * * *", "minute", 3, "a value is missing", "comma"},
	{"0 22-2 * * *", "hour", 3, "range 22-2 ends before it begins", "22-23,0-2"},
	{"0 3 * * FRI-MON", "day of the week", 9, "ends before it begins", "5-6,0-1"},
	{"0 3 * * Monday", "day of the week", 9, `"Monday"`, `"MON"`},
	{"0 3 * * TEU", "day of the week", 9, `"TEU"`, `"TUE"`},
	{"0 3 * 1-Marhc *", "month", 9, `"Marhc"`, `"MAR"`},
	{"0 03:30 * * *", "hour", 3, `"03:30"`, "03:30 is 30 3"},
	{"0 3 * 99999999999999999999 *", "month", 7, "no month", ""},
	{"0 1e1 * * *", "hour", 3, "no hour", ""},
	{"0 +3 * * *", "hour", 3, "no hour", ""},
	{"0 3–5 * * *", "", 4, "U+2013", "looks like a hyphen"},
	{"0 3\u00a0* * *", "", 4, "U+00A0", "looks like a space"},
	{"0\x003 * * *", "", 2, "U+0000", "digits"},
	{"0 \xff * * *", "", 3, "U+FFFD", "digits"},
	{"h 3 * * *", "minute", 1, `"h"`, "capital H"},
	{"H 3 * * *", "minute", 1, "needs a name", "server name/schedule name"},
	{"0 H(0-7) * * *", "hour", 3, "needs a name", "--seed"},
	{"0 0 30 2 *", "day of the month", 5, "never fires: its day of the month is 30, and February has at most 29 days", "28"},
	{"0 0 31 4,6,9,11 *", "day of the month", 5, "April, June, September and November have at most 30 days", "28"},
	{"0 0 31 4 */2", "day of the month", 5, "never fires", "does not add days"},
}

func TestErrorsNameThePlaceAndTheWayOut(t *testing.T) {
	t.Parallel()
	for _, tt := range errorCases {
		_, err := cron.Parse(tt.text, "")
		e, ok := errors.AsType[*cron.Error](err)
		if !ok {
			t.Errorf("Parse(%q) = %v, want an *Error", tt.text, err)
			continue
		}
		if e.Field != tt.field || e.Column != tt.column || !strings.Contains(e.Reason, tt.reason) || !strings.Contains(e.Hint, tt.hint) {
			t.Errorf("Parse(%q):\n%v\nfield %q, column %d; want field %q, column %d, %q and the hint %q", tt.text, e, e.Field, e.Column, tt.field, tt.column, tt.reason, tt.hint)
		}
		if (e.Field == "") != (e.Allowed == "") {
			t.Errorf("Parse(%q): field %q, allowed %q", tt.text, e.Field, e.Allowed)
		}
		if strings.ContainsAny(err.Error(), "\x00\x1b\r\t") {
			t.Errorf("Parse(%q): the message holds control characters: %q", tt.text, err)
		}
	}
}

func TestHashErrorsWithASeed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"H(0-7 * * * *":     "not closed",
		"H() * * * *":       "not closed",
		"H(5) * * * *":      "not closed",
		"H(7-0) * * * *":    "ends before it begins",
		"H(0-99) * * * *":   "minute 99 is out of range",
		"H(0-5)/10 * * * *": "step 10 is wider",
		"H-5 * * * *":       `"H" is no minute`,
	} {
		if _, err := cron.Parse(text, "seed"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestErrorShowsACaretUnderTheColumn(t *testing.T) {
	t.Parallel()
	_, err := cron.Parse("0 0 1 31 *", "")
	want := `month 31 is out of range: allowed is 1 to 12 or JAN to DEC
    0 0 1 31 *
          ^
The day comes before the month. Did you mean "0 0 31 1 *"?`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	_, err = cron.Parse(strings.Repeat("1,", 100)+"61"+strings.Repeat(",2", 100)+" * * * *", "")
	want = `minute 61 is out of range: allowed is 0 to 59
    …` + strings.Repeat("1,", 18) + "61" + strings.Repeat(",2", 17) + `…
     ` + strings.Repeat(" ", 36) + `^`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("1,", 507) + "1 * * * *" // 1023 bytes
	if _, err := cron.Parse(fits+" ", ""); err != nil {
		t.Errorf("1024 bytes: %v", err)
	}
	for _, text := range []string{fits + "  ", strings.Repeat("1,", 1<<20)} {
		_, err := cron.Parse(text, "")
		if err == nil || !strings.Contains(err.Error(), "at most 1024 are allowed") || len(err.Error()) > 500 {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range errorCases {
		f.Add(tt.text, "")
	}
	for _, text := range []string{"30 3 * * *", "H H(0-7) */2,H/3 JAN-mar 5-7/2", "@weekly", "0-59/7,3 1/2 29 2 */7"} {
		f.Add(text, "web-1/nightly")
	}
	f.Fuzz(func(t *testing.T, text, seed string) {
		e, err := cron.Parse(text, seed)
		if err != nil {
			if _, ok := errors.AsType[*cron.Error](err); !ok || err.Error() == "" {
				t.Fatalf("Parse(%q): %T %v", text, err, err)
			}
			return
		}
		again, err := cron.Parse(e.String(), "")
		if err != nil || !again.Equal(e) || again.String() != e.String() {
			t.Fatalf("Parse(%q) is %q, which is %q (%v)", text, e.String(), again.String(), err)
		}
		if next, ok := e.NextUnix(cron.UTC, 0); !ok || next <= 0 || next%60 != 0 {
			t.Fatalf("Parse(%q): next is %d, %t", text, next, ok)
		}
	})
}
