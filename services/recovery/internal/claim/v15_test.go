package claim_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
)

// TestV15Pace: an account costs more work than none, and the answer takes as long
// for both: the next multiple of what is configured.
func TestV15Pace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 200 * time.Millisecond
		store := roomtest.SQLite(t)
		d := roomtest.New(t, store, roomtest.Options{AnswerAfter: each})
		d.Prove(roomtest.Older)
		d.Clock.Advance(8 * day)
		took := func(step func()) time.Duration {
			before := time.Now()
			step()
			return time.Since(before)
		}
		for thinks, want := range map[time.Duration]time.Duration{0: 200 * time.Millisecond, 150 * time.Millisecond: 200 * time.Millisecond, 250 * time.Millisecond: 400 * time.Millisecond} {
			d.Peer.Thinks = thinks
			if got := took(func() { d.Start("ana") }); got != want {
				t.Errorf("with %s of work the answer took %s, want %s", thinks, got, want)
			}
		}
		d.Peer.Thinks = 150 * time.Millisecond
		for _, identifier := range []string{"ana", "nobody"} {
			var a roomtest.Attempt
			for name, step := range map[string]func(){
				"start": func() { a = d.Start(identifier) },
			} {
				if got := took(step); got != each {
					t.Errorf("%s for %s took %s", name, identifier, got)
				}
			}
			if got := took(func() { d.Must(a.SendCode("")) }); got != each {
				t.Errorf("a code for %s took %s", identifier, got)
			}
			if got := took(func() {
				if _, err := a.Evidence(engine.SMS, "00000000"); !errors.Is(err, wallet.ErrCode) {
					t.Error(err)
				}
			}); got != each {
				t.Errorf("an evidence for %s took %s", identifier, got)
			}
		}
		d.Peer.Down = true // said of all alike, and at once
		if got := took(func() {
			if _, _, err := d.Claims.Start(t.Context(), roomtest.Home, "ana", noDevice); fault.From(err).Kind != fault.KindUnavailable {
				t.Error(err)
			}
		}); got != 0 {
			t.Errorf("unavailable took %s", got)
		}
		d.Must(store.Close(t.Context()))
	})
}

// TestV15SharedBudgets: what flows of one account have in common (tries of its
// numbers, of its saved codes, starts by strangers) must not be seen: whatever was
// tried before, an account answers like an unknown name.
func TestV15SharedBudgets(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 3})
	script := func(identifier string) []string {
		var said []string
		note := func(what string, err error) { said = append(said, fmt.Sprint(what, ": ", err)) }
		for range 5 { // the last two lead nowhere: the budget of starts is used up
			a := d.Start(identifier)
			for _, typed := range []string{"", roomtest.Older, roomtest.Newer, "+34600999888"} {
				for range 6 {
					_, err := a.Evidence(engine.SMS, "00000000")
					note("sms", err)
					_, err = a.Evidence(engine.SavedCode, roomtest.NotSaved)
					note("saved", err)
				}
				d.Clock.Advance(6 * time.Minute)
				note("code to "+typed, a.SendCode(typed))
			}
			note("complete", a.Complete())
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
	asked := len(slices.DeleteFunc(d.Peer.Redeemed, func(account string) bool { return account != roomtest.Owner }))
	if asked != 3*5 { // each flow that leads to the account has its 5 tries; more could spend a code that is refused all the same
		t.Errorf("auth was asked %d times about the account", asked)
	}
}
