package objection_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

const day = 24 * time.Hour

// TestV8ManyStartsHideNothing: a thief who waits starts many more recoveries: the
// owner's NO still finds the one that waits, and so does the owner's list.
func TestV8ManyStartsHideNothing(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start("ana")
	a.BySMS(roomtest.Newer)
	_, err := a.Evidence(engine.SavedCode, roomtest.Saved)
	d.Must(err)
	a.Is(claim.Waiting)
	d.SendDue()
	end := a.Flow().EarliestAt
	for range 6 {
		for range 20 {
			d.Start("ana")
		}
		d.Clock.Advance(day)
	}
	own, err := review.Owners{Store: d.Store, Clock: d.Clock}.Flows(t.Context(), roomtest.Owner)
	d.Must(err)
	if len(own) != 20 || own[0].ID != a.ID {
		t.Errorf("%d shown, first %+v", len(own), own[0])
	}
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Older, "NO"))
	if f := a.Flow(); !f.EarliestAt.Equal(end.Add(7 * day)) {
		t.Errorf("the end moved by %s", f.EarliestAt.Sub(end))
	}
}

// RC B4 (D5): a NO before possession ends nothing in silence and is free of any
// budget: it is kept, its sender is told so, and it counts at possession. Four
// planted numbers keep nobody out who has a second evidence.
func TestB4EarlyNo(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		for i := range 12 { // beyond what any budget of a day would hold
			a := d.Start("ana")
			d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, d.NO(a, roomtest.Newer)))
			if f := a.Flow(); f.State != claim.Collecting || len(f.Objections) != 1 {
				t.Fatalf("%d: %s, %v", i, f.State, f.Objections)
			}
			if got := d.Told(roomtest.Newer, "queda anotado"); got != i+1 {
				t.Errorf("told %d times that it is kept, want %d", got, i+1)
			}
			d.Clock.Advance(time.Hour)
		}
		if w, err := d.Wallets.Wallet(t.Context(), roomtest.Owner); err != nil || len(w.Objections) != 0 {
			t.Errorf("nobody proved anything: %v, %v", w.Objections, err)
		}
		d.Clock.Advance(day)
		a := d.Start("ana")
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
		v := a.BySMS(roomtest.Older)
		if v.State != claim.Collecting || v.Reason.Code != string(engine.V8) || len(v.ShorterWith) == 0 {
			t.Errorf("one evidence against a NO from before: %+v", v)
		}
		dec, _, err := a.Flow().Decisions.Last()
		if err != nil || !slices.Contains(dec.Rules, engine.V8) || len(dec.Objections) != 1 || dec.Verdict != engine.NeedEvidence {
			t.Errorf("%+v, %v", dec, err)
		}
		a.BySavedCode()
		a.Is(claim.Waiting) // a day, for the new device
		if f := a.Flow(); f.EarliestAt.Sub(f.AnnouncedAt) != day {
			t.Errorf("a younger number's NO made it %s", f.EarliestAt.Sub(f.AnnouncedAt))
		}
		d.Pass(day)
		d.Must(a.Complete())
	})
}

// RC B1 (D3): one SIM, three tries. Each NO stops one, without limit, and for 30
// days nobody gets so far again with one evidence.
func TestB1OneSIMManyTries(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		for i := range 4 {
			a := waiting(d)
			d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
			a.Is(claim.Vetoed)
			if got := d.Told(roomtest.Newer, "queda parado"); got != i+1 {
				t.Errorf("confirmed %d times, want %d", got, i+1)
			}
			d.Clock.Advance(29 * day)
			again := d.Start(roomtest.Name)
			if v := again.BySMS(roomtest.Older); v.State != claim.Collecting {
				t.Fatalf("%s with one evidence, 29 days after a NO", v.State)
			}
			if err := again.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
				t.Errorf("%v", err)
			}
			d.Clock.Advance(2 * day)
			d.ProveAgain(d.Number(roomtest.Older), roomtest.Older)
			d.ProveAgain(d.Number(roomtest.Newer), roomtest.Newer)
			d.Clock.Advance(day)
		}
	})
}

// RC B3 (D4): against the oldest and a second evidence younger numbers are told,
// and no more; against a younger one with a second evidence the older one adds 7
// days, twice an account in 90 days.
func TestB3TwoEvidences(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		no := func(number string) { d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, number, "NO")) }
		a := waiting(d)
		a.BySavedCode()
		end := a.Flow().EarliestAt
		no(roomtest.Newer)
		link := token(d.Links(roomtest.Newer)[0])
		if outcome, err := link.object(d); err != nil || outcome != objection.Noted {
			t.Errorf("%s, %v", outcome, err)
		}
		if err := link.stop(d); !errors.Is(err, objection.ErrVetoInvalid) {
			t.Errorf("the link again, of what goes on: %v", err)
		}
		if f := a.Flow(); f.State != claim.Waiting || !f.EarliestAt.Equal(end) || d.Told(roomtest.Newer, "no puede parar ni aplazar") != 1 {
			t.Errorf("%s, end moved by %s", f.State, f.EarliestAt.Sub(end))
		}
		d.Pass(day)
		d.Must(a.Complete())
		d.Clock.Advance(day)

		thief := d.Start(roomtest.Name)
		thief.BySMS(roomtest.Newer)
		thief.BySavedCode()
		d.SendDue()
		for i, longer := range []time.Duration{7 * day, 14 * day, 14 * day} {
			no(roomtest.Older)
			no(roomtest.Older) // in a fright
			if f := thief.Flow(); f.State != claim.Waiting || f.EarliestAt.Sub(f.AnnouncedAt) != 7*day+longer {
				t.Errorf("after %d objections it waits %s", i+1, f.EarliestAt.Sub(f.AnnouncedAt))
			}
			d.Pass(2 * day)
		}
		if d.Told(roomtest.Older, "aplaza ese") != 2 || d.Told(roomtest.Older, "no puede parar") != 1 {
			t.Errorf("told %d and %d times", d.Told(roomtest.Older, "aplaza ese"), d.Told(roomtest.Older, "no puede parar"))
		}
		if chain := thief.Flow().Decisions; !chain.Whole() {
			t.Error("the chain of decisions is broken")
		}
		other := d.Start(roomtest.Name)
		other.BySMS(roomtest.Newer)
		other.BySavedCode()
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Older, d.NO(other, roomtest.Older)))
		if f := other.Flow(); f.EarliestAt.Sub(f.AnnouncedAt) != 7*day {
			t.Errorf("a third objection of the account in 90 days counted: %s", f.EarliestAt.Sub(f.AnnouncedAt))
		}
	})
}

// RC D-4: the end that a NO's sender was told of holds, whatever becomes of the numbers
// meanwhile.
func TestToldEndHolds(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Clock.Advance(80 * day) // the older number is live for 2 days more
	d.ProveAgain(d.Number(roomtest.Newer), roomtest.Newer)
	d.Clock.Advance(day)
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Newer)
	a.BySavedCode()
	d.SendDue()
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Older, "NO"))
	told := len(d.Links(roomtest.Older))
	d.Pass(2 * day) // dormant: a claim of today would wait for 3 days and 7 for the NO
	if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
		t.Fatal(err)
	}
	if f := a.Flow(); f.EarliestAt.Sub(f.AnnouncedAt) != 14*day || len(d.Links(roomtest.Older)) != told {
		t.Errorf("it waits %s, announced %d times more", f.EarliestAt.Sub(f.AnnouncedAt), len(d.Links(roomtest.Older))-told)
	}
}

// RC B5 (D24), B6: with its word a NO is against one recovery; without, it counts
// when one is open that isn't from a known device. Else it asks, once a day.
func TestB5NoHasAnObject(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = true })
	own := d.StartFrom("the owner's device, which is known to it")
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = false })
	own.BySMS(roomtest.Older)
	own.BySavedCode()
	thief := waiting(d)
	no := func(from, body string) { d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, from, body)) }
	no(roomtest.Newer, "¡No, no fui yo!")
	thief.Is(claim.Vetoed)
	own.Is(claim.Waiting)

	no(roomtest.Newer, "NO") // the known device's alone is open
	own.Is(claim.Waiting)
	asked := func() int { return d.Told(roomtest.Newer, "para parar el intento") }
	if asked() != 1 || d.Told(roomtest.Newer, d.NO(own, roomtest.Newer)) == 0 {
		t.Errorf("asked %d times", asked())
	}
	one, two := d.Start(roomtest.Name), d.Start(roomtest.Name)
	for _, body := range []string{"NO", "no 1", "quizás", "NO " + d.Word(one, roomtest.Older), "hola"} {
		no(roomtest.Newer, body)
	}
	if len(one.Flow().Objections)+len(two.Flow().Objections) != 0 || asked() != 1 {
		t.Errorf("asked %d times in a day, %v %v", asked(), one.Flow().Objections, two.Flow().Objections)
	}
	for name, body := range map[string]string{"small": "no " + d.Word(two, roomtest.Newer), "as written": d.NO(two, roomtest.Newer)} {
		no(roomtest.Newer, body)
		if len(one.Flow().Objections) != 0 || len(two.Flow().Objections) != 1 {
			t.Errorf("%s: %v %v", name, one.Flow().Objections, two.Flow().Objections)
		}
	}
	d.Clock.Advance(day)
	own.Is(claim.Ready)
	no(roomtest.Newer, "quizás") // nothing but own is open
	if asked() != 2 {
		t.Errorf("asked %d times, the next day", asked())
	}
}

// RC B2 (D3b): a signed-in owner stops any recovery; nobody else's.
func TestB2OwnerStops(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := waiting(d)
		a.BySavedCode()
		stop := func(id string) error { return d.Objections.ByOwner(t.Context(), d.Me(), roomtest.Home, id) }
		stranger := wallet.Person{Account: "acc_other", Session: roomtest.Session}
		if err := d.Objections.ByOwner(t.Context(), stranger, roomtest.Home, a.ID); !errors.Is(err, claim.ErrNoFlow) {
			t.Errorf("somebody else: %v", err)
		}
		nobody := d.Start("nobody")
		if err := stop(nobody.ID); !errors.Is(err, claim.ErrNoFlow) {
			t.Errorf("nobody's: %v", err)
		}
		d.Peer.Set(func(p *roomtest.Peer) { p.Ended = []string{roomtest.Session} })
		if err := stop(a.ID); !errors.Is(err, wallet.ErrSessionEnded) {
			t.Errorf("a session that is over: %v", err)
		}
		d.Peer.Set(func(p *roomtest.Peer) { p.Ended = nil })
		a.Is(claim.Waiting)
		// Who has the password alone, and signed in with it, keeps nobody out who has two proofs.
		for ago, want := range map[time.Duration]error{0: objection.ErrStranger, 30*day - time.Millisecond: objection.ErrStranger} {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account.UnfamiliarAt = d.Clock.Now().Add(-ago) })
			if err := stop(a.ID); !errors.Is(err, want) {
				t.Errorf("a new device %s ago: %v", ago, err)
			}
		}
		d.Peer.Set(func(p *roomtest.Peer) { p.Silent = true })
		if err := stop(a.ID); !errors.Is(err, wallet.ErrUnavailableAuth) {
			t.Errorf("auth is silent: %v", err)
		}
		a.Is(claim.Waiting)
		d.Peer.Set(func(p *roomtest.Peer) { p.Silent, p.Account.UnfamiliarAt = false, d.Clock.Now().Add(-30*day) })
		for range 3 {
			d.Must(stop(a.ID))
		}
		a.Is(claim.Vetoed)
		if d.Told(roomtest.Older, "se detuvo") != 1 || d.Told(roomtest.Newer, "se detuvo") != 1 || count(d, record.RecoveryVetoed, record.Success) != 1 {
			t.Error("not told to all, or not recorded once")
		}
		d.Clock.Advance(day)
		d.Peer.Set(func(p *roomtest.Peer) { p.Account.UnfamiliarAt = d.Clock.Now() }) // one proof is stopped all the same
		alone := waiting(d)
		d.Must(stop(alone.ID))
		// But the next is let bring its second: a script that watches ends it neither before the first nor between the two.
		next := d.Start(roomtest.Name)
		for _, bring := range []func(){func() {}, func() { next.BySMS(roomtest.Older) }, func() { next.BySavedCode() }} {
			bring()
			if err := stop(next.ID); !errors.Is(err, objection.ErrStranger) {
				t.Errorf("%s: %v", next.Look().State, err)
			}
		}
		next.Is(claim.Waiting)
		alone.Is(claim.Vetoed)
		d.Clock.Advance(day)
		again := d.Start(roomtest.Name)
		if v := again.BySMS(roomtest.Older); v.State != claim.Collecting {
			t.Errorf("%s with one evidence after the owner stopped one", v.State)
		}
		d.Clock.Advance(day)
		done := d.Start(roomtest.Name)
		done.BySMS(roomtest.Older)
		done.BySavedCode()
		d.Pass(day)
		d.Peer.Set(func(p *roomtest.Peer) {
			p.OnReset = func() {
				if err := stop(done.ID); !errors.Is(err, objection.ErrCompleting) {
					t.Errorf("while its password is set: %v", err)
				}
			}
		})
		d.Must(done.Complete())
		d.Must(stop(done.ID))
		done.Is(claim.Completed)
	})
}
