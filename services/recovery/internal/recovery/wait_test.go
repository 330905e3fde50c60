package recovery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/recovery"
	"centinela/shared/fault"
	"centinela/shared/sms"
)

// two is a desk with two trusted numbers, and a provider that can be broken.
func two(t *testing.T, store stores) (*desk, *always) {
	t.Helper()
	d := newDesk(t, store)
	provider := &always{inner: d.sender.inner}
	d.sender.inner = provider
	d.prove(older)
	d.clk.Advance(time.Minute)
	d.prove(newer)
	d.clk.Advance(8 * day)
	return d, provider
}

// TestV20CarrierOutageLengthensTheWait: as long as the announcement can't be
// delivered, the wait doesn't run: nobody gets in unannounced.
func TestV20CarrierOutageLengthensTheWait(t *testing.T) {
	onBoth(t, func(t *testing.T, store stores) {
		d, provider := two(t, store)
		a := d.start("ana")
		code := a.codeFor("", older)
		provider.set(sms.ErrUnavailable)
		if _, err := a.evidence(engine.SMS, code); err != nil {
			t.Fatal(err)
		}
		a.is(recovery.Waiting)
		for range 5 {
			d.sendDue(d.mail)
			d.clk.Advance(day)
			d.sweep()
		}
		a.is(recovery.Waiting)
		if err := a.complete(); !errors.Is(err, recovery.ErrNotAllowedYet) {
			t.Fatalf("let in after an outage of 5 days: %v", err)
		}
		d.clk.Advance(time.Hour)
		provider.set(nil)
		if d.announced(older) != 1 || d.announced(newer) != 1 {
			t.Error("not announced when the provider was back")
		}
		d.clk.Advance(3*day - time.Millisecond)
		if err := a.complete(); !errors.Is(err, recovery.ErrNotAllowedYet) {
			t.Errorf("the wait didn't begin anew: %v", err)
		}
		d.clk.Advance(time.Millisecond)
		d.must(a.complete())
	})
}

// TestV20DeadNumberHoldsNobodyUp: a number that can't be told doesn't keep its owner out.
func TestV20DeadNumberHoldsNobodyUp(t *testing.T) {
	d, provider := two(t, openSQLite(t))
	a := d.start("ana")
	code := a.codeFor("", older)
	provider.set(sms.ErrUndeliverable)
	if _, err := a.evidence(engine.SMS, code); err != nil {
		t.Fatal(err)
	}
	d.sendDue(d.mail)
	d.clk.Advance(3 * day)
	d.must(a.complete())
}

// TestShorterWaitIsAnnounced: everybody was told of 72 h; with a saved code it is
// 24 h, and who could object must know.
func TestShorterWaitIsAnnounced(t *testing.T) {
	onBoth(t, func(t *testing.T, store stores) {
		d, _ := two(t, store)
		a := d.start("ana")
		a.bySMS(older)
		first := a.look().EarliestAt
		if d.announced(newer) != 1 {
			t.Error("the start wasn't announced")
		}
		d.clk.Advance(time.Hour)
		if v, err := a.evidence(engine.SavedCode, saved); err != nil || !v.EarliestAt.Equal(first.Add(-2*day)) {
			t.Fatalf("%+v, %v", v, err)
		}
		said := d.got(newer)[0]
		if d.announced(newer) != 2 || !strings.Contains(said, first.Add(-2*day).Format("2006-01-02 15:04")) {
			t.Errorf("announced %d times, last %q", d.announced(newer), said)
		}
		for range 3 { // asking again announces nothing more
			if err := a.complete(); !errors.Is(err, recovery.ErrNotAllowedYet) {
				t.Error(err)
			}
			d.sweep()
		}
		d.clk.Advance(11 * time.Hour)
		d.sweep()
		d.sweep()
		if got := d.announced(newer); got != 3 {
			t.Errorf("announced %d times half-way", got)
		}
		d.clk.Advance(12 * time.Hour)
		d.must(a.complete())
	})
}

// TestV8ManyStartsHideNothing: a thief who waits starts many more recoveries: the
// owner's NO still finds the one that waits, and so does the owner's list.
func TestV8ManyStartsHideNothing(t *testing.T) {
	d, _ := two(t, openSQLite(t))
	a := d.start("ana")
	a.bySMS(newer)
	_, err := a.evidence(engine.SavedCode, saved)
	d.must(err)
	a.is(recovery.Waiting)
	for range 6 {
		for range 20 {
			d.start("ana")
		}
		d.clk.Advance(day)
	}
	own, err := d.OwnFlows(t.Context(), d.me())
	d.must(err)
	if len(own) != 20 || own[0].ID != a.id {
		t.Errorf("%d shown, first %+v", len(own), own[0])
	}
	d.must(d.HearReply(t.Context(), fromHome, older, "NO", "m1"))
	a.is(recovery.Vetoed)
}

// TestEarlyNoIsBounded: a number may stop recoveries before anybody proved
// possession, free of charge, three a day: one that says NO to everything must
// not keep the oldest out.
func TestEarlyNoIsBounded(t *testing.T) {
	d, _ := two(t, openSQLite(t))
	for i := range 3 {
		a := d.start("ana")
		d.must(d.HearReply(t.Context(), fromHome, newer, "NO", string(rune('a'+i))))
		d.must(a.sendCode(""))
		if got := len(d.codes(older)); got != 1 {
			t.Fatalf("a stopped recovery sent a code: %d", got)
		}
	}
	a := d.start("ana")
	d.must(d.HearReply(t.Context(), fromHome, newer, "NO", "z"))
	a.bySMS(older)
	a.is(recovery.Waiting)
	d.must(d.HearReply(t.Context(), fromHome, newer, "NO", "y")) // the wait's own veto
	a.is(recovery.Vetoed)
}

// TestStoppedBeforeOthersEnd: stopped after the reset and before the account's
// other recoveries were ended: sweep goes on, and nobody else is let in.
func TestStoppedBeforeOthersEnd(t *testing.T) {
	store := &stumbling{stores: openSQLite(t)}
	d, _ := two(t, store)
	other := d.start("ana")
	other.bySMS(older)
	d.clk.Advance(time.Hour)
	a := d.start("ana")
	a.bySMS(older)
	d.clk.Advance(3 * day)
	store.fail = true
	if err := a.complete(); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	d.clk.Advance(time.Minute)
	d.sweep()
	a.is(recovery.Completed)
	if err := other.complete(); fault.From(err).Code != fault.CodeRecoveryEnded {
		t.Errorf("somebody else completes after it: %v", err)
	}
	if len(d.peer.resets) != 1 {
		t.Errorf("resets %v", d.peer.resets)
	}
}

// stumbling fails once to say which flows are open.
type stumbling struct {
	stores
	fail bool
}

func (s *stumbling) OpenFlows(ctx context.Context, account string, now time.Time) ([]recovery.Flow, error) {
	if s.fail {
		s.fail = false
		return nil, errBroken
	}
	return s.stores.OpenFlows(ctx, account, now)
}
