package claim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/shared/fault"
	"centinela/shared/sms"
)

// TestV20CarrierOutageLengthensTheWait: as long as the announcement can't be
// delivered, the wait doesn't run: nobody gets in unannounced.
func TestV20CarrierOutageLengthensTheWait(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := d.Start("ana")
		code := a.CodeFor("", roomtest.Older)
		d.Carrier.Break(sms.ErrUnavailable)
		if _, err := a.Evidence(engine.SMS, code); err != nil {
			t.Fatal(err)
		}
		a.Is(claim.Waiting)
		for range 5 {
			d.SendDue()
			d.Clock.Advance(day)
			d.Sweep()
		}
		a.Is(claim.Waiting)
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Fatalf("let in after an outage of 5 days: %v", err)
		}
		d.Clock.Advance(time.Hour)
		d.Carrier.Break(nil)
		if d.Told(roomtest.Older, "/veto#") != 1 || d.Told(roomtest.Newer, "/veto#") != 1 {
			t.Error("not announced when the provider was back")
		}
		d.Clock.Advance(3*day - time.Millisecond)
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Errorf("the wait didn't begin anew: %v", err)
		}
		d.Clock.Advance(time.Millisecond)
		d.Must(a.Complete())
	})
}

// TestV20DeadNumberHoldsNobodyUp: a number that can't be told doesn't keep its owner out.
func TestV20DeadNumberHoldsNobodyUp(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start("ana")
	code := a.CodeFor("", roomtest.Older)
	d.Carrier.Break(sms.ErrUndeliverable)
	if _, err := a.Evidence(engine.SMS, code); err != nil {
		t.Fatal(err)
	}
	d.SendDue()
	d.Clock.Advance(3 * day)
	d.Must(a.Complete())
}

// TestShorterWaitIsAnnounced: everybody was told of 72 h; with a saved code it is
// 24 h, and who could object must know.
func TestShorterWaitIsAnnounced(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := d.Start("ana")
		a.BySMS(roomtest.Older)
		first := a.Look().EarliestAt
		if d.Told(roomtest.Newer, "/veto#") != 1 {
			t.Error("the start wasn't announced")
		}
		d.Clock.Advance(time.Hour)
		if v, err := a.Evidence(engine.SavedCode, roomtest.Saved); err != nil || !v.EarliestAt.Equal(first.Add(-2*day)) {
			t.Fatalf("%+v, %v", v, err)
		}
		said := d.Got(roomtest.Newer)[0]
		if d.Told(roomtest.Newer, "/veto#") != 2 || !strings.Contains(said, first.Add(-2*day).Format("2006-01-02 15:04")) {
			t.Errorf("announced %d times, last %q", d.Told(roomtest.Newer, "/veto#"), said)
		}
		for range 3 { // asking again announces nothing more
			if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
				t.Error(err)
			}
			d.Sweep()
		}
		d.Clock.Advance(11 * time.Hour)
		d.Sweep()
		d.Sweep()
		if got := d.Told(roomtest.Newer, "/veto#"); got != 3 {
			t.Errorf("announced %d times half-way", got)
		}
		d.Clock.Advance(12 * time.Hour)
		d.Must(a.Complete())
	})
}

// TestStoppedBeforeOthersEnd: stopped after the reset and before the account's
// other recoveries were ended: sweep goes on, and nobody else is let in.
func TestStoppedBeforeOthersEnd(t *testing.T) {
	store := &stumbling{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	other := d.Start("ana")
	other.BySMS(roomtest.Older)
	d.Pass(time.Hour)
	a := d.Start("ana")
	a.BySMS(roomtest.Older)
	d.Pass(3 * day)
	store.fail = true
	if err := a.Complete(); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Minute)
	d.Sweep()
	a.Is(claim.Completed)
	if err := other.Complete(); fault.From(err).Code != fault.CodeRecoveryEnded {
		t.Errorf("somebody else completes after it: %v", err)
	}
	if len(d.Peer.Resets) != 1 {
		t.Errorf("resets %v", d.Peer.Resets)
	}
}

var errBroken = errors.New("broken by a test")

// stumbling fails once to say which flows are open.
type stumbling struct {
	roomtest.Store
	fail bool
}

func (s *stumbling) OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error) {
	if s.fail {
		s.fail = false
		return nil, errBroken
	}
	return s.Store.OpenFlows(ctx, account, now)
}

// Who is told now that the end is sooner needs no reminder of a half that has
// passed already.
func TestSoonerNeedsNoReminderOfWhatHasPassed(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Pass(20 * time.Hour)
	a.BySavedCode() // 24 h from the announcement: half of it is over
	for range 4 {
		d.Sweep()
		d.Pass(time.Hour)
	}
	if got := d.Told(roomtest.Newer, "/veto#"); got != 2 {
		t.Errorf("announced %d times, want the start and the sooner end", got)
	}
	d.Must(a.Complete())
}

// V20: we were away ourselves, from the evidence to beyond the wait's end. Nobody
// gets in whom nobody was told of: the wait runs from when the texts went out.
func TestV20OurOwnOutageLengthensTheWait(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := d.Start(roomtest.Name)
		a.BySMS(roomtest.Older)
		d.Clock.Advance(4 * day) // no courier
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Fatalf("nobody was told: %v", err)
		}
		d.Pass(3*day - time.Minute)
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Fatalf("told less than 3 days ago: %v", err)
		}
		d.Pass(time.Minute)
		d.Must(a.Complete())
	})
}

// A text that went out within a minute, at the first try, costs nobody time.
func TestPromptTextCostsNoTime(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Clock.Advance(time.Minute)
	d.Pass(3*day - time.Minute)
	d.Must(a.Complete())
}
