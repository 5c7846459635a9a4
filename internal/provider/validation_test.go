package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/provider"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// object is a configuration as the protocol carries it: nil is null, unknown is not known yet.
type object = map[string]any

var unknown = &struct{ string }{"not known yet"}

// complaint is a diagnostic of a validation.
type complaint struct{ Path, Summary string }

// validate has the provider validate the configuration of a resource.
func validate(t *testing.T, resource string, config object) ([]complaint, string) {
	t.Helper()
	server := providerserver.NewProtocol6(provider.NewFactory("test").New())()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	shape := schemas.ResourceSchemas[resource].ValueType()
	raw, err := tfprotov6.NewDynamicValue(shape, valueOf(t, shape, config))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: resource, Config: &raw,
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true}})
	if err != nil {
		t.Fatal(err)
	}
	var found []complaint
	var details strings.Builder
	for _, d := range resp.Diagnostics {
		found = append(found, complaint{d.Attribute.String(), d.Summary})
		details.WriteString(d.Detail + "\n")
	}
	return found, details.String()
}

func valueOf(t *testing.T, shape tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return tftypes.NewValue(shape, nil)
	case *struct{ string }:
		return tftypes.NewValue(shape, tftypes.UnknownValue)
	case []any:
		list, ok := shape.(tftypes.List)
		if !ok {
			t.Fatalf("%v is not a %s", v, shape)
		}
		values := []tftypes.Value{}
		for _, e := range v {
			values = append(values, valueOf(t, list.ElementType, e))
		}
		return tftypes.NewValue(shape, values)
	case object:
		values := map[string]tftypes.Value{}
		switch shape := shape.(type) {
		case tftypes.Object:
			for name, attribute := range shape.AttributeTypes {
				values[name] = valueOf(t, attribute, v[name])
			}
		case tftypes.Map:
			for name, e := range v {
				values[name] = valueOf(t, shape.ElementType, e)
			}
		}
		return tftypes.NewValue(shape, values)
	}
	return tftypes.NewValue(shape, v)
}

const someHostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKq0kYw8d0kW1h0GQ0gJ3oKq0kYw8d0kW1h0GQ0gJ3oK"

func goodServer(changes object) object {
	o := object{"name": "web-1", "host": "192.0.2.1", "host_key": someHostKey}
	maps.Copy(o, changes)
	return o
}

func goodBackup(changes object) object {
	o := object{"server_id": "srv_01ARZ3NDEKTSV4RRFFQ69G5FAV", "type": "files", "files": object{"include": []any{"/etc"}}}
	maps.Copy(o, changes)
	return o
}

func goodSchedule(changes object) object {
	o := goodBackup(object{"name": "nightly", "cron": "30 2 * * *"})
	maps.Copy(o, changes)
	return o
}

// at writes the path of an attribute, or of an element.
func at(steps ...any) string {
	var parts []string
	for _, s := range steps {
		if n, ok := s.(int); ok {
			parts = append(parts, fmt.Sprintf("ElementKeyInt(%d)", n))
		} else {
			parts = append(parts, fmt.Sprintf("AttributeName(%q)", s))
		}
	}
	return strings.Join(parts, ".")
}

func TestGoodConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]object{
		"the least":        goodServer(nil),
		"IPv6":             goodServer(object{"host": "2001:db8::1"}),
		"a fingerprint":    goodServer(object{"host_key": "SHA256:" + strings.Repeat("A", 43)}),
		"first contact":    goodServer(object{"host_key": nil, "record_host_key": true}),
		"an own key":       goodServer(object{"private_key_wo": "x", "private_key_wo_version": 1}),
		"everything":       goodServer(object{"port": 2222, "user": "backup", "backup_dir": "/var/backups/cloudpilot", "privilege": "sudo", "environment": "production", "connect_timeout_seconds": 300, "keepalive_interval_seconds": 1, "max_concurrent_backups": 32}),
		"the longest name": goodServer(object{"name": strings.Repeat("a", 63)}),
		"nothing is known": {"name": unknown, "host": unknown, "port": unknown, "user": unknown, "host_key": unknown, "record_host_key": unknown, "private_key_wo": unknown, "private_key_wo_version": unknown, "generate_key": unknown, "backup_dir": unknown, "privilege": unknown, "environment": unknown, "connect_timeout_seconds": unknown, "keepalive_interval_seconds": unknown, "max_concurrent_backups": unknown},
	} {
		t.Run("server, "+name, func(t *testing.T) {
			t.Parallel()
			found, details := validate(t, "cloudaipilot_server", config)
			same(t, details, nil, found)
		})
	}
	for name, config := range map[string]object{
		"the least":            goodBackup(nil),
		"odd paths":            goodBackup(object{"files": object{"include": []any{"/", "/$(touch X)", "/new\nline", "/'; rm -rf /", "/日本語", "/-rf", "/" + strings.Repeat("x/", 2000)}, "exclude": []any{"*.log", "-rf", "$(touch X)", "a b"}}}),
		"the longest and most": goodBackup(object{"retention_days": 365, "files": object{"include": slices.Repeat([]any{"/etc"}, 1000)}}),
		"the shortest":         goodBackup(object{"retention_days": 1, "triggers": object{"$(touch X)": "`touch X`"}, "timeouts": object{"create": "3s", "delete": "1h"}}),
		"nothing is known":     {"server_id": unknown, "type": unknown, "files": unknown, "retention_days": unknown, "triggers": unknown, "wait": unknown, "on_destroy": unknown, "timeouts": unknown},
		"lists not known":      goodBackup(object{"files": object{"include": unknown, "exclude": unknown}}),
		"elements not known":   goodBackup(object{"type": unknown, "files": object{"include": []any{unknown, "/etc"}, "exclude": []any{unknown}}}),
	} {
		t.Run("backup, "+name, func(t *testing.T) {
			t.Parallel()
			found, details := validate(t, "cloudaipilot_backup", config)
			same(t, details, nil, found)
		})
	}
	for name, config := range map[string]object{
		"the least":        goodSchedule(nil),
		"everything":       goodSchedule(object{"cron": "H H(0-4) * * MON-FRI", "timezone": "America/New_York", "retention_days": 365, "paused": true, "encrypted": false, "incremental": false}),
		"nothing is known": {"server_id": unknown, "name": unknown, "type": unknown, "files": unknown, "databases": unknown, "cron": unknown, "timezone": unknown, "retention_days": unknown, "offsite": unknown, "encrypted": unknown, "incremental": unknown, "paused": unknown},
		"elements":         goodSchedule(object{"type": "full", "databases": []any{object{"engine": unknown, "name": unknown}}, "files": object{"include": []any{unknown}}, "offsite": object{"vault_id": unknown}}),
	} {
		t.Run("schedule, "+name, func(t *testing.T) {
			t.Parallel()
			found, details := validate(t, "cloudaipilot_backup_schedule", config)
			same(t, details, nil, found)
		})
	}
}

func TestBadValuesAreRefusedOnTheirAttribute(t *testing.T) {
	t.Parallel()
	const invalidValue, exclude, include = "INVALID_ARGUMENT", "Invalid value in files.exclude", "Invalid value in files.include"
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct {
		resource      string
		config        object
		path, summary string
		says          []string
	}{
		"no host key":             {"server", goodServer(object{"host_key": nil}), at("host_key"), "The server's host key is not pinned", []string{"HOST_KEY_NOT_PINNED", "record_host_key = true", "ssh_host_ed25519_key.pub"}},
		"damaged host key":        {"server", goodServer(object{"host_key": "ssh-ed25519 AAAA"}), at("host_key"), "Invalid host key", []string{"damaged"}},
		"short fingerprint":       {"server", goodServer(object{"host_key": "SHA256:abc"}), at("host_key"), "Invalid host key", []string{"43 characters"}},
		"port 0":                  {"server", goodServer(object{"port": 0}), at("port"), "Invalid port", []string{"port is 0; allowed are 1 to 65535"}},
		"port 65536":              {"server", goodServer(object{"port": 65536}), at("port"), "Invalid port", []string{invalidValue}},
		"host with a port":        {"server", goodServer(object{"host": "web.example:22"}), at("host"), "Invalid host", []string{`"web.example:22"`, "fields of their own"}},
		"top-level folder":        {"server", goodServer(object{"backup_dir": "/tmp"}), at("backup_dir"), "Invalid backup folder", []string{`"/tmp" is a folder of the system`}},
		"relative folder":         {"server", goodServer(object{"backup_dir": "backups/x"}), at("backup_dir"), "Invalid backup folder", []string{"must be absolute"}},
		"folder with ..":          {"server", goodServer(object{"backup_dir": "/srv/../etc"}), at("backup_dir"), "Invalid backup folder", []string{invalidValue}},
		"folder with a slash":     {"server", goodServer(object{"backup_dir": "/srv/backups/"}), at("backup_dir"), "Invalid backup folder", []string{invalidValue}},
		"privilege with a typo":   {"server", goodServer(object{"privilege": "sudoo"}), at("privilege"), "Invalid privilege", []string{`Did you mean "sudo"?`}},
		"environment in capitals": {"server", goodServer(object{"environment": "Production"}), at("environment"), "Invalid environment", []string{"lower-case"}},
		"connect timeout 0":       {"server", goodServer(object{"connect_timeout_seconds": 0}), at("connect_timeout_seconds"), "Invalid connect timeout", []string{"1 to 300 seconds"}},
		"no concurrent backups":   {"server", goodServer(object{"max_concurrent_backups": 0}), at("max_concurrent_backups"), "Invalid number of concurrent backups", []string{"1 to 32"}},
		"connect timeout 301":     {"server", goodServer(object{"connect_timeout_seconds": 301}), at("connect_timeout_seconds"), "Invalid connect timeout", nil},
		"keepalive 0":             {"server", goodServer(object{"keepalive_interval_seconds": 0}), at("keepalive_interval_seconds"), "Invalid keepalive interval", nil},
		"key without version":     {"server", goodServer(object{"private_key_wo": "x"}), at("private_key_wo"), "Invalid Attribute Combination", []string{"private_key_wo_version"}},
		"version without key":     {"server", goodServer(object{"private_key_wo_version": 1}), at("private_key_wo_version"), "Invalid Attribute Combination", []string{"private_key_wo"}},

		"databases of files": {"backup", goodBackup(object{"databases": []any{object{"engine": "postgresql", "name": "app"}}}), at("databases"), "A files backup takes no databases", []string{`type = "full"`}},
		"unknown engine":     {"schedule", goodSchedule(object{"type": "full", "databases": []any{object{"engine": "postgres", "name": "app"}}}), at("databases", 0, "engine"), "Invalid database engine", []string{`Did you mean "postgresql"?`}},
		"database option":    {"schedule", goodSchedule(object{"type": "full", "databases": []any{object{"engine": "mysql", "name": "--all-databases"}}}), at("databases", 0, "name"), "Invalid database name", []string{invalidValue}},

		"schedule name":       {"schedule", goodSchedule(object{"name": "a b"}), at("name"), "Invalid schedule name", []string{invalidValue}},
		"cron with seconds":   {"schedule", goodSchedule(object{"cron": "0 30 2 * * *"}), at("cron"), "Invalid cron expression", []string{"seconds"}},
		"cron hour 25":        {"schedule", goodSchedule(object{"cron": "0 25 * * *"}), at("cron"), "Invalid cron expression", []string{"25", "23", "^"}},
		"cron that never is":  {"schedule", goodSchedule(object{"cron": "0 0 30 2 *"}), at("cron"), "Invalid cron expression", []string{"never"}},
		"zone with a typo":    {"schedule", goodSchedule(object{"timezone": "Europe/Berln"}), at("timezone"), "Invalid time zone", []string{"Europe/Berlin"}},
		"schedule retention":  {"schedule", goodSchedule(object{"retention_days": 366}), at("retention_days"), "Invalid retention", []string{"1 to 365 days"}},
		"schedule of nothing": {"schedule", goodSchedule(object{"files": nil}), at("files", "include"), "A files backup needs paths", nil},
		"relative in source":  {"schedule", goodSchedule(object{"files": object{"include": []any{"/etc", "var"}}}), at("files", "include", 1), include, []string{"must be absolute"}},
		"schedule offsite":    {"schedule", goodSchedule(object{"offsite": object{"vault_id": "vlt_1"}}), at("offsite", "vault_id"), "The storage vault does not exist", []string{"INVALID_CONFIG", "Remove offsite"}},
		"schedule encrypted":  {"schedule", goodSchedule(object{"encrypted": true}), at("encrypted"), "Not possible with this version", nil},
		"schedule increments": {"schedule", goodSchedule(object{"incremental": true}), at("incremental"), "Not possible with this version", nil},
		"type snapshot":       {"backup", goodBackup(object{"type": "snapshot"}), at("type"), "Invalid backup type", []string{"INVALID_TYPE", "disk image"}},
		"type with a typo":    {"backup", goodBackup(object{"type": "flies"}), at("type"), "Invalid backup type", []string{"INVALID_TYPE", `Did you mean "files"?`}},
		"retention 0":         {"backup", goodBackup(object{"retention_days": 0}), at("retention_days"), "Invalid retention", []string{"retention_days is 0; allowed are 1 to 365 days"}},
		"retention 366":       {"backup", goodBackup(object{"retention_days": 366}), at("retention_days"), "Invalid retention", []string{invalidValue}},
		"no paths":            {"backup", goodBackup(object{"files": object{"include": []any{}}}), at("files", "include"), "A files backup needs paths", []string{"names 0 paths"}},
		"no files":            {"backup", goodBackup(object{"files": nil}), at("files", "include"), "A files backup needs paths", nil},
		"too many paths":      {"backup", goodBackup(object{"files": object{"include": slices.Repeat([]any{"/a"}, 1001)}}), at("files", "include"), "A files backup needs paths", []string{"1 to 1000"}},
		"relative path":       {"backup", goodBackup(object{"files": object{"include": []any{"/etc", "var"}}}), at("files", "include", 1), include, []string{`"var" must be absolute`}},
		"path with ..":        {"backup", goodBackup(object{"files": object{"include": []any{"/etc/../root"}}}), at("files", "include", 0), include, []string{`".."`}},
		"empty path":          {"backup", goodBackup(object{"files": object{"include": []any{""}}}), at("files", "include", 0), include, nil},
		"NUL in a path":       {"backup", goodBackup(object{"files": object{"include": []any{"/etc\x00/x"}}}), at("files", "include", 0), include, []string{"NUL"}},
		"long path":           {"backup", goodBackup(object{"files": object{"include": []any{"/" + long}}}), at("files", "include", 0), include, []string{"5001 bytes long; at most 4096"}},
		"exclude over lines":  {"backup", goodBackup(object{"files": object{"include": []any{"/etc"}, "exclude": []any{"*.log", "a\nb"}}}), at("files", "exclude", 1), exclude, []string{"a single line"}},
		"empty exclude":       {"backup", goodBackup(object{"files": object{"include": []any{"/etc"}, "exclude": []any{""}}}), at("files", "exclude", 0), exclude, []string{`"" names nothing`}},
		"long exclude":        {"backup", goodBackup(object{"files": object{"include": []any{"/etc"}, "exclude": []any{long}}}), at("files", "exclude", 0), exclude, []string{"at most 1024"}},
		"on_destroy":          {"backup", goodBackup(object{"on_destroy": "keep"}), at("on_destroy"), "Invalid Attribute Value Match", []string{"retain", "delete"}},
		"timeouts":            {"backup", goodBackup(object{"timeouts": object{"create": "soon"}}), at("timeouts", "create"), "Invalid Attribute Value Time Duration", []string{"soon"}},
		"bad beside unknown":  {"backup", goodBackup(object{"server_id": unknown, "retention_days": 0, "files": object{"include": unknown}}), at("retention_days"), "Invalid retention", nil},
		"element beside unknown ones": {
			"server", object{"name": unknown, "host": unknown, "host_key": unknown, "port": 0}, at("port"), "Invalid port", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, details := validate(t, "cloudaipilot_"+strings.Replace(test.resource, "schedule", "backup_schedule", 1), test.config)
			same(t, details, []complaint{{test.path, test.summary}}, found)
			for _, text := range test.says {
				if !strings.Contains(details, text) {
					t.Errorf("it does not say %q: %s", text, details)
				}
			}
		})
	}
}

// hostileValues do harm where a value becomes shell text, an option, or a line of its own.
var hostileValues = map[string]string{
	"substitution":   "$(touch canary)",
	"backticks":      "`touch canary`",
	"end of quote":   "'; rm -rf / #",
	"double quote":   `"; touch canary; "`,
	"new line":       "web\ntouch canary",
	"carriage":       "web\rcanary",
	"NUL":            "web\x00canary",
	"option":         "-oProxyCommand=touch canary",
	"double dash":    "-- ; touch canary",
	"very long":      strings.Repeat("a", 20_000),
	"unicode":        "wéb\u202e🙂",
	"spaces":         " web ",
	"escape":         "\x1b]0;owned\a",
	"template":       "${file}",
	"parent folders": "../../etc/shadow",
}

func TestHostileServerSettingsAreRefused(t *testing.T) {
	t.Parallel()
	summaries := map[string]string{"name": "Invalid server name", "host": "Invalid host", "user": "Invalid login user", "host_key": "Invalid host key",
		"backup_dir": "Invalid backup folder", "privilege": "Invalid privilege", "environment": "Invalid environment"}
	for field, summary := range summaries {
		for name, value := range hostileValues {
			t.Run(field+", "+name, func(t *testing.T) {
				t.Parallel()
				for _, v := range []string{value, "/srv/" + value, "web" + value} {
					found, details := validate(t, "cloudaipilot_server", goodServer(object{field: v}))
					same(t, fmt.Sprintf("%.80q", v), []complaint{{at(field), summary}}, found)
					if strings.ContainsAny(details, "\x00\x1b\r\a") || len(details) > 2000 {
						t.Errorf("the message carries the value as it is: %.300q", details)
					}
				}
			})
		}
	}
}

func TestValuesThatAreNotKnownYetBreakNothing(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	inputs := block(`resource "terraform_data" "later"`, attrs{"input": `{
    name = "web-1", host = ` + quoted(s.sshd.Host) + `, port = ` + number(s.sshd.Port) + `, user = ` + quoted(s.sshd.User) + `
    host_key = ` + quoted(s.sshd.HostKeyLine) + `, dir = ` + quoted(s.sshd.BackupDir) + `, type = "files", include = ` + list(s.source) + `, exclude = ["*.log"], days = 7
    key = ` + quoted(s.private) + `, one = 1, no = false, ten = 10, none = "none", test = "test"
  }`})
	out := "terraform_data.later.output."
	server := attrs{"name": out + "name", "host": out + "host", "port": out + "port", "user": out + "user", "host_key": out + "host_key",
		"record_host_key": out + "no", "backup_dir": out + "dir", "privilege": out + "none", "environment": out + "test", "private_key_wo": out + "key",
		"private_key_wo_version": out + "one", "connect_timeout_seconds": out + "ten", "keepalive_interval_seconds": out + "ten", "max_concurrent_backups": out + "one"}
	backup := attrs{"type": out + "type", "retention_days": out + "days", "files": "{ include = " + out + "include, exclude = " + out + "exclude }",
		"triggers": "{ release = " + out + "test }", "on_destroy": `"retain"`}
	s.write(s.config(inputs, s.server(server), s.backup(backup)))
	for _, command := range []string{"validate", "plan"} {
		if r := s.terraform(command); r.exit != 0 {
			t.Fatalf("%s: %s", command, r.text)
		}
	}
	s.mustApply()
	s.hasOneBackup()
	s.hasNothingToDo()

	// What turns out to be bad is refused on its attribute, before anything is made of it.
	s.write(s.config(inputs, block(`resource "terraform_data" "bad"`, attrs{"input": `"$(touch canary)"`}), s.server(server), s.backup(backup),
		block(`resource "cloudaipilot_server" "bad"`, s.address(), attrs{"name": "terraform_data.bad.output"})))
	if r := s.terraform("plan"); r.exit != 0 {
		t.Fatalf("plan: %s", r.text)
	}
	r := s.apply()
	same(t, "errors", []string{"Invalid server name"}, r.errors())
	r.expect(t, diagnostic{severity: "error", address: "cloudaipilot_server.bad", summary: "Invalid server name"}, "INVALID_ARGUMENT")
}
