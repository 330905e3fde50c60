package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A start that can't work is one line on standard error that says what to do,
// and an exit code: 2 when the configuration or the command is wrong, else 1.
func TestStartRefusals(t *testing.T) {
	file := func(t *testing.T, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	for name, c := range map[string]struct {
		args func(t *testing.T) []string
		code int
		says []string
	}{
		"port in use": {
			args: func(t *testing.T) []string {
				return []string{"all", "--data", t.TempDir(), "--set", "gateway.listen=" + taken.Addr().String(), "--set", "ops.listen=127.0.0.1:0"}
			},
			code: 1, says: []string{"address already in use", "gateway.listen"},
		},
		"unwritable data folder": { // root may write anywhere, but not below a file
			args: func(t *testing.T) []string { return []string{"all", "--data", filepath.Join(file(t, ""), "data")} },
			code: 1, says: []string{"data_dir", "not a directory", "--data"},
		},
		"a database file that is none": {
			args: func(t *testing.T) []string {
				dir := t.TempDir()
				if err := os.MkdirAll(filepath.Join(dir, "audit"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "audit", "audit.db"), []byte(strings.Repeat("not a database, but long enough ", 200)), 0o600); err != nil {
					t.Fatal(err)
				}
				return []string{"all", "--data", dir, "--set", "gateway.listen=127.0.0.1:0", "--set", "ops.listen=127.0.0.1:0"}
			},
			code: 1, says: []string{"audit.db", "not a SQLite database"},
		},
		"unknown key in the file": {
			args: func(t *testing.T) []string {
				return []string{"all", "--config", file(t, "gateway:\n  lisen: 127.0.0.1:0\n")}
			},
			code: 2, says: []string{"gateway.lisen", "unknown key", "gateway.listen"},
		},
		"unknown key in a flag": {
			args: func(t *testing.T) []string { return []string{"auth", "--set", "auth.sesion.ttl=1m"} },
			code: 2, says: []string{"auth.sesion.ttl", "unknown key"},
		},
		"broken YAML": {
			args: func(t *testing.T) []string { return []string{"all", "--config", file(t, "gateway: [\n")} },
			code: 2, says: []string{"file"},
		},
		"a file that isn't there": {
			args: func(t *testing.T) []string {
				return []string{"all", "--config", filepath.Join(t.TempDir(), "none.yaml")}
			},
			code: 2, says: []string{"none.yaml"},
		},
		"unknown command": {
			args: func(*testing.T) []string { return []string{"everything"} }, code: 2, says: []string{"everything"},
		},
		"unknown flag": {
			args: func(*testing.T) []string { return []string{"all", "--nope"} }, code: 2, says: []string{"--nope"},
		},
		"production without what it needs": {
			args: func(t *testing.T) []string {
				return []string{"config", "check", "--data", t.TempDir(), "--set", "profile=production"}
			},
			code: 2, says: []string{"gateway.tls", "recovery.sms", "twilio"},
		},
		"keys missing in production": {
			args: func(t *testing.T) []string {
				return []string{
					"audit", "--data", t.TempDir(), "--set", "profile=production", "--set", "gateway.proxy.terminates_tls=true", "--set", "gateway.public_base=https://id.centinela.test",
					"--set", "recovery.sms.provider=twilio", "--set", "recovery.sms.twilio.account_sid=AC0123456789abcdef0123456789abcdef",
					"--set", "recovery.sms.twilio.auth_token_file=" + file(t, "0123456789abcdeftokenforthistest"), "--set", "recovery.sms.twilio.from=+51987654321",
					"--set", "recovery.sms.twilio.webhook_base=https://id.centinela.test",
					"--set", "recovery.public_url=https://id.centinela.test", "--set", "recovery.origin_host=id.centinela.test",
				}
			},
			code: 1, says: []string{"centinela keys"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := command(t, c.args(t)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
			line := lastLine(out)
			for _, word := range c.says {
				if !strings.Contains(out, word) {
					t.Errorf("says nothing of %q: %s", word, line)
				}
			}
			if strings.Contains(out, "goroutine ") {
				t.Errorf("a stack trace instead of a line:\n%s", out)
			}
			if strings.Contains(out, "0123456789abcdeftokenforthistest") {
				t.Error("the secret of a file is in the output")
			}
		})
	}
}

// What people try first works: nothing at all, help, --version; each part shows
// examples of its own (NC "Small, proved").
func TestCommands(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"nothing":          {nil, 0, []string{"Usage: centinela", "firewall add", "chat-relay"}},
		"version":          {[]string{"version"}, 0, []string{"centinela "}},
		"the flag":         {[]string{"--version"}, 0, []string{"centinela "}},
		"help":             {[]string{"--help"}, 0, []string{"firewall"}},
		"the word":         {[]string{"help"}, 0, []string{"firewall"}},
		"help of a verb":   {[]string{"help", "firewall", "add"}, 0, []string{"--force", "Examples"}},
		"help of none":     {[]string{"help", "nonsense"}, 2, []string{"nonsense"}},
		"help of all":      {[]string{"all", "--help"}, 0, []string{"Examples", "centinela all --data ./data"}},
		"help of auth":     {[]string{"auth", "--help"}, 0, []string{"centinela auth --config", "--for auth", "services.auth.listen"}},
		"help of recovery": {[]string{"recovery", "--help"}, 0, []string{"centinela recovery --config", "recovery explain", "recovery policy check"}},
		"help of the chat": {[]string{"chat-relay", "--help"}, 0, []string{"centinela chat-relay --config", "services.chat_relay.listen"}},
		"help of audit":    {[]string{"audit", "--help"}, 0, []string{"centinela audit --config", "audit verify"}},
		"help of gateway":  {[]string{"gateway", "--help"}, 0, []string{"centinela gateway --config", "gateway.listen=0.0.0.0"}},
		"help of recover":  {[]string{"recover", "--help"}, 0, []string{"recover evidence", "--lang es"}},
		"no recovery":      {[]string{"recover", "status", "--file", filepath.Join(t.TempDir(), "none")}, 2, []string{"recover start"}},
		"a noun alone":     {[]string{"firewall"}, 2, []string{"add", "list", "remove"}},
		"config check":     {[]string{"config", "check", "--data", t.TempDir(), "--set", "gateway.listen=127.0.0.1:0", "--set", "ops.listen=127.0.0.1:0"}, 0, []string{"ok"}},
		"check of nothing": {[]string{"config", "check", "--for", "nobody"}, 2, []string{"--for", "chat-relay"}},
		"config print":     {[]string{"config", "print", "--data", t.TempDir()}, 0, []string{"profile: development #", "hash_memory: 64 # MiB of one argon2id hash"}},
		"keys":             {[]string{"keys", keys}, 0, []string{filepath.Join(keys, "gateway.key"), "auth-pepper.key\n  is mixed into", "lost with it: every password"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := command(t, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
			for _, words := range c.says {
				if !strings.Contains(out, words) {
					t.Errorf("says nothing of %q:\n%s", words, out)
				}
			}
		})
	}
}

// NC "Clock only goes forward": the demo doesn't move the clock of people who have
// signed up by themselves, unless it is told to.
func TestDemoAsks(t *testing.T) {
	s := start(t, together, onSQLite)
	s.join(t.Context())
	args := []string{"demo", "--url", s.URL, "--data", s.Data, "--operator-key", filepath.Join(s.Data, "keys", "operator.key")}
	if out, code := command(t, args...); code != 2 || !strings.Contains(out, "1 people have signed up") || !strings.Contains(out, "--yes") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(s.Data, "dev-clock")); !os.IsNotExist(err) {
		t.Errorf("the clock was moved: %v", err)
	}
	if out, code := command(t, append(args, "--yes")...); code != 0 || !strings.Contains(out, "The whole story holds.") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code := command(t, args...); code != 0 { // it was moved before
		t.Errorf("again: exit code %d: %s", code, out)
	}
}

// config print prints what --config takes again, and no secret.
func TestConfigPrintRoundTrip(t *testing.T) {
	dir := t.TempDir()
	const password = "mongo-password-of-this-test"
	out, code := command(t, "config", "print", "--data", dir, "--set", "store.engine=mongodb", "--set", "store.uri=mongodb://u:"+password+"@127.0.0.1/")
	if code != 0 || strings.Contains(out, password) || !strings.Contains(out, "redacted") {
		t.Fatalf("exit code %d, or the password is shown:\n%s", code, strings.ReplaceAll(out, password, "<it>"))
	}
	out, code = command(t, "config", "print", "--data", dir)
	if code != 0 {
		t.Fatal(out)
	}
	path := filepath.Join(dir, "printed.yaml")
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	again, code := command(t, "config", "print", "--config", path)
	if code != 0 || again != out {
		t.Errorf("exit code %d; printed again it differs:\n%s", code, again)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// The data folder may be relative, as in the README: a record verifies there too.
func TestVerifyInARelativeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if out, code := command(t, "keys", "data/keys"); code != 0 {
		t.Fatal(out)
	}
	if err := os.MkdirAll("data/audit", 0o700); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "audit", "verify", "--data", "./data")
	if strings.Contains(out, "invalid uri") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
