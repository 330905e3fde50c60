package gateway_test

import (
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/fault"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

const operatorRoute = "/v1/operator/verdicts"

func operator(token string) with { return header("Authorization", "Operator "+token) }

func (s *suite) serviceToken(name, audience string) string {
	s.t.Helper()
	token, err := s.ids.Signer(name).Token(audience)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// claims are those that prove nothing.
func (s *suite) claims() map[string][]with {
	good := s.serviceToken(module.Operator, module.Audit)
	return map[string][]with{
		"no token":          nil,
		"an empty one":      {operator("")},
		"nonsense":          {operator("x.y.z")},
		"altered":           {operator(good[:len(good)-4] + "AAAA")},
		"another service's": {operator(s.serviceToken(module.Auth, module.Audit))},
		"for another":       {operator(s.serviceToken(module.Operator, module.Auth))},
		"as a person's":     {person(good)},
		"a person's":        {person(s.token())},
	}
}

// TestOperatorLiftsHisOwnBan holds "the remedy never stands behind what it remedies" (FR A21, NC A12): a proved operator
// passes verdicts on addresses, at his operations; claims pass nothing, and neither does his proof elsewhere.
func TestOperatorLiftsHisOwnBan(t *testing.T) {
	s := start(t).ready()
	for name, v := range map[string]verdicts.Verdict{
		"address": refuse(verdicts.KindIP, "203.0.113.5"), "prefix": refuse(verdicts.KindPrefix, "203.0.113.0/24"),
	} {
		t.Run(name, func(t *testing.T) {
			s.audit.Put(v)
			s.within(time.Second, 403, func() answer { return s.get("/", from("203.0.113.5")) })
			proved := operator(s.serviceToken(module.Operator, module.Audit))
			s.get(operatorRoute, from("203.0.113.5"), proved).ok(t)
			before := len(s.audit.requests(operatorRoute))
			for what, claim := range s.claims() {
				t.Run(what, func(t *testing.T) {
					s.get(operatorRoute, append(claim, from("203.0.113.5"))...).refused(t, 403, fault.CodeRefusedByFirewall)
				})
			}
			if after := len(s.audit.requests(operatorRoute)); after != before {
				t.Errorf("%d unproved claims reached audit", after-before)
			}
			for _, path := range []string{"/", "/v1/me", "/v1/nothing", "/dev/clock"} {
				s.get(path, from("203.0.113.5"), proved).refused(t, 403, fault.CodeRefusedByFirewall)
			}
		})
	}
}

// TestOperatorPassesTheRates: who shares an address with a flood still gets his remedy in (NC A12).
func TestOperatorPassesTheRates(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Rates.Default = "20-H" })).ready()
	const shared = "198.51.100.4"
	for range 20 {
		s.get("/v1/nothing", from(shared))
	}
	s.get("/v1/nothing", from(shared)).refused(t, 429, fault.CodeTooManyRequests)
	for range 3 {
		s.get(operatorRoute, from(shared), operator(s.serviceToken(module.Operator, module.Audit))).ok(t)
	}
	for what, claim := range s.claims() {
		t.Run(what, func(t *testing.T) {
			s.get(operatorRoute, append(claim, from(shared))...).refused(t, 429, fault.CodeTooManyRequests)
		})
	}
}

// TestRefusedConnectionsEnd holds "the connection is closed on 403 and 429" (gateway.md; AG D10), and that a flood of refused
// requests is a handful of lines.
func TestRefusedConnectionsEnd(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Rates.SignUp = "1-H" })).ready()
	s.audit.Put(refuse(verdicts.KindIP, "203.0.113.5"))
	s.within(time.Second, 403, func() answer { return s.get("/", from("203.0.113.5")) })
	before := len(s.logs.with(`"status":403`))
	for range 500 {
		got := s.get("/v1/me", from("203.0.113.5")).refused(t, 403, fault.CodeRefusedByFirewall)
		if !got.closed {
			t.Fatal("the connection of a refused address is kept")
		}
	}
	if n := len(s.logs.with(`"status":403`)) - before; n > 1 {
		t.Errorf("%d lines of 500 refusals", n)
	}
	s.send("POST", "/v1/accounts", goodAccount)
	if got := s.send("POST", "/v1/accounts", goodAccount).refused(t, 429, fault.CodeTooManyRequests); !got.closed {
		t.Error("the connection of a flood is kept")
	}
	if got := s.get("/v1/me", person("x")).refused(t, 401, fault.CodeTokenInvalid); got.closed {
		t.Error("a wrong token ends the connection of everybody behind the same proxy")
	}
	for label, least := range map[string]float64{"verdict_ip": 501, "rate_sign_up": 1} {
		if n := s.metric("centinela_gateway_refusals_total", label); n < least {
			t.Errorf("%s counted %v times, want %v", label, n, least)
		}
	}
}

// TestRefusalIsToldOnce (MU G08): a request with a revoked session is one event, and says by which verdict.
func TestRefusalIsToldOnce(t *testing.T) {
	s := start(t).ready()
	v := refuse(verdicts.KindSession, session)
	s.audit.Put(v)
	s.within(time.Second, 401, func() answer { return s.get("/v1/me", person(s.token())) })
	testkit.Eventually(t, 5*time.Second, func() (bool, string) {
		return len(s.audit.Recorded(record.GatewayRequestRefused)) > 0, "not recorded"
	})
	for _, e := range s.audit.Recorded(record.GatewayRequestRefused) {
		if e.Account != account || e.Reason != "verdict "+v.ID {
			t.Errorf("also told as %q", e.Reason)
		}
	}
}
