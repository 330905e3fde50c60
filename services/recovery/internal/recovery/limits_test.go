package recovery_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/recovery"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

var (
	fromHome = record.Origin{Address: "203.0.113.7"}
	noDevice secret.String
)

// guess brings n wrong codes, each flow and code at most 5.
func (d *desk) guess(n int) {
	d.t.Helper()
	for n > 0 {
		a := d.start("ana")
		d.must(a.sendCode(""))
		for range min(n, 5) {
			if _, err := a.evidence(engine.SMS, "00000000"); !errors.Is(err, recovery.ErrCode) {
				d.t.Fatal(err)
			}
		}
		n -= 5
	}
}

// right brings the right code in a flow of its own.
func (d *desk) right() error {
	d.t.Helper()
	a := d.start("ana")
	_, err := a.evidence(engine.SMS, a.codeFor("", older))
	return err
}

// TestV17TenADay: 10 tries of a number a day, however many codes and flows; after
// them the right code is as good as a wrong one, and a day later it is right.
func TestV17TenADay(t *testing.T) {
	onBoth(t, func(t *testing.T, store stores) {
		d := newDesk(t, store)
		d.prove(older)
		d.clk.Advance(8 * day)
		d.guess(10)
		if err := d.right(); !errors.Is(err, recovery.ErrCode) {
			t.Errorf("the 11th try of the day: %v", err)
		}
		d.clk.Advance(day)
		if err := d.right(); err != nil {
			t.Errorf("the day after: %v", err)
		}
	})
}

// TestV17HundredInAll: 100 tries in a row, then none, whatever day it is; the
// owner's own lane goes on (lanes, not locks), and a proof sets the count back.
func TestV17HundredInAll(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	phone := d.prove(older)
	d.clk.Advance(8 * day)
	for range 9 {
		d.guess(10)
		d.clk.Advance(day)
	}
	d.guess(9)
	if err := d.right(); err != nil {
		t.Fatalf("the 100th: %v", err)
	}
	for range 10 { // the right one has set it back: 100 more
		d.clk.Advance(day)
		d.guess(10)
	}
	d.clk.Advance(day)
	if err := d.right(); !errors.Is(err, recovery.ErrCode) {
		t.Errorf("the 101st in a row: %v", err)
	}
	d.peer.place = engine.Yes
	if err := d.right(); err != nil {
		t.Errorf("from a usual place: %v", err)
	}
	d.peer.place = engine.No
	d.clk.Advance(day)
	_, err := d.SendPhoneCode(t.Context(), d.me(), fromHome, phone)
	d.must(err)
	_, err = d.VerifyPhone(t.Context(), d.me(), fromHome, phone, secret.NewString(d.codes(older)[0]))
	d.must(err)
	d.clk.Advance(20 * time.Minute)
	if err := d.right(); err != nil {
		t.Errorf("after a proof by who is signed in: %v", err)
	}
}

// TestNoBurstOfTexts: new flows don't send a number more than 5 texts in 10 minutes.
func TestNoBurstOfTexts(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	d.clk.Advance(8 * day)
	before := len(d.codes(older))
	for range 9 {
		d.must(d.start("ana").sendCode(""))
	}
	if got := len(d.codes(older)) - before; got != 5 {
		t.Errorf("%d codes at once", got)
	}
}

// TestRefusedAddCostsNoTexts: what AddPhone refuses must not use up the day's texts.
func TestRefusedAddCostsNoTexts(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	for range 30 {
		if _, err := d.AddPhone(t.Context(), d.me(), fromHome, older); !errors.Is(err, recovery.ErrPhoneTaken) {
			t.Fatal(err)
		}
	}
	if _, err := d.AddPhone(t.Context(), d.me(), fromHome, newer); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := d.AddPhone(t.Context(), d.me(), fromHome, newer); fault.From(err).RetryAfter > time.Minute {
			t.Fatalf("%v: wait %s", err, fault.From(err).RetryAfter)
		}
	}
}

// TestRemovalNoticesAreBounded: a removal that is asked for and taken back all day
// tells the other number twice.
func TestRemovalNoticesAreBounded(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	d.clk.Advance(time.Minute)
	phone := d.prove(newer)
	d.clk.Advance(8 * day)
	for range 5 {
		_, err := d.RetirePhone(t.Context(), d.me(), fromHome, phone)
		d.must(err)
		_, err = d.KeepPhone(t.Context(), d.me(), fromHome, phone)
		d.must(err)
		d.clk.Advance(time.Minute)
	}
	told := strings.Count(fmt.Sprint(d.got(older)), "se pidió quitar")
	if told != 2 {
		t.Errorf("told %d times", told)
	}
}

// TestOutageKeepsTheLanguage: when auth can't say it, the account's texts stay in
// the language that they were in, and the new number is on trial for longer (V20).
func TestOutageKeepsTheLanguage(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	d.clk.Advance(time.Minute)
	d.peer.down = true
	d.prove(newer)
	d.peer.down = false
	if got := fmt.Sprint(d.got(older)); !strings.Contains(got, "se añadió") {
		t.Errorf("told %s", got)
	}
	d.clk.Advance(29 * day)
	phones, err := d.Phones(t.Context(), d.me())
	d.must(err)
	if len(phones) != 2 || phones[1].State != engine.Quarantined {
		t.Errorf("%+v", phones)
	}
}

// "Owner locked out through failed recoveries (must stay possible)": strangers' wrong saved codes, in as many recoveries as
// they may start, don't keep the owner's right one out, also from a device and a place that nobody knows.
func TestWrongSavedCodesLockNobodyOut(t *testing.T) {
	d := newDesk(t, openSQLite(t))
	d.prove(older)
	for range 4 {
		stranger := d.start("ana")
		for range 6 {
			if _, err := stranger.evidence(engine.SavedCode, "WRONG-CODE"); err == nil {
				t.Fatal("a wrong code was taken")
			}
		}
	}
	if _, err := d.start("ana").evidence(engine.SavedCode, saved); err != nil {
		t.Errorf("the owner's code: %v", err)
	}
}
