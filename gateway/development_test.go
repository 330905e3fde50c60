package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/fault"
)

// TestProduction: the production profile refuses the simulated phones, the clock
// and a pretended address, says what to configure, and has no file of them.
func TestProduction(t *testing.T) {
	s := start(t, production).ready()
	for _, path := range []string{"/dev/clock", "/dev/phone", "/dev/phone/replies"} {
		for _, got := range []answer{s.get(path, header("Accept", "text/html")), s.send("POST", path, `{"advance":"1h"}`)} {
			if p := got.refused(t, 403, fault.CodeDevOnly).problem(t); !strings.Contains(p.Detail, "recovery.sms") {
				t.Errorf("%s says %q", path, p.Detail)
			}
		}
	}
	s.get("/assets/phone.js").refused(t, 404, fault.CodeUnknownRoute)
	pretended := s.get("/v1/me", header("X-Dev-Address", "198.51.100.3"), person(s.token())).refused(t, 403, fault.CodeDevOnly)
	if p := pretended.problem(t); !strings.Contains(p.Detail, "gateway.proxy.trusted") {
		t.Errorf("a pretended address: %q", p.Detail)
	}
	if n := len(s.recovery.requests("/dev/phone")); n != 0 {
		t.Errorf("%d requests reached recovery", n)
	}
}

// TestDevelopmentRefusesOtherNames (AG W5): a page that had its own name lead here reads no texts and moves no clock.
func TestDevelopmentRefusesOtherNames(t *testing.T) {
	named := func(base string, known bool) option {
		return config(func(c *gateway.Config) { c.PublicBase, c.PublicDevelopment = base, known })
	}
	for _, tt := range []struct {
		name, host string
		base       string
		known      bool
		refused    bool
	}{
		{"address", "127.0.0.1:8080", "", false, false},
		{"another_address", "192.0.2.7", "", false, false},
		{"localhost", "localhost:8080", "", false, false},
		{"a_name", "evil.example", "", false, true},
		{"a_name_that_begins_well", "127.0.0.1.evil.example:8080", "", false, true},
		{"our_own", "id.dev.example:8443", "http://id.dev.example:8443", false, false},
		{"not_our_own", "evil.example", "http://id.dev.example:8443", false, true},
		{"meant_to_be_public", "anything.example", "", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, named(tt.base, tt.known)).ready()
			for _, path := range []string{"/dev/phone", "/dev/clock"} {
				got := s.get(path, header("Host", tt.host))
				if tt.refused {
					got.refused(t, 403, fault.CodeDevOnly)
				} else {
					got.ok(t)
				}
			}
			s.get("/v1/me", header("Host", tt.host), person(s.token())).ok(t) // only development's own routes
		})
	}
}

// TestClock: the suite's clock is shown and moved forward, by valid steps only.
func TestClock(t *testing.T) {
	s := start(t)
	before := s.clock.Now()
	got := s.send("POST", "/dev/clock", `{"advance":"72h"}`).ok(t)
	var state struct {
		Now           time.Time
		OffsetSeconds int64 `json:"offset_seconds"`
	}
	if err := json.Unmarshal([]byte(got.body), &state); err != nil {
		t.Fatal(err)
	}
	if state.OffsetSeconds != 72*3600 || state.Now.Sub(before) < 72*time.Hour || s.clock.Now().Before(state.Now) {
		t.Errorf("moved to %+v from %s", state, before)
	}
	if shown := s.get("/dev/clock").ok(t); !strings.Contains(shown.body, `"offset_seconds":259200`) {
		t.Errorf("shown: %s", shown.body)
	}
	tests := []struct {
		name, body string
		code       fault.Code
	}{
		{"back", `{"advance":"-1h"}`, fault.CodeInvalidRequest},
		{"days", `{"advance":"3d"}`, fault.CodeInvalidRequest},
		{"number", `{"advance":72}`, fault.CodeInvalidRequest},
		{"extra", `{"advance":"1h","back":true}`, fault.CodeInvalidRequest},
		{"empty", `{}`, fault.CodeInvalidRequest},
		{"over_ten_years", `{"advance":"87601h"}`, fault.CodeInvalidField},
		{"ten_years_in_all", `{"advance":"87600h"}`, fault.CodeInvalidField},
		{"overflow", `{"advance":"99999999999999999999h"}`, fault.CodeInvalidField},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { s.send("POST", "/dev/clock", tt.body).refused(t, 400, tt.code) })
	}
}

// TestPhonePage: the browser gets a page, other clients the texts.
func TestPhonePage(t *testing.T) {
	s := start(t, unchecked) // the page isn't part of the specification
	if page := s.get("/dev/phone", header("Accept", "text/html")).ok(t); !strings.Contains(page.body, "<html") || page.header.Get("Vary") != "Accept" {
		t.Errorf("the browser gets %s", page)
	}
	if texts := s.get("/dev/phone", header("Accept", "application/json")).ok(t); texts.body != `{"texts":[]}` {
		t.Errorf("others get %s", texts)
	}
}
