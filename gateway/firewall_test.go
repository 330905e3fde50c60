package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/auditlink/auditlinktest"
	"centinela/shared/fault"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/record"
	"centinela/shared/revocation"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

func refuse(kind, subject string) verdicts.Verdict {
	return auditlinktest.Verdict(verdicts.Refuse, verdicts.Subject{Kind: kind, Value: subject})
}

// within waits until a request is answered with status, and returns that answer.
func (s *suite) within(limit time.Duration, status int, request func() answer) answer {
	s.t.Helper()
	var got answer
	testkit.Eventually(s.t, limit, func() (bool, string) {
		got = request()
		return got.status == status, got.String()
	})
	return got
}

// TestFirewall: a verdict reaches the gateway within a second and refuses what it
// is about and nobody else; lifting it lets them in again (R2.3, R5.4).
func TestFirewall(t *testing.T) {
	tests := []struct {
		name          string
		list          []verdicts.Verdict
		refused, free []with
		status        int
		code          fault.Code
	}{
		{"ip", []verdicts.Verdict{refuse(verdicts.KindIP, "203.0.113.5")}, []with{from("203.0.113.5")}, []with{from("203.0.113.6")}, 403, fault.CodeRefusedByFirewall},
		{"ipv4_written_as_ipv6", []verdicts.Verdict{refuse(verdicts.KindIP, "203.0.113.5")}, []with{from("::ffff:203.0.113.5")}, []with{from("::ffff:203.0.113.6")}, 403, fault.CodeRefusedByFirewall},
		{"prefix", []verdicts.Verdict{refuse(verdicts.KindPrefix, "203.0.113.0/24")}, []with{from("203.0.113.200")}, []with{from("203.0.112.200")}, 403, fault.CodeRefusedByFirewall},
		{"ipv6_prefix", []verdicts.Verdict{refuse(verdicts.KindPrefix, "2001:db8:1::/48")}, []with{from("2001:db8:1:2::3")}, []with{from("2001:db8:2::3")}, 403, fault.CodeRefusedByFirewall},
		{"account", []verdicts.Verdict{refuse(verdicts.KindAccount, account)}, nil, []with{from("127.0.0.1")}, 403, fault.CodeRefusedByFirewall},
		{"session", []verdicts.Verdict{refuse(verdicts.KindSession, session)}, nil, []with{from("127.0.0.1")}, 401, fault.CodeSessionRevoked},
	}
	s := start(t).ready()
	const other = "000000000000000000000009"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mine := func() answer { return s.get("/v1/me", append(tt.refused, person(s.token()))...) }
			before := len(s.auth.requests("/v1/me"))
			mine().ok(t)
			s.audit.Put(tt.list...)
			s.within(time.Second, tt.status, mine).refused(t, tt.status, tt.code)

			reached := len(s.auth.requests("/v1/me"))
			mine().refused(t, tt.status, tt.code)
			if len(s.auth.requests("/v1/me")) != reached || reached == before {
				t.Error("a refused request reached the service")
			}
			who := person(s.token())
			if tt.refused == nil { // it is about the person: somebody else goes on
				who = person(s.people.Token("acc_"+other, "ses_"+other))
			}
			s.get("/v1/me", append(tt.free, who)...).ok(t)

			s.audit.Put()
			s.within(time.Second, http.StatusOK, mine)
		})
	}
}

// TestThrottleAndChallenge: the weaker verdicts. Whom one slows down has as many requests as the configuration says, each
// counted once though the chain asks twice; whom one challenges is told so; nobody else notices.
func TestThrottleAndChallenge(t *testing.T) {
	s := start(t, config(func(c *gateway.Config) { c.Rates.Throttled = "3-H" })).ready()
	on := func(action, address string) verdicts.Verdict {
		return auditlinktest.Verdict(action, verdicts.Subject{Kind: verdicts.KindIP, Value: address})
	}
	slow, asked := on(verdicts.Throttle, "203.0.113.5"), on(verdicts.Challenge, "203.0.113.6")
	s.audit.Put(slow, asked)
	me := func(address string) answer { return s.get("/v1/me", person(s.token()), from(address)) }
	got := s.within(time.Second, http.StatusForbidden, func() answer { return me("203.0.113.6") })
	got.refused(t, 403, fault.CodeChallengeRequired)
	for range 3 {
		me("203.0.113.5").ok(t)
	}
	got = me("203.0.113.5")
	got.refused(t, 429, fault.CodeTooManyRequests)
	if p := got.problem(t); !strings.Contains(p.Detail, slow.ID) || got.header.Get("Retry-After") == "" {
		t.Errorf("detail = %q, Retry-After = %q", p.Detail, got.header.Get("Retry-After"))
	}
	me("203.0.113.7").ok(t)
}

// TestRefusalSaysWhatToDo: the refused one learns until when, and an id to
// complain with; the record learns who was refused.
func TestRefusalSaysWhatToDo(t *testing.T) {
	s := start(t).ready()
	v := refuse(verdicts.KindIP, "203.0.113.5")
	s.audit.Put(v)
	got := s.within(time.Second, http.StatusForbidden, func() answer { return s.get("/", from("203.0.113.5")) })
	if p := got.problem(t); !strings.Contains(p.Detail, v.ID) || !strings.Contains(p.Detail, v.Until.Format(time.RFC3339)) {
		t.Errorf("detail = %q", p.Detail)
	}
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		for _, e := range s.audit.Recorded(record.GatewayRequestRefused) {
			if e.Address == "203.0.113.5" && e.Reason == "verdict "+v.ID {
				return true, ""
			}
		}
		return false, "the refusal isn't recorded"
	})
}

// TestAllowWins: an allow-verdict keeps an address inside a refused prefix in (R2.3).
func TestAllowWins(t *testing.T) {
	s := start(t).ready()
	s.audit.Put(refuse(verdicts.KindPrefix, "203.0.113.0/24"), auditlinktest.Verdict(verdicts.Allow, verdicts.Subject{Kind: verdicts.KindIP, Value: "203.0.113.10"}))
	s.within(time.Second, http.StatusForbidden, func() answer { return s.get("/", from("203.0.113.9")) })
	s.get("/", from("203.0.113.10")).ok(t)
}

// TestVerdictEnds: a verdict is over at its time, with no word from audit.
func TestVerdictEnds(t *testing.T) {
	s := start(t).ready()
	s.audit.Put(refuse(verdicts.KindIP, "203.0.113.5"))
	s.within(time.Second, http.StatusForbidden, func() answer { return s.get("/", from("203.0.113.5")) })
	if _, err := s.clock.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	s.get("/", from("203.0.113.5")).ok(t)
}

// TestRestartWithoutAudit: what was refused stays refused from the first request
// after a restart while audit is down, and the gateway is ready with it (R2.3).
func TestRestartWithoutAudit(t *testing.T) {
	s := start(t).ready()
	s.audit.Put(refuse(verdicts.KindIP, "203.0.113.5"))
	s.within(time.Second, http.StatusForbidden, func() answer { return s.get("/", from("203.0.113.5")) })
	info, err := os.Stat(filepath.Join(s.dir, "gateway"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("the gateway's folder: %v %v", info.Mode(), err)
	}
	s.stop()

	s.audit.server.CloseClientConnections()
	s.audit.server.Close()
	s.registry = obs.NewRegistry(module.Gateway)
	s.launch(options{cfg: gateway.DefaultConfig(), dir: s.dir})
	testkit.Eventually(t, 5*time.Second, func() (bool, string) { // auth is heard soon; audit never is
		err := s.module.Ready()
		return err == nil, fmt.Sprintf("not ready in spite of the copy on disk: %v", err)
	})
	s.get("/", from("203.0.113.5")).refused(t, 403, fault.CodeRefusedByFirewall)
	s.get("/", from("203.0.113.6")).ok(t)
}

// TestNotReadyWithoutVerdicts: a new gateway that never heard of audit doesn't
// say that it is ready, and says why; it is as soon as audit is there.
func TestNotReadyWithoutVerdicts(t *testing.T) {
	s := start(t, peer(module.Audit, "http://127.0.0.1:1"))
	if err := s.module.Ready(); err == nil || !strings.Contains(err.Error(), "verdicts") {
		t.Fatalf("Ready() = %v", err)
	}
	// Nor does it let anybody in whom it might have to refuse, with or without a token.
	s.get("/", from("203.0.113.5")).refused(t, 503, fault.CodeUnavailable)
	s.send(http.MethodPost, "/v1/sessions", `{"identifier":"ana","password":"seven quiet herons over wet slate"}`, from("203.0.113.5")).refused(t, 503, fault.CodeUnavailable)
	up := start(t)
	testkit.Eventually(t, testkit.Patience, func() (bool, string) { return up.module.Ready() == nil, "not ready with audit there" })
}

// TestNotReadyWithoutRevocations: with audit's verdicts alone it doesn't say that
// it is ready; it is as soon as auth was heard.
func TestNotReadyWithoutRevocations(t *testing.T) {
	s := start(t, peer(module.Auth, "http://127.0.0.1:1"))
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		err := s.module.Ready()
		return errors.Is(err, revocation.ErrUnheard), fmt.Sprintf("Ready() = %v", err)
	})
	s.move(module.Auth, s.auth.server.URL)
	s.ready()
}

// TestRevokedSessionsWithoutAuth: tokens are checked and revoked sessions are
// refused while auth is down (gateway design, "Authentication").
func TestRevokedSessionsWithoutAuth(t *testing.T) {
	s := start(t).ready()
	s.auth.server.CloseClientConnections()
	s.auth.server.Close()
	s.audit.Put(refuse(verdicts.KindSession, session))
	s.within(time.Second, 401, func() answer { return s.get("/v1/me", person(s.token())) }).refused(t, 401, fault.CodeSessionRevoked)
	s.get("/v1/me", person(s.people.Token(account, "ses_000000000000000000000002"))).refused(t, 503, fault.CodeUnavailable)
	s.get("/v1/me", person(s.token()+"A")).refused(t, 401, fault.CodeTokenInvalid)
}
