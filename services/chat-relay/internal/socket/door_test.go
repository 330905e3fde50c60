package socket

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"centinela/shared/record"
	"centinela/shared/revocation"
	"centinela/shared/verdicts"
)

// A page of another host may not connect, however much its name looks like ours (MU C35).
func TestOriginIsComparedWhole(t *testing.T) {
	for origin, want := range map[string]bool{
		"": true, "https://example.org": true, "http://EXAMPLE.org": true, "https://public.example": true,
		"https://evilexample.org": false, "https://example.org.evil.test": false, "https://sub.example.org": false,
		"https://example.org:8443": false, "https://evil.test/example.org": false, "https://evil.test#example.org": false,
		"https://example.org@evil.test": false, "null": false, "example.org": false, "https://": false,
	} {
		r := httptest.NewRequest("GET", "http://example.org/v1/chat", nil)
		r.Header.Set("X-Forwarded-Host", "public.example")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := originAllowed(r); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
}

// fixture is an open socket of a door, without a connection.
func fixture(d *Door, address, account, session, device string) *conn {
	c := newConn(d, record.Origin{Address: address})
	locked(d, func() { d.conns.add(c) })
	d.know(c, &identity{account: account, session: session, device: device})
	return c
}

func locked(d *Door, do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
}

// GR G8: what ends names its sockets, and no other one is looked at.
func TestCrowdFindsWhomAVerdictNames(t *testing.T) {
	p := newPair(t, nobody)
	d := p.server.door
	ana := fixture(d, "198.51.100.7", "ana", "s1", "d1")
	phone := fixture(d, "2001:db8::1", "ana", "s2", "d2")
	luis := fixture(d, "198.51.100.8", "luis", "s3", "")
	mapped := fixture(d, "::ffff:198.51.100.7", "", "", "")
	for name, c := range map[string]struct{ got, want []*conn }{
		"account":          {d.conns.of(verdicts.KindAccount, "ana"), []*conn{ana, phone}},
		"session":          {d.conns.of(verdicts.KindSession, "s3"), []*conn{luis}},
		"device":           {d.conns.of(verdicts.KindDevice, "d2"), []*conn{phone}},
		"nobody's":         {d.conns.of(verdicts.KindDevice, ""), nil},
		"of another kind":  {d.conns.of(verdicts.KindSession, "ana"), nil},
		"one address":      {d.conns.of(verdicts.KindIP, "198.51.100.8"), []*conn{luis}},
		"a mapped address": {d.conns.of(verdicts.KindIP, "198.51.100.7"), []*conn{ana, mapped}},
		"a prefix":         {d.conns.of(verdicts.KindPrefix, "198.51.100.0/29"), []*conn{ana, mapped}},
		"a wider prefix":   {d.conns.of(verdicts.KindPrefix, "198.51.100.0/28"), []*conn{ana, mapped, luis}},
		"mapped prefix":    {d.conns.of(verdicts.KindPrefix, "::ffff:198.51.100.0/125"), []*conn{ana, mapped}},
		"no prefix":        {d.conns.of(verdicts.KindPrefix, "198.51.100.0"), nil},
		"no address":       {d.conns.of(verdicts.KindIP, "198.51.100"), nil},
		"IPv6":             {d.conns.of(verdicts.KindPrefix, "2001:db8::/64"), []*conn{phone}},
	} {
		if len(c.got) != len(c.want) || slices.ContainsFunc(c.want, func(w *conn) bool { return !slices.Contains(c.got, w) }) {
			t.Errorf("%s: %d sockets, want %d", name, len(c.got), len(c.want))
		}
	}
	d.know(phone, &identity{account: "eve", session: "s4"})
	if len(d.conns.of(verdicts.KindAccount, "ana")) != 1 || len(d.conns.of(verdicts.KindAccount, "eve")) != 1 || len(d.conns.of(verdicts.KindDevice, "d2")) != 0 {
		t.Error("a socket is found as who it was")
	}
	d.Revoke(revocation.Change{Kind: revocation.Account, ID: "ana"})
	d.Revoke(revocation.Change{Kind: revocation.Session, ID: "s3"})
	if !ana.isEnding() || !luis.isEnding() || phone.isEnding() || mapped.isEnding() {
		t.Error("others were closed, or not all that are over")
	}
	locked(d, func() {
		for _, c := range []*conn{ana, phone, luis, mapped} {
			d.conns.remove(c)
		}
		if n := len(d.conns.byAddress) + len(d.conns.bySubject); n != 1 { // the pair's own
			t.Errorf("%d entries are left", n)
		}
	})
}

// A change closes whom it names and whom the set refuses, whole or by its verdicts; what refuses nobody looks at nobody.
func TestEnforceLooksAtWhomTheChangeNames(t *testing.T) {
	p := newPair(t, nobody)
	d := p.server.door
	now := d.Clock.Now()
	refuse := func(subjects ...verdicts.Subject) verdicts.Verdict {
		return verdicts.Verdict{ID: fmt.Sprint(subjects), Subjects: subjects, Action: verdicts.Refuse, CreatedAt: now, Until: now.Add(time.Hour)}
	}
	ana := fixture(d, "198.51.100.7", "ana", "s1", "d1")
	phone := fixture(d, "198.51.100.8", "ana", "s2", "d2")
	luis := fixture(d, "198.51.100.9", "luis", "s3", "d3")
	defer locked(d, func() {
		for _, c := range []*conn{ana, phone, luis} {
			d.conns.remove(c)
		}
	})
	joined := refuse(verdicts.Subject{Kind: verdicts.KindAccount, Value: "ana"}, verdicts.Subject{Kind: verdicts.KindPrefix, Value: "198.51.100.8/32"})
	session, device := refuse(verdicts.Subject{Kind: verdicts.KindSession, Value: "s1"}), refuse(verdicts.Subject{Kind: verdicts.KindDevice, Value: "d3"})
	if err := d.Verdicts.Replace([]verdicts.Verdict{joined}); err != nil {
		t.Fatal(err)
	}
	ended := func() string { return fmt.Sprint(ana.isEnding(), phone.isEnding(), luis.isEnding()) }
	challenge := session
	challenge.Action = verdicts.Challenge
	d.Enforce(verdicts.Change{Verdicts: []verdicts.Verdict{challenge}})
	d.Enforce(verdicts.Change{Verdicts: []verdicts.Verdict{refuse(verdicts.Subject{Kind: verdicts.KindSession, Value: "s9"})}})
	d.Enforce(verdicts.Change{})
	if got := ended(); got != "false false false" {
		t.Errorf("closed %s", got)
	}
	d.Enforce(verdicts.Change{Verdicts: []verdicts.Verdict{joined}})
	if got := ended(); got != "false true false" {
		t.Errorf("both must be there: closed %s", got)
	}
	if err := d.Verdicts.Apply([]verdicts.Verdict{session, device}, nil); err != nil {
		t.Fatal(err)
	}
	d.Enforce(verdicts.Change{Whole: true})
	if got := ended(); got != "true true true" {
		t.Errorf("everything may be different: closed %s", got)
	}
}
