package firewall

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/verdicts"
)

// R5.4: a subject has one spelling, so that a verdict can't be passed by writing the address otherwise.
func TestCanonicalSubject(t *testing.T) {
	account, session := id.New("acc"), id.New("ses")
	for _, test := range []struct{ kind, in, want string }{
		{verdicts.KindIP, "203.0.113.9", "203.0.113.9"},
		{verdicts.KindIP, "::ffff:203.0.113.9", "203.0.113.9"},
		{verdicts.KindIP, "2001:DB8:0:0::1", "2001:db8::1"},
		{verdicts.KindIP, "127.0.0.1", "127.0.0.1"},
		{verdicts.KindPrefix, "203.0.113.9/24", "203.0.113.0/24"},
		{verdicts.KindPrefix, "10.0.0.0/8", "10.0.0.0/8"},
		{verdicts.KindPrefix, "::ffff:203.0.113.9/120", "203.0.113.0/24"},
		{verdicts.KindPrefix, "2001:db8:1:2:3::/64", "2001:db8:1:2::/64"},
		{verdicts.KindPrefix, "2001:db8::/32", "2001:db8::/32"},
		{verdicts.KindPrefix, "2001:db8::9/128", "2001:db8::9/128"},
		{verdicts.KindPrefix, "203.0.113.9/32", "203.0.113.9/32"},
		{verdicts.KindAccount, account, account},
		{verdicts.KindSession, session, session},
		{verdicts.KindDevice, "0123456789abcdef", "0123456789abcdef"},
	} {
		got, err := canonicalSubjects([]verdicts.Subject{{Kind: test.kind, Value: test.in}})
		if err != nil || len(got) != 1 || got[0] != (verdicts.Subject{Kind: test.kind, Value: test.want}) {
			t.Errorf("%s %s: %q, %v", test.kind, test.in, got, err)
		}
	}
	for _, test := range []struct{ kind, in, pointer string }{
		{verdicts.KindIP, "203.0.113", "/subjects/0/value"},
		{verdicts.KindIP, "fe80::1%eth0", "/subjects/0/value"},
		{verdicts.KindIP, "203.0.113.0/24", "/subjects/0/value"},
		{verdicts.KindIP, "", "/subjects/0/value"},
		{verdicts.KindPrefix, "203.0.113.9", "/subjects/0/value"},
		{verdicts.KindPrefix, "0.0.0.0/0", "/subjects/0/value"},
		{verdicts.KindPrefix, "128.0.0.0/7", "/subjects/0/value"},
		{verdicts.KindPrefix, "2000::/31", "/subjects/0/value"},
		{verdicts.KindPrefix, "::ffff:0.0.0.0/96", "/subjects/0/value"},
		{verdicts.KindPrefix, "::/0", "/subjects/0/value"},
		{verdicts.KindPrefix, "::ffff:0:0/90", "/subjects/0/value"},
		{verdicts.KindPrefix, "::/64", "/subjects/0/value"},
		{verdicts.KindAccount, session, "/subjects/0/value"},
		{verdicts.KindSession, `{"$gt":""}`, "/subjects/0/value"},
		{verdicts.KindDevice, "the key itself", "/subjects/0/value"},
		{"planet", "earth", "/subjects/0/value"},
	} {
		_, err := canonicalSubjects([]verdicts.Subject{{Kind: test.kind, Value: test.in}})
		var f *fault.Error
		if !errors.Is(err, ErrVerdictInvalid) || !errors.As(err, &f) || len(f.Fields) != 1 || f.Fields[0].Pointer != test.pointer {
			t.Errorf("%s %q: %v", test.kind, test.in, err)
		}
	}
}

func TestJoinedSubjects(t *testing.T) {
	ip, net := verdicts.Subject{Kind: verdicts.KindIP, Value: "203.0.113.9"}, verdicts.Subject{Kind: verdicts.KindPrefix, Value: "203.0.113.0/24"}
	acc, ses := verdicts.Subject{Kind: verdicts.KindAccount, Value: id.New("acc")}, verdicts.Subject{Kind: verdicts.KindSession, Value: id.New("ses")}
	for _, pair := range [][]verdicts.Subject{{ip, acc}, {acc, ip}, {net, ses}, {ses, acc}} {
		got, err := canonicalSubjects(pair)
		other, err2 := canonicalSubjects([]verdicts.Subject{pair[1], pair[0]})
		if err != nil || err2 != nil || !slices.Equal(got, other) {
			t.Errorf("%v: %v, %v, %v, %v", pair, got, err, other, err2)
		}
	}
	for _, list := range [][]verdicts.Subject{nil, {}, {ip, net}, {acc, acc}, {ip, ip}, {acc, ses, ip}} {
		if got, err := canonicalSubjects(list); !errors.Is(err, ErrVerdictInvalid) {
			t.Errorf("%v: %v, %v", list, got, err)
		}
	}
}

// An order's terms, at their bounds.
func TestTerms(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, test := range []struct {
		action, reason string
		ttl            time.Duration
		at             string
	}{
		{"allow", "x", time.Second, ""},
		{"challenge", strings.Repeat("\u00f1", 200), year, ""},
		{"throttle", "x", time.Hour, ""},
		{"refuse", "x", time.Hour, ""},
		{"explode", "x", time.Hour, "/action"},
		{"", "x", time.Hour, "/action"},
		{"refuse", "", time.Hour, "/reason"},
		{"refuse", strings.Repeat("x", 201), time.Hour, "/reason"},
		{"refuse", "\xff", time.Hour, "/reason"},
		{"refuse", "x", time.Second - 1, "/ttl_seconds"},
		{"refuse", "x", year + 1, "/ttl_seconds"},
		{"refuse", "x", -time.Hour, "/ttl_seconds"},
	} {
		err := checkTerms(test.action, test.reason, test.ttl)
		var f *fault.Error
		if test.at == "" && err != nil || test.at != "" && (!errors.As(err, &f) || f.Fields[0].Pointer != test.at) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
