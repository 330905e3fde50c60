package story

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"centinela/openapi/sdk"
)

// TestPeople: numbers that are valid mobile ones, and addresses that belong to nobody (RFC 5737, RFC 3849).
func TestPeople(t *testing.T) {
	for range 200 {
		n, err := phonenumbers.Parse(mobile(), "")
		if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.GetNumberType(n) != phonenumbers.MOBILE {
			t.Fatalf("%v %v", n, err)
		}
		for _, c := range []struct{ address, in string }{{v4("203.0.113"), "203.0.113.0/24"}, {v6(), "2001:db8::/32"}} {
			addr, err := netip.ParseAddr(c.address)
			if err != nil || !netip.MustParsePrefix(c.in).Contains(addr) {
				t.Fatal(c.address, err)
			}
		}
	}
}

// TestSteps: each step has a title of its own; without the operator's key his step is left out.
func TestSteps(t *testing.T) {
	p := &play{}
	without := p.steps()
	p.opts.OperatorKey = "x"
	if with := p.steps(); len(with) != len(without)+1 {
		t.Errorf("%d and %d steps", len(with), len(without))
	}
	seen := map[string]bool{}
	for _, s := range p.steps() {
		if s.title == "" || s.act == nil || seen[s.title] {
			t.Errorf("step %q", s.title)
		}
		seen[s.title] = true
	}
}

// TestOrigin: a code is read where phones look for it, and nowhere else in a text.
func TestOrigin(t *testing.T) {
	text := "Centinela: 12345678 is your code. Give it to nobody.\n\n@id.example.org #12345678"
	if found := origin.FindStringSubmatch(text); found == nil || found[1] != "12345678" {
		t.Error(found)
	}
	for _, none := range []string{"somebody is recovering your account. Reply NO or open http://x/veto#abc12345678", "12345678", "@host #123456789"} {
		if origin.MatchString(none) {
			t.Error(none)
		}
	}
}

// TestRefused: only the expected code passes; the difference says what was expected and what came.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		err error
		ok  bool
	}{{&sdk.Problem{Code: "x"}, true}, {&sdk.Problem{Code: "y"}, false}, {errors.New("x"), false}, {nil, false}} {
		err := refused(c.err, "x", "the thing")
		if (err == nil) != c.ok || (err != nil && (!errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), "expected the thing to be refused with x, got"))) {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}

// TestWithin: polls until it holds, and no longer than allowed; an error ends it.
func TestWithin(t *testing.T) {
	n := 0
	err := within(t.Context(), time.Minute, "three", func() (string, error) {
		if n++; n < 3 {
			return "less", nil
		}
		return "", nil
	})
	if err != nil || n != 3 {
		t.Error(n, err)
	}
	if err := within(t.Context(), time.Millisecond, "it", func() (string, error) { return "that", nil }); !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), "expected it within 1ms, got that") {
		t.Error(err)
	}
	broken := errors.New("broken")
	if err := within(t.Context(), time.Minute, "it", func() (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(ctx, time.Minute, "it", func() (string, error) { return "that", nil }); !errors.Is(err, ErrDiffers) {
		t.Error(err)
	}
}

// TestUnequal (R5.1): each action that was recorded too rarely, or twice, is named.
func TestUnequal(t *testing.T) {
	seen := Recorded()
	for action, n := range least {
		seen[action] = n + 1
	}
	if got := unequal(seen); got != "" {
		t.Error(got)
	}
	seen["password.reset"] = 1
	delete(seen, "phone.added")
	seen["recovery.vetoed"] = 2
	seen["sms.sent"] = 3
	if got := unequal(seen); got != "password.reset 1 of 2, phone.added 0 of 2, recovery.vetoed 2 of 1, sms.sent 3 of 24 or more" {
		t.Error(got)
	}
}
