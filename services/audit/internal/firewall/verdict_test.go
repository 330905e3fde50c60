package firewall

import (
	"errors"
	"testing"

	"centinela/shared/fault"
	"centinela/shared/id"
)

// R5.4: a subject has one spelling, so that a verdict can't be passed by writing the address otherwise.
func TestCanonicalSubject(t *testing.T) {
	account, session := id.New("acc"), id.New("ses")
	for _, test := range []struct{ kind, in, want string }{
		{IP, "203.0.113.9", "203.0.113.9"},
		{IP, "::ffff:203.0.113.9", "203.0.113.9"},
		{IP, "2001:DB8:0:0::1", "2001:db8::1"},
		{IP, "127.0.0.1", "127.0.0.1"},
		{Prefix, "203.0.113.9/24", "203.0.113.0/24"},
		{Prefix, "10.0.0.0/8", "10.0.0.0/8"},
		{Prefix, "::ffff:203.0.113.9/120", "203.0.113.0/24"},
		{Prefix, "2001:db8:1:2:3::/64", "2001:db8:1:2::/64"},
		{Prefix, "2001:db8::/32", "2001:db8::/32"},
		{Account, account, account},
		{Session, session, session},
		{Device, "0123456789abcdef", "0123456789abcdef"},
	} {
		if got, err := canonicalSubject(test.kind, test.in); err != nil || got != test.want {
			t.Errorf("%s %s: %q, %v", test.kind, test.in, got, err)
		}
	}
	for _, test := range []struct{ kind, in, pointer string }{
		{IP, "203.0.113", "/subject"},
		{IP, "fe80::1%eth0", "/subject"},
		{IP, "203.0.113.0/24", "/subject"},
		{IP, "", "/subject"},
		{Prefix, "203.0.113.9", "/subject"},
		{Prefix, "0.0.0.0/0", "/subject"},
		{Prefix, "128.0.0.0/7", "/subject"},
		{Prefix, "2000::/31", "/subject"},
		{Prefix, "::ffff:0.0.0.0/96", "/subject"},
		{Account, session, "/subject"},
		{Session, `{"$gt":""}`, "/subject"},
		{Device, "the key itself", "/subject"},
		{"planet", "earth", "/kind"},
	} {
		_, err := canonicalSubject(test.kind, test.in)
		var f *fault.Error
		if !errors.Is(err, ErrVerdictInvalid) || !errors.As(err, &f) || len(f.Fields) != 1 || f.Fields[0].Pointer != test.pointer {
			t.Errorf("%s %q: %v", test.kind, test.in, err)
		}
	}
}
