package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"centinela/shared/secret"
)

type session struct {
	TTL     time.Duration `yaml:"ttl" help:"life of a session"`
	Pepper  secret.String `yaml:"pepper" help:"mixed in"`
	Origins []string      `yaml:"allowed-origins" help:"pages"`
}

type whole struct {
	Listen string `yaml:"listen" help:"host:port"`
	Auth   struct {
		Session session `yaml:"session" help:"How long people stay."`
		Memory  int     `yaml:"memory" help:"bytes"`
		Small   uint8   `yaml:"small" help:"a small number"`
		On      bool    `yaml:"on" help:"whether it is on"`
		Rate    float64 `yaml:"rate" help:"a second"`
	} `yaml:"auth" help:"Accounts."`
	Proxies []netip.Prefix `yaml:"proxies" help:"CIDR"`
	Ports   []int          `yaml:"ports" help:"TCP ports"`
	Not     chan int       `yaml:"-"`
}

// load fills c, and a section that is mounted below it.
func load(c *whole, opts Options) (*Loaded, error) {
	return Load(opts, Section{Into: c})
}

func defaults() *whole {
	c := &whole{Listen: ":8080", Ports: []int{1, 2, 3}}
	c.Auth.Session = session{TTL: 10 * time.Minute, Origins: []string{"https://one", "https://two"}}
	c.Auth.Memory = 64 << 20
	return c
}

func yamlFile(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "centinela.yaml")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Design "Config": defaults < file < environment < flags.
func TestLoadOrder(t *testing.T) {
	path := yamlFile(t, "listen: :1\nauth:\n  memory: 1\n  on: true\n  session:\n    ttl: 1m\n")
	c := defaults()
	_, err := load(c, Options{
		File: path,
		Env:  []string{"CENTINELA_LISTEN=:2", "CENTINELA_AUTH_MEMORY=2", "HOME=/root"},
		Set:  []string{"listen=:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3" || c.Auth.Memory != 2 || c.Auth.Session.TTL != time.Minute || !c.Auth.On {
		t.Errorf("flag > environment > file is broken: %+v", c)
	}
	if len(c.Auth.Session.Origins) != 2 {
		t.Errorf("an unset key lost its default: %v", c.Auth.Session.Origins)
	}
}

func TestLoadTypes(t *testing.T) {
	c := defaults()
	_, err := load(c, Options{
		File: yamlFile(t, `
auth: {small: 255, rate: 2, memory: 1000000, session: &short {allowed-origins: [https://file], pepper: 0123}}
proxies: [10.0.0.0/8]
ports: [7]
`),
		Env: []string{
			"CENTINELA_AUTH_SESSION_TTL=1h30m",
			"CENTINELA_AUTH_SESSION_ALLOWED_ORIGINS=https://a, https://b ,", "CENTINELA_AUTH_ON=true",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Auth.Small, want.Auth.Rate, want.Auth.Memory, want.Auth.On = 255, 2, 1_000_000, true
	// A text that YAML takes for a number is the text that stands there.
	want.Auth.Session = session{TTL: 90 * time.Minute, Pepper: secret.NewString("0123"), Origins: []string{"https://a", "https://b"}}
	want.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	want.Ports = []int{7} // a list replaces
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// A section can be mounted anywhere, and is like one of the struct.
func TestMountedSections(t *testing.T) {
	c, mounted := defaults(), session{TTL: time.Hour}
	_, err := Load(Options{
		File: yamlFile(t, "parts: {one: {ttl: 2h}}"), Env: []string{"CENTINELA_PARTS_ONE_PEPPER=x"}, Set: []string{"parts.one.allowed-origins=a"},
	}, Section{Into: c}, Section{Path: "parts.one", Into: &mounted})
	if err != nil || mounted.TTL != 2*time.Hour || mounted.Pepper.Reveal() != "x" || len(mounted.Origins) != 1 {
		t.Errorf("%v, %+v", err, mounted)
	}
	if _, err := Load(Options{Set: []string{"parts.two.ttl=1h", "parts=1"}}, Section{Into: c}, Section{Path: "parts.one", Into: &mounted}); err == nil ||
		err.Error() != "--set parts.two.ttl: unknown key, the nearest is parts.one.ttl\n--set parts: is a section: name one key of it" {
		t.Error(err)
	}
}

// Design "Config": unknown keys are an error; every error comes at once, with
// its path and where it stands; no error shows a value.
func TestLoadProblems(t *testing.T) {
	const planted = "hunter2"
	tests := map[string]struct {
		yaml string
		env  []string
		set  []string
		want []string
	}{
		"unknown key":              {yaml: "auth: {sesion: {ttl: hunter2}}", want: []string{"auth.sesion (line 1): unknown key"}},
		"unknown key, nearest":     {yaml: "auth:\n  session:\n    tll: hunter2", want: []string{"auth.session.tll (line 3): unknown key, the nearest is auth.session.ttl"}},
		"dotted key":               {yaml: "auth.memory: 5", want: []string{"auth.memory (line 1): unknown key: nest the parts"}},
		"unknown variable":         {env: []string{"CENTINELA_AUTH_SESSION_TLL=hunter2"}, want: []string{"CENTINELA_AUTH_SESSION_TLL: unknown environment variable, the nearest is CENTINELA_AUTH_SESSION_TTL"}},
		"a wrong guess at a key":   {env: []string{"CENTINELA_GATEWAY_PORT=8080"}, want: []string{"CENTINELA_GATEWAY_PORT: unknown environment variable"}},
		"unknown flag":             {set: []string{"lisen=hunter2"}, want: []string{"--set lisen: unknown key, the nearest is listen"}},
		"nothing near":             {set: []string{"zzzzzzzz=1"}, want: []string{"--set zzzzzzzz: unknown key\n"}},
		"flag without =":           {set: []string{"hunter2"}, want: []string{"--set: must be path=value"}},
		"flag names a section":     {set: []string{"auth=hunter2"}, want: []string{"--set auth: is a section"}},
		"section is a scalar":      {yaml: "auth: hunter2", want: []string{"auth (line 1): is a section"}},
		"section is a list":        {yaml: "auth: [hunter2]", want: []string{"auth (line 1): is a section"}},
		"list in a list":           {yaml: "ports: [[1]]", want: []string{"ports (line 1): item 1: must be a whole number"}},
		"empty item":               {yaml: "ports: [1, ]\nproxies: [10.0.0.0/8, ~]", want: []string{"proxies (line 2): item 2: must be a valid netip.Prefix"}},
		"wrong type in a list":     {yaml: "ports: [1, hunter2]", want: []string{"ports (line 1): item 2: must be a whole number"}},
		"several at once":          {yaml: "listne: 1\nauth: {memory: hunter2}", want: []string{"listne (line 1): unknown key, the nearest is listen", "auth.memory (line 2): must be a whole number"}},
		"a key twice":              {yaml: "listen: a\nauth:\n  memory: 1\nlisten: hunter2\n", want: []string{"listen (line 4): is there already, in line 1"}},
		"environment names itself": {env: []string{"CENTINELA_AUTH_SESSION_TTL=hunter2"}, want: []string{"auth.session.ttl (CENTINELA_AUTH_SESSION_TTL): must be a duration"}},
		"flag names itself":        {set: []string{"auth.session.ttl=hunter2"}, want: []string{"auth.session.ttl (--set): must be a duration"}},
		"duration without unit":    {yaml: "auth: {session: {ttl: 10}}", want: []string{"auth.session.ttl (line 1): must be a duration"}},
		"overflow":                 {yaml: "auth: {small: 256}", want: []string{"auth.small (line 1): must be a whole number from 0 (of 8 bits)"}},
		"bool":                     {env: []string{"CENTINELA_AUTH_ON=hunter2"}, want: []string{"must be true or false"}},
		"fraction for int":         {yaml: "auth: {memory: 1.5}", want: []string{"auth.memory (line 1): must be a whole number"}},
		"no number":                {yaml: "auth: {rate: hunter2}", want: []string{"auth.rate (line 1): must be a number"}},
		"secret from a print":      {yaml: `auth: {session: {pepper: "[redacted]"}}`, want: []string{"auth.session.pepper (line 1): [redacted] is the placeholder"}},
		"prefix":                   {yaml: "proxies: [hunter2]", want: []string{"proxies (line 1): item 1: must be a valid netip.Prefix"}},
		"map for a list":           {yaml: "auth: {session: {allowed-origins: {a: hunter2}}}", want: []string{"allowed-origins (line 1): must be a list"}},
		"map for a scalar":         {yaml: "listen: {a: hunter2}", want: []string{"listen (line 1): must be a text"}},
		"an alias to itself":       {yaml: "auth: &a {session: *a}", want: []string{"auth.session.session (line 1): unknown key"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(defaults(), Options{File: yamlFile(t, test.yaml), Env: test.env, Set: test.set})
			if err == nil {
				t.Fatal("no error")
			}
			var list Errors
			if !errors.As(err, &list) {
				t.Errorf("%T is no Errors", err)
			}
			got := err.Error() + "\n"
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("missing %q in:\n%s", want, got)
				}
			}
			if strings.Contains(got, planted) {
				t.Errorf("the error shows a value:\n%s", got)
			}
			if len(list) != len(test.want) && name != "empty item" {
				t.Errorf("%d problems, not %d:\n%s", len(list), len(test.want), got)
			}
		})
	}
}

// Invalid YAML is one line that names file and line, and shows no value.
func TestLoadInvalidYAML(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"block":           {"listen: :1\nproxies: []\nrules:\n  - a\n  b: c\n", ": line 4: "}, // where the list begins
		"flow":            {"listen: :1\nauth: {memory: 1\nrules: []\n", ": line 2: "},        // where the brace is
		"first line":      {"x: }\n", ": line 1: "},
		"indentation":     {"listen: :1\n auth: 2\n", ": line 2: "},
		"anchor":          {"listen: *hunter2\n", ": unknown anchor: quote a text that begins with *"},
		"tab":             {"auth:\n\tmemory: 1\n", ": line 2: "},
		"no mapping":      {"hunter2", ": line 1: must be keys with values"},
		"second document": {"listen: a\n---\nlisten: b\n", ": line 2: a second document"},
		"unclosed":        {"listen: \"hunter2\n", ":"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := yamlFile(t, test.yaml)
			_, err := load(defaults(), Options{File: path})
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error()
			if !strings.HasPrefix(got, path+test.want) || strings.Contains(got, "\n") || strings.Contains(got, "hunter2") {
				t.Errorf("got %q", got)
			}
		})
	}
	if _, err := load(defaults(), Options{File: filepath.Join(t.TempDir(), "none.yaml")}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
}

// FR A27: what Kubernetes injects for Services named centinela and centinela-auth
// is left alone (kubernetes.io/docs, "Discovering services").
func TestLoadIgnores(t *testing.T) {
	c := defaults()
	_, err := load(c, Options{
		File: yamlFile(t, "# listen: x\nauth:\n  # all commented out\nlisten:\n"),
		Env: []string{
			"CENTINELA_TEST_MONGO=1", "CENTINELA_CONFIG=/x", "CENTINELA_DATA=/y", "PATH=/bin", "noise",
			"CENTINELA_SERVICE_HOST=10.0.0.11", "CENTINELA_SERVICE_PORT=8080", "CENTINELA_SERVICE_PORT_HTTP=8080", "CENTINELA_PORT=tcp://10.0.0.11:8080",
			"CENTINELA_PORT_8080_TCP=tcp://10.0.0.11:8080", "CENTINELA_PORT_8080_TCP_PROTO=tcp", "CENTINELA_PORT_8080_TCP_PORT=8080", "CENTINELA_PORT_8080_TCP_ADDR=10.0.0.11",
			"CENTINELA_AUTH_SERVICE_HOST=10.0.0.12", "CENTINELA_AUTH_SERVICE_PORT_HTTP=8081", "CENTINELA_AUTH_PORT=tcp://10.0.0.12:8081", "CENTINELA_AUTH_PORT_8081_TCP_PORT=8081",
			"CENTINELA_AUTH_SERVICE_PORT=8081",
		},
	})
	if err != nil || !reflect.DeepEqual(c, defaults()) {
		t.Errorf("err %v, got %+v", err, c)
	}
	for _, text := range []string{"", "# nothing\n"} {
		if _, err := load(defaults(), Options{File: yamlFile(t, text)}); err != nil {
			t.Errorf("an empty file: %v", err)
		}
	}
}

// Design "Config": config print prints the effective config, redacted, with units
// and a comment a key; and what it prints loads again.
func TestPrint(t *testing.T) {
	c := defaults()
	loaded, err := load(c, Options{Env: []string{"CENTINELA_AUTH_SESSION_PEPPER=hunter2", "CENTINELA_PROXIES=10.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := loaded.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `listen: :8080 # host:port
# Accounts.
auth:
  # How long people stay.
  session:
    ttl: 10m0s # life of a session
    pepper: '[redacted]' # mixed in
    allowed-origins: ['https://one', 'https://two'] # pages
  memory: 67108864 # bytes
  small: 0 # a small number
  on: false # whether it is on
  rate: 0 # a second
proxies: [10.0.0.0/8] # CIDR
ports: [1, 2, 3] # TCP ports
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
	again := defaults()
	clean := strings.NewReplacer("'[redacted]'", "hunter2").Replace(out.String())
	if _, err := load(again, Options{File: yamlFile(t, clean)}); err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("the print doesn't load again: %v, %+v", err, again)
	}
	var texts []string
	loaded.Each(func(path, text string) { texts = append(texts, path+"="+text) })
	if got := strings.Join(texts, " "); !strings.Contains(got, "auth.session.allowed-origins=https://two ") || strings.Contains(got, "hunter2") || !strings.HasSuffix(got, "ports=3") {
		t.Error(got)
	}
}

// Texts that YAML would read as something else come back as they were.
func TestPrintQuotes(t *testing.T) {
	for _, value := range []string{"", "null", "~", "true", "007", "1e3", "a: b", "# no comment", " spaces ", "two\nlines", "'", `"`, "[x]", "*x", "@", "2030-01-01", "y"} {
		c := defaults()
		c.Listen, c.Auth.Session.Origins = value, []string{value}
		loaded, err := load(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := loaded.Print(&out); err != nil {
			t.Fatal(err)
		}
		again := defaults()
		if _, err := load(again, Options{File: yamlFile(t, out.String())}); err != nil || again.Listen != value || again.Auth.Session.Origins[0] != value {
			t.Errorf("%q came back as %q, %q, %v:\n%s", value, again.Listen, again.Auth.Session.Origins, err, out.String())
		}
	}
}

func TestErrors(t *testing.T) {
	sentinel := errors.New("two\nlines")
	var inner, all Errors
	if all.Err() != nil {
		t.Error("an empty list is an error")
	}
	inner.Add("ttl", "must be > 0")
	inner.AddErr("", sentinel)
	all.Add("listen", "must be set")
	all.AddErr("auth.session", inner.Err())
	all.AddErr("x", nil)
	if got, want := all.Err().Error(), "listen: must be set\nauth.session.ttl: must be > 0\nauth.session: two; lines"; got != want {
		t.Errorf("got %q", got)
	}
	if !errors.Is(all.Err(), sentinel) {
		t.Error("errors.Is doesn't reach a problem")
	}
}

// A mistake in the struct is found at the first load, not by an operator.
func TestSchemaMistakes(t *testing.T) {
	tests := map[string]any{
		"not a pointer": whole{},
		"nil":           (*whole)(nil),
		"no tag":        &struct{ A string }{},
		"no help": &struct {
			A string `yaml:"a"`
		}{},
		"dot in tag": &struct {
			A string `yaml:"a.b" help:"x"`
		}{},
		"channel": &struct {
			A chan int `yaml:"a" help:"x"`
		}{},
		"map": &struct {
			A map[string]string `yaml:"a" help:"x"`
		}{},
		"list of structs": &struct {
			A []session `yaml:"a" help:"x"`
		}{},
		"shared variable": &struct {
			A string `yaml:"a-b" help:"x"`
			B string `yaml:"a_b" help:"x"`
		}{},
		"a name of Kubernetes": &struct {
			A string `yaml:"service_port" help:"x"`
		}{},
	}
	for name, into := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(Options{}, Section{Into: into}); err == nil {
				t.Error("no error")
			}
		})
	}
}
