package cli

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// waits is a recovery that waits, as the suite says it.
func waits(language string) map[string]any {
	text := map[string]string{"en": "taking an account over needs two proofs", "es": "hacen falta dos pruebas"}[language]
	return map[string]any{
		"id": "rec_1", "state": "waiting", "next": []string{"wait", "saved_code"}, "reason": map[string]any{"code": "V2", "text": text},
		"evidence":    []any{map[string]any{"method": "sms", "number": "+51 ••• 321", "at": "2026-11-25T19:00:00Z"}},
		"earliest_at": "2026-11-28T19:00:00Z", "expires_at": "2026-12-05T19:00:00Z", "resend_after": 24, "dead_end": false,
		"shorter_with": []any{map[string]any{"evidence": "saved_code", "saves_seconds": 172800}, map[string]any{"evidence": "sms_oldest", "opens": true}},
		"tries_left":   map[string]any{"sms": 0, "saved_code": 5},
	}
}

// TestRecover: each step says, in both languages, where the recovery stands, why,
// until when and what would shorten it, also when it is refused; the secret stays
// in a file that only its owner reads.
func TestRecover(t *testing.T) {
	status, code, body := http.StatusOK, "", ""
	dead := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = string(raw)
		answer := waits(r.Header.Get("Accept-Language"))
		if dead {
			answer["state"], answer["dead_end"], answer["shorter_with"] = "collecting", true, []any{}
			delete(answer, "earliest_at")
		}
		switch {
		case r.URL.Path == "/v1/recoveries" && status == http.StatusOK:
			w.WriteHeader(http.StatusAccepted)
			answer = map[string]any{"recovery": answer, "secret": "s3cret"}
		case r.Header.Get("Authorization") != "Recovery s3cret" && r.URL.Path != "/v1/recoveries":
			t.Errorf("%s without the secret", r.URL)
		case status != http.StatusOK:
			w.WriteHeader(status)
			answer = map[string]any{"code": code, "title": "x", "status": status, "request_id": "req_1", "recovery": answer}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "r.json")
	if _, err := run(t, "recover", "status", "--file", file); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "recover start") {
		t.Errorf("without a file: %v", err)
	}
	status = http.StatusTooManyRequests
	if _, err := run(t, "recover", "start", "ana", "--url", server.URL, "--file", file); err == nil {
		t.Error("a start that was refused")
	}
	status = http.StatusOK // and left no file in the way
	out, err := run(t, "recover", "start", "ana", "--url", server.URL, "--file", file)
	if err != nil || strings.Contains(out, "s3cret") || !strings.Contains(body, `"identifier":"ana"`) {
		t.Fatal(out, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if _, err := run(t, "recover", "start", "ana", "--url", server.URL, "--file", file); !errors.Is(err, ErrUsage) {
		t.Errorf("a recovery that runs was overwritten: %v", err)
	}
	until := time.Date(2026, 11, 28, 19, 0, 0, 0, time.UTC).Local().Format("2006-01-02 15:04 MST")
	for lang, want := range map[string][]string{
		"es_PE.UTF-8": {
			"Estado: en espera", "Aceptado: el código de un mensaje +51 ••• 321", "Por qué: hacen falta dos pruebas [V2]", "No antes de: " + until,
			"Ayudaría: un código guardado (quita 48h); un código enviado al número más antiguo (abre un camino)", "Sigue: esperar; un código guardado", "Otro código: en 24 s", "Intentos: 0 del último",
		},
		"C": {
			"State: waiting", "Accepted: the code of a text +51 ••• 321", "Why: taking an account over needs two proofs [V2]", "Not before: " + until,
			"Would help: a saved code (takes 48h away); a code sent to the oldest number (opens a way)", "Next: wait; a saved code", "Another code: in 24 s", "Tries left: 0 of the code sent last",
		},
	} {
		t.Setenv("LC_ALL", lang)
		for _, step := range [][]string{{"status"}, {"code"}, {"code", "--number", "+51987654321"}, {"evidence", "sms", "12345678"}, {"complete"}} {
			out, err := run(t, append(append([]string{"recover"}, step...), "--file", file)...)
			for _, line := range want {
				if err != nil || !strings.Contains(out, line) {
					t.Fatalf("%s %v: no %q in\n%s%v", lang, step, line, out, err)
				}
			}
		}
	}
	if body != `{"new_password":"a new password"}` {
		t.Errorf("completed with %s", body)
	}
	// A saved code stands neither in the shell's history nor in the list of processes.
	if _, err := run(t, "recover", "evidence", "saved_code", "--file", file); err != nil || body != `{"code":"a new password","method":"saved_code"}` {
		t.Errorf("%v, %s", err, body)
	}
	if err := (RecoverEvidence{Method: "saved_code"}).Run(t.Context(), io.Discard, strings.NewReader("\n")); !errors.Is(err, ErrUsage) {
		t.Errorf("without a code: %v", err)
	}
	status, code = http.StatusConflict, "recovery_not_allowed_yet"
	for lang, want := range map[string]string{"es": "todavía no se puede", "en": "can't be set yet"} {
		out, err := run(t, "recover", "complete", "--lang", lang, "--file", file)
		if err == nil || errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(out, until) {
			t.Errorf("%s: %v\n%s", lang, err, out)
		}
	}
	status, dead = http.StatusOK, true
	for lang, want := range map[string]string{"es": "Nada que puedas aportar", "en": "Nothing that you can bring"} {
		if out, err := run(t, "recover", "status", "--lang", lang, "--file", file); err != nil || !strings.Contains(out, want) || strings.Contains(out, until) {
			t.Errorf("%s: %v\n%s", lang, err, out)
		}
	}
}

// TestRecoverWords: both languages have a word for everything.
func TestRecoverWords(t *testing.T) {
	en, es := wordsOf["en"], wordsOf["es"]
	same := func(what string, a, b int) {
		if a != b || a == 0 {
			t.Errorf("%s: %d in English, %d in Spanish", what, a, b)
		}
	}
	same("states", len(en.states), len(es.states))
	same("names", len(en.names), len(es.names))
	same("refusals", len(en.refusals), len(es.refusals))
	for code := range en.refusals {
		if es.refusals[code] == "" || es.refusals[code] == en.refusals[code] {
			t.Errorf("%s has no Spanish", code)
		}
	}
	for _, seconds := range []struct {
		n    int
		want string
	}{{172800, "48h"}, {5400, "90m"}, {61, "61s"}} {
		if got := hours(seconds.n); got != seconds.want {
			t.Errorf("%d is %s", seconds.n, got)
		}
	}
}
