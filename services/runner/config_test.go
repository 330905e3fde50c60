package runner

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/shared/module"
	"centinela/shared/testkit"
)

// load takes settings only: no file and no environment.
func load(t *testing.T, set ...string) Config {
	t.Helper()
	cfg, err := Load("", nil, set)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Design "Config": all errors at once, each with its path; the default has none.
func TestValidate(t *testing.T) {
	if err := load(t).Validate(All); err != nil {
		t.Fatalf("the default: %v", err)
	}
	cfg := load(
		t, "profile=test", "data_dir=", "stop_budget=0s", "log.level=loud", "store.engine=oracle", "store.cache=0", "store.database=a.b",
		"ops.listen=", "services.auth.url=auth:8081", "services.audit.url=http://audit:8084/", "services.recovery.listen=8082",
		"services.gateway.ops=nowhere", "gateway.listen=here", "recovery.origin_host=", "chat_relay.rate.burst=0", "auth.password.length=1",
	)
	err := cfg.Validate(All)
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for _, path := range []string{
		"profile", "data_dir", "stop_budget", "log.level", "store.engine", "store.cache", "store.database", "ops.listen", "services.auth.url",
		"services.audit.url", "services.recovery.listen", "services.gateway.ops", "gateway.listen", "recovery.origin_host",
		"chat_relay.rate.burst", "auth.password.length",
	} {
		if !strings.Contains(err.Error(), path+": ") {
			t.Errorf("nothing of %s in: %v", path, err)
		}
	}
}

// A part that runs alone needs nothing of what only another part uses: each
// process holds its own secrets and no more.
func TestValidateForOnePart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	cfg := load(
		t, "profile=production", "store.engine=mongodb", "store.uri_file="+missing, "recovery.sms.provider=twilio",
		"recovery.sms.twilio.auth_token_file="+missing, "gateway.public_base=https://id.centinela.test", "gateway.proxy.terminates_tls=true",
	)
	for target, want := range map[string][]string{
		module.Gateway:  nil,
		module.Auth:     {"store.uri_file"},
		module.Recovery: {"store.uri_file", "auth_token_file", "recovery.public_url"},
		All:             {"store.uri_file", "auth_token_file", "recovery.public_url"},
	} {
		err := cfg.Validate(target)
		if (err == nil) != (want == nil) {
			t.Errorf("%s: %v", target, err)
			continue
		}
		for _, path := range want {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%s: nothing of %s in: %v", target, path, err)
			}
		}
		if target == module.Auth && strings.Contains(err.Error(), "recovery") {
			t.Errorf("auth is asked for recovery's: %v", err)
		}
	}
}

// The production profile refuses what only development may have (design: "Config").
func TestProductionRefuses(t *testing.T) {
	err := load(t, "profile=production").Validate(All)
	for _, path := range []string{"gateway.tls", "gateway.public_base", "recovery.sms.provider", "recovery.public_url", "recovery.origin_host"} {
		if err == nil || !strings.Contains(err.Error(), path+": ") {
			t.Errorf("nothing of %s in: %v", path, err)
		}
	}
}

// The URI of the database comes from a file of its own, and never into what is
// printed; the printed config can be loaded again (design: "Config").
func TestStoreURI(t *testing.T) {
	const password = "a-password-of-this-test"
	file := filepath.Join(t.TempDir(), "uri")
	if err := os.WriteFile(file, []byte("mongodb://u:"+password+"@127.0.0.1/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := []string{"store.engine=mongodb", "store.uri_file=" + file}
	cfg, err := Load("", nil, settings)
	if err != nil || cfg.Validate(All) != nil {
		t.Fatal(err, cfg.Validate(All))
	}
	store, err := cfg.storeOf(rows(module.ChatRelay)[0])
	if err != nil || store.URI.Reveal() != "mongodb://u:"+password+"@127.0.0.1/" || store.Database != "centinela_chat_relay" {
		t.Errorf("%s, %v", store.Database, err)
	}
	var out bytes.Buffer
	if err := cfg.Print(&out); err != nil || strings.Contains(out.String(), password) {
		t.Fatal("printed with the password, or: ", err)
	}
	printed := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(printed, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Load(printed, nil, nil)
	if err != nil || again.Validate(All) != nil {
		t.Fatalf("what was printed is refused: %v, %v", err, again.Validate(All))
	}
	if gateway, err := cfg.storeOf(rows(module.Gateway)[0]); err != nil || !gateway.URI.IsZero() {
		t.Errorf("the gateway is given the URI of a database that it doesn't use: %v", err)
	}
	for name, c := range map[string][]string{
		"none":     {"store.engine=mongodb"},
		"both":     {"store.engine=mongodb", "store.uri_file=" + file, "store.uri=mongodb://u:" + password + "@127.0.0.1/"},
		"no file":  {"store.engine=mongodb", "store.uri_file=" + file + ".none"},
		"an empty": {"store.engine=mongodb", "store.uri_file=" + os.DevNull},
		"no URI":   {"store.engine=mongodb", "store.uri=" + password},
	} {
		err := load(t, c...).Validate(All)
		if err == nil || !strings.Contains(err.Error(), "store.uri_file: ") || strings.Contains(err.Error(), password) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// What a part takes from the product's one key for it: the age of a fresh sign-in
// (auth's key, recovery reads it), the database's cache.
func TestSharedKeys(t *testing.T) {
	cfg := load(t, "auth.sign_in.fresh=7m", "store.cache=64", "data_dir="+t.TempDir(), "gateway.proxy.trusted=10.1.0.0/16, ::1/128", "gateway.public_base=https://id.centinela.test")
	if err := makeKeys(cfg.KeyDir, table); err != nil {
		t.Fatal(err)
	}
	s := &suite{cfg: cfg, topology: cfg.topology(table)}
	for _, r := range table {
		deps, err := s.deps(r, testkit.Logger(t), nil)
		if err != nil || deps.FreshSignIn != 7*time.Minute || deps.Store.Cache != 64<<20 || len(deps.Store.SQLite()) != 1 {
			t.Errorf("%s: %v, %d, %v", r.name, deps.FreshSignIn, deps.Store.Cache, err)
		}
		if deps.PublicURL != "https://id.centinela.test" || len(deps.Proxies) != 2 || deps.Proxies[0].String() != "10.1.0.0/16" {
			t.Errorf("%s: %s, %v", r.name, deps.PublicURL, deps.Proxies)
		}
	}
}
