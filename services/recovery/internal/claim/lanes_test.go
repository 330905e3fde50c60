package claim_test

import (
	"errors"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// known starts a recovery from a device that the account knows.
func known(d *roomtest.Desk) roomtest.Attempt {
	d.T.Helper()
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = true })
	defer d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = false })
	a := d.Start(roomtest.Name)
	if got := a.Flow().Lane; got != limits.LaneKnown {
		d.T.Errorf("a known device is in the lane %s", got)
	}
	return a
}

// R40: strangers' starts, and his own, keep no known device out.
func TestKnownDeviceIsNotLockedOut(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 3})
	for range 5 {
		d.Start(roomtest.Name)
	}
	if a := d.Start(roomtest.Name); a.Flow().Account != "" {
		t.Error("strangers' starts aren't bounded")
	}
	for range 10 {
		if a := known(d); a.Flow().Account != roomtest.Owner {
			t.Fatal("a known device's recovery leads nowhere")
		}
	}
	d.Peer.Set(func(p *roomtest.Peer) { p.Place = engine.Yes })
	for range 10 {
		if f := d.Start(roomtest.Name).Flow(); f.Account != roomtest.Owner || f.Lane != limits.LaneFamiliar {
			t.Fatalf("a usual place's recovery leads nowhere: %s", f.Lane)
		}
	}
}

// V20: while audit is silent nobody's place is a usual one, so that an outage opens
// no lane to strangers, and refuses nobody.
func TestV20OutageIsNoFamiliarPlace(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 3})
	d.Peer.Set(func(p *roomtest.Peer) { p.Place, p.Blind = engine.Yes, true })
	for i := range 4 {
		if f := d.Start(roomtest.Name).Flow(); f.Lane != limits.LaneAnonymous || (f.Account == roomtest.Owner) != (i < 3) {
			t.Errorf("start %d: lane %s, account %q", i+1, f.Lane, f.Account)
		}
	}
}

// R41: however often a recovery is started, the phones hear of it once a day.
func TestStartsAreToldOnceADay(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		for range 5 {
			d.Start(roomtest.Name)
			d.Clock.Advance(time.Minute)
		}
		if got := d.Told(roomtest.Older, "alguien quiere recuperar"); got != 1 {
			t.Errorf("told %d times", got)
		}
		d.Clock.Advance(day)
		d.Start(roomtest.Name)
		if got := d.Told(roomtest.Newer, "alguien quiere recuperar"); got != 2 {
			t.Errorf("told %d times in two days", got)
		}
	})
}

// KA D1's kind: recoveries that lead nowhere, and accounts without a number to
// tell, use the day's notice up for nobody.
func TestNoticeIsForWhoIsTold(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 2})
	for range 5 { // there is no number yet; the last three lead nowhere
		d.Start(roomtest.Name)
	}
	d.Prove(roomtest.Older)
	known(d)
	if got := d.Told(roomtest.Older, "alguien quiere recuperar"); got != 1 {
		t.Errorf("told %d times", got)
	}
}

// R48: strangers spend all texts of their lane; who comes from a known device
// gets his, and so does who comes from a usual place.
func TestStrangersSpendTheirOwnTexts(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	for range 40 {
		d.Must(d.Start(roomtest.Name).SendCode(""))
		d.SendDue()
		d.Clock.Advance(3 * time.Minute)
	}
	if got := len(d.Codes(roomtest.Older)); got != 11 { // one proved it
		t.Fatalf("%d codes in two hours by strangers, want 10", got-1)
	}
	a := known(d)
	d.Clock.Advance(time.Second)
	d.Must(a.SendCode(""))
	if got := len(d.Codes(roomtest.Older)); got != 12 {
		t.Error("a known device got no code")
	}
}

// What isn't sent uses up nobody's texts: numbers that aren't the account's, and
// recoveries that lead nowhere (V24).
func TestWhatIsNotSentCostsNothing(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 50})
	before := len(d.Codes(roomtest.Older))
	for range 40 {
		d.Must(d.Start(roomtest.Name).SendCode("+34600999888"))
	}
	for range 15 { // from the eleventh on they lead nowhere
		d.Must(d.Start(roomtest.Name).SendCode("+34600999888"))
	}
	hollow := d.Start(roomtest.Name)
	if hollow.Flow().Account != "" {
		t.Fatal("the case is none")
	}
	d.Must(hollow.SendCode(""))
	d.Clock.Advance(day)
	d.Must(d.Start(roomtest.Name).SendCode(""))
	if got := len(d.Codes(roomtest.Older)) - before; got != 1 {
		t.Errorf("%d codes", got)
	}
}

// Guesses in recoveries that lead nowhere use up nobody's tries (V23, V24).
func TestHollowGuessesCostNothing(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAccount: 1})
	right := d.Start(roomtest.Name)
	for range 5 {
		hollow := d.Start(roomtest.Name)
		d.Must(hollow.SendCode(""))
		for range 5 {
			if _, err := hollow.Evidence(engine.SMS, "00000000"); !errors.Is(err, wallet.ErrCode) {
				t.Fatal(err)
			}
		}
	}
	d.Clock.Advance(time.Minute)
	if _, err := right.Evidence(engine.SMS, right.CodeFor("", roomtest.Older)); err != nil {
		t.Errorf("the right code after guesses that led nowhere: %v", err)
	}
}

// A second saved code in one recovery counts once, and costs neither a try nor
// the code.
func TestSavedCodeOnce(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start(roomtest.Name)
	for range 10 {
		a.BySavedCode()
	}
	if f := a.Flow(); len(f.Evidence) != 1 || len(d.Peer.Redeemed) != 1 {
		t.Errorf("%d evidences, auth was asked %d times", len(f.Evidence), len(d.Peer.Redeemed))
	}
	b := d.Start(roomtest.Name)
	for i := range 7 {
		_, err := b.Evidence(engine.SavedCode, roomtest.NotSaved)
		if want := error(wallet.ErrCode); i >= 5 {
			want = wallet.ErrCodeExhausted
			if !errors.Is(err, want) {
				t.Errorf("try %d: %v", i+1, err)
			}
		} else if !errors.Is(err, want) {
			t.Errorf("try %d: %v", i+1, err)
		}
	}
	if _, err := b.Evidence(engine.SavedCode, roomtest.Saved); !errors.Is(err, wallet.ErrCodeExhausted) {
		t.Errorf("the right one after five wrong ones: %v", err)
	}
}

// KA D5: whoever starts too often is told to wait for what is left of the window.
func TestTooManyStartsWait(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{StartsPerAddress: 2})
	start := func() error {
		_, _, err := d.Claims.Start(t.Context(), roomtest.Home, "nobody", secret.String{})
		return err
	}
	d.Must(start())
	d.Clock.Advance(20 * time.Minute)
	d.Must(start())
	d.Clock.Advance(20 * time.Minute)
	err := start()
	if !errors.Is(err, claim.ErrTooManyStarts) || fault.From(err).RetryAfter != 20*time.Minute {
		t.Errorf("%v, %s", err, fault.From(err).RetryAfter)
	}
	before := d.State()
	for range 3 {
		if err := start(); !errors.Is(err, claim.ErrTooManyStarts) {
			t.Error(err)
		}
	}
	if d.State() != before {
		t.Error("refused starts left something")
	}
	d.Clock.Advance(20 * time.Minute)
	d.Must(start())
}

// R25, V15: whoever shares the owner's network learns nothing from the budget of
// starts: known and unknown names spend one budget and are refused alike.
func TestV15FamiliarPlaceHasNoDoorOfItsOwn(t *testing.T) {
	for _, names := range [][]string{{roomtest.Name, "nobody"}, {"nobody", roomtest.Name}, {roomtest.Name}, {"nobody"}} {
		d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAddress: 4})
		d.Peer.Set(func(p *roomtest.Peer) { p.Place = engine.Yes })
		for i := range 8 {
			_, _, err := d.Claims.Start(t.Context(), roomtest.Home, names[i%len(names)], secret.String{})
			if (err == nil) != (i < 4) {
				t.Errorf("%v: start %d: %v", names, i+1, err)
			}
		}
	}
}

// Who brings a known device isn't refused for what strangers in his network start.
func TestKnownDeviceHasADoorOfItsOwn(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{StartsPerAddress: 2})
	for range 2 {
		d.Start("nobody")
	}
	known(d)
	if _, _, err := d.Claims.Start(t.Context(), roomtest.Home, "nobody", secret.String{}); !errors.Is(err, claim.ErrTooManyStarts) {
		t.Errorf("%v", err)
	}
}

// Stopped by its owner while auth looks at a saved code: the right one is as good
// as a wrong one then, like in any recovery that leads nowhere (V15).
func TestSavedCodeAfterItsEnd(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	store.BeforeFlow(func() { d.Must(d.Objections.ByOwner(t.Context(), d.Me(), roomtest.Home, a.ID)) })
	if _, err := a.Evidence(engine.SavedCode, roomtest.Saved); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("%v", err)
	}
}

// R49: recoveries in which somebody holds a number come first, however many are
// open; the newest of them first.
func TestDangerousOnesAreShown(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		var dangerous []string
		for range 3 {
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			dangerous = append([]string{a.ID}, dangerous...)
			d.Clock.Advance(time.Minute)
		}
		for range 25 {
			d.Start(roomtest.Name)
			d.Clock.Advance(time.Second)
		}
		own, err := review.Owners{Store: d.Store, Clock: d.Clock}.Flows(t.Context(), roomtest.Owner)
		d.Must(err)
		if len(own) != 20 {
			t.Fatalf("%d shown", len(own))
		}
		for i, o := range own {
			if i < 3 && (o.ID != dangerous[i] || o.State != claim.Waiting || o.Verdict != engine.Wait || len(o.Reasons) == 0 || len(o.Evidence) != 1) {
				t.Errorf("%d: %+v", i, o)
			}
			if i > 3 && own[i-1].StartedAt.Before(o.StartedAt) {
				t.Errorf("%d is newer than the one before", i)
			}
		}
	})
}

// A recovery that is with auth is one of the dangerous ones, too, and shown as ready.
func TestCompletingIsShown(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) { p.Unheard = true })
	if err := a.Complete(); err == nil {
		t.Fatal("no error")
	}
	for range 25 {
		d.Start(roomtest.Name)
		d.Clock.Advance(time.Second)
	}
	own, err := review.Owners{Store: d.Store, Clock: d.Clock}.Flows(t.Context(), roomtest.Owner)
	if err != nil || own[0].ID != a.ID || own[0].State != claim.Ready {
		t.Errorf("%v, first %+v", err, own[0])
	}
	a.Is(claim.Ready)
}
