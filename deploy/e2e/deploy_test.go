package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"centinela/deploy/suite"
)

// secretsDir is where compose puts a part's secrets.
const secretsDir = "/run/secrets/"

// twilioToken has the form of one.
const twilioToken = "0123456789abcdeftokenforthistest"

// keyFiles are what `centinela keys` makes, by name.
func keyFiles(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	out, code := command(t, "keys", dir)
	if code != 0 {
		t.Fatal(out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return dir, names
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// placeholders are what the shipped configurations hold where people put their own,
// by the words that name them, and what these tests put there.
var placeholders = []string{
	"id.example.org", "id.centinela.test", "security@example.org", "security@centinela.test",
	"AC00000000000000000000000000000000", "AC0123456789abcdef0123456789abcdef", "+12025550123", "+51987654321",
}

// filledIn is a shipped configuration after somebody put his own into it, on a
// machine where every address is free; more are pairs of old and new.
func filledIn(t *testing.T, path string, more ...string) string {
	t.Helper()
	text := strings.NewReplacer(append(more, placeholders...)...).Replace(readFile(t, path))
	return regexp.MustCompile(`(127\.0\.0\.1|0\.0\.0\.0):[0-9]{4}`).ReplaceAllString(text, "127.0.0.1:0")
}

// Each shipped configuration is one that the binary takes whole, with its
// secrets in files (design: architecture, "Config"), and that it prints and
// takes again; as it is shipped it names each placeholder that is left (NC A7).
func TestShippedConfigs(t *testing.T) {
	files, err := filepath.Glob("../config/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v: want 3", files, err)
	}
	for _, shipped := range files {
		t.Run(filepath.Base(shipped), func(t *testing.T) {
			state, production := t.TempDir(), strings.Contains(shipped, "production")
			if out, code := command(t, "keys", filepath.Join(state, "keys")); code != 0 {
				t.Fatal(out)
			}
			writeFile(t, filepath.Join(state, "keys", "twilio-token"), twilioToken)
			writeFile(t, filepath.Join(state, "keys", "mongodb-uri"), "mongodb://u:password-of-this-test@127.0.0.1/")
			file := writeFile(t, filepath.Join(t.TempDir(), "centinela.yaml"), filledIn(
				t, shipped,
				"/var/lib/centinela", state, "data_dir: /data", "data_dir: "+state, "data_dir: ./data", "data_dir: "+state,
				"/run/credentials/centinela.service", filepath.Join(state, "keys"), "/run/secrets", filepath.Join(state, "keys"),
			))
			if out, code := command(t, "config", "check", "--config", file); code != 0 || out != "ok\n" {
				t.Fatalf("exit code %d: %s", code, out)
			}
			printed, code := command(t, "config", "print", "--config", file)
			if code != 0 || strings.Contains(printed, "of-this-test") || strings.Contains(printed, twilioToken) {
				t.Fatalf("exit code %d, or a secret is printed:\n%s", code, printed)
			}
			again := writeFile(t, filepath.Join(t.TempDir(), "printed.yaml"), printed)
			if out, code := command(t, "config", "check", "--config", again); code != 0 {
				t.Errorf("printed and taken again: exit code %d: %s", code, out)
			}
			out, code := command(t, "config", "check", "--config", shipped, "--data", state)
			if !production {
				return
			}
			if code != 2 {
				t.Errorf("as it is shipped: exit code %d: %s", code, out)
			}
			for i := 0; i < len(placeholders); i += 2 {
				if !strings.Contains(out, placeholders[i]+" is the placeholder") {
					t.Errorf("nothing of %s in:\n%s", placeholders[i], out)
				}
			}
		})
	}
}

// composeFile is what of compose.yaml matters here.
type composeFile struct {
	Services map[string]struct {
		Command     []string
		User        string
		ReadOnly    bool   `yaml:"read_only"`
		Memory      string `yaml:"mem_limit"`
		Healthcheck struct{ Test []string }
		Ports       []string
		Secrets     []mounted
		Configs     []mounted
		Volumes     []string
		Environment map[string]string
		Logging     struct{ Options map[string]string }
		Networks    []string
	}
	Secrets  map[string]struct{ File string }
	Configs  map[string]struct{ File string }
	Volumes  map[string]any
	Networks map[string]struct{ Internal bool }
}

// mounted is a secret or a config of a service, under another name or its own.
type mounted struct{ Source, Target string }

// UnmarshalYAML takes both forms.
func (m *mounted) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		m.Source, m.Target = node.Value, node.Value
		return nil
	}
	type plain mounted
	return node.Decode((*plain)(m))
}

// at is the secrets of a service, by the name that they have in it.
func at(list []mounted) map[string]string {
	found := map[string]string{}
	for _, m := range list {
		found[m.Target] = m.Source
	}
	return found
}

// compose.yaml runs each part once, by commands, addresses and secrets that the
// binary takes; each part has what it needs, and no other part's key or database.
func TestCompose(t *testing.T) {
	var c composeFile
	if err := yaml.Unmarshal([]byte(readFile(t, "../compose/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	keys, names := keyFiles(t)
	config := filepath.Join("../compose", c.Configs["suite"].File)
	for _, part := range parts {
		t.Run(part, func(t *testing.T) {
			s, ok := c.Services[part]
			if !ok || len(s.Command) != 3 || s.Command[0] != part || s.Command[1] != "--config" || len(s.Configs) != 1 || s.Configs[0].Target != s.Command[2] {
				t.Fatalf("command %v, configs %v", s.Command, s.Configs)
			}
			if !s.ReadOnly || s.User != "65532:65532" || s.Memory == "" || s.Environment["GOMEMLIMIT"] == "" || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
				t.Errorf("it runs as %q, read-only %v, with memory %q, collecting at %q, logs %v", s.User, s.ReadOnly, s.Memory, s.Environment["GOMEMLIMIT"], s.Logging.Options)
			}
			// The part sees its own secrets at secretsDir, and nothing else.
			folder, secrets := t.TempDir(), at(s.Secrets)
			for name, source := range secrets {
				if c.Secrets[source].File != "keys/"+source {
					t.Errorf("%s is mounted from %q", source, c.Secrets[source].File)
				}
				text := map[string]string{"mongodb-uri": "mongodb://u:p@127.0.0.1/", "twilio-token": twilioToken}[name]
				if slices.Contains(names, name) {
					text = readFile(t, filepath.Join(keys, name))
				}
				writeFile(t, filepath.Join(folder, name), text)
			}
			for _, name := range names {
				own := name == part+".key" || strings.HasPrefix(name, part+"-") && strings.HasSuffix(name, ".key")
				public := strings.HasSuffix(name, ".pub") && !strings.Contains(name, "-checkpoint") && !strings.Contains(name, "-signing")
				if has := secrets[name] == name; has != (own || public) {
					t.Errorf("%s mounted: %v", name, has)
				}
			}
			for name, want := range map[string]string{"mongodb-uri": part + "-mongodb-uri", "twilio-token": "twilio-token"} {
				if name == "mongodb-uri" && part == "gateway" || name == "twilio-token" && part != "recovery" {
					want = ""
				}
				if secrets[name] != want {
					t.Errorf("%s is %q, not %q", name, secrets[name], want)
				}
			}
			text := filledIn(t, config, strings.TrimSuffix(secretsDir, "/"), folder, "data_dir: /data", "data_dir: "+t.TempDir())
			if out, code := command(t, "config", "check", "--for", part, "--config", writeFile(t, filepath.Join(t.TempDir(), "centinela.yaml"), text)); code != 0 {
				t.Errorf("exit code %d: %s", code, out)
			}
			// The check of its health is a command that the binary knows, at the
			// address that the config says; nobody answers here.
			test := s.Healthcheck.Test
			if len(test) < 3 || test[0] != "CMD" || test[1] != "/centinela" {
				t.Fatalf("health check %v", test)
			}
			port := regexp.MustCompile(strings.ReplaceAll(part, "-", "_") + `: \{.*ops: "127\.0\.0\.1:(\d+)"`).FindStringSubmatch(readFile(t, config))
			if port == nil || test[len(test)-1] != "http://127.0.0.1:"+port[1] {
				t.Errorf("health check %v, operations %v", test, port)
			}
			if out, code := command(t, append(test[2:], "--timeout", "1ms")...); code == 2 {
				t.Errorf("health check: exit code %d: %s", code, out)
			}
			if (len(s.Ports) > 0) != (part == "gateway") {
				t.Errorf("published: %v", s.Ports)
			}
			for _, volume := range s.Volumes {
				if name, at, _ := strings.Cut(volume, ":"); name != part || at != "/data" {
					t.Errorf("volume %s", volume)
				}
			}
		})
	}
	if mongo := c.Services["mongo"]; len(c.Services) != len(parts)+1 || len(mongo.Ports) > 0 || mongo.Memory == "" || mongo.Logging.Options["max-size"] == "" || !slices.Equal(mongo.Networks, []string{"inside"}) || !c.Networks["inside"].Internal {
		t.Errorf("%d services; or the database is published, or without limits", len(c.Services))
	}
	for name := range c.Secrets {
		var users []string
		for service, s := range c.Services {
			if slices.ContainsFunc(s.Secrets, func(m mounted) bool { return m.Source == name }) {
				users = append(users, service)
			}
		}
		if public := strings.HasSuffix(name, ".pub"); len(users) == 0 || !public && len(users) > 1 {
			t.Errorf("the secret %s is for %v", name, users)
		}
	}
}

// NC A16: on MongoDB each part has a user of its own, with rights to its own
// database and no other; the gateway has none. The names are those that the parts use.
func TestComposeUsers(t *testing.T) {
	var c composeFile
	if err := yaml.Unmarshal([]byte(readFile(t, "../compose/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	mongo := c.Services["mongo"]
	script := readFile(t, filepath.Join("../compose", c.Configs["mongo-users"].File))
	if i := slices.IndexFunc(mongo.Configs, func(m mounted) bool { return m.Source == "mongo-users" }); i < 0 || filepath.Dir(mongo.Configs[i].Target) != "/docker-entrypoint-initdb.d" {
		t.Errorf("the image doesn't run it: %v", mongo.Configs)
	}
	table := regexp.MustCompile(`(?s)const databases = (\{.*?\});`).FindStringSubmatch(script)
	if table == nil {
		t.Fatal("no table of databases")
	}
	var databases map[string]string
	if err := json.Unmarshal([]byte(table[1]), &databases); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^  database: (\w+)`).FindStringSubmatch(readFile(t, "../config/production-mongodb.yaml"))
	if len(databases) != len(parts)-1 || name == nil {
		t.Errorf("users: %v", databases)
	}
	for _, part := range parts {
		want := name[1] + "_" + strings.ReplaceAll(part, "-", "_")
		if part == "gateway" {
			want = ""
		}
		if databases[part] != want {
			t.Errorf("%s has the rights to %q, not to %q", part, databases[part], want)
		}
		if password := "mongo-" + part; (at(mongo.Secrets)[password] != "") != (part != "gateway") {
			t.Errorf("the password of %s is not a secret of the database's container", part)
		}
	}
	if roles := regexp.MustCompile(`role: "[^"]*", db: \w+`).FindAllString(script, -1); !slices.Equal(roles, []string{`role: "readWrite", db: database`}) || strings.Count(script, "createUser(") != 1 {
		t.Errorf("roles: %v", roles)
	}
	if !strings.Contains(script, secretsDir+`mongo-" + part`) || mongo.Environment["MONGO_INITDB_ROOT_USERNAME"] != "root" {
		t.Error("the passwords are not read from the secrets, or root has another name")
	}
}

// The unit runs commands that the binary takes, hardened, with the token as a
// credential; systemd itself checks it where it is installed.
func TestSystemdUnit(t *testing.T) {
	const path = "../systemd/centinela.service"
	unit := readFile(t, path)
	values := func(key string) (list []string) {
		for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
			list = append(list, m[1])
		}
		return list
	}
	for key, want := range map[string]string{
		"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"StateDirectory": "centinela", "StateDirectoryMode": "0700", "Restart": "on-failure", "CapabilityBoundingSet": "",
	} {
		if got := values(key); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	config := readFile(t, "../config/production-one-machine.yaml")
	name, _, _ := strings.Cut(strings.Join(values("LoadCredential"), ""), ":")
	if name == "" || !strings.Contains(config, "/run/credentials/centinela.service/"+name+" ") {
		t.Errorf("the config doesn't read the credential %q", name)
	}
	state := t.TempDir() // /var/lib/centinela
	token := writeFile(t, filepath.Join(t.TempDir(), name), twilioToken)
	file := writeFile(t, filepath.Join(t.TempDir(), "centinela.yaml"), filledIn(
		t, "../config/production-one-machine.yaml", "/var/lib/centinela", state, "/run/credentials/centinela.service/"+name, token,
	))
	// As root sees it: the credential isn't there.
	here := writeFile(t, filepath.Join(t.TempDir(), "centinela.yaml"), filledIn(t, "../config/production-one-machine.yaml", "/var/lib/centinela", state))

	keys := strings.Fields(strings.Join(values("ExecStartPre"), ""))
	if len(keys) != 3 || keys[1] != "keys" {
		t.Fatalf("ExecStartPre %q", keys)
	}
	if out, code := command(t, keys[1], strings.ReplaceAll(keys[2], "/var/lib/centinela", state)); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	// What the head of the configuration says to check with, as an operator's shell
	// can run it (NC A7): the credential exists inside of the unit only.
	shell := strings.NewReplacer("/var/lib/centinela", state, "/etc/centinela/centinela.yaml", here, "/etc/centinela/"+name, token)
	for _, line := range []string{"keys", "config check"} {
		found := regexp.MustCompile(`(?m)^#   centinela (` + line + ` .*)$`).FindStringSubmatch(config)
		if found == nil {
			t.Fatalf("the configuration's head doesn't say how to run %s", line)
		}
		if out, code := command(t, strings.Fields(shell.Replace(found[1]))...); code != 0 {
			t.Errorf("%s: exit code %d: %s", found[1], code, out)
		}
	}
	run := strings.Fields(strings.Join(values("ExecStart"), ""))
	if len(run) != 4 || run[1] != "all" || run[2] != "--config" {
		t.Fatalf("ExecStart %q", run)
	}
	// It starts whole, in the production profile, with what is in the files alone.
	gateway, ops := freePort(t), freePort(t)
	p, err := suite.Launch(t.TempDir(), "all", binary, append([]string{"all", "--config", file}, suite.Flags("gateway.listen="+gateway, "ops.listen="+ops)...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
	}()
	if err := p.AwaitReady(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd-analyze is not installed: the unit's directives were not checked by systemd")
		return
	}
	// The binary isn't installed at the unit's path here.
	local := writeFile(t, filepath.Join(t.TempDir(), "centinela.service"), strings.ReplaceAll(unit, "/usr/local/bin/centinela", binary))
	if out, err := exec.Command("systemd-analyze", "verify", local).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// The image holds the binary alone, runs it as nobody, and is built by the Go
// version that the module asks for.
func TestContainerfile(t *testing.T) {
	text := readFile(t, "../Containerfile")
	stages := strings.Split(text, "\nFROM ")
	last := stages[len(stages)-1]
	if !strings.HasPrefix(last, "scratch\n") || !strings.Contains(last, "\nUSER 65532:65532\n") || !strings.Contains(last, "ENTRYPOINT [\"/centinela\"]") {
		t.Errorf("the last stage is:\n%s", last)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "../../go.mod"))
	if !strings.Contains(text, "\nFROM golang:"+version[1]+" AS build\n") {
		t.Errorf("not built by Go %s", version[1])
	}
	for _, copied := range regexp.MustCompile(`(?m)^COPY (.*)$`).FindAllStringSubmatch(last, -1) {
		if !strings.HasPrefix(copied[1], "--from=build ") {
			t.Errorf("the image takes %q from outside of the build", copied[1])
		}
	}
}
