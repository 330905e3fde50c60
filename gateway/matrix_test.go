package gateway_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"centinela/gateway"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

// parameter is one of a path's.
var parameter = regexp.MustCompile(`\{([a-z]+)_id\}`)

// someID has the form of an id of that kind.
func someID(template string) string {
	kind := parameter.FindStringSubmatch(template)[1]
	return id.New(map[string]string{"conversation": "cnv", "phone": "phn", "recovery": "rec", "session": "ses", "verdict": "vrd"}[kind])
}

// TestR41_AuthorisationMatrix: every public operation that is a person's, without a token, and with one that is over, of
// another issuer, of a revoked session or no person's, is refused here and reaches no service; with their own token a
// person gets past the door. Operators and people in a recovery are the services' to tell.
func TestR41_AuthorisationMatrix(t *testing.T) {
	s := start(t, unchecked, config(func(c *gateway.Config) {
		c.Rates = gateway.RateConfig{Default: "100000-M", SignUp: "100000-M", SignIn: "100000-M", Refresh: "100000-M", Recovery: "100000-M", Throttled: "1-H", Keys: 10}
	})).ready()
	s.ids.Signer(module.Operator)
	issuers := &moduletest.Issuers{T: t, Service: module.Gateway, Services: s.ids, People: s.people, Now: s.clock.Now}
	const revoked = "ses_00000000000000000000dead"
	s.audit.Put(refuse(verdicts.KindSession, revoked))
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		got := s.get("/v1/me", person(s.people.Token(account, revoked)))
		return got.status == 401, "the revocation isn't known yet: " + got.String()
	})
	spec := publicSpec(t)
	rows := map[string]moduletest.Row{}
	for path, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			rows[op.OperationID] = moduletest.Row{Request: func(string) moduletest.Request {
				return moduletest.Request{Path: parameter.ReplaceAllStringFunc(path, someID)}
			}}
		}
	}
	none := func() []moduletest.Wrong { return nil }
	moduletest.Matrix{
		Spec: spec, Rows: rows, State: s.reached,
		Do: func(_, authorization, method, path, body string) moduletest.Answer {
			var set []with
			if authorization != "" {
				set = append(set, header("Authorization", authorization))
			}
			got := s.send(method, path, body, set...)
			return moduletest.Answer{Status: got.status, Header: got.header, Body: got.body}
		},
		Right: map[string]func() string{
			moduletest.Person:   func() string { return "Bearer " + s.token() },
			moduletest.Operator: issuers.AsOperator,
		},
		Wrong: map[string]func() []moduletest.Wrong{
			moduletest.Person: func() []moduletest.Wrong {
				return append(issuers.WrongPersons(account, session),
					moduletest.Wrong{Who: "a revoked session", Authorization: "Bearer " + s.people.Token(account, revoked), Status: 401, Code: "session_revoked"})
			},
			moduletest.Operator: none, moduletest.Claim: none,
		},
	}.Run(t)
}

// reached is which public requests have reached the services, in their order.
func (s *suite) reached() string {
	var out []string
	for _, service := range []*service{s.audit.service, s.auth, s.recovery, s.chat} {
		service.mu.Lock()
		for _, r := range service.seen {
			if !strings.HasPrefix(r.URL.Path, "/internal/") && r.URL.Path != "/.well-known/jwks.json" {
				out = append(out, fmt.Sprintf("%s|%s %s", service.name, r.Method, r.URL.Path))
			}
		}
		service.mu.Unlock()
	}
	return strings.Join(out, "\n")
}
