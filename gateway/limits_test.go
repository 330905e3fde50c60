package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/gateway/internal/edge"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func connections(all, perAddress int) option {
	return config(func(c *gateway.Config) { c.Connections = gateway.ConnectionConfig{Max: all, PerAddress: perAddress} })
}

// rate is a low limit for password changes, which are of the sign-in class.
func rate(signIn string) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Rates.SignIn = signIn }
}

// inside opens a connection and proves that it is served.
func inside(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn := dial(t, addr)
	ask(t, conn)
	return conn
}

func ask(t testing.TB, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := make([]byte, 4096)
	n, err := conn.Read(reader)
	if err != nil || !strings.HasPrefix(string(reader[:n]), "HTTP/1.1 200 ") {
		t.Fatalf("inside: %v %q", err, reader[:n])
	}
}

// TestConnectionLimits: a connection over the limit is told why and closed, the
// ones inside go on, and a place that is free is given again (R2.2).
func TestConnectionLimits(t *testing.T) {
	tests := []struct {
		name            string
		all, perAddress int
		limit           string
	}{
		{"per_address", 100, 3, "address"},
		{"in_all", 3, 100, "all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, connections(tt.all, tt.perAddress))
			var held []net.Conn
			for range 3 {
				held = append(held, inside(t, s.addr))
			}
			for range 5 {
				got, closed := readAnswer(t, dial(t, s.addr))
				got.refused(t, 429, fault.CodeTooManyConnections)
				secured(t, got)
				if !closed || got.header.Get("Retry-After") == "" {
					t.Errorf("closed %v, Retry-After %q", closed, got.header.Get("Retry-After"))
				}
			}
			for _, conn := range held {
				ask(t, conn)
			}
			if n := s.metric("centinela_gateway_connections_refused_total", tt.limit); n != 5 {
				t.Errorf("%v refusals counted, want 5", n)
			}
			if n := s.metric("centinela_gateway_connections_open"); n != 3 {
				t.Errorf("%v connections counted, want 3", n)
			}
			held[0].Close()
			testkit.Eventually(t, testkit.Patience, func() (bool, string) {
				return s.metric("centinela_gateway_connections_open") == 2, "the place isn't given back"
			})
			ask(t, inside(t, s.addr))
		})
	}
}

// TestProxyMayHoldMany: behind a declared proxy all clients share its address, so
// the limit for one address doesn't count there; the one for all does.
func TestProxyMayHoldMany(t *testing.T) {
	s := start(t, connections(6, 2), config(func(c *gateway.Config) { c.Proxy.Trusted = []string{"127.0.0.0/8"} }))
	for range 6 {
		inside(t, s.addr)
	}
	got, _ := readAnswer(t, dial(t, s.addr))
	got.refused(t, 429, fault.CodeTooManyConnections)
}

// TestRateLimits: an address has so many requests of a class, learns how it
// stands, and others go on; IPv6 is counted by /64 (R2.2).
func TestRateLimits(t *testing.T) {
	tests := []struct {
		name                string
		one, same, somebody string
	}{
		{"ipv4", "198.51.100.1", "198.51.100.1", "198.51.100.2"},
		{"ipv6", "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:2::1"},
		{"ipv4_written_as_ipv6", "198.51.100.11", "::ffff:198.51.100.11", "198.51.100.12"},
	}
	s := start(t, config(func(c *gateway.Config) { c.Rates.SignUp = "4-H" })).ready()
	signUp := func(address string) answer { return s.send("POST", "/v1/accounts", goodAccount, from(address)) }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range 4 {
				address := tt.one
				if i%2 == 1 {
					address = tt.same
				}
				got := signUp(address)
				if got.status != http.StatusCreated {
					t.Fatalf("request %d: %s", i, got)
				}
				if want := fmt.Sprintf(`"sign_up";r=%d;`, 3-i); !strings.HasPrefix(got.header.Get("RateLimit"), want) || got.header.Get("RateLimit-Policy") != `"sign_up";q=4;w=3600` {
					t.Errorf("RateLimit %q, RateLimit-Policy %q", got.header.Get("RateLimit"), got.header.Get("RateLimit-Policy"))
				}
			}
			got := signUp(tt.same).refused(t, 429, fault.CodeTooManyRequests)
			if got.header.Get("Retry-After") == "" || !strings.HasPrefix(got.header.Get("RateLimit"), `"sign_up";r=0;`) {
				t.Errorf("Retry-After %q, RateLimit %q", got.header.Get("Retry-After"), got.header.Get("RateLimit"))
			}
			if got := signUp(tt.somebody); got.status != http.StatusCreated {
				t.Errorf("somebody else: %s", got)
			}
			s.get("/v1/me", person(s.token()), from(tt.one)).ok(t) // another class
		})
	}
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		n := len(s.audit.Recorded(record.GatewayRateLimited))
		return n == len(tests), fmt.Sprintf("%d of %d refusals recorded", n, len(tests))
	})
}

// TestTimeTravelKeepsLimits: the limits run on real time; nobody resets them by
// moving the development clock.
func TestTimeTravelKeepsLimits(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Rates.SignUp = "1-H" })).ready()
	s.send("POST", "/v1/accounts", goodAccount)
	if _, err := s.clock.Advance(48 * time.Hour); err != nil {
		t.Fatal(err)
	}
	s.send("POST", "/v1/accounts", goodAccount).refused(t, 429, fault.CodeTooManyRequests)
}

// TestSlowBody: a body that dribbles is cut at the request's end, and holds
// nobody else up (R2.1, slow bodies).
func TestSlowBody(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.RequestTimeout = 300 * time.Millisecond })).ready()
	conn := dial(t, s.addr)
	began := time.Now()
	if _, err := io.WriteString(conn, "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	got, _ := readAnswer(t, conn)
	got.refused(t, 408, fault.CodeRequestTimeout)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("cut after %s", took)
	}
	s.get("/v1/me", person(s.token())).ok(t)
}

// TestClasses (MU G02, G03; AG W3): what costs, and what guessing pays at, has the limit of its class; the specification says so.
func TestClasses(t *testing.T) {
	want := map[string]string{
		"createAccount": edge.ClassSignUp,
		"createSession": edge.ClassSignIn, "changePassword": edge.ClassSignIn,
		"refreshSession": edge.ClassRefresh,
		"startRecovery":  edge.ClassRecovery, "sendRecoveryCode": edge.ClassRecovery, "addEvidence": edge.ClassRecovery,
		"completeRecovery": edge.ClassRecovery, "vetoRecovery": edge.ClassRecovery,
		"verifyPhone": edge.ClassRecovery, "sendPhoneCode": edge.ClassRecovery, "addPhone": edge.ClassRecovery,
	}
	got, err := edge.Classes(publicSpec(t))
	if err != nil {
		t.Fatal(err)
	}
	for op, class := range want {
		if got[op] != class {
			t.Errorf("%s is of class %q, want %q", op, got[op], class)
		}
	}
	for op, class := range got {
		if want[op] == "" {
			t.Errorf("%s is of class %s: this test doesn't say so", op, class)
		}
	}
	spec := publicSpec(t)
	spec.Paths.Find("/v1/me").Get.Extensions = map[string]any{"x-rate": "sign-in"}
	if _, err := edge.Classes(spec); err == nil || !strings.Contains(err.Error(), "/v1/me") {
		t.Errorf("a class that nobody knows: %v", err)
	}
}

// TestRefreshesSpendNoSignIns (AG W3): an office that refreshes, or a stranger's junk there, keeps nobody from signing in.
func TestRefreshesSpendNoSignIns(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Rates.SignIn, c.Rates.Refresh = "2-H", "3-H" })).ready()
	refresh := func() answer { return s.send("POST", "/v1/sessions/refresh", `{"refresh_token":"junk"}`) }
	for range 3 {
		if got := refresh(); got.status == http.StatusTooManyRequests {
			t.Fatalf("a refresh within its limit: %s", got)
		}
	}
	refresh().refused(t, 429, fault.CodeTooManyRequests)
	if got := s.send("POST", "/v1/sessions", `{"identifier":"ana","password":"x"}`); got.status == http.StatusTooManyRequests {
		t.Errorf("a sign-in after the refreshes: %s", got)
	}
}
