package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Bad input, from outside, through the gateway: each answer is a problem
// document that names what is wrong, and the suite goes on (R3, R4.1).
func TestBadInput(t *testing.T) {
	s := start(t, together, onSQLite)
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
			req, err := http.NewRequest(c.method, s.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.method == "POST" {
				req.Header.Set("Content-Type", "application/json")
			}
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %.300s", resp.StatusCode, c.status, body)
			}
			if c.status < 400 {
				return
			}
			checkProblem(t, resp, body, c.code)
			if c.points != "" && !bytes.Contains(body, []byte(`"`+c.points+`"`)) {
				t.Errorf("does not point at %s: %s", c.points, body)
			}
			if c.method == "DELETE" && resp.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
	t.Run("100 KiB header", func(t *testing.T) {
		req, err := http.NewRequest("GET", s.URL+"/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Filler", strings.Repeat("h", 100<<10))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want 431", resp.StatusCode)
		}
	})
	resp, err := http.Get(s.Ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("after all that the suite is not ready: %d", resp.StatusCode)
	}
}

// checkProblem holds an answer against RFC 9457 and our own form.
func checkProblem(t *testing.T, resp *http.Response, body []byte, code string) {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	var problem struct {
		Type, Title, Code, Detail string
		Status                    int
		RequestID                 string `json:"request_id"`
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Fatalf("no JSON: %s", body)
	}
	if problem.Status != resp.StatusCode || problem.Title == "" || problem.Code == "" || problem.RequestID == "" {
		t.Errorf("incomplete: %s", body)
	}
	if code != "" && problem.Code != code {
		t.Errorf("code %q, want %q: %s", problem.Code, code, body)
	}
}
