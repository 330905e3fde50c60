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

// What the README says of the commands holds.
func TestCommands(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"version":         {[]string{"version"}, "centinela "},
		"help":            {[]string{"--help"}, "firewall"},
		"help of all":     {[]string{"all", "--help"}, "Examples"},
		"config check":    {[]string{"config", "check", "--data", t.TempDir()}, "ok"},
		"config print":    {[]string{"config", "print", "--data", t.TempDir()}, "profile: development"},
		"keys":            {[]string{"keys", filepath.Join(t.TempDir(), "keys")}, "gateway.key"},
		"firewall's help": {[]string{"firewall", "add", "--help"}, "firewall add"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := command(t, c.args...)
			if code != 0 || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d, want 0 and %q:\n%s", code, c.says, out)
			}
		})
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
