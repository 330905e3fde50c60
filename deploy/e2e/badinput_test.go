package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/deploy/suite"
)

// Bad input, from outside, through the gateway: each answer is a problem
// document that names what is wrong, and the suite goes on (R3, R4.1).
func TestBadInput(t *testing.T) {
	for _, top := range topologies {
		t.Run(string(top), func(t *testing.T) {
			s := start(t, top, onSQLite)
			badRequests(t, s)
			expiredToken(t, s)
			if status := suite.Readyz(t.Context(), s.Ops("gateway")); status != http.StatusOK {
				t.Errorf("after all that the suite is not ready: %d", status)
			}
		})
	}
}

func badRequests(t *testing.T, s *world) {
	big := `{"user_name":"` + strings.Repeat("a", 1<<20) + `","password":"x"}`
	for name, c := range map[string]struct {
		method, path, body string
		header             map[string]string
		status             int
		code               string
		points             string // a pointer that must be named
	}{
		"wrong JSON":                {"POST", "/v1/accounts", `{"user_name":`, nil, 400, "invalid_json", ""},
		"no body":                   {"POST", "/v1/accounts", ``, nil, 400, "", ""},
		"an array":                  {"POST", "/v1/accounts", `[1]`, nil, 400, "", ""},
		"extra field":               {"POST", "/v1/accounts", `{"user_name":"somebody","password":"correct horse battery","role":"admin"}`, nil, 400, "", "/role"},
		"wrong type":                {"POST", "/v1/accounts", `{"user_name":7,"password":"correct horse battery"}`, nil, 400, "", "/user_name"},
		"operator for a string":     {"POST", "/v1/sessions", `{"identifier":"somebody","password":{"$gt":""}}`, nil, 400, "", "/password"},
		"operator as identifier":    {"POST", "/v1/recoveries", `{"identifier":{"$gt":""}}`, nil, 400, "", "/identifier"},
		"missing field":             {"POST", "/v1/sessions", `{"identifier":"somebody"}`, nil, 400, "", ""},
		"1 MiB body":                {"POST", "/v1/accounts", big, nil, 413, "body_too_large", ""},
		"wrong content type":        {"POST", "/v1/accounts", `user_name=x`, map[string]string{"Content-Type": "text/plain"}, 415, "unsupported_media_type", ""},
		"unknown route":             {"GET", "/v1/nothing", "", nil, 404, "unknown_route", ""},
		"internal route":            {"POST", "/internal/events", `{"events":[]}`, nil, 404, "unknown_route", ""},
		"wrong method":              {"DELETE", "/v1/accounts", "", nil, 405, "method_not_allowed", ""},
		"no token":                  {"GET", "/v1/me", "", nil, 401, "unauthenticated", ""},
		"bad token":                 {"GET", "/v1/me", "", map[string]string{"Authorization": "Bearer not.a.token"}, 401, "token_invalid", ""},
		"token without a signature": {"GET", "/v1/me", "", map[string]string{"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhY2NfMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0."}, 401, "token_invalid", ""},
		"id of a wrong form":        {"GET", "/v1/recoveries/..%2f..%2fetc", "", map[string]string{"Authorization": "Recovery x"}, 400, "", ""},
		"unknown query":             {"GET", "/openapi.json?x=" + strings.Repeat("y", 100), "", nil, 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.method == "POST" && c.header == nil {
				c.header = map[string]string{"Content-Type": "application/json"}
			}
			a := s.call(t, c.method, c.path, c.body, c.header)
			if a.status != c.status {
				t.Fatalf("status %d, want %d: %.300s", a.status, c.status, a.body)
			}
			if c.status < 400 {
				return
			}
			a.checkProblem(t, c.code)
			if c.points != "" && !strings.Contains(a.body, `"`+c.points+`"`) {
				t.Errorf("does not point at %s: %s", c.points, a.body)
			}
			if c.method == "DELETE" && a.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
	t.Run("100 KiB header", func(t *testing.T) {
		a := s.call(t, "GET", "/v1/me", "", map[string]string{"X-Filler": strings.Repeat("h", 100<<10)})
		if a.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want 431", a.status)
		}
	})
}

// expiredToken: a token is refused from its expiry on, over REST and at the
// socket's door, and its session's refresh token still works.
func expiredToken(t *testing.T, s *world) {
	t.Run("expired token", func(t *testing.T) {
		ana := s.join(t.Context())
		old := map[string]string{"Authorization": "Bearer " + ana.session.Tokens().Access}
		if a := s.call(t, "GET", "/v1/me", "", old); a.status != http.StatusOK {
			t.Fatalf("before its expiry: %d %s", a.status, a.body)
		}
		if _, err := ana.client.Dev().Advance(t.Context(), 11*time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/me", "/v1/me/phones", "/v1/conversations", "/v1/me/activity"} {
			a := s.call(t, "GET", path, "", old)
			if a.status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", path, a.status, a.body)
				continue
			}
			a.checkProblem(t, "token_expired")
		}
		if _, res, err := s.dial(old); err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the socket's door: %v, %v", res, err)
		}
		if err := ana.session.Refresh(t.Context()); err != nil {
			t.Errorf("the session can't be refreshed: %v", err)
		}
	})
}
