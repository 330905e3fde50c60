package claim_test

import (
	"errors"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
)

// RC G1 (D11): who lost every number and has a saved code and a device that the account
// knows is let in, after a wait that all numbers are told of; from another device not.
func TestG1CodeAndDevice(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := d.Start(roomtest.Name)
		if v := a.BySavedCode(); v.State != claim.Collecting || !errors.Is(a.Complete(), claim.ErrNotAllowedYet) {
			t.Fatalf("from an unknown device: %+v", v)
		}
		d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown, p.Place = true, engine.Yes })
		b := d.Start(roomtest.Name)
		if v := b.BySavedCode(); v.State != claim.Collecting {
			t.Fatalf("days after a number was added: %+v", v)
		}
		d.Clock.Advance(31 * day)
		b = d.Start(roomtest.Name)
		v := b.BySavedCode()
		if v.State != claim.Waiting || v.EarliestAt != d.Clock.Now().Add(3*day) {
			t.Fatalf("%+v", v)
		}
		if d.Told(roomtest.Older, "/veto#") != 1 || d.Told(roomtest.Newer, "/veto#") != 1 {
			t.Error("not both numbers are told")
		}
		d.Pass(3*day - time.Millisecond)
		if err := b.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Fatalf("before the end: %v", err)
		}
		d.Pass(time.Millisecond)
		d.Must(b.Complete())
	})
}

// RC G1, G3: with nobody to tell one evidence takes 14 days.
func TestG3NobodyToTell(t *testing.T) {
	for name, bring := range map[string]func(*roomtest.Desk) roomtest.Attempt{
		"no number at all": func(d *roomtest.Desk) roomtest.Attempt {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown, p.Place = true, engine.Yes })
			a := d.Start(roomtest.Name)
			a.BySavedCode()
			return a
		},
		"the only number": func(d *roomtest.Desk) roomtest.Attempt {
			d.Prove(roomtest.Older)
			d.Clock.Advance(8 * day)
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			return a
		},
		"the only number, and one that the thief added": func(d *roomtest.Desk) roomtest.Attempt {
			d.Prove(roomtest.Older)
			d.Clock.Advance(8 * day)
			d.Prove(roomtest.Newer)
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			return a
		},
		"the only number, stale (G2)": func(d *roomtest.Desk) roomtest.Attempt {
			d.Prove(roomtest.Older)
			d.Clock.Advance(401 * day)
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
			a := bring(d)
			a.Is(claim.Waiting)
			if wait := a.Look().EarliestAt.Sub(d.Clock.Now()); wait != 14*day {
				t.Errorf("waits for %s", wait)
			}
			d.Pass(14 * day)
			d.Must(a.Complete())
		})
	}
}

// RC D-1 (D8): a recovery that may be completed isn't kept open by trying: refused
// passwords lengthen nothing, with a wait and without one.
func TestD1TryingKeepsNothingOpen(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*roomtest.Desk) roomtest.Attempt
		last  time.Duration // from when it may be completed
	}{
		"before the end that was announced": {both, 10 * day},
		"after a wait": {func(d *roomtest.Desk) roomtest.Attempt {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = false })
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			d.Pass(3 * day)
			return a
		}, 7 * day},
	} {
		t.Run(name, func(t *testing.T) {
			d := calm(t)
			a := c.begin(d)
			a.Is(claim.Ready)
			d.Clock.Advance(c.last - 50*time.Minute)
			for range 3 {
				d.Peer.Set(func(p *roomtest.Peer) { p.Weak = true })
				if err := a.Complete(); !errors.Is(err, roomtest.ErrWeak) {
					t.Fatal(err)
				}
				d.Clock.Advance(20 * time.Minute)
			}
			if err := a.Complete(); !errors.Is(err, claim.ErrExpired) {
				t.Errorf("after its end: %v", err)
			}
		})
	}
}
