package claim_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

// KA D4: with auth away, and with numbers that were sealed with another key, any
// number of recoveries that can't go on holds no reminder of another one up.
func TestD4BrokenFlowsHoldNobodyUp(t *testing.T) {
	for _, broken := range []int{100, 1000} {
		roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
			if _, ok := store.(*mongo.Store); ok && os.Getenv("CENTINELA_TEST_MONGODB") == "" {
				broken = min(broken, 250) // the stand-in looks at every document for each: half a minute for 1,000
			}
			d := roomtest.Two(t, store, roomtest.Options{})
			a := d.Start(roomtest.Name)
			a.BySMS(roomtest.Older)
			d.Must(store.UpdateWallet(t.Context(), "acc_sealed", func(w *wallet.Wallet) (post.Effects, error) {
				w.Numbers = []wallet.Number{{Number: engine.Number{ID: "phn_x", First: true, Proofs: []time.Time{d.Clock.Now()}}, MAC: "m", Sealed: secret.RandomKey().Seal([]byte(roomtest.Other), []byte("phn_x"))}}
				return post.Effects{}, nil
			}))
			now := d.Clock.Now()
			for i := range broken {
				f := claim.Flow{ID: fmt.Sprintf("rec_bad%04d", i), Account: "acc_gone", Subject: "acc_gone", StartedAt: now, ExpiresAt: now.Add(9 * day), ForgetAt: now.Add(99 * day), NextAt: now.Add(-time.Hour)}
				f.State, f.CompletingAt = claim.Completing, now.Add(-time.Hour)
				if i%2 == 0 {
					f.Account, f.Subject = "acc_sealed", "acc_sealed"
					f.State, f.AnnouncedAt, f.EarliestAt = claim.Waiting, now, now.Add(3*day)
				}
				d.Must(store.CreateFlow(t.Context(), f, post.Effects{}))
			}
			d.Pass(36 * time.Hour)
			d.Peer.Set(func(p *roomtest.Peer) { p.Down = true })
			before := d.Told(roomtest.Newer, "/veto#")
			if err := d.Claims.Sweep(t.Context()); err == nil {
				t.Error("the failures weren't told")
			}
			if got := d.Told(roomtest.Newer, "/veto#") - before; got != 1 {
				t.Errorf("reminded %d times half-way, behind %d that failed", got, broken)
			}
			due, err := store.DueFlows(t.Context(), d.Clock.Now(), 2*broken)
			if err != nil || len(due) != 0 {
				t.Errorf("%d stay at the head, %v", len(due), err)
			}
			a.Is(claim.Waiting)
		})
	}
}

// What can't be read at all is put off as well.
func TestUnreadableFlowIsPutOff(t *testing.T) {
	store := roomtest.SQLite(t)
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Pass(36 * time.Hour)
	for i := range 150 {
		f := claim.Flow{ID: fmt.Sprintf("rec_bad%04d", i), Account: "acc_x", NextAt: d.Clock.Now().Add(-time.Hour)}
		d.Must(store.CreateFlow(t.Context(), f, post.Effects{}))
	}
	d.Must(store.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE flows SET body = '{"v":1,"state":7}' WHERE id LIKE 'rec_bad%'`)
		return err
	}))
	if err := d.Claims.Sweep(t.Context()); err == nil {
		t.Error("the damage wasn't told")
	}
	if d.Told(roomtest.Newer, "/veto#") != 2 {
		t.Error("not reminded")
	}
}

// MG W1: no text about a recovery that is over goes out, however it ended and
// however long the provider was away: not the code, not the announcement, not
// that somebody started one. That it was stopped does.
func TestW1NothingIsSaidOfWhatIsOver(t *testing.T) {
	for name, end := range map[string]struct {
		how    func(d *roomtest.Desk, a roomtest.Attempt)
		state  claim.FlowState
		notice string
	}{
		"vetoed by an answer": {func(d *roomtest.Desk, _ roomtest.Attempt) {
			d.Must(d.Objections.ByReply(d.T.Context(), roomtest.Home, roomtest.Newer, "NO"))
		}, claim.Vetoed, "se detuvo"},
		"completed": {func(d *roomtest.Desk, a roomtest.Attempt) {
			// As after a completion whose other texts the provider didn't take yet.
			d.Peer.Set(func(p *roomtest.Peer) { p.Resets = append(p.Resets, a.ID) })
			d.Must(d.Store.UpdateFlow(d.T.Context(), a.ID, func(f *claim.Flow) (post.Effects, error) {
				f.State, f.CompletingAt, f.NextAt = claim.Completing, d.Clock.Now(), d.Clock.Now()
				return post.Effects{}, nil
			}))
			d.Sweep()
		}, claim.Completed, "fue recuperada"},
		"refused: another one completed": {func(d *roomtest.Desk, _ roomtest.Attempt) {
			d.Carrier.Break(nil)
			other := d.Start(roomtest.Name)
			other.BySMS(roomtest.Older)
			d.Pass(3 * day)
			d.Must(other.Complete())
		}, claim.RefusedOut, "fue recuperada"},
		"refused: the account is gone": {func(d *roomtest.Desk, a roomtest.Attempt) {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account = wallet.Account{} })
			if err := a.Complete(); !errors.Is(err, claim.ErrEnded) {
				d.T.Errorf("%v", err)
			}
		}, claim.RefusedOut, ""},
		"expired": {func(d *roomtest.Desk, _ roomtest.Attempt) {
			d.Clock.Advance(60 * day)
			d.Sweep()
		}, claim.Expired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
				d := roomtest.Two(t, store, roomtest.Options{})
				a := d.Start(roomtest.Name)
				code := a.CodeFor("", roomtest.Older)
				d.Carrier.Break(sms.ErrUnavailable)
				if _, err := a.Evidence(engine.SMS, code); err != nil {
					t.Fatal(err)
				}
				d.Clock.Advance(20 * time.Minute)
				d.Must(a.SendCode("")) // another code waits, too
				d.SendDue()
				end.how(d, a)
				d.Carrier.Break(nil)
				a.Is(end.state)
				given := len(d.Carrier.IDs)
				for range 20 {
					d.SendDue()
					d.Clock.Advance(6 * time.Hour)
					d.Sweep()
				}
				var about []string
				texts, err := store.TextsOf(t.Context(), a.ID)
				d.Must(err)
				for _, text := range texts {
					if !text.NextAt.IsZero() {
						t.Errorf("%s of %s still waits", text.Purpose, text.Key)
					}
					for _, id := range d.Carrier.IDs[given:] {
						if id == text.ID && text.Purpose != post.Notice {
							about = append(about, string(text.Purpose)+" "+text.Key)
						}
					}
				}
				if len(about) > 0 {
					t.Errorf("sent although it was over: %v", about)
				}
				if end.notice != "" && d.Told(roomtest.Older, end.notice) == 0 {
					t.Errorf("not told that it %q", end.notice)
				}
			})
		})
	}
}

// A recovery that collects runs out; the notice of its start and its code with it.
func TestW1StartNoticeEndsWithItsRecovery(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.SendDue() // what is about the numbers
	d.Carrier.Break(sms.ErrUnavailable)
	a := d.Start(roomtest.Name)
	d.Clock.Advance(28 * time.Minute)
	d.Must(a.SendCode(""))
	d.SendDue()
	d.Clock.Advance(2 * time.Minute)
	d.Carrier.Break(nil)
	given := len(d.Carrier.IDs)
	d.SendDue()
	if len(d.Carrier.IDs) != given {
		t.Errorf("%d texts about a recovery that has expired", len(d.Carrier.IDs)-given)
	}
}

// An evidence that was taken before we were stopped is decided on by the sweep,
// once; nobody's clock matters to whether it was.
func TestUndecidedIsDecided(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	code := a.CodeFor("", roomtest.Older)
	// Stopped after the evidence was taken: the decision is never made.
	ctx, stop := context.WithCancel(t.Context())
	store.BeforeFlow(func() { store.BeforeFlow(stop) })
	if _, err := d.Claims.AddEvidence(ctx, roomtest.Home, a.ID, a.Token, engine.SMS, secret.NewString(code)); err == nil {
		t.Fatal("no error")
	}
	if f := a.Flow(); len(f.Evidence) != 1 || len(f.Decisions) != 0 {
		t.Fatalf("%d evidences, %d decisions: the case is none", len(f.Evidence), len(f.Decisions))
	}
	d.Sweep()
	a.Is(claim.Waiting)
	d.Clock.Advance(-2 * time.Hour) // set back, or a machine that is behind
	for range 3 {
		d.Sweep()
	}
	if f := a.Flow(); len(f.Decisions) != 1 || !f.Decisions.Whole() {
		t.Errorf("%d decisions", len(f.Decisions))
	}
}

// Forgotten when its time has passed: 24 h after the end of what led nowhere, 180
// days after what an owner may want to see.
func TestPrune(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		nobody, ana := d.Start("nobody"), d.Start(roomtest.Name)
		is := func(a roomtest.Attempt, want bool) {
			t.Helper()
			outboxtest.Ship(t, store, len(d.Events()))
			_, err := store.PruneFlows(t.Context(), d.Clock.Now(), 10)
			d.Must(err)
			if _, err := store.Flow(t.Context(), a.ID); (err == nil) != want {
				t.Errorf("%v, want it there: %v", err, want)
			}
		}
		d.Clock.Advance(day + 30*time.Minute - time.Millisecond)
		is(nobody, true)
		d.Clock.Advance(time.Millisecond)
		is(nobody, false)
		is(ana, true)
		d.Clock.Advance(179*day - time.Millisecond)
		is(ana, true)
		d.Clock.Advance(time.Millisecond)
		is(ana, false)
	})
}

// A recovery that turned to completing again after it was listed as due is left
// to its caller, who may be with auth right now.
func TestSettleLeavesAFreshTryAlone(t *testing.T) {
	d := roomtest.Two(t, &eager{Store: roomtest.SQLite(t)}, roomtest.Options{})
	a := ready(d)
	d.Peer.Set(func(p *roomtest.Peer) {
		p.OnReset = func() {
			d.Store.(*eager).list = []due.Item{{ID: a.ID}}
			if err := d.Claims.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			if got := a.Flow().State; got != claim.Completing {
				t.Errorf("opened under its caller: %s", got)
			}
		}
	})
	d.Must(a.Complete())
}

// eager lists what it is told as due.
type eager struct {
	roomtest.Store
	list []due.Item
}

func (e *eager) DueFlows(context.Context, time.Time, int) ([]due.Item, error) { return e.list, nil }

// Stopped by a NO between the read and the write, a recovery sends no code.
func TestNoCodeAfterNo(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Pass(time.Hour)
	before := len(d.Codes(roomtest.Older))
	store.BeforeFlow(func() { d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO")) })
	if err := a.SendCode(""); !errors.Is(err, claim.ErrEnded) {
		t.Errorf("%v", err)
	}
	if got := len(d.Codes(roomtest.Older)) - before; got != 0 || a.Flow().State != claim.Vetoed {
		t.Errorf("%d codes, the recovery is %s", got, a.Flow().State)
	}
}
