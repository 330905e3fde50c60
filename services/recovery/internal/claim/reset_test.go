package claim_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/record"
)

// ready is a recovery whose wait is over.
func ready(d *roomtest.Desk) roomtest.Attempt {
	d.T.Helper()
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Pass(3 * day)
	return a
}

func count(d *roomtest.Desk, action, outcome string) int {
	return len(slices.DeleteFunc(d.Actions(), func(a string) bool { return a != action+" "+outcome }))
}

// KA D3: the reset was done and its answer was lost. That it was this one is told
// by its id, whatever the two machines' clocks say; its owner is told.
func TestD3SettledByID(t *testing.T) {
	for _, skew := range []time.Duration{-2 * time.Hour, -time.Second, 0, time.Second, 2 * time.Hour} {
		roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
			d := roomtest.Two(t, store, roomtest.Options{})
			a := ready(d)
			d.Peer.Set(func(p *roomtest.Peer) { p.Skew, p.Lost = skew, true })
			if err := a.Complete(); !errors.Is(err, wallet.ErrUnavailableAuth) {
				t.Fatal(err)
			}
			d.Clock.Advance(time.Minute)
			d.Sweep()
			a.Is(claim.Completed)
			if d.Told(roomtest.Newer, "fue recuperada") != 1 || count(d, record.RecoveryCompleted, record.Success) != 1 {
				t.Errorf("auth's clock %s: nobody was told", skew)
			}
		})
	}
}

// KA D3: the reset never reached auth, and another recovery's did: this one is
// refused, never completed with a decision that decided nothing.
func TestD3OthersResetIsNotOnesOwn(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		lost := d.Start(roomtest.Name)
		lost.BySMS(roomtest.Older)
		d.Pass(time.Hour)
		other := ready(d)
		d.Peer.Set(func(p *roomtest.Peer) { p.Unheard = true })
		if err := lost.Complete(); !errors.Is(err, wallet.ErrUnavailableAuth) {
			t.Fatal(err)
		}
		d.Must(other.Complete())
		d.Clock.Advance(time.Minute)
		d.Sweep()
		lost.Is(claim.RefusedOut)
		other.Is(claim.Completed)
		if !slices.Equal(d.Peer.Resets, []string{other.ID}) || count(d, record.RecoveryCompleted, record.Success) != 1 || count(d, record.RecoveryRefused, record.Refused) != 1 {
			t.Errorf("resets %v, %v", d.Peer.Resets, d.Actions())
		}
	})
}

// KA D3: nothing came to auth: the claimant may try again, and succeeds.
func TestD3NothingCame(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Peer.Set(func(p *roomtest.Peer) { p.Resets = []string{"rec_of_last_year"} })
	a := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) { p.Unheard = true })
	if err := a.Complete(); !errors.Is(err, wallet.ErrUnavailableAuth) {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Minute - time.Millisecond)
	d.Sweep()
	if got := a.Flow().State; got != claim.Completing {
		t.Errorf("given up after less than a minute: %s", got)
	}
	d.Clock.Advance(time.Millisecond)
	d.Sweep()
	if got := a.Flow().State; got != claim.Ready {
		t.Errorf("after a minute: %s", got)
	}
	d.Must(a.Complete())
	a.Is(claim.Completed)
}

// V22: the security version that the decision was made on is what auth compares:
// of two completions at once one sets the password, and the other is told.
func TestV22OneOfTwoWins(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		first := d.Start(roomtest.Name)
		first.BySMS(roomtest.Older)
		d.Pass(time.Hour)
		second := ready(d)
		d.Peer.Set(func(p *roomtest.Peer) { p.OnReset = func() { d.Must(second.Complete()) } })
		if err := first.Complete(); !errors.Is(err, claim.ErrEnded) {
			t.Errorf("the slower one: %v", err)
		}
		first.Is(claim.RefusedOut)
		second.Is(claim.Completed)
		if !slices.Equal(d.Peer.Resets, []string{second.ID}) {
			t.Errorf("resets %v", d.Peer.Resets)
		}
	})
}

// A reset that was done, and whose answer was lost, stays true when another
// recovery completes before the sweep: nobody writes over it that it was refused.
func TestLostAnswerIsNotOverwritten(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	lost := d.Start(roomtest.Name)
	lost.BySMS(roomtest.Older)
	d.Pass(time.Hour)
	other := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) { p.Lost = true })
	if err := lost.Complete(); !errors.Is(err, wallet.ErrUnavailableAuth) {
		t.Fatal(err)
	}
	d.Must(other.Complete())
	d.Clock.Advance(time.Minute)
	d.Sweep()
	lost.Is(claim.Completed)
	if !slices.Equal(d.Peer.Resets, []string{lost.ID, other.ID}) || count(d, record.RecoveryCompleted, record.Success) != 2 {
		t.Errorf("resets %v", d.Peer.Resets)
	}
}

// V22: the account's security changed between the decision and the reset, not by
// a recovery: it is decided anew, on what is true now.
func TestV22ChangedMeanwhile(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown, p.Place = true, "yes" })
	d.Clock.Advance(40 * day)
	a := d.Start(roomtest.Name)
	a.BySavedCode()
	if v := a.BySMS(roomtest.Older); v.State != claim.Ready {
		t.Fatalf("%+v", v)
	}
	d.Peer.Set(func(p *roomtest.Peer) {
		p.OnReset = func() {
			p.Set(func(p *roomtest.Peer) {
				p.Account.SecurityVersion++
				p.Account.SecurityChangeAt = d.Clock.Now()
			})
		}
	})
	if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
		t.Fatalf("decided on what was: %v", err)
	}
	a.Is(claim.Waiting)
	if got := a.Look().EarliestAt.Sub(d.Clock.Now()).Round(time.Minute); got != day {
		t.Errorf("a change just now makes it wait for %s", got)
	}
	d.Pass(day)
	d.Must(a.Complete())
}

// Two calls of the same completion at once, as a phone makes them that asks
// again: auth resets once, and both are told that it is done.
func TestSameCompletionTwice(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	var inner error
	d.Peer.Set(func(p *roomtest.Peer) { p.OnReset = func() { inner = a.Complete() } })
	if err := a.Complete(); err != nil || inner != nil {
		t.Errorf("%v, %v", err, inner)
	}
	if len(d.Peer.Resets) != 1 || count(d, record.RecoveryCompleted, record.Success) != 1 {
		t.Errorf("resets %v", d.Peer.Resets)
	}
}

// A weak password opens the recovery again, with auth's words; without auth
// nothing is begun at all (V20).
func TestRefusedReset(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) { p.Weak = true })
	if err := a.Complete(); !errors.Is(err, roomtest.ErrWeak) {
		t.Errorf("%v", err)
	}
	a.Is(claim.Ready)
	d.Peer.Set(func(p *roomtest.Peer) { p.Down = true })
	before := a.Flow()
	if err := a.Complete(); fault.From(err).Kind != fault.KindUnavailable {
		t.Errorf("%v", err)
	}
	if after := a.Flow(); after.State != before.State || !after.CompletingAt.IsZero() {
		t.Errorf("begun without facts: %s", after.State)
	}
	d.Peer.Set(func(p *roomtest.Peer) { p.Down = false })
	d.Must(a.Complete())
}

// The account was deleted while a reset was on its way.
func TestGoneMeanwhile(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) { p.Unheard = true })
	if err := a.Complete(); err == nil {
		t.Fatal("no error")
	}
	d.Peer.Set(func(p *roomtest.Peer) { p.Account = wallet.Account{} })
	d.Clock.Advance(time.Minute)
	d.Sweep()
	if err := a.Complete(); !errors.Is(err, claim.ErrEnded) {
		t.Errorf("%v", err)
	}
	a.Is(claim.RefusedOut)
}
