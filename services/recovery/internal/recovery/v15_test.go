package recovery_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/recovery"
	"centinela/shared/fault"
)

// TestV15Pace: an account costs more work than none, and the answer takes as long
// for both: the next multiple of what is configured.
func TestV15Pace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := openSQLite(t)
		d := newDesk(t, store)
		d.prove(older)
		d.clk.Advance(8 * day)
		d.AnswerAfter = 200 * time.Millisecond
		took := func(step func()) time.Duration {
			before := time.Now()
			step()
			return time.Since(before)
		}
		for thinks, want := range map[time.Duration]time.Duration{0: 200 * time.Millisecond, 150 * time.Millisecond: 200 * time.Millisecond, 250 * time.Millisecond: 400 * time.Millisecond} {
			d.peer.thinks = thinks
			if got := took(func() { d.start("ana") }); got != want {
				t.Errorf("with %s of work the answer took %s, want %s", thinks, got, want)
			}
		}
		d.peer.thinks = 150 * time.Millisecond
		for _, identifier := range []string{"ana", "nobody"} {
			var a attempt
			for name, step := range map[string]func(){
				"start": func() { a = d.start(identifier) },
			} {
				if got := took(step); got != d.AnswerAfter {
					t.Errorf("%s for %s took %s", name, identifier, got)
				}
			}
			if got := took(func() { d.must(a.sendCode("")) }); got != d.AnswerAfter {
				t.Errorf("a code for %s took %s", identifier, got)
			}
			if got := took(func() {
				if _, err := a.evidence(engine.SMS, "00000000"); !errors.Is(err, recovery.ErrCode) {
					t.Error(err)
				}
			}); got != d.AnswerAfter {
				t.Errorf("an evidence for %s took %s", identifier, got)
			}
		}
		d.peer.down = true // said of all alike, and at once
		if got := took(func() {
			if _, _, err := d.Start(t.Context(), fromHome, "ana", noDevice); fault.From(err).Kind != fault.KindUnavailable {
				t.Error(err)
			}
		}); got != 0 {
			t.Errorf("unavailable took %s", got)
		}
		d.must(store.Close())
	})
}

// TestV15SharedBudgets: what flows of one account have in common (tries of its
// numbers, of its saved codes, starts by strangers) must not be seen: whatever was
// tried before, an account answers like an unknown name.
func TestV15SharedBudgets(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	d.clk.Advance(time.Minute)
	d.prove(newer)
	d.clk.Advance(8 * day)
	d.StartsPerAccount = 3
	script := func(identifier string) []string {
		var said []string
		note := func(what string, err error) { said = append(said, fmt.Sprint(what, ": ", err)) }
		for range 5 { // the last two lead nowhere: the budget of starts is used up
			a := d.start(identifier)
			for _, typed := range []string{"", older, newer, "+34600999888"} {
				for range 6 {
					_, err := a.evidence(engine.SMS, "00000000")
					note("sms", err)
					_, err = a.evidence(engine.SavedCode, "WRONG-CODE")
					note("saved", err)
				}
				d.clk.Advance(6 * time.Minute)
				note("code to "+typed, a.sendCode(typed))
			}
			note("complete", a.complete())
		}
		return said
	}
	known, unknown := script("ana"), script("nobody")
	if !slices.Equal(known, unknown) {
		for i := range known {
			if known[i] != unknown[i] {
				t.Fatalf("step %d: ana %q, nobody %q", i, known[i], unknown[i])
			}
		}
	}
	asked := len(slices.DeleteFunc(d.peer.asked, func(account string) bool { return account != owner }))
	if asked != 3*5 { // each flow that leads to the account has its 5 tries; more could spend a code that is refused all the same
		t.Errorf("auth was asked %d times about the account", asked)
	}
}
