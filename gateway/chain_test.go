package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

const goodAccount = `{"user_name":"ana","password":"correct horse battery staple"}`

// TestBadInput sends what the issue lists as bad input from outside (R2.1): each
// is a problem document with its code, and reaches no service.
func TestBadInput(t *testing.T) {
	s := start(t).ready()
	expired := s.people.Issue(access.Claims{Account: account, Session: session, AuthTime: s.clock.Now().Add(-time.Hour), IssuedAt: s.clock.Now().Add(-time.Hour), ExpiresAt: s.clock.Now().Add(-time.Minute)})
	tests := []struct {
		name, method, path, body string
		set                      []with
		status                   int
		code                     fault.Code
	}{
		{"unknown_route", "GET", "/v1/nothing", "", nil, 404, fault.CodeUnknownRoute},
		{"unknown_asset", "GET", "/assets/nothing.js", "", nil, 404, fault.CodeUnknownRoute},
		{"internal_route", "GET", "/internal/verdicts", "", nil, 404, fault.CodeUnknownRoute},
		{"operations_route", "GET", "/metrics", "", nil, 404, fault.CodeUnknownRoute},
		{"trailing_slash", "GET", "/v1/me/", "", nil, 404, fault.CodeUnknownRoute},
		{"dots", "GET", "/v1/me/../me", "", nil, 404, fault.CodeUnknownRoute},
		{"wrong_method", "PATCH", "/v1/me", "", nil, 405, fault.CodeMethodNotAllowed},
		{"cors_preflight", "OPTIONS", "/v1/me", "", []with{header("Origin", "https://evil.example"), header("Access-Control-Request-Method", "GET")}, 405, fault.CodeMethodNotAllowed},
		{"wrong_json", "POST", "/v1/accounts", `{"user_name":`, nil, 400, fault.CodeInvalidJSON},
		{"two_values", "POST", "/v1/accounts", goodAccount + goodAccount, nil, 400, fault.CodeInvalidJSON},
		{"name_twice", "POST", "/v1/accounts", `{"user_name":"ana","user_name":"eva","password":"correct horse battery staple"}`, nil, 400, fault.CodeInvalidJSON},
		{"deep", "POST", "/v1/accounts", strings.Repeat("[", 40) + strings.Repeat("]", 40), nil, 400, fault.CodeInvalidJSON},
		{"not_utf8", "POST", "/v1/accounts", "{\"user_name\":\"\xff\xfe\"}", nil, 400, fault.CodeInvalidJSON},
		{"extra_field", "POST", "/v1/accounts", `{"user_name":"ana","password":"correct horse battery staple","admin":true}`, nil, 400, fault.CodeInvalidRequest},
		{"wrong_type", "POST", "/v1/accounts", `{"user_name":7,"password":"correct horse battery staple"}`, nil, 400, fault.CodeInvalidRequest},
		{"operator_object", "POST", "/v1/accounts", `{"user_name":{"$gt":""},"password":{"$gt":""}}`, nil, 400, fault.CodeInvalidRequest},
		{"missing_field", "POST", "/v1/accounts", `{"user_name":"ana"}`, nil, 400, fault.CodeInvalidRequest},
		{"no_body", "POST", "/v1/accounts", "", nil, 400, fault.CodeInvalidRequest},
		{"body_without_need", "GET", "/v1/me", `{}`, []with{person(s.token())}, 400, fault.CodeInvalidRequest},
		{"other_media_type", "POST", "/v1/accounts", "a=b", []with{func(h http.Header) { h.Set("Content-Type", "text/plain") }}, 415, fault.CodeUnsupportedMediaType},
		{"compressed", "POST", "/v1/accounts", goodAccount, []with{header("Content-Encoding", "gzip")}, 415, fault.CodeUnsupportedMediaType},
		{"over_64_kib", "POST", "/v1/accounts", strings.Repeat(" ", 64<<10) + "{", nil, 413, fault.CodeBodyTooLarge},
		{"1_mib", "POST", "/v1/accounts", strings.Repeat(" ", 1<<20), nil, 413, fault.CodeBodyTooLarge},
		{"unknown_query", "GET", "/v1/me?admin=1", "", []with{person(s.token())}, 400, fault.CodeInvalidRequest},
		{"wrong_query", "GET", "/v1/conversations?limit=1000000", "", []with{person(s.token())}, 400, fault.CodeInvalidRequest},
		{"wrong_id", "DELETE", "/v1/sessions/1", "", []with{person(s.token())}, 400, fault.CodeInvalidRequest},
		{"slash_in_id", "DELETE", "/v1/sessions/..%2fme", "", []with{person(s.token())}, 400, fault.CodeInvalidRequest},
		{"no_token", "GET", "/v1/me", "", nil, 401, fault.CodeUnauthenticated},
		{"no_bearer", "GET", "/v1/me", "", []with{header("Authorization", "Basic YTpi")}, 401, fault.CodeUnauthenticated},
		{"bad_token", "GET", "/v1/me", "", []with{person("x.y.z")}, 401, fault.CodeTokenInvalid},
		{"altered_token", "GET", "/v1/me", "", []with{person(s.token() + "A")}, 401, fault.CodeTokenInvalid},
		{"unsigned_token", "GET", "/v1/me", "", []with{person("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoidGVzdC1rZXkifQ.eyJzdWIiOiJhIn0.")}, 401, fault.CodeTokenInvalid},
		{"expired_token", "GET", "/v1/me", "", []with{person(expired)}, 401, fault.CodeTokenExpired},
	}
	reached := func() int {
		return len(s.auth.requests("/v1/accounts")) + len(s.auth.requests("/v1/me")) + len(s.chat.requests("/v1/conversations")) + len(s.auth.requests("/v1/sessions/1"))
	}
	before := reached()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.send(tt.method, tt.path, tt.body, tt.set...).refused(t, tt.status, tt.code)
			p := got.problem(t)
			if p.RequestID == "" || p.RequestID != got.header.Get("X-Request-Id") {
				t.Errorf("request_id = %q, header %q", p.RequestID, got.header.Get("X-Request-Id"))
			}
			if tt.status == 405 && got.header.Get("Allow") != "GET" {
				t.Errorf("Allow = %q", got.header.Get("Allow"))
			}
			if tt.body != "" && len(tt.body) < 200 && strings.Contains(got.body, "correct horse") {
				t.Error("the answer holds the rejected value")
			}
			secured(t, got)
		})
	}
	if after := reached(); after != before {
		t.Errorf("%d refused requests reached a service", after-before)
	}
}

// secured checks the headers that every answer has, and that none opens the
// gateway to other origins.
func secured(t testing.TB, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := a.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s = %q, want %q once", name, got, want)
		}
	}
	if csp := a.header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.HasPrefix(csp[0], "default-src 'none'") || !strings.Contains(csp[0], "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy = %q", csp)
	}
	if cache := a.header.Values("Cache-Control"); len(cache) != 1 {
		t.Errorf("Cache-Control = %q, want one value", cache)
	}
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || name == "Server" {
			t.Errorf("the answer has a header %s", name)
		}
	}
}

// TestGoodRequests: what is right passes, with the service's answer and the
// gateway's headers once (R2.1, the other half).
func TestGoodRequests(t *testing.T) {
	s := start(t).ready()
	me := s.get("/v1/me", person(s.token())).ok(t)
	if me.body != accountBody {
		t.Errorf("body = %s", me.body)
	}
	secured(t, me)
	if len(me.header.Values("X-Request-Id")) != 1 {
		t.Errorf("X-Request-Id = %q", me.header.Values("X-Request-Id"))
	}
	if got := s.send("POST", "/v1/accounts", goodAccount); got.status != http.StatusCreated {
		t.Errorf("sign-up: %s", got)
	}
	keys := s.get("/.well-known/jwks.json").ok(t)
	if keys.header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("the service's Cache-Control is lost: %q", keys.header.Get("Cache-Control"))
	}
	secured(t, keys)
}

// TestBodyIsCutWhileReading: a body that doesn't say how long it is is cut at the
// limit, and not read to its end (R2.1).
func TestBodyIsCutWhileReading(t *testing.T) {
	s := start(t).ready()
	endless := &counting{Reader: strings.NewReader(`{"user_name":"` + strings.Repeat("a", 64<<20))}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/accounts", endless)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	s.do(req).refused(t, 413, fault.CodeBodyTooLarge)
	if n := endless.n.Load(); n > 8<<20 {
		t.Errorf("%d bytes were taken of a body with a limit of 64 KiB", n)
	}
}

type counting struct {
	io.Reader
	n atomic.Int64 // the client may go on sending when the answer is here
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// TestUnreadableRequests: what net/http answers before there is a handler ends the
// connection and crashes nothing (R2.1: a 100 KiB header), is counted, recorded and
// logged once; and a refused address gets no answer at all (AG D12).
func TestUnreadableRequests(t *testing.T) {
	s := start(t).ready()
	tests := []struct {
		name, request string
		status        int
	}{
		{"100_kib_header", "GET /v1/me HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", 431},
		{"many_headers", "GET /v1/me HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X-A: b\r\n", 10_000) + "\r\n", 431},
		{"no_http", "\x16\x03\x01\x02\x00 hello there\r\n\r\n", 400},
		{"no_host", "GET /v1/me HTTP/1.1\r\n\r\n", 400},
		{"two_lengths", "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		{"unknown_transfer_encoding", "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"http_9", "GET /v1/me HTTP/9.0\r\nHost: a\r\n\r\n", 505},
		{"unknown_expectation", "GET /v1/me HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n", 417},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn := dial(t, s.addr)
			go io.WriteString(conn, tt.request) // the answer may come before all of it was sent
			got, closed := readAnswer(t, conn)
			if got.status != tt.status || !closed {
				t.Errorf("%s, closed %v", got, closed)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Security-Policy") == "" {
				t.Errorf("without the security headers: %v", got.header)
			}
		})
	}
	if n := s.metric("centinela_gateway_refusals_total", "unreadable"); n != float64(len(tests)) {
		t.Errorf("%v counted, want %d", n, len(tests))
	}
	if lines := s.logs.with("a request could not be read"); len(lines) != 1 {
		t.Errorf("%d lines: %s", len(lines), lines)
	}
	s.get("/v1/me", person(s.token())).ok(t)

	s.audit.Put(refuse(verdicts.KindIP, "127.0.0.1"))
	s.within(time.Second, 403, func() answer { return s.get("/") })
	for _, tt := range tests {
		t.Run("refused_"+tt.name, func(t *testing.T) {
			conn := dial(t, s.addr)
			go io.WriteString(conn, tt.request) // the connection may end before all of it was sent
			if got, err := io.ReadAll(conn); len(got) > 0 {
				t.Errorf("a refused address got %q (%v)", got, err)
			}
		})
	}
	s.get("/", from("198.51.100.9")).ok(t) // who is not refused, by the pretended address
}

// TestUnreadableBehindAProxy: there, net/http's own answers go to the proxy, whoever the client was.
func TestUnreadableBehindAProxy(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Proxy.Trusted = []string{"127.0.0.0/8"} })).ready()
	s.audit.Put(refuse(verdicts.KindIP, "127.0.0.1"))
	s.within(time.Second, 403, func() answer { return s.get("/") })
	conn := dial(t, s.addr)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := readAnswer(t, conn); got.status != http.StatusExpectationFailed {
		t.Errorf("%s", got)
	}
}

// TestOptionsOfEverything: `OPTIONS *` goes through the chain (AG D12): headers, log,
// firewall and rates.
func TestOptionsOfEverything(t *testing.T) {
	s := start(t).ready()
	ask := func() answer {
		conn := dial(t, s.addr)
		if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, _ := readAnswer(t, conn)
		return got
	}
	got := ask().refused(t, 404, fault.CodeUnknownRoute)
	secured(t, got)
	if got.header.Get("RateLimit") == "" || len(s.logs.with(`"method":"OPTIONS"`)) != 1 {
		t.Errorf("%v, %d lines", got.header, len(s.logs.with(`"method":"OPTIONS"`)))
	}
	s.audit.Put(refuse(verdicts.KindIP, "127.0.0.1"))
	s.within(time.Second, 403, ask).refused(t, 403, fault.CodeRefusedByFirewall)
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readAnswer reads one answer, and whether the connection ended after it.
func readAnswer(t testing.TB, conn net.Conn) (a answer, closed bool) {
	t.Helper()
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a = answer{status: resp.StatusCode, header: resp.Header, body: string(text), proto: resp.Proto}
	if !resp.Close {
		return a, false
	}
	_, err = reader.ReadByte()
	return a, err != nil
}

// TestOrderOfTheChain: a request that is wrong in several ways is refused by the
// first part of the chain that can (architecture, "Requests"): the cheap ones first.
func TestOrderOfTheChain(t *testing.T) {
	s := start(t, config(rate("3-H"))).ready()
	const bad = `{"nothing":1}`
	s.audit.Put(refuse(verdicts.KindIP, "203.0.113.1"), refuse(verdicts.KindAccount, account))
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		got := s.get("/", from("203.0.113.1"))
		return got.status == http.StatusForbidden, got.String()
	})

	steps := []struct {
		name string
		got  answer
		want int
		code fault.Code
	}{
		{"body limit before firewall", s.send("PUT", "/v1/me/password", strings.Repeat(" ", 1<<17), from("203.0.113.1")), 413, fault.CodeBodyTooLarge},
		{"firewall before authentication", s.send("PUT", "/v1/me/password", bad, from("203.0.113.1")), 403, fault.CodeRefusedByFirewall},
		{"firewall before rate limit", often(4, func() answer { return s.send("PUT", "/v1/me/password", bad, from("203.0.113.1")) }), 403, fault.CodeRefusedByFirewall},
		{"authentication before validation", s.send("PUT", "/v1/me/password", bad, from("203.0.113.2")), 401, fault.CodeUnauthenticated},
		{"verdicts on people before validation", s.send("PUT", "/v1/me/password", bad, from("203.0.113.2"), person(s.token())), 403, fault.CodeRefusedByFirewall},
		{"validation", s.send("PUT", "/v1/me/password", bad, from("203.0.113.2"), person(s.people.Token("acc_000000000000000000000002", session))), 400, fault.CodeInvalidRequest},
		{"rate limit before authentication", s.send("PUT", "/v1/me/password", bad, from("203.0.113.2")), 429, fault.CodeTooManyRequests},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) { step.got.refused(t, step.want, step.code) })
	}
}

// often asks so many times, and returns the last answer.
func often(times int, ask func() answer) (last answer) {
	for range times {
		last = ask()
	}
	return last
}

// TestProbingIsRecorded: what was refused here shows in the record, a line for
// each kind and address and not one for each request (R5).
func TestProbingIsRecorded(t *testing.T) {
	s := start(t).ready()
	for range 20 {
		s.get("/.env", from("198.51.100.7"))
		s.get("/v1/me", person("x"), from("198.51.100.7"))
	}
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		var unknown, token int
		for _, e := range s.audit.Recorded(record.GatewayRequestRefused) {
			if e.Address == "198.51.100.7" && e.Outcome == record.Refused && e.RequestID != "" {
				switch e.Reason {
				case "Not Found":
					unknown++
				case "Unauthorized":
					token++
				}
			}
		}
		if unknown > 1 || token > 1 {
			t.Fatalf("%d and %d lines for one kind of refusal", unknown, token)
		}
		return unknown == 1 && token == 1, fmt.Sprintf("%d unknown routes, %d bad tokens", unknown, token)
	})
}
