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
	"strconv"
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
		Recover  Recover  `cmd:""`
		Demo     Demo     `cmd:""`
	}
	var out strings.Builder
	parser, err := kong.New(&verbs, kong.Exit(func(int) { t.Error("exit") }), kong.Writers(&out, &out),
		kong.BindTo(t.Context(), (*context.Context)(nil)), kong.BindTo(&out, (*io.Writer)(nil)),
		kong.BindTo(strings.NewReader("a new password\n"), (*io.Reader)(nil)))
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
	if out, err := run(t, "health", "--json", "--url", server.URL); !errors.Is(err, errNotReady) || out != `{"url":"`+server.URL+`","ready":false,"status":503,"detail":"store: not open"}`+"\n" {
		t.Error(out, err)
	}
	ready = true
	if out, err := run(t, "health", "--json", "--url", server.URL); err != nil || out != `{"url":"`+server.URL+`","ready":true,"status":200}`+"\n" {
		t.Error(out, err)
	}
	secretly := strings.Replace(server.URL, "://", "://ops:hunter2@", 1)
	if out, err := run(t, "health", "--json", "--url", secretly); err != nil || strings.Contains(out, "hunter2") {
		t.Error(out, err)
	}
	server.Close()
	for _, broken := range []string{secretly, "http://ops:hunter2@127.0.0.1:port", "http://ops:hunter2@"} {
		if out, err := run(t, "health", "--url", broken); err == nil || strings.Contains(out+err.Error(), "hunter2") {
			t.Error(out, err)
		}
	}
	if out, err := run(t, "health", "--json", "--url", server.URL); err == nil || !strings.Contains(out, `"status":0`) {
		t.Error(out, err)
	}
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
	if _, err := run(t, append([]string{"firewall", "add", "192.0.2.1", "--force", "--reason", "x"}, at...)...); err != nil || added["force"] != true {
		t.Error(added, err)
	}
	verdict["subjects"] = []any{map[string]any{"kind": "account", "value": "acc_1"}, map[string]any{"kind": "ip", "value": "2001:db8:5::1"}}
	if out, err := run(t, append([]string{"firewall", "add", "acc_1", "2001:db8:5::1", "--reason", "x"}, at...)...); err != nil || !strings.Contains(out, "one of the 2^64 addresses") || !strings.Contains(out, "2001:db8:5::/64") {
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
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"nothing":         {[]string{"add"}, []string{"name whom", "--reason"}},
		"no subject":      {[]string{"add", "--reason", "x"}, []string{"name whom"}},
		"no reason":       {[]string{"add", "192.0.2.7"}, []string{"say why with --reason"}},
		"no kind":         {[]string{"add", "somebody", "--reason", "x"}, []string{`"somebody" is neither`, "session or device"}},
		"unknown kind":    {[]string{"add", "person", "somebody", "--reason", "x"}, []string{`"person" is no kind`}},
		"three subjects":  {[]string{"add", "10.0.0.0/8", "192.0.2.7", "acc_1", "--reason", "x"}, []string{"one subject, or two that are joined"}},
		"a word too many": {[]string{"add", "ip", "192.0.2.7", "somebody", "--reason", "x"}, []string{`"somebody" is neither`}},
		"too short":       {[]string{"add", "192.0.2.7", "--reason", "x", "--for", "10ms"}, []string{"--for must be from 1s to 8760h"}},
		"too long":        {[]string{"add", "192.0.2.7", "--reason", "x", "--for", "100000h"}, []string{"--for must be from 1s to 8760h (365 days)"}},
		"all of it wrong": {[]string{"add", "10.0.0.0/8", "192.0.2.7", "acc_1", "--for", "0s"}, []string{"one subject", "--reason", "--for"}},
		"no key":          {[]string{"list", "--key", missing}, []string{"no operator's key at"}},
		"no url":          {[]string{"list", "--url", "nonsense"}, []string{"--url"}},
		"nothing to do":   {nil, []string{"add", "list", "remove"}},
	} {
		_, err := run(t, append([]string{"firewall"}, c.args...)...)
		if !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, words := range c.says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: says nothing of %q: %v", name, words, err)
			}
		}
	}
}

// NC A6, A12: what the suite answers is said in the words of the command line.
func TestFirewallAnswers(t *testing.T) {
	key := filepath.Join(t.TempDir(), "operator.key")
	if _, err := secret.LoadSigner(key, true); err != nil {
		t.Fatal(err)
	}
	status, answer := 0, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	for _, c := range []struct {
		status     int
		code, more string
		says       string
		wrongUsage bool
	}{
		{status: 401, code: "unauthenticated", says: "doesn't take the key in " + key},
		{status: 403, code: "forbidden", says: "doesn't take the key in " + key},
		{status: 403, code: "refused_by_firewall", says: "refuses this machine's address"},
		{status: 400, code: "verdict_invalid", more: `,"errors":[{"pointer":"/force","code":"verdict_invalid","detail":"would refuse loopback: set force if you mean it"}]`, says: "that would refuse loopback: add --force if you mean it", wrongUsage: true},
		{status: 400, code: "invalid_request", says: "400 invalid_request", wrongUsage: true},
		{status: 500, code: "internal", says: "500 internal"},
	} {
		status, answer = c.status, `{"type":"about:blank","title":"x","status":`+strconv.Itoa(c.status)+`,"code":"`+c.code+`","request_id":"req_1"`+c.more+`}`
		for _, args := range [][]string{{"add", "192.0.2.7", "--reason", "x"}, {"list"}, {"remove", "vrd_1"}} {
			_, err := run(t, append(append([]string{"firewall"}, args...), "--url", server.URL, "--key", key)...)
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, ErrUsage) != c.wrongUsage {
				t.Errorf("%v, %s: %v", args, c.code, err)
			}
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
	if !strings.Contains(out, "moves the suite's clock more than a year ahead") {
		t.Errorf("it doesn't say so: %s", out)
	}
	if !errors.Is(err, story.ErrDiffers) || errors.Is(err, ErrUsage) || !strings.Contains(out, " 1 ✗ ana and ben sign up") || !strings.Contains(out, "expected 4 different saved codes, got 3") || !strings.Contains(out, "left out") {
		t.Error(out, err)
	}
	server.Close()
	if _, err := run(t, "demo", "--url", server.URL, "--operator-key", key); err == nil || !strings.Contains(err.Error(), "no suite in the development profile answers") {
		t.Error(err)
	}
}

// NC A6: a demo whose pretended address is refused says so, and not that nobody answers.
func TestDemoRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"type":"about:blank","title":"x","status":403,"code":"refused_by_firewall","detail":"scraper","request_id":"req_1"}`)
	}))
	defer server.Close()
	_, err := run(t, "demo", "--url", server.URL)
	if err == nil || strings.Contains(err.Error(), "no suite") || !strings.Contains(err.Error(), "centinela firewall remove") {
		t.Error(err)
	}
}
