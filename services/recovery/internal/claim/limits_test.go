package claim_test

import (
	"errors"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/secret"
)

const day = 24 * time.Hour

var noDevice secret.String

// guess brings n wrong codes, each flow and code at most 5.
func guess(d *roomtest.Desk, n int) {
	d.T.Helper()
	for n > 0 {
		a := d.Start(roomtest.Name)
		d.Must(a.SendCode(""))
		for range min(n, 5) {
			if _, err := a.Evidence(engine.SMS, "00000000"); !errors.Is(err, wallet.ErrCode) {
				d.T.Fatal(err)
			}
		}
		n -= 5
	}
}

// right brings the right code in a flow of its own.
func right(d *roomtest.Desk) error {
	d.T.Helper()
	a := d.Start(roomtest.Name)
	_, err := a.Evidence(engine.SMS, a.CodeFor("", roomtest.Older))
	return err
}

// TestV17TenADay: 10 tries of a number a day, however many codes and flows; after
// them the right code is as good as a wrong one, and a day later it is right.
func TestV17TenADay(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.New(t, store, roomtest.Options{})
		d.Prove(roomtest.Older)
		d.Clock.Advance(8 * day)
		guess(d, 10)
		if err := right(d); !errors.Is(err, wallet.ErrCode) {
			t.Errorf("the 11th try of the day: %v", err)
		}
		d.Clock.Advance(day)
		if err := right(d); err != nil {
			t.Errorf("the day after: %v", err)
		}
	})
}

// TestV17HundredInAll: 100 tries in a row, then none, whatever day it is; the
// owner's own lane goes on (lanes, not locks), and a proof sets the count back.
func TestV17HundredInAll(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	phone := d.Prove(roomtest.Older)
	d.Clock.Advance(8 * day)
	for range 9 {
		guess(d, 10)
		d.Clock.Advance(day)
	}
	guess(d, 9)
	if err := right(d); err != nil {
		t.Fatalf("the 100th: %v", err)
	}
	for range 10 { // the right one has set it back: 100 more
		d.Clock.Advance(day)
		guess(d, 10)
	}
	d.Clock.Advance(day)
	if err := right(d); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("the 101st in a row: %v", err)
	}
	d.Peer.Place = engine.Yes
	if err := right(d); err != nil {
		t.Errorf("from a usual place: %v", err)
	}
	d.Peer.Place = engine.No
	d.Clock.Advance(day)
	_, err := d.Wallets.SendCode(t.Context(), d.Me(), phone)
	d.Must(err)
	_, err = d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, phone, secret.NewString(d.Codes(roomtest.Older)[0]))
	d.Must(err)
	d.Clock.Advance(20 * time.Minute)
	if err := right(d); err != nil {
		t.Errorf("after a proof by who is signed in: %v", err)
	}
}

// TestNoBurstOfTexts: new flows don't send a number more than 5 texts in 10 minutes.
func TestNoBurstOfTexts(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	d.Clock.Advance(8 * day)
	before := len(d.Codes(roomtest.Older))
	for range 9 {
		d.Must(d.Start("ana").SendCode(""))
	}
	if got := len(d.Codes(roomtest.Older)) - before; got != 5 {
		t.Errorf("%d codes at once", got)
	}
}

// "Owner locked out through failed recoveries (must stay possible)": strangers' wrong saved codes, in as many recoveries as
// they may start, don't keep the owner's right one out, also from a device and a place that nobody knows.
func TestWrongSavedCodesLockNobodyOut(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	for range 4 {
		stranger := d.Start("ana")
		for range 6 {
			if _, err := stranger.Evidence(engine.SavedCode, roomtest.NotSaved); err == nil {
				t.Fatal("a wrong code was taken")
			}
		}
	}
	if _, err := d.Start("ana").Evidence(engine.SavedCode, roomtest.Saved); err != nil {
		t.Errorf("the owner's code: %v", err)
	}
}
