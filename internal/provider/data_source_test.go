package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/provider"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	aServer   = "srv_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	aBackup   = "bk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	aSchedule = "sch_01ARZ3NDEKTSV4RRFFQ69G5FAV"
)

// schemas are those of the provider, and the server that has them.
func schemas(t *testing.T) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	server := providerserver.NewProtocol6(provider.NewFactory("test").New())()
	all, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return server, all
}

func TestDataSourcesAreAskedForOneThingInOneWay(t *testing.T) {
	t.Parallel()
	server, all := schemas(t)
	const combination, id, match = "Invalid Attribute Combination", "Invalid identifier", "Invalid Attribute Value Match"
	for name, test := range map[string]struct {
		of     string
		config object
		want   []complaint
	}{
		"a server by id":               {"server", object{"id": aServer}, nil},
		"a server by name":             {"server", object{"name": "web-1"}, nil},
		"a server not known yet":       {"server", object{"id": unknown}, nil},
		"no server":                    {"server", nil, []complaint{{at("id"), combination}}},
		"a server by both":             {"server", object{"id": aServer, "name": "web-1"}, []complaint{{at("id"), combination}}},
		"a server by another's id":     {"server", object{"id": aBackup}, []complaint{{at("id"), id}}},
		"all servers":                  {"servers", nil, nil},
		"some servers":                 {"servers", object{"name_regex": "^web-[0-9]+$", "environment": "production"}, nil},
		"a bad expression":             {"servers", object{"name_regex": "web-("}, []complaint{{at("name_regex"), "Invalid regular expression"}}},
		"an expression of Perl":        {"servers", object{"name_regex": "^(?!web)"}, []complaint{{at("name_regex"), "Invalid regular expression"}}},
		"a backup by id":               {"backup", object{"id": aBackup}, nil},
		"the newest backup":            {"backup", object{"server_id": aServer}, nil},
		"the newest of its kind":       {"backup", object{"server_id": aServer, "status": "completed", "type": "files"}, nil},
		"no backup":                    {"backup", nil, []complaint{{at("id"), combination}}},
		"a backup by both":             {"backup", object{"id": aBackup, "server_id": aServer}, []complaint{{at("id"), combination}}},
		"a backup by id and status":    {"backup", object{"id": aBackup, "status": "failed"}, []complaint{{at("status"), combination}}},
		"a status that is none":        {"backup", object{"server_id": aServer, "status": "done"}, []complaint{{at("status"), match}}},
		"all backups":                  {"backups", nil, nil},
		"some backups":                 {"backups", object{"server_id": aServer, "status": "failed", "type": "full", "limit": 3}, nil},
		"no backups at all":            {"backups", object{"limit": 0}, []complaint{{at("limit"), "Invalid Attribute Value"}}},
		"backups of a name":            {"backups", object{"server_id": "web-1"}, []complaint{{at("server_id"), id}}},
		"backups of an odd type":       {"backups", object{"type": "snapshot"}, []complaint{{at("type"), match}}},
		"a schedule by id":             {"backup_schedule", object{"id": aSchedule}, nil},
		"a schedule by name":           {"backup_schedule", object{"server_id": aServer, "name": "nightly"}, nil},
		"no schedule":                  {"backup_schedule", nil, []complaint{{at("id"), combination}}},
		"a schedule by name alone":     {"backup_schedule", object{"name": "nightly"}, []complaint{{at("name"), combination}}},
		"a schedule by id and server":  {"backup_schedule", object{"id": aSchedule, "server_id": aServer}, []complaint{{at("server_id"), combination}, {at("server_id"), combination}}},
		"schedules of a server":        {"backup_schedules", object{"server_id": aServer}, nil},
		"a schedule's health":          {"schedule_health", object{"schedule_id": aSchedule}, nil},
		"a health by the name":         {"schedule_health", object{"schedule_id": "nightly"}, []complaint{{at("schedule_id"), id}}},
		"activities":                   {"activities", object{"server_id": aServer, "target_id": aBackup, "limit": 1000}, nil},
		"more activities than allowed": {"activities", object{"limit": 1001}, []complaint{{at("limit"), "Invalid Attribute Value"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shape := all.DataSourceSchemas["cloudaipilot_"+test.of].ValueType()
			if test.config == nil {
				test.config = object{}
			}
			raw, err := tfprotov6.NewDynamicValue(shape, valueOf(t, shape, test.config))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: "cloudaipilot_" + test.of, Config: &raw})
			if err != nil {
				t.Fatal(err)
			}
			var found []complaint
			for _, d := range resp.Diagnostics {
				found = append(found, complaint{d.Attribute.String(), d.Summary})
			}
			same(t, "complaints", test.want, found)
		})
	}
}

// TestDataSourcesSpeakTheWordsOfTheResources compares names and types. What is only a wish of the configuration, and
// the secrets, are not to be read.
func TestDataSourcesSpeakTheWordsOfTheResources(t *testing.T) {
	t.Parallel()
	_, all := schemas(t)
	wishes := map[string][]string{
		"cloudaipilot_server":          {"generate_key", "private_key_wo", "private_key_wo_version"},
		"cloudaipilot_backup":          {"on_destroy", "timeouts", "triggers", "wait"},
		"cloudaipilot_backup_schedule": {"retry_on_apply"},
	}
	for name, wishes := range wishes {
		one := map[string]string{}
		for _, a := range all.DataSourceSchemas[name].Block.Attributes {
			one[a.Name] = a.ValueType().String()
			if a.Sensitive {
				t.Errorf("data source %s: %s is sensitive", name, a.Name)
			}
		}
		var lacking []string
		for _, a := range all.ResourceSchemas[name].Block.Attributes {
			switch kind, ok := one[a.Name]; {
			case !ok:
				lacking = append(lacking, a.Name)
			case kind != a.ValueType().String():
				t.Errorf("%s.%s is %s in the resource and %s in the data source", name, a.Name, a.ValueType(), kind)
			}
		}
		slices.Sort(lacking)
		same(t, "not in data source "+name, wishes, lacking)
	}
}

func data(kind, name string, given ...attrs) string {
	return block(`data "cloudaipilot_`+kind+`" "`+name+`"`, given...)
}

func TestDataSourcesShowWhatTheControlPlaneKeeps(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	other := block(`resource "cloudaipilot_server" "other"`, s.address(), attrs{"name": `"db-1"`, "environment": `"production"`})
	doomed := block(`resource "cloudaipilot_server" "spare"`, s.address(), attrs{"name": `"web-2"`})
	id := theServer + ".id"
	resources := []string{s.server(), other, doomed, s.backup(), s.backupNamed("again", attrs{"depends_on": "[" + theBackup + "]", "retention_days": "3"}),
		s.schedule(attrs{"paused": "true", "retention_days": "9"})}
	sources := []string{
		data("server", "by_id", attrs{"id": id}), data("server", "by_name", attrs{"name": theServer + ".name"}),
		data("servers", "all", attrs{"depends_on": "[cloudaipilot_server.other, " + theServer + ", cloudaipilot_server.spare]"}),
		data("servers", "web", attrs{"name_regex": `"^web-"`}), data("servers", "production", attrs{"environment": `"production"`}),
		data("servers", "anywhere", attrs{"environment": `""`}), data("servers", "none", attrs{"name_regex": `"^mail-"`}),
		data("backup", "by_id", attrs{"id": theBackup + ".id"}), data("backup", "newest", attrs{"server_id": "cloudaipilot_backup.again.server_id", "status": `"completed"`}),
		data("backups", "all", attrs{"server_id": id}), data("backups", "last", attrs{"server_id": id, "type": `"files"`, "limit": "1"}),
		data("backups", "full", attrs{"server_id": id, "type": `"full"`}), data("backups", "failed", attrs{"server_id": id, "status": `"failed"`}),
		data("backup_schedule", "by_id", attrs{"id": theSchedule + ".id"}), data("backup_schedule", "by_name", attrs{"server_id": id, "name": theSchedule + ".name"}),
		data("backup_schedules", "all", attrs{"server_id": id}), data("backup_schedules", "none", attrs{"server_id": "cloudaipilot_server.other.id"}),
		data("backup_failure", "schedule", attrs{"schedule_id": theSchedule + ".id"}), data("backup_failure", "server", attrs{"server_id": id}),
		data("activities", "all", attrs{"server_id": id}), data("activities", "last", attrs{"target_id": theBackup + ".id", "limit": "1"}),
	}
	numbers := block(`output "numbers"`, attrs{"value": "[data.cloudaipilot_server.by_id.port, data.cloudaipilot_backup.newest.size_bytes, data.cloudaipilot_backups.all.backups[*].retention_days]"})
	is := resource.TestCheckResourceAttr
	equal := func(data, resourceName string, names ...string) resource.TestCheckFunc {
		var all []resource.TestCheckFunc
		for _, n := range names {
			all = append(all, resource.TestCheckResourceAttrPair("data.cloudaipilot_"+data, n, resourceName, n))
		}
		return resource.ComposeTestCheckFunc(all...)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{
			{Config: s.config(resources...)},
			{ // plugin-testing plans again, with and without a refresh, and wants no change
				Config: s.config(slices.Concat(resources, sources, []string{numbers})...),
				Check: resource.ComposeTestCheckFunc(
					equal("server.by_id", theServer, "id", "name", "host", "port", "user", "host_key", "record_host_key", "public_key", "backup_dir", "privilege", "environment", "connect_timeout_seconds", "keepalive_interval_seconds", "max_concurrent_backups"),
					equal("server.by_name", theServer, "id", "name", "port"),
					is("data.cloudaipilot_server.by_id", "key_source", "provided"),
					is("data.cloudaipilot_servers.all", "servers.#", "3"), is("data.cloudaipilot_servers.all", "servers.0.name", "db-1"),
					is("data.cloudaipilot_servers.all", "servers.1.name", "web-1"), is("data.cloudaipilot_servers.all", "servers.2.name", "web-2"),
					resource.TestCheckResourceAttrPair("data.cloudaipilot_servers.all", "ids.1", theServer, "id"),
					is("data.cloudaipilot_servers.web", "ids.#", "2"), is("data.cloudaipilot_servers.production", "servers.#", "1"),
					is("data.cloudaipilot_servers.production", "servers.0.name", "db-1"), is("data.cloudaipilot_servers.anywhere", "ids.#", "2"), is("data.cloudaipilot_servers.none", "ids.#", "0"),
					equal("backup.by_id", theBackup, "id", "server_id", "type", "files.include.0", "retention_days", "status", "size_bytes", "sha256", "path", "created_at", "expires_at", "warnings.#", "error_code", "error_message"),
					equal("backup.newest", "cloudaipilot_backup.again", "id", "retention_days"),
					is("data.cloudaipilot_backups.all", "backups.#", "2"), is("data.cloudaipilot_backups.last", "backups.#", "1"),
					resource.TestCheckResourceAttrPair("data.cloudaipilot_backups.all", "ids.0", "cloudaipilot_backup.again", "id"),
					resource.TestCheckResourceAttrPair("data.cloudaipilot_backups.last", "ids.0", "cloudaipilot_backup.again", "id"),
					resource.TestCheckResourceAttrPair("data.cloudaipilot_backups.all", "backups.1.sha256", theBackup, "sha256"),
					is("data.cloudaipilot_backups.full", "ids.#", "0"), is("data.cloudaipilot_backups.failed", "ids.#", "0"),
					equal("backup_schedule.by_id", theSchedule, "id", "server_id", "name", "type", "files.include.0", "cron", "timezone", "retention_days", "encrypted", "incremental", "paused"),
					equal("backup_schedule.by_name", theSchedule, "id", "cron"),
					is("data.cloudaipilot_backup_schedules.all", "schedules.#", "1"), is("data.cloudaipilot_backup_schedules.all", "schedules.0.paused", "true"),
					is("data.cloudaipilot_backup_schedules.none", "schedules.#", "0"),
					is("data.cloudaipilot_backup_failure.schedule", "failed", "false"), is("data.cloudaipilot_backup_failure.schedule", "consecutive_failures", "0"),
					resource.TestCheckNoResourceAttr("data.cloudaipilot_backup_failure.schedule", "last_success_at"), // nobody asked by it
					resource.TestCheckResourceAttrSet("data.cloudaipilot_backup_failure.server", "last_success_at"),
					is("data.cloudaipilot_activities.all", "activities.0.type", "backup.create"), is("data.cloudaipilot_activities.last", "activities.#", "1"),
					is("data.cloudaipilot_activities.last", "activities.0.steps.0.status", "completed"),
					resource.TestCheckResourceAttrPair("data.cloudaipilot_activities.last", "ids.0", "data.cloudaipilot_backup.by_id", "activity_id"),
					check(func(state *terraform.State) {
						record := s.backupRecord(attribute(state, theBackup, "id"))
						at := func(name string) string { return attribute(state, "data.cloudaipilot_backup.by_id", name) }
						same(t, "finished_at", record.FinishedAt.Unix(), instant(t, at("finished_at")).Unix())
						same(t, "entries, step", []string{fmt.Sprint(record.Entries), record.Progress.Step}, []string{at("entries"), at("progress.step")})
					}),
				),
			},
		},
	})
}

// everySource asks for everything there is, in every way but by id.
func everySource() string {
	server := attrs{"server_id": theServer + ".id"}
	return data("server", "it", attrs{"name": theServer + ".name"}) + data("servers", "all") + data("backup", "newest", server, attrs{"depends_on": "[" + theBackup + "]"}) +
		data("backups", "all", server) + data("backup_schedule", "it", server, attrs{"name": theSchedule + ".name"}) + data("backup_schedules", "all") + data("activities", "all") +
		data("schedule_health", "it", attrs{"schedule_id": theSchedule + ".id"}) +
		block(`output "numbers"`, attrs{"value": `{
    port = data.cloudaipilot_server.it.port, size = data.cloudaipilot_backup.newest.size_bytes, written = data.cloudaipilot_backups.all.backups[*].progress.bytes
    days = data.cloudaipilot_backup_schedules.all.schedules[*].retention_days, servers = data.cloudaipilot_servers.all.servers, health = data.cloudaipilot_schedule_health.it
  }`})
}

func TestDataSourcesAreNoChangeWhenNothingChanged(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup(), s.schedule(), everySource()))
	s.mustApply()
	s.mustApply() // what was listed before the backup was made is listed anew
	for _, args := range [][]string{{"plan"}, {"plan", "-refresh-only"}} {
		if r := s.terraform(append(args, "-detailed-exitcode")...); r.exit != 0 {
			t.Errorf("terraform %v: exit status %d:\n%s", args, r.exit, r.text)
		}
	}
	// A number that did change is one.
	s.beside(func(c *apiclient.Client) error {
		_, err := c.UpdateBackup(t.Context(), s.onlyBackup().ID, api.BackupPatch{RetentionDays: new(9)})
		return err
	})
	if r := s.terraform("plan", "-refresh-only", "-detailed-exitcode"); r.exit != 2 {
		t.Errorf("drift: exit status %d:\n%s", r.exit, r.text)
	}
}

func TestWhatIsNotThereIsNamedWithWhatIs(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	there := []string{s.server(), s.backup(attrs{"on_destroy": `"delete"`}), s.schedule()}
	s.write(s.config(there...))
	s.mustApply()
	gone := s.onlyBackup().ID
	there[1] = s.backup(attrs{"triggers": `{ release = "2" }`})
	s.write(s.config(there...))
	s.mustApply()
	server := s.serverRecord().ID
	for name, test := range map[string]struct {
		kind    string
		given   attrs
		summary string
		says    []string
	}{
		"a server's name":         {"server", attrs{"name": `"web-l"`}, `There is no server "web-l"`, []string{`Did you mean "web-1"?`}},
		"another name":            {"server", attrs{"name": `"mail"`}, `There is no server "mail"`, []string{"It has: web-1."}},
		"a server's id":           {"server", attrs{"id": quoted(aServer)}, "There is no server " + aServer, []string{s.dataDir}},
		"a schedule's name":       {"backup_schedule", attrs{"server_id": quoted(server), "name": `"nightle"`}, `There is no schedule "nightle"`, []string{`Did you mean "nightly"?`, server}},
		"a schedule's server":     {"backup_schedule", attrs{"server_id": quoted(aServer), "name": `"nightly"`}, `There is no schedule "nightly"`, []string{"It has none at all."}},
		"a schedule's id":         {"backup_schedule", attrs{"id": quoted(aSchedule)}, "There is no schedule " + aSchedule, nil},
		"a backup's id":           {"backup", attrs{"id": quoted(aBackup)}, "There is no backup " + aBackup, nil},
		"a backup that was there": {"backup", attrs{"id": quoted(gone)}, "There is no backup " + gone + " any more", []string{"web-1", "(deleted)"}},
		"a kind of backup":        {"backup", attrs{"server_id": quoted(server), "status": `"failed"`, "type": `"files"`}, "There is no failed files backup of server web-1", []string{"cloudaipilot_backups"}},
		"a backup's server":       {"backup", attrs{"server_id": quoted(aServer)}, "There is no backup of server " + aServer, []string{"no server with this identifier either"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.elsewhere()
			w.write(s.config(data(test.kind, "it", test.given)))
			r := w.terraform("plan")
			same(t, "errors", []string{test.summary}, r.errors())
			r.expect(t, diagnostic{severity: "error", address: "data.cloudaipilot_" + test.kind + ".it", summary: test.summary}, test.says...)
		})
	}
}

func TestDataSourceOfAControlPlaneNotKnownYetSaysSo(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	s.write(requirements + block(`resource "terraform_data" "later"`, attrs{"input": quoted(s.dataDir)}) +
		block(`provider "cloudaipilot"`, attrs{"data_dir": "terraform_data.later.output"}) + data("servers", "all"))
	s.terraform("plan").expect(t, diagnostic{severity: "error", address: "data.cloudaipilot_servers.all", summary: "Unable to read the servers"}, "only known after apply", "-target")
}

// TestListsAreReadOncePerPlan counts what reaches the control plane.
func TestListsAreReadOncePerPlan(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	v := s.serve("")
	token := strings.TrimSpace(s.cloudaipilot("token", "create", "ci", "--role", "admin"))
	target, err := url.Parse(v.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[string]int{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	counter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Method+" "+r.URL.Path]++
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(counter.Close)
	s.write(s.configAt(v.endpoint, token, s.server(), s.schedule()))
	s.mustApply()
	id := theServer + ".id"
	s.write(s.configAt(counter.URL, token, s.server(), s.schedule(), data("servers", "all"), data("servers", "web", attrs{"name_regex": `"web"`}),
		data("server", "a", attrs{"id": id}), data("server", "b", attrs{"name": `"web-1"`}), data("backup_schedules", "all"),
		data("backup_schedule", "a", attrs{"id": theSchedule + ".id"}), data("backup_schedule", "b", attrs{"server_id": id, "name": `"nightly"`})))
	if r := s.terraform("plan", "-detailed-exitcode"); r.exit != 0 {
		t.Fatalf("exit status %d: %s", r.exit, r.text)
	}
	mu.Lock()
	defer mu.Unlock()
	delete(asked, "GET /v1/control-plane") // one of each of Terraform's walks
	same(t, "requests", map[string]int{"GET /v1/servers": 1, "GET /v1/schedules": 1}, asked)
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	acceptance(t)
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, pattern := range []string{"resources/*/resource.tf", "data-sources/*/data-source.tf"} {
		found, err := filepath.Glob(filepath.Join(root, "examples", pattern))
		if err != nil || len(found) < 3 {
			t.Fatalf("%q, %v", found, err)
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, string(text))
		}
	}
	w := newWorkspace(t)
	w.write(requirements + strings.Join(blocks, "\n"))
	if r := w.terraform("validate", "-no-color"); r.exit != 0 {
		t.Errorf("%s", r.text)
	}
}

// example is the text of a file below examples.
func example(t *testing.T, name string) string {
	t.Helper()
	root, err := testbed.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
