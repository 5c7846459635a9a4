package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestDiagnoseReturnsTheRootWithoutSecrets(t *testing.T) {
	t.Parallel()
	const secret = "Zx9kQ2vLw8TnR4pB"
	got, wrong := call(t, "diagnose", "tar: -: Cannot write: Broken pipe\ngzip: stdout: No space left on device\npassword="+secret+" connection refused\n")
	if wrong != nil {
		t.Fatal(wrong)
	}
	if strings.Contains(got.String(), secret) {
		t.Errorf("the secret is in %s", got)
	}
	var fields map[string]tftypes.Value
	if err := got.As(&fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"class": "disk_full", "code": "NO_SPACE_LEFT", "retry": "after_fix", "evidence": "gzip: stdout: No space left on device"} {
		var text string
		if err := fields[name].As(&text); err != nil || text != want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
	}
	same(t, "fix", 3, len(texts(t, fields["fix"])))
	same(t, "references", []string{"KB-12-06", "KB-02-10"}, texts(t, fields["references"]))
}

// TestDiagnoseIsHonestAboutTexts that say nothing: it returns an object all the same, with empty lists and no error.
func TestDiagnoseIsHonestAboutTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "all is well", strings.Repeat("\x00\x01", 5000)} {
		got, wrong := call(t, "diagnose", text)
		var fields map[string]tftypes.Value
		if wrong != nil || got.As(&fields) != nil {
			t.Fatalf("%q: %v, %v", text, got, wrong)
		}
		var class string
		if err := fields["class"].As(&class); err != nil || class != "unknown" || len(texts(t, fields["references"])) != 0 {
			t.Errorf("%q: %q, %v, %s", text, class, err, got)
		}
	}
}
