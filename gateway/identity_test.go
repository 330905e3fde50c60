package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/verdicts"
)

// arrived is what reached auth of one request to /v1/me.
func (s *suite) arrived(set ...with) *http.Request {
	s.t.Helper()
	before := len(s.auth.requests("/v1/me"))
	s.get("/v1/me", append(set, person(s.token()))...).ok(s.t)
	seen := s.auth.requests("/v1/me")
	if len(seen) != before+1 {
		s.t.Fatalf("%d requests reached auth, want one", len(seen)-before)
	}
	return seen[before]
}

// TestForgedHeaders: nothing that a client says under our names, or about where
// it comes from, reaches a service (R2.1, architecture "Client address").
func TestForgedHeaders(t *testing.T) {
	s := start(t, production).ready()
	got := s.arrived(
		header("X-Centinela-Service", "forged"),
		header("x-centinela-client-address", "192.0.2.66"),
		header("X-Centinela-User-Agent", "forged"),
		header("X-Centinela-Deadline-Ms", "99999999"),
		header("X-Centinela-Anything", "forged"),
		header("X-Forwarded-For", "192.0.2.66"),
		header("X-Forwarded-Proto", "forged"),
		header("X-Forwarded-Host", "forged.example"),
		header("X-Forwarded-Prefix", "/forged"),
		header("Forwarded", "for=192.0.2.66"),
		header("X-Real-Ip", "192.0.2.66"),
		header("X-Request-Id", "forged"),
		header("Cookie", "a=forged"),
		header("User-Agent", "the client's own"),
	)
	for name, values := range got.Header {
		for _, value := range values {
			if strings.Contains(value, "forged") || strings.Contains(value, "192.0.2.66") || value == "99999999" {
				t.Errorf("%s: %s reached the service", name, value)
			}
		}
	}
	for _, name := range []string{"Cookie", "X-Centinela-Anything", "Forwarded", "X-Real-Ip", "X-Forwarded-For"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s reached the service", name)
		}
	}
	if caller, err := s.ids.Verifier(module.Auth).Verify(got.Header.Get(httpkit.HeaderService)); err != nil || caller != module.Gateway {
		t.Errorf("the call is signed by %q: %v", caller, err)
	}
	for name, want := range map[string]string{
		httpkit.HeaderClientAddress: "127.0.0.1", httpkit.HeaderUserAgent: "the client's own", "X-Forwarded-Host": s.addr,
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s = %q, want %q", name, value, want)
		}
	}
}

// TestConnectionHeader: naming our headers as hop-by-hop must not take them off
// the call to the service.
func TestConnectionHeader(t *testing.T) {
	s := start(t, production).ready()
	conn := dial(t, s.addr)
	if _, err := io.WriteString(conn, "GET /v1/me HTTP/1.1\r\nHost: a\r\nConnection: close, X-Centinela-Client-Address, X-Centinela-Service, Authorization\r\nAuthorization: Bearer "+s.token()+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := readAnswer(t, conn)
	got.ok(t)
	seen := s.auth.requests("/v1/me")
	if address := seen[len(seen)-1].Header.Get(httpkit.HeaderClientAddress); address != "127.0.0.1" {
		t.Errorf("the service got the address %q", address)
	}
}

// TestForwardedFor: only a proxy that the configuration names may say where a
// request comes from, and only its own hop counts.
func TestForwardedFor(t *testing.T) {
	tests := []struct {
		name, trusted, forwarded, want string
	}{
		{"no_proxy", "", "198.51.100.9", "127.0.0.1"},
		{"another_proxy", "10.0.0.0/8", "198.51.100.9", "127.0.0.1"},
		{"proxy", "127.0.0.0/8", "198.51.100.9", "198.51.100.9"},
		{"client_wrote_one_too", "127.0.0.0/8", "192.0.2.66, 198.51.100.9", "198.51.100.9"},
		{"two_proxies", "127.0.0.0/8", "192.0.2.66, 198.51.100.9, 127.0.0.2", "198.51.100.9"},
		{"ipv6", "127.0.0.0/8", "2001:db8::7", "2001:db8::7"},
		{"nonsense", "127.0.0.0/8", "<script>", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, production, config(func(c *gateway.Config) {
				if tt.trusted != "" {
					c.Proxy.Trusted = []string{tt.trusted}
				}
			})).ready()
			if got := s.arrived(header("X-Forwarded-For", tt.forwarded)).Header.Get(httpkit.HeaderClientAddress); got != tt.want {
				t.Errorf("the service got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestDevAddress: pretending an address works in development only.
func TestDevAddress(t *testing.T) {
	if got := start(t).ready().arrived(from("198.51.100.9")).Header.Get(httpkit.HeaderClientAddress); got != "198.51.100.9" {
		t.Errorf("development: %q", got)
	}
	s := start(t, production).ready()
	before := len(s.auth.requests("/v1/me"))
	s.get("/v1/me", from("198.51.100.9"), person(s.token())).refused(t, 403, fault.CodeDevOnly)
	if n := len(s.auth.requests("/v1/me")); n != before {
		t.Error("production: a request with a pretended address reached auth")
	}
}

// TestServiceRefusesGateway: a service that doesn't believe the gateway is an
// error of ours; it must not look like a bad token, which signs people out.
func TestServiceRefusesGateway(t *testing.T) {
	s := start(t)
	s.ready()
	other := newAuth(t, start(t).ids, s.people) // knows another gateway's key
	s.move(module.Auth, other.server.URL)
	got := s.get("/v1/me", person(s.token()))
	got.refused(t, 500, "internal")
	if got.header.Get("WWW-Authenticate") != "" {
		t.Error("the service's challenge reached the client")
	}
}

// TestOwnName (FR A19, A20): behind a proxy that rewrites Host, a page of gateway.public_base is our own for the services, and
// so is one of gateway.origins; another page's Origin says nothing.
func TestOwnName(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) {
		c.PublicBase, c.Origins = "https://id.example.org", []string{"capacitor://localhost", "https://APP.example.org:443/"}
	})).ready()
	for origin, want := range map[string]string{
		"https://id.example.org": "id.example.org", "": "upstream.internal", "https://evil.example": "upstream.internal",
		"https://id.example.org.evil.example": "upstream.internal", "null": "upstream.internal",
		"capacitor://localhost": "localhost", "https://app.example.org": "app.example.org", "https://app.example.org:8443": "upstream.internal",
		"http://app.example.org": "upstream.internal",
	} {
		got := s.arrived(header("Host", "upstream.internal"), func(h http.Header) {
			if origin != "" {
				h.Set("Origin", origin)
			}
		})
		if host := got.Header.Get("X-Forwarded-Host"); host != want {
			t.Errorf("Origin %q: the service is told of %q, want %q", origin, host, want)
		}
	}
}

// TestOrigins (FR A20; gateway.md, "CORS closed by default"): pages that the configuration lists may ask and read, also what was
// refused; all others, and without a list everybody, get nothing.
func TestOrigins(t *testing.T) {
	const page = "https://app.example.org"
	open := start(t, config(func(c *gateway.Config) { c.Origins = []string{page} })).ready()
	closed := start(t).ready()
	preflight := []with{header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "authorization,content-type")}
	for _, tt := range []struct {
		name    string
		s       *suite
		origin  string
		allowed bool
	}{
		{"listed", open, page, true}, {"another", open, "https://evil.example", false}, {"no list", closed, page, false}, {"another port", open, page + ":444", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			origin := header("Origin", tt.origin)
			ask := tt.s.send("OPTIONS", "/v1/sessions", "", append(preflight, origin)...)
			if tt.allowed && (ask.status != 204 || ask.header.Get("Access-Control-Allow-Methods") == "" || ask.header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type") {
				t.Errorf("preflight: %s %v", ask, ask.header)
			}
			if !tt.allowed {
				ask.refused(t, 405, fault.CodeMethodNotAllowed)
				secured(t, ask)
			}
			for what, got := range map[string]answer{
				"preflight": ask, "good": tt.s.get("/v1/me", origin, person(tt.s.token())).ok(t), "refused": tt.s.get("/v1/me", origin).refused(t, 401, fault.CodeUnauthenticated),
			} {
				if allow := got.header.Get("Access-Control-Allow-Origin"); (allow == tt.origin) != tt.allowed || !tt.allowed && allow != "" {
					t.Errorf("%s: Access-Control-Allow-Origin %q", what, allow)
				}
				if got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: credentials are allowed", what)
				}
			}
		})
	}
	open.audit.Put(refuse(verdicts.KindIP, "203.0.113.5"))
	open.within(time.Second, 403, func() answer {
		return open.send("OPTIONS", "/v1/sessions", "", append(preflight, header("Origin", page), from("203.0.113.5"))...)
	})
}
