package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"centinela/deploy/suite"
	"centinela/shared/testkit"
)

// downWithin is how soon somebody hears that a service is down (issue "First
// light", bad input). One of twentyTries must keep to it: on a busy machine
// some may not.
const (
	downWithin  = 100 * time.Millisecond
	twentyTries = 20
)

// A service that is down is a 503 problem, soon; the other services go on; and
// when it is back, so are its answers.
func TestServiceDown(t *testing.T) {
	s := start(t, apart, onSQLite)
	ana := s.join(t.Context())
	person := map[string]string{"Authorization": "Bearer " + ana.session.Tokens().Access}
	body := map[string]string{"Content-Type": "application/json"}
	type request struct {
		method, path, body string
		header             map[string]string
	}
	of := map[string]request{
		"auth":       {"POST", "/v1/sessions", `{"identifier":"` + ana.name + `","password":"` + password + `"}`, body},
		"recovery":   {"POST", "/v1/recoveries", `{"identifier":"` + ana.name + `"}`, body},
		"chat-relay": {"GET", "/v1/conversations", "", person},
		"audit":      {"GET", "/v1/me/activity", "", person},
	}
	// Each has seen a token by now, and so has auth's keys.
	for name, r := range of {
		testkit.Eventually(t, settleTime, func() (bool, string) {
			a := s.call(t, r.method, r.path, r.body, r.header)
			return a.status < 300, fmt.Sprintf("%s answers %d %s", name, a.status, a.body)
		})
	}
	for victim, r := range of {
		t.Run(victim, func(t *testing.T) {
			s.kill(victim)
			fastest := time.Hour
			for range twentyTries {
				a := s.call(t, r.method, r.path, r.body, r.header)
				if a.status != http.StatusServiceUnavailable {
					t.Fatalf("answered %d %s", a.status, a.body)
				}
				a.checkProblem(t, "unavailable")
				fastest = min(fastest, a.took)
			}
			if fastest > downWithin {
				t.Errorf("the fastest of %d answers took %s", twentyTries, fastest)
			}
			if status := suite.Readyz(t.Context(), s.Ops("gateway")); status != http.StatusOK {
				t.Errorf("the gateway's /readyz says %d", status)
			}
			if victim != "chat-relay" {
				o := of["chat-relay"]
				if a := s.call(t, o.method, o.path, o.body, o.header); a.status != http.StatusOK {
					t.Errorf("chat-relay, which is up, answers %d %s", a.status, a.body)
				}
			}
			s.restart(victim)
			testkit.Eventually(t, settleTime, func() (bool, string) {
				a := s.call(t, r.method, r.path, r.body, r.header)
				return a.status < 300, fmt.Sprintf("answered %d %s", a.status, a.body)
			})
		})
	}
}

// No connection of the gateway means no answer at all, and its return needs
// nobody's help: the session is still good.
func TestGatewayDown(t *testing.T) {
	s := start(t, apart, onSQLite)
	ana := s.join(t.Context())
	s.kill("gateway")
	if _, err := ana.session.Me(t.Context()); err == nil {
		t.Error("an answer from nobody")
	}
	s.restart("gateway")
	if _, err := ana.session.Me(t.Context()); err != nil {
		t.Errorf("after its return: %v", err)
	}
}
