package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"centinela/gateway/cli/story"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// run is the command line with these verbs, as main binds them.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var verbs struct {
		Health   Health   `cmd:""`
		Firewall Firewall `cmd:""`
		Demo     Demo     `cmd:""`
	}
	var out strings.Builder
	parser, err := kong.New(&verbs, kong.Exit(func(int) { t.Error("exit") }), kong.Writers(&out, &out),
		kong.BindTo(t.Context(), (*context.Context)(nil)), kong.BindTo(&out, (*io.Writer)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return "", errors.Join(ErrUsage, err)
	}
	err = parsed.Run()
	return out.String(), err
}

// TestHealth: 0 when ready; 1 when not, or nobody answers; 2 for what is no URL.
func TestHealth(t *testing.T) {
	ready := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Error(r.URL.Path)
		}
		if !ready {
			http.Error(w, "store:\n  not open", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	if out, err := run(t, "health", "--url", server.URL); err != nil || out != server.URL+" is ready\n" {
		t.Error(out, err)
	}
	ready = false
	if _, err := run(t, "health", "--url", server.URL); !errors.Is(err, errNotReady) || errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "503): store: not open") {
		t.Error(err)
	}
	server.Close()
	if _, err := run(t, "health", "--url", server.URL); err == nil || errors.Is(err, ErrUsage) || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
	if _, err := run(t, "health", "--url", "nonsense"); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}

// R2.3: the operator's verbs, with a token that audit would take.
func TestFirewall(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "operator.key")
	if _, err := secret.LoadSigner(key, true); err != nil {
		t.Fatal(err)
	}
	verdict := map[string]any{"id": "vrd_1", "subjects": []any{map[string]any{"kind": "prefix", "value": "203.0.113.0/24"}}, "level": 0, "action": "refuse", "reason": "flood", "source": "operator", "created_at": "2030-01-01T00:00:00Z", "until": "2030-01-01T01:00:00Z"}
	var added map[string]any
	verdicts := []any{verdict}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Operator ")
		if who, err := svcauth.NewVerifier("audit", svcauth.DirKeyring(dir)).Verify(token); err != nil || who != "operator" {
			t.Error(who, err)
		}
		var answer any = map[string]any{"verdicts": verdicts}
		switch r.Method + " " + r.URL.Path {
		case "POST /v1/operator/verdicts":
			added = nil
			if err := json.NewDecoder(r.Body).Decode(&added); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusCreated)
			answer = verdict
		case "DELETE /v1/operator/verdicts/vrd_1":
			w.WriteHeader(http.StatusNoContent)
			return
		case "GET /v1/operator/verdicts":
		default:
			t.Error(r.Method, r.URL.Path)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	at := []string{"--url", server.URL, "--key", key}
	out, err := run(t, append([]string{"firewall", "add", "203.0.113.0/24", "--for", "1h", "--reason", "flood"}, at...)...)
	if err != nil || out != "vrd_1: refuse prefix 203.0.113.0/24 until 2030-01-01T01:00:00Z\n" {
		t.Error(out, err)
	}
	if fmt.Sprint(added["subjects"]) != "[map[kind:prefix value:203.0.113.0/24]]" || added["action"] != "refuse" || added["ttl_seconds"] != 3600.0 || added["reason"] != "flood" {
		t.Error(added)
	}
	if _, err := run(t, append([]string{"firewall", "add", "account", "acc_1", "198.51.100.4", "--action", "allow", "--reason", "x"}, at...)...); err != nil || fmt.Sprint(added["subjects"]) != "[map[kind:account value:acc_1] map[kind:ip value:198.51.100.4]]" || added["action"] != "allow" || added["ttl_seconds"] != 600.0 {
		t.Error(added, err)
	}
	if out, err := run(t, append([]string{"firewall", "list"}, at...)...); err != nil || !strings.Contains(out, "vrd_1  refuse  prefix 203.0.113.0/24") {
		t.Error(out, err)
	}
	if out, err := run(t, append([]string{"firewall", "list", "--json"}, at...)...); err != nil || strings.Count(out, "\n") != 1 || !json.Valid([]byte(out)) {
		t.Error(out, err)
	}
	verdicts = []any{}
	if out, err := run(t, append([]string{"firewall", "list"}, at...)...); err != nil || out != "no verdicts in force\n" {
		t.Error(out, err)
	}
	if out, err := run(t, append([]string{"firewall", "remove", "vrd_1"}, at...)...); err != nil || out != "vrd_1: lifted\n" {
		t.Error(out, err)
	}
}

// TestFirewallUsage: what was typed wrongly exits with 2, and says so before any call.
func TestFirewallUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "operator.key")
	for name, args := range map[string][]string{
		"no subject":    {"add", "--reason", "x"},
		"no reason":     {"add", "203.0.113.7"},
		"no kind":       {"add", "somebody", "--reason", "x"},
		"unknown kind":  {"add", "person", "somebody", "--reason", "x"},
		"three words":   {"add", "ip", "203.0.113.7", "203.0.113.8", "--reason", "x"},
		"too short":     {"add", "203.0.113.7", "--reason", "x", "--for", "10ms"},
		"no key":        {"list", "--key", missing},
		"no url":        {"list", "--url", "nonsense"},
		"nothing to do": {},
	} {
		if _, err := run(t, append([]string{"firewall"}, args...)...); !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGuess(t *testing.T) {
	for subject, want := range map[string]string{
		"203.0.113.7": "ip", "2001:db8::1": "ip", "203.0.113.0/24": "prefix", "2001:db8::/48": "prefix",
		"acc_0123": "account", "ses_0123": "session", "x": "", "ana": "", "dev_0123": "",
	} {
		if got := guess(subject); string(got) != want {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
}

// TestDemoDiffers: the demo fails, with what was expected and what came, on a suite that does something else.
func TestDemoDiffers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dev/clock" {
			_, _ = io.WriteString(w, `{"now":"2030-01-01T00:00:00Z","offset_seconds":0}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"saved_codes":["a","a","b","c"]}`)
	}))
	defer server.Close()
	key := filepath.Join(t.TempDir(), "none.key")
	out, err := run(t, "demo", "--url", server.URL, "--operator-key", key)
	if !errors.Is(err, story.ErrDiffers) || errors.Is(err, ErrUsage) || !strings.Contains(out, " 1 ✗ ana and ben sign up") || !strings.Contains(out, "expected 4 different saved codes, got 3") || !strings.Contains(out, "left out") {
		t.Error(out, err)
	}
	server.Close()
	if _, err := run(t, "demo", "--url", server.URL, "--operator-key", key); err == nil || !strings.Contains(err.Error(), "no suite in the development profile answers") {
		t.Error(err)
	}
}
