package runner

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/shared/folderlock"
	"centinela/shared/module"
)

// certificate writes a pair that is valid from and for that long, and returns its files.
func certificate(t *testing.T, from time.Time, valid time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: from.Add(valid)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return file(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		file(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
}

func file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// production are the settings of a suite that starts: everything that the profile
// asks for is there.
func production(t *testing.T) (dir string, settings []string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := MakeKeys(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t, time.Now().Add(-time.Hour), 2*time.Hour)
	return dir, []string{
		"profile=production", "data_dir=" + dir, "gateway.listen=127.0.0.1:0", "ops.listen=127.0.0.1:0",
		"services.audit.ops=127.0.0.1:0", "services.auth.ops=127.0.0.1:0", "services.recovery.ops=127.0.0.1:0", "services.chat_relay.ops=127.0.0.1:0", "services.gateway.ops=127.0.0.1:0",
		"services.audit.listen=127.0.0.1:0", "services.auth.listen=127.0.0.1:0", "services.recovery.listen=127.0.0.1:0", "services.chat_relay.listen=127.0.0.1:0",
		"gateway.tls.cert_file=" + cert, "gateway.tls.key_file=" + key, "gateway.public_base=https://id.centinela.test",
		"recovery.sms.provider=twilio", "recovery.sms.twilio.account_sid=AC0123456789abcdef0123456789abcdef", "recovery.sms.twilio.from=+51987654321",
		"recovery.sms.twilio.auth_token_file=" + file(t, filepath.Join(t.TempDir(), "token"), "0123456789abcdeftokenforthistest"),
		"recovery.sms.twilio.webhook_base=https://id.centinela.test", "recovery.public_url=https://id.centinela.test", "recovery.origin_host=id.centinela.test",
	}
}

// starts runs target until all of it is ready, and stops it.
func starts(t *testing.T, cfg Config, target string) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready := false
	err := Run(ctx, cfg, target, "test", io.Discard, func(Addresses) { ready = true; stop() })
	if err == nil && !ready {
		t.Error("it ended without an error, and was never ready")
	}
	return err
}

// NC A7: what config check passes starts, as a whole and part by part.
func TestCheckedStarts(t *testing.T) {
	for _, target := range []string{All, module.Audit, module.Auth, module.Recovery, module.ChatRelay, module.Gateway} {
		t.Run(target, func(t *testing.T) {
			_, settings := production(t)
			cfg := load(t, settings...)
			before := tree(t, cfg.DataDir)
			if _, err := Check(context.Background(), cfg, target); err != nil {
				t.Fatal(err)
			}
			if after := tree(t, cfg.DataDir); after != before {
				t.Errorf("the check left something behind:\n%s\nbefore:\n%s", after, before)
			}
			if err := starts(t, cfg, target); err != nil {
				t.Error(err)
			}
		})
	}
}

func check(cfg Config, target string) error {
	_, err := Check(context.Background(), cfg, target)
	return err
}

// The dry start gives back every port that it tried.
func TestCheckGivesPortsBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String() // nobody else's until the end of this test, or the check says so
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := load(t, "data_dir="+t.TempDir(), "gateway.listen="+address, "ops.listen=127.0.0.1:0")
	for range 2 {
		if err := check(cfg, All); err != nil {
			t.Error(err)
		}
	}
}

// tree lists what is below a folder.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

// NC A7, FR A18: each fault is planted, and named by the check and by the start alike.
func TestCheckAndStartAgree(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	expired, expiredKey := certificate(t, time.Now().Add(-48*time.Hour), time.Hour)
	early, earlyKey := certificate(t, time.Now().Add(time.Hour), time.Hour)
	_, otherKey := certificate(t, time.Now().Add(-time.Hour), 2*time.Hour)
	remove := func(name string) func(*testing.T, string) []string {
		return func(t *testing.T, dir string) []string {
			if err := os.Remove(filepath.Join(dir, "keys", name)); err != nil {
				t.Fatal(err)
			}
			return nil
		}
	}
	set := func(settings ...string) func(*testing.T, string) []string {
		return func(*testing.T, string) []string { return settings }
	}
	for name, c := range map[string]struct {
		plant  func(t *testing.T, dir string) []string // more settings
		target string
		config bool // an error of the configuration, not of the machine
		says   []string
	}{
		"no service key":    {plant: remove("auth.key"), says: []string{"key_dir: no auth.key in ", "centinela keys "}},
		"no key of its own": {plant: remove("auth-pepper.key"), target: module.Auth, says: []string{"key_dir: no auth-pepper.key in "}},
		"no key of a pair":  {plant: remove("audit-checkpoint.key"), says: []string{"key_dir: no audit-checkpoint.key in "}},
		"no public key":     {plant: remove("gateway.pub"), target: module.Audit, says: []string{"key_dir: no gateway.pub in "}},
		"no operator":       {plant: remove("operator.pub"), target: module.Gateway, says: []string{"key_dir: no operator.pub in "}},
		"several keys at once": {plant: func(t *testing.T, dir string) []string {
			remove("auth.key")(t, dir)
			return remove("recovery-seal.key")(t, dir)
		}, says: []string{"no auth.key, recovery-seal.key in "}},
		"a key is no key": {plant: func(t *testing.T, dir string) []string {
			file(t, filepath.Join(dir, "keys", "recovery-seal.key"), "garbage")
			return nil
		}, says: []string{"key_dir: key file ", "recovery-seal.key: must hold 32 bytes"}},
		"a key for everybody to read": {plant: func(t *testing.T, dir string) []string {
			if err := os.Chmod(filepath.Join(dir, "keys", "auth.key"), 0o644); err != nil {
				t.Fatal(err)
			}
			return nil
		}, says: []string{"key_dir: key file ", "auth.key may be read by others"}},
		"no certificate": {plant: set("gateway.tls.cert_file=/nonexistent.crt"), says: []string{"gateway.tls: ", "/nonexistent.crt", "no such file"}},
		"a certificate is none": {plant: func(t *testing.T, dir string) []string {
			return []string{"gateway.tls.cert_file=" + file(t, filepath.Join(dir, "x.pem"), "garbage")}
		}, says: []string{"gateway.tls: ", "PEM"}},
		"another one's key":      {plant: set("gateway.tls.key_file=" + otherKey), says: []string{"gateway.tls: ", "does not match"}},
		"an expired certificate": {plant: set("gateway.tls.cert_file="+expired, "gateway.tls.key_file="+expiredKey), target: module.Gateway, says: []string{"gateway.tls.cert_file: has expired at "}},
		"an early certificate":   {plant: set("gateway.tls.cert_file="+early, "gateway.tls.key_file="+earlyKey), says: []string{"gateway.tls.cert_file: is not valid before "}},
		"no data folder":         {plant: set("key_dir="+t.TempDir(), "data_dir=/proc/nope"), says: []string{"data_dir: ", "/proc/nope", "--data"}},
		"the data folder is one": {plant: func(t *testing.T, dir string) []string {
			return []string{"data_dir=" + file(t, filepath.Join(dir, "file"), "")}
		}, says: []string{"data_dir: ", "is not a directory"}},
		"a part's folder is none": {plant: func(t *testing.T, dir string) []string { file(t, filepath.Join(dir, "recovery"), ""); return nil }, target: module.Recovery, says: []string{"data_dir: ", "is not a directory"}},
		"a database that is none": {plant: func(t *testing.T, dir string) []string {
			if err := os.Mkdir(filepath.Join(dir, "audit"), 0o700); err != nil {
				t.Fatal(err)
			}
			file(t, filepath.Join(dir, "audit", "audit.db"), strings.Repeat("not a database, but long enough ", 200))
			return nil
		}, says: []string{"data_dir: ", "audit.db", "not a SQLite database"}},
		"a restore that was cut off": {plant: func(t *testing.T, dir string) []string {
			if err := os.Mkdir(filepath.Join(dir, ".restoring"), 0o700); err != nil {
				t.Fatal(err)
			}
			return nil
		}, says: []string{"data_dir: a restore into ", "interrupted"}},
		"the public port in use":  {plant: set("gateway.listen=" + taken.Addr().String()), says: []string{"gateway: cannot listen on ", "address already in use", "gateway.listen"}},
		"the operations port":     {plant: set("ops.listen=" + taken.Addr().String()), says: []string{"operations: cannot listen on ", "ops.listen"}},
		"two ports at once":       {plant: set("ops.listen="+taken.Addr().String(), "services.auth.listen="+taken.Addr().String()), says: []string{"services.auth.listen", "ops.listen"}},
		"an address of another":   {plant: set("services.auth.listen=240.0.0.1:0"), target: module.Auth, says: []string{"auth: cannot listen on 240.0.0.1:0", "services.auth.listen"}},
		"an origin with a star":   {plant: set("gateway.origins=https://*.centinela.test"), config: true, says: []string{"gateway.origins[0]: "}},
		"an origin that is null":  {plant: set("gateway.origins=null"), config: true, says: []string{"gateway.origins[0]: "}},
		"the template's account":  {plant: set("recovery.sms.twilio.account_sid=AC00000000000000000000000000000000"), config: true, says: []string{"recovery.sms.twilio.account_sid: AC000", "placeholder"}},
		"the template's number":   {plant: set("recovery.sms.twilio.from=+12025550123"), target: module.Recovery, config: true, says: []string{"recovery.sms.twilio.from: +12025550123 is the placeholder"}},
		"the template's host":     {plant: set("recovery.origin_host=id.example.org"), config: true, says: []string{"recovery.origin_host: id.example.org is the placeholder"}},
		"the template's URL":      {plant: set("gateway.public_base=https://id.example.org", "recovery.public_url=https://id.example.org"), config: true, says: []string{"gateway.public_base: https://id.example.org is", "recovery.public_url: https://id.example.org is"}},
		"the template's mail":     {plant: set("gateway.security_contact=mailto:security@example.org"), target: module.Gateway, config: true, says: []string{"gateway.security_contact: mailto:security@example.org is"}},
		"no token":                {plant: set("recovery.sms.twilio.auth_token_file=/run/credentials/centinela.service/twilio-token"), config: true, says: []string{"recovery.sms.twilio.auth_token_file: can't be read"}},
		"a part that there isn't": {plant: set(), target: "everything", config: true, says: []string{`no part is named "everything"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, settings := production(t)
			target := c.target
			if target == "" {
				target = All
			}
			cfg := load(t, append(settings, c.plant(t, dir)...)...)
			checked, started := check(cfg, target), starts(t, cfg, target)
			if checked == nil || started == nil || checked.Error() != started.Error() {
				t.Fatalf("the check says %v,\nthe start %v", checked, started)
			}
			if errors.Is(checked, ErrConfig) != c.config {
				t.Errorf("an error of the configuration: %v", !c.config)
			}
			for _, words := range c.says {
				if !strings.Contains(checked.Error(), words) {
					t.Errorf("nothing of %q in: %v", words, checked)
				}
			}
			for line := range strings.SplitSeq(checked.Error(), "\n") {
				if strings.TrimSpace(line) == "" {
					t.Errorf("an empty line in %q", checked)
				}
			}
		})
	}
}

// What another part needs is nothing to this one: placeholders, certificate, keys.
func TestCheckOfOnePart(t *testing.T) {
	dir, settings := production(t)
	cfg := load(t, append(settings, "recovery.sms.twilio.from=+12025550123", "gateway.tls.cert_file=/nonexistent.crt")...)
	if err := os.Remove(filepath.Join(dir, "keys", "recovery-seal.key")); err != nil {
		t.Fatal(err)
	}
	if err := check(cfg, module.Auth); err != nil {
		t.Error(err)
	}
}

// Development makes its keys: that they are missing is no fault, that they can't be
// made is one.
func TestCheckInDevelopment(t *testing.T) {
	dir := t.TempDir()
	settings := []string{"data_dir=" + dir, "gateway.listen=127.0.0.1:0", "ops.listen=127.0.0.1:0"}
	if err := check(load(t, settings...), All); err != nil {
		t.Error(err)
	}
	if got := tree(t, dir); got != dir {
		t.Errorf("the check left something behind:\n%s", got)
	}
	cfg := load(t, append(settings, "key_dir="+filepath.Join(file(t, filepath.Join(dir, "file"), ""), "keys"))...)
	if checked, started := check(cfg, All), starts(t, cfg, All); checked == nil || started == nil || checked.Error() != started.Error() || !strings.HasPrefix(checked.Error(), "key_dir: ") {
		t.Errorf("the check says %v,\nthe start %v", checked, started)
	}
}

// AG W8: one lock a data folder. A second suite, or one part of it, is refused in a
// line that says who has it; config check works beside it.
func TestOneSuiteADataFolder(t *testing.T) {
	dir, settings := production(t)
	cfg := load(t, settings...)
	for _, second := range []string{All, module.Recovery} {
		ctx, stop := context.WithCancel(t.Context())
		err := Run(ctx, cfg, All, "test", io.Discard, func(Addresses) {
			defer stop()
			err := starts(t, cfg, second)
			if err == nil || !errors.Is(err, folderlock.ErrHeld) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), fmt.Sprintf("by process %d: %s", os.Getpid(), dir)) {
				t.Errorf("%s: %v", second, err)
			}
			if running, err := Check(context.Background(), cfg, second); err != nil || !strings.Contains(running, fmt.Sprintf("process %d runs ", os.Getpid())) {
				t.Errorf("config check beside it: %q, %v", running, err)
			}
		})
		if err != nil {
			t.Error(err)
		}
		stop()
	}
	if err := starts(t, cfg, module.Recovery); err != nil {
		t.Errorf("when the first has ended: %v", err)
	}
}
