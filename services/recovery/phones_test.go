package recovery_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery"
)

func sha(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// TestPhones is the life of numbers: pending, first trusted at once, quarantine,
// retiring for 7 and 30 days (V5), kept, removed; masked everywhere.
func TestPhones(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			oldest := w.prove(ana, first)
			w.Clock.Advance(time.Minute)
			younger := w.prove(ana, second)
			list := func() string { return w.want(w.call("GET", "/v1/me/phones", w.signedIn(ana), nil), 200, "").Body }
			state := func(id string) string {
				var all struct {
					Phones []struct{ ID, State, ChangesAt string }
				}
				into(answer{Status: 200, Body: list()}, &all)
				for _, p := range all.Phones {
					if p.ID == id {
						return p.State
					}
				}
				return "gone"
			}
			if state(oldest) != "trusted" || state(younger) != "quarantined" || strings.Contains(list(), first) {
				t.Fatal(list())
			}
			w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": "+51 987 654 321"}), 409, "phone_taken")
			w.Clock.Advance(7 * day)
			if state(younger) != "trusted" {
				t.Error(list())
			}
			w.want(w.call("POST", "/v1/me/phones/"+oldest+"/kept", w.signedIn(ana), nil), 409, "conflict")
			w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedIn(ana), nil), 200, "")
			w.text(second, "pide quitar")
			w.want(w.call("POST", "/v1/me/phones/"+oldest+"/kept", w.signedIn(ana), nil), 200, "")
			if state(oldest) != "trusted" {
				t.Error(list())
			}
			w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedIn(ana), nil), 200, "")
			w.want(w.call("DELETE", "/v1/me/phones/"+younger, w.signedIn(ana), nil), 200, "")
			w.Clock.Advance(7 * day)
			if state(younger) != "gone" || state(oldest) != "retiring" {
				t.Error(list())
			}
			w.Clock.Advance(23*day - time.Millisecond)
			if state(oldest) != "retiring" {
				t.Error("V5: the oldest keeps its powers for 30 days")
			}
			w.Clock.Advance(time.Millisecond)
			if state(oldest) != "gone" {
				t.Error(list())
			}
			if err := w.module.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNumbers: what is a number, what isn't, and the old Mexican form.
func TestNumbers(t *testing.T) {
	for number, want := range map[string]struct {
		status int
		code   string
		masked string
	}{
		"+51 987 654 321":    {201, "", "+51 ••• ••• 321"},
		"+1 202 555 0101":    {201, "", "+1 ••• ••• 101"},
		"+52 1 55 1234 5678": {201, "", "+52 ••• ••• 678"},
		"+34 912 345 678":    {400, "phone_not_mobile", ""},
		"+1 800 555 1234":    {400, "phone_not_mobile", ""},
		"987654321":          {400, "phone_invalid", ""},
		"+51 1":              {400, "phone_invalid", ""},
		"hello there":        {400, "phone_invalid", ""},
	} {
		t.Run(number, func(t *testing.T) {
			w := newWorld(t, options{})
			a := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": number}), want.status, want.code)
			if a.Field("masked") != want.masked || (want.code != "" && strings.Contains(a.Body, number)) {
				t.Error(a.Body)
			}
		})
	}
}

// TestCodeLimits: expiry, single use, resend waits, another number's code.
func TestCodeLimits(t *testing.T) {
	w := newWorld(t, options{})
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": first}), 201, "").Field("id")
	code := w.code(first)
	if a := w.want(w.call("POST", "/v1/me/phones/"+id+"/codes", w.signedIn(ana), nil), 429, "too_many_requests"); !strings.Contains(a.Body, "retry_after") {
		t.Error(a.Body)
	}
	w.Clock.Advance(5 * time.Minute)
	w.want(w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(ana), map[string]string{"code": code}), 422, "code_invalid")
	w.proveAgain(ana, id, first)
	w.want(w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(ana), map[string]string{"code": code}), 422, "code_invalid")
	pending := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": second}), 201, "").Field("id")
	w.Clock.Advance(15 * time.Minute)
	w.want(w.call("POST", "/v1/me/phones/"+pending+"/codes", w.signedIn(ana), nil), 404, "not_found")
}

// TestBudgets: starts from one address are bounded; an account's by strangers
// too, and beyond it the flow silently leads nowhere.
func TestBudgets(t *testing.T) {
	w := newWorld(t, options{config: func(c *recovery.Config) { c.Budget.StartsPerAddress, c.Budget.StartsPerAccount = 4, 2 }})
	w.audit.mu.Lock()
	w.audit.usual = "nowhere"
	w.audit.mu.Unlock()
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	var last claim
	for range 3 {
		last = w.start("ana", "")
	}
	w.want(last.call("POST", "/codes", map[string]string{}), 202, "")
	if flow, err := w.module.Flow(t.Context(), last.id); err != nil || flow.Account != "" {
		t.Errorf("the third flow has an account: %v", err)
	}
	w.start("nobody", "")
	w.want(w.call("POST", "/v1/recoveries", "", map[string]string{"identifier": "nobody"}), 429, "too_many_requests")
	w.address = "198.51.100.9"
	w.start("nobody", "")
}
