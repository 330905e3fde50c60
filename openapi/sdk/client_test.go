package sdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/secret"
)

// TestNew: the URL of a suite, and nothing else.
func TestNew(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://x", "/v1", "http://"} {
		if _, err := New(bad); err == nil {
			t.Errorf("New(%q) gave no error", bad)
		}
	}
	c, err := New("https://id.example.org/")
	if err != nil || c.BaseURL() != "https://id.example.org" || c.Device() == "" {
		t.Fatalf("New: %v", err)
	}
}

// TestHeaders: device, pretended address and User-Agent go with the calls; With shares and changes.
func TestHeaders(t *testing.T) {
	f := newFake(t, func(call) (int, any) { return http.StatusCreated, tokens(1, 600) })
	key := NewDeviceKey()
	c := f.client(WithDeviceKey(key), WithDeviceName("Ana's phone"), WithUserAgent("app/2"), WithLanguage("es"), WithDevAddress("203.0.113.9"))
	other, err := c.With(WithDevAddress("198.51.100.7"))
	if err != nil {
		t.Fatal(err)
	}
	for i, client := range []*Client{c, other} {
		if _, err := client.SignIn(t.Context(), "ana", "a password"); err != nil {
			t.Fatal(err)
		}
		got := f.said()[i]
		want := fmt.Sprintf(`{"device":{"key":%q,"name":"Ana's phone"},"identifier":"ana","password":"a password"}`, string(key))
		if got.body != want || got.header.Get("User-Agent") != "app/2" || got.header.Get("Accept-Language") != "es" || got.header.Get("X-Dev-Address") != []string{"203.0.113.9", "198.51.100.7"}[i] {
			t.Errorf("call %d: %s %v", i, got.body, got.header)
		}
	}
}

// TestProblem: every field of RFC 9457 arrives, and what is no problem document is told by its status.
func TestProblem(t *testing.T) {
	f := newFake(t, func(c call) (int, any) {
		if c.path == "/v1/sessions" {
			return http.StatusBadGateway, "<html>secret upstream</html>"
		}
		return http.StatusBadRequest, problem{
			Code: "invalid_field", Detail: "look at the fields", RetryAfter: 7,
			Errors: []map[string]any{{"pointer": "/user_name", "code": "invalid_field", "detail": "too short"}},
		}
	})
	c := f.client()
	_, err := c.SignUp(t.Context(), "x", "y", "")
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	if p.Status != 400 || p.Code != "invalid_field" || p.Detail != "look at the fields" || p.RequestID != "req_1" || p.RetryAfter != 7*time.Second ||
		len(p.Errors) != 1 || p.Errors[0] != (FieldProblem{"/user_name", "invalid_field", "too short"}) || p.Title != "Bad Request" {
		t.Errorf("got %+v", p)
	}
	if want := "400 invalid_field: look at the fields; /user_name: too short (request req_1)"; p.Error() != want {
		t.Errorf("%q, want %q", p.Error(), want)
	}
	_, err = c.SignIn(t.Context(), "x", "y")
	if !errors.As(err, &p) || p.Code != "http_502" || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if HasCode(nil, "x") || HasCode(errors.New("x"), "x") || !HasCode(fmt.Errorf("w: %w", err), "http_502") {
		t.Error("HasCode")
	}
}

// TestProblemOfRecovery (NC A4): a refusal says where the recovery stands, typed.
func TestProblemOfRecovery(t *testing.T) {
	f := newFake(t, func(call) (int, any) {
		return http.StatusConflict, map[string]any{
			"code": "recovery_not_allowed_yet", "recovery": map[string]any{
				"id": "rec_1", "state": "waiting", "earliest_at": "2026-11-28T19:12:00Z", "reason": map[string]any{"code": "V2", "text": "…"},
				"shorter_with": []any{map[string]any{"evidence": "saved_code", "saves_seconds": 60}}, "tries_left": map[string]any{"sms": 4, "saved_code": 5}, "resend_after": 24, "dead_end": true,
			},
		}
	})
	_, err := f.client().ResumeRecovery("rec_1", "s").Complete(t.Context(), "p")
	var p *Problem
	if !errors.As(err, &p) || p.Recovery == nil || p.Code != CodeNotAllowedYet {
		t.Fatalf("got %v", err)
	}
	r := *p.Recovery
	if r.State != Waiting || !r.EarliestAt.Equal(time.Date(2026, 11, 28, 19, 12, 0, 0, time.UTC)) || r.Reason.Code != "V2" || *r.ShorterWith[0].SavesSeconds != 60 || r.TriesLeft.Sms != 4 || r.ResendAfter != 24 || !r.DeadEnd {
		t.Errorf("got %+v", r)
	}
}

// TestBrokenAnswer: an answer that is not what the specification says is an error.
func TestBrokenAnswer(t *testing.T) {
	f := newFake(t, func(call) (int, any) { return http.StatusCreated, `{"account": 7}` })
	if _, err := f.client().SignUp(t.Context(), "x", "y", ""); err == nil || !strings.Contains(err.Error(), "specification") {
		t.Errorf("got %v", err)
	}
}

// TestRetry: what may be repeated is, at most three times, and Retry-After is honoured.
func TestRetry(t *testing.T) {
	down := func() (*http.Response, error) { return answerOf(503, nil, ""), nil }
	asked := func(s string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return answerOf(503, map[string]string{"Retry-After": s}, ""), nil }
	}
	cut := func() (*http.Response, error) { return nil, errors.New("connection reset") }
	refusedDial := func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("refused")} }
	fine := func() (*http.Response, error) {
		return answerOf(200, nil, `{"now":"2030-01-01T00:00:00Z","offset_seconds":0}`), nil
	}
	limited := func() (*http.Response, error) { return answerOf(429, nil, ""), nil }
	get := func(c *Client, ctx context.Context) error { _, err := c.Dev().Clock(ctx); return err }
	post := func(c *Client, ctx context.Context) error { _, err := c.Dev().Advance(ctx, time.Hour); return err }
	for _, c := range []struct {
		name        string
		call        func(*Client, context.Context) error
		answers     []func() (*http.Response, error)
		tries       int
		ok          bool
		least, most time.Duration
	}{
		{"GET, down then up", get, []func() (*http.Response, error){down, down, fine}, 3, true, 300 * time.Millisecond, 600 * time.Millisecond},
		{"GET, cut then up", get, []func() (*http.Response, error){cut, fine}, 2, true, 100 * time.Millisecond, 200 * time.Millisecond},
		{"GET, Retry-After honoured", get, []func() (*http.Response, error){asked("3"), fine}, 2, true, 3 * time.Second, 3 * time.Second},
		{"GET, Retry-After too long", get, []func() (*http.Response, error){asked("60")}, 1, false, 0, 0},
		{"GET, down for good", get, []func() (*http.Response, error){down, down, down}, 3, false, 300 * time.Millisecond, 600 * time.Millisecond},
		{"GET, refused is not down", get, []func() (*http.Response, error){limited}, 1, false, 0, 0},
		{"POST is not repeated", post, []func() (*http.Response, error){down}, 1, false, 0, 0},
		{"POST, cut is not repeated", post, []func() (*http.Response, error){cut}, 1, false, 0, 0},
		{"POST that was never sent is", post, []func() (*http.Response, error){refusedDial, fine}, 2, true, 100 * time.Millisecond, 200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				client, err := New("http://suite", WithHTTPClient(&http.Client{Transport: carry(func(*http.Request) (*http.Response, error) {
					n++
					return c.answers[n-1]()
				})}))
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				err = c.call(client, t.Context())
				took := time.Since(start)
				if n != c.tries || (err == nil) != c.ok || took < c.least || took > c.most {
					t.Errorf("%d tries, error %v, took %s", n, err, took)
				}
			})
		})
	}
}

// TestRetryEndsWithContext: who gives up doesn't wait for a retry.
func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		client, err := New("http://suite", WithHTTPClient(&http.Client{Transport: carry(func(*http.Request) (*http.Response, error) {
			return answerOf(503, map[string]string{"Retry-After": "4"}, ""), nil
		})}))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = client.Dev().Clock(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// TestRedirect: an answer that points elsewhere is a refusal; nothing is sent there, above all no password.
func TestRedirect(t *testing.T) {
	elsewhere := newFake(t, func(call) (int, any) { return http.StatusCreated, tokens(1, 600) })
	suite := httptest.NewServer(http.RedirectHandler(elsewhere.server.URL+"/v1/sessions", http.StatusTemporaryRedirect))
	t.Cleanup(suite.Close)
	c, err := New(suite.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	if _, err := c.SignIn(t.Context(), "ana", "a password"); !HasCode(err, "http_307") {
		t.Errorf("got %v", err)
	}
	if calls := elsewhere.said(); len(calls) != 0 {
		t.Errorf("%d calls went elsewhere", len(calls))
	}
}

// TestSecretsHidden: keys, tokens and recovery secrets don't print, and don't come out of slog, by themselves or out of
// what holds them.
func TestSecretsHidden(t *testing.T) {
	key := DeviceKey("the-device-key")
	have := Tokens{Session: "ses_1", Access: "the-access", Refresh: "the-refresh"}
	client, err := New("http://user:the-url-password@suite", WithDeviceKey(key))
	if err != nil {
		t.Fatal(err)
	}
	r := client.ResumeRecovery("rec_1", "the-secret")
	file := filepath.Join(t.TempDir(), "operator.key")
	signer, err := secret.LoadSigner(file, true)
	if err != nil {
		t.Fatal(err)
	}
	op, err := client.Operator(file)
	if err != nil {
		t.Fatal(err)
	}
	s := client.Restore(have)
	for name, value := range map[string]any{
		"device key": key, "tokens": have, "recovery": r, "recovery by value": *r, "client": client, "session": s, "operator": op,
		"phones": s.Phones(), "conversations": s.Conversations(), "dev": client.Dev(),
		"an app's": struct {
			s  *Session
			c  *Client
			op *Operator
		}{s, client, op},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%s", "%+v", "%#v"} {
			fmt.Fprintf(&out, verb+" ", value)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
		bytesOf := fmt.Sprintf("%d", signer.Seed()[:8])
		for _, hidden := range []string{"the-device-key", "the-access", "the-refresh", "the-secret", "the-url-password", bytesOf[1 : len(bytesOf)-1]} {
			if strings.Contains(out.String(), hidden) {
				t.Errorf("%s: %s is in %s", name, hidden, out.String())
			}
		}
	}
	if len(NewDeviceKey()) != 43 || NewDeviceKey() == NewDeviceKey() {
		t.Error("NewDeviceKey")
	}
}
