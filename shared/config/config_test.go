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

type rule struct {
	ID    string        `koanf:"id"`
	Every time.Duration `koanf:"every"`
	Limit int           `koanf:"limit"`
}

type session struct {
	TTL     time.Duration `koanf:"ttl"`
	Pepper  secret.String `koanf:"pepper"`
	Origins []string      `koanf:"allowed-origins"`
}

type whole struct {
	Listen string `koanf:"listen"`
	Auth   struct {
		Session session `koanf:"session"`
		Memory  int     `koanf:"memory"`
		Small   uint8   `koanf:"small"`
		On      bool    `koanf:"on"`
		Rate    float64 `koanf:"rate"`
	} `koanf:"auth"`
	Proxies []netip.Prefix           `koanf:"proxies"`
	Rules   []rule                   `koanf:"rules"`
	Peers   map[string]string        `koanf:"peers"`
	Tokens  map[string]secret.String `koanf:"tokens"`
}

func defaults() *whole {
	c := &whole{
		Listen: ":8080", Rules: []rule{{ID: "default", Every: time.Hour, Limit: 9}, {ID: "second"}},
		Peers: map[string]string{"auth": "http://a"},
	}
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
	_, err := Load(Options{
		File: path,
		Env:  []string{"CENTINELA_LISTEN=:2", "CENTINELA_AUTH_MEMORY=2", "HOME=/root"},
		Set:  []string{"listen=:3"},
	}, c)
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
	_, err := Load(Options{
		File: yamlFile(t, `
auth: {small: 255, rate: 2, memory: 1e6, session: {allowed-origins: [https://file]}}
proxies: [10.0.0.0/8]
rules: [{id: "007", every: 30s}]
peers: {recovery: http://r}
tokens: {sms: hunter2}
`),
		Env: []string{
			"CENTINELA_AUTH_SESSION_TTL=1h30m", "CENTINELA_AUTH_SESSION_PEPPER=0123456789",
			"CENTINELA_AUTH_SESSION_ALLOWED_ORIGINS=https://a, https://b ,", "CENTINELA_AUTH_ON=true",
		},
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Auth.Small, want.Auth.Rate, want.Auth.Memory, want.Auth.On = 255, 2, 1_000_000, true
	want.Auth.Session = session{TTL: 90 * time.Minute, Pepper: secret.NewString("0123456789"), Origins: []string{"https://a", "https://b"}}
	want.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	want.Rules = []rule{{ID: "007", Every: 30 * time.Second}} // a list replaces; no field of the default item stays
	want.Peers = map[string]string{"auth": "http://a", "recovery": "http://r"}
	want.Tokens = map[string]secret.String{"sms": secret.NewString("hunter2")}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// Design "Config": unknown keys are an error; every error comes at once, with
// its path; no error shows a value.
func TestLoadProblems(t *testing.T) {
	const planted = "hunter2"
	tests := map[string]struct {
		yaml string
		env  []string
		set  []string
		want []string
	}{
		"unknown key":              {yaml: "auth: {sesion: {ttl: hunter2}}", want: []string{"auth.sesion: unknown key"}},
		"unknown key, nearest":     {yaml: "auth: {session: {tll: hunter2}}", want: []string{"auth.session.tll: unknown key, the nearest is auth.session.ttl"}},
		"dotted key":               {yaml: "auth.memory: 5", want: []string{"auth.memory: unknown key: nest the parts"}},
		"unknown variable":         {env: []string{"CENTINELA_AUTH_SESSION_TLL=hunter2"}, want: []string{"CENTINELA_AUTH_SESSION_TLL: unknown environment variable, the nearest is CENTINELA_AUTH_SESSION_TTL"}},
		"unknown flag":             {set: []string{"lisen=hunter2"}, want: []string{"--set lisen: unknown key, the nearest is listen"}},
		"nothing near":             {set: []string{"zzzzzzzz=1"}, want: []string{"--set zzzzzzzz: unknown key\n"}},
		"flag without =":           {set: []string{"hunter2"}, want: []string{"--set: must be path=value"}},
		"flag names a section":     {set: []string{"auth=hunter2"}, want: []string{"--set auth: is a section"}},
		"section is a scalar":      {yaml: "auth: hunter2", want: []string{"auth: is a section"}},
		"unknown key in a list":    {yaml: "rules: [{id: a, limt: 1}]", want: []string{"rules: [0]: unknown keys: limt"}},
		"wrong type in a list":     {yaml: "rules: [{id: a, every: hunter2}]", want: []string{"rules: ", "must be a duration"}},
		"list by environment":      {env: []string{"CENTINELA_RULES=hunter2"}, want: []string{"CENTINELA_RULES: can't be set by the environment"}},
		"several at once":          {yaml: "listne: 1\nauth: {memory: hunter2}", want: []string{"listne: unknown key, the nearest is listen", "auth.memory: must be a whole number"}},
		"environment names itself": {env: []string{"CENTINELA_AUTH_SESSION_TTL=hunter2"}, want: []string{"auth.session.ttl (CENTINELA_AUTH_SESSION_TTL): must be a duration"}},
		"duration without unit":    {yaml: "auth: {session: {ttl: 10}}", want: []string{"auth.session.ttl: must be a duration"}},
		"overflow":                 {yaml: "auth: {small: 256}", want: []string{"auth.small: must be a whole number from 0 (of 8 bits)"}},
		"bool":                     {env: []string{"CENTINELA_AUTH_ON=hunter2"}, want: []string{"must be true or false"}},
		"fraction for int":         {yaml: "auth: {memory: 1.5}", want: []string{"auth.memory: must be a whole number"}},
		"secret as a number":       {yaml: "auth: {session: {pepper: 0123}}", want: []string{"auth.session.pepper: must be a text: put it in quotes"}},
		"secret from a print":      {yaml: `auth: {session: {pepper: "[redacted]"}}`, want: []string{"auth.session.pepper: [redacted] is the placeholder"}},
		"prefix":                   {yaml: "proxies: [hunter2]", want: []string{"proxies: item 1: must be a valid netip.Prefix"}},
		"list of scalars":          {yaml: "auth: {session: {allowed-origins: {a: hunter2}}}", want: []string{"allowed-origins: must be a list"}},
		"map for a scalar":         {yaml: "listen: {a: hunter2}", want: []string{"listen: must be a text"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Options{File: yamlFile(t, test.yaml), Env: test.env, Set: test.set}, defaults())
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
			if len(test.want) == 2 && name == "several at once" && len(list) != 2 {
				t.Errorf("%d problems, not 2:\n%s", len(list), got)
			}
		})
	}
}

// Invalid YAML is one line that names file and line, and shows no value.
func TestLoadInvalidYAML(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"block":           {"listen: :1\nproxies: []\nrules:\n  - a\n  b: c\n", ":4: "}, // where the list begins
		"flow":            {"listen: :1\nauth: {memory: 1\nrules: []\n", ":2: "},        // where the brace is
		"first line":      {"x: }\n", ":1: "},
		"indentation":     {"listen: :1\n auth: 2\n", ":2: "},
		"anchor":          {"listen: *x\n", ": unknown anchor 'x'"},
		"tab":             {"auth:\n\tmemory: 1\n", ":2: "},
		"no mapping":      {"hunter2", ":1: must be keys with values"},
		"twice":           {"listen: a\nauth:\n  memory: 1\nlisten: hunter2\n", `:4: mapping key "listen" already defined at line 1`},
		"second document": {"listen: a\n---\nlisten: b\n", ":2: a second document"},
		"unclosed":        {"listen: \"hunter2\n", ":"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := yamlFile(t, test.yaml)
			_, err := Load(Options{File: path}, defaults())
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error()
			if !strings.HasPrefix(got, path+test.want) || strings.Contains(got, "\n") || strings.Contains(got, "hunter2") {
				t.Errorf("got %q", got)
			}
		})
	}
	if _, err := Load(Options{File: filepath.Join(t.TempDir(), "none.yaml")}, defaults()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestLoadIgnores(t *testing.T) {
	c := defaults()
	_, err := Load(Options{
		File: yamlFile(t, "# listen: x\nauth:\n  # all commented out\npeers:\n"),
		Env:  []string{"CENTINELA_TEST_MONGO=1", "CENTINELA_CONFIG=/x", "CENTINELA_DATA=/y", "PATH=/bin", "noise"},
	}, c)
	if err != nil || !reflect.DeepEqual(c, defaults()) {
		t.Errorf("err %v, got %+v", err, c)
	}
	if _, err := Load(Options{File: yamlFile(t, "")}, defaults()); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

// Design "Config": config print prints the effective config, redacted; keys
// sorted; and what it prints loads again.
func TestPrint(t *testing.T) {
	c := defaults()
	loaded, err := Load(Options{
		Env:  []string{"CENTINELA_AUTH_SESSION_PEPPER=hunter2", "CENTINELA_PROXIES=10.0.0.0/8"},
		File: yamlFile(t, "tokens: {sms: hunter2}"),
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := loaded.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `auth:
  memory: 67108864
  "on": false
  rate: 0
  session:
    allowed-origins:
      - https://one
      - https://two
    pepper: '[redacted]'
    ttl: 10m0s
  small: 0
listen: :8080
peers:
  auth: http://a
proxies:
  - 10.0.0.0/8
rules:
  - every: 1h0m0s
    id: default
    limit: 9
  - every: 0s
    id: second
    limit: 0
tokens:
  sms: '[redacted]'
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
	again := defaults()
	clean := strings.NewReplacer("'[redacted]'", "x").Replace(out.String())
	if _, err := Load(Options{File: yamlFile(t, clean)}, again); err != nil || !reflect.DeepEqual(again.Rules, c.Rules) {
		t.Errorf("the print doesn't load again: %v", err)
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
		"dot in tag": &struct {
			A string `koanf:"a.b"`
		}{},
		"channel": &struct {
			A chan int `koanf:"a"`
		}{},
		"shared variable": &struct {
			A string `koanf:"a-b"`
			B string `koanf:"a_b"`
		}{},
	}
	for name, into := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(Options{}, into); err == nil {
				t.Error("no error")
			}
		})
	}
}
