package objection_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// waiting is a recovery that waits, announced to both numbers.
func waiting(d *roomtest.Desk) roomtest.Attempt {
	d.T.Helper()
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.SendDue()
	return a
}

// remembered are the objections in the account's record.
func remembered(d *roomtest.Desk) int {
	d.T.Helper()
	w, err := d.Wallets.Wallet(d.T.Context(), roomtest.Owner)
	d.Must(err)
	return len(w.Objections)
}

func count(d *roomtest.Desk, action, outcome string) int {
	return len(slices.DeleteFunc(d.Actions(), func(a string) bool { return a != action+" "+outcome }))
}

// token is that of a text's link.
type token secret.String

func (by token) stop(d *roomtest.Desk) error {
	_, err := by.object(d)
	return err
}

func (by token) object(d *roomtest.Desk) (objection.Did, error) {
	outcome, err := d.Objections.ByToken(d.T.Context(), roomtest.Home, secret.String(by))
	return outcome.Did, err
}

// A link stops its recovery once; whoever didn't say it is told.
func TestByToken(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := waiting(d)
		link := token(d.Links(roomtest.Newer)[0])
		d.Must(link.stop(d))
		a.Is(claim.Vetoed)
		if d.Told(roomtest.Older, "se detuvo") != 1 || d.Told(roomtest.Newer, "se detuvo") != 0 {
			t.Error("not told to the others, or to who said it")
		}
		f := a.Flow()
		if f.EndedAt.IsZero() || !f.OpenUntil.IsZero() || !f.NextAt.IsZero() || count(d, record.RecoveryVetoed, record.Success) != 1 {
			t.Errorf("%+v", f)
		}
		for name, again := range map[string]token{"used": link, "of what is over": token(d.Links(roomtest.Older)[0]), "unknown": token(secret.NewString("nonsense")), "empty": {}} {
			if err := again.stop(d); !errors.Is(err, objection.ErrVetoInvalid) {
				t.Errorf("a link that is %s: %v", name, err)
			}
		}
		if got := remembered(d); got != 1 {
			t.Errorf("%d objections remembered", got)
		}
		if err := a.Complete(); !errors.Is(err, claim.ErrEnded) {
			t.Error(err)
		}
	})
}

// R13: a link while the reset is with auth stops nothing and costs no veto.
func TestLinkWhileCompleting(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := waiting(d)
	link := token(d.Links(roomtest.Newer)[0])
	d.Clock.Advance(3 * day)
	d.Peer.Set(func(p *roomtest.Peer) {
		p.OnReset = func() {
			if err := link.stop(d); !errors.Is(err, objection.ErrVetoInvalid) {
				t.Errorf("%v", err)
			}
			d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
		}
	})
	d.Must(a.Complete())
	a.Is(claim.Completed)
	if got := remembered(d); got != 0 {
		t.Errorf("%d objections remembered on nothing", got)
	}
}

// R12: the objection was on its way when the recovery turned to completing: it is
// too late, and the recovery isn't marked as stopped.
func TestObjectionRacesWithCompletion(t *testing.T) {
	for name, object := range map[string]func(d *roomtest.Desk, link token) error{
		"by link": func(d *roomtest.Desk, link token) error { return link.stop(d) },
		"by answer": func(d *roomtest.Desk, _ token) error {
			return d.Objections.ByReply(d.T.Context(), roomtest.Home, roomtest.Newer, "NO")
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
			d := roomtest.Two(t, store, roomtest.Options{})
			a := waiting(d)
			link := token(d.Links(roomtest.Newer)[0])
			d.Clock.Advance(3 * day)
			store.BeforeWallet(func() {
				d.Peer.Set(func(p *roomtest.Peer) { p.Lost = true })
				if err := a.Complete(); err == nil {
					t.Error("the answer wasn't lost: the case is none")
				}
			})
			err := object(d, link)
			if name == "by link" && !errors.Is(err, objection.ErrVetoInvalid) {
				t.Errorf("%v", err)
			}
			if got := a.Flow().State; got != claim.Completing {
				t.Errorf("the recovery is %s", got)
			}
			d.Clock.Advance(time.Minute)
			d.Sweep()
			a.Is(claim.Completed)
			if d.Told(roomtest.Older, "se detuvo") != 0 {
				t.Error("told that it was stopped")
			}
		})
	}
}

// The account's record has the objection before the recovery does: who completes in
// between has one evidence against it.
func TestObjectionBeforeCompletion(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := waiting(d)
	d.Clock.Advance(3 * day)
	store.BeforeFlow(func() {
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
			t.Errorf("%v", err)
		}
	})
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
	a.Is(claim.Collecting)
	if len(d.Peer.Resets) != 0 {
		t.Error("auth was asked")
	}
}

// Two with the same link at once: one stops it, one veto is spent.
func TestLinkRace(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := waiting(d)
	link := token(d.Links(roomtest.Newer)[0])
	store.BeforeFlow(func() { d.Must(link.stop(d)) })
	if err := link.stop(d); !errors.Is(err, objection.ErrVetoInvalid) {
		t.Errorf("the slower one: %v", err)
	}
	a.Is(claim.Vetoed)
	if remembered(d) != 1 || d.Told(roomtest.Older, "se detuvo") != 1 {
		t.Errorf("%d remembered, told %d times", remembered(d), d.Told(roomtest.Older, "se detuvo"))
	}
}

// The same, of a recovery that goes on: the link works once.
func TestLinkRaceOfWhatGoesOn(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := waiting(d)
	a.BySavedCode()
	link := token(d.Links(roomtest.Newer)[0])
	store.BeforeFlow(func() { d.Must(link.stop(d)) })
	if err := link.stop(d); !errors.Is(err, objection.ErrVetoInvalid) {
		t.Errorf("the slower one: %v", err)
	}
	a.Is(claim.Waiting)
	if got := count(d, record.RecoveryObjected, record.Success); got != 1 {
		t.Errorf("%d objections are recorded", got)
	}
}

// V4: a number on trial, a removed one and a stranger's stop nothing, and spend
// nothing; nor does an answer when nothing is open.
func TestWhoHasNoSay(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
	if remembered(d) != 0 {
		t.Error("spent on nothing")
	}
	d.Prove(roomtest.Other)
	a := waiting(d)
	d.Must(d.Store.UpdateWallet(t.Context(), roomtest.Owner, func(w *wallet.Wallet) (post.Effects, error) {
		w.Numbers[1].RetiringUntil = d.Clock.Now()
		return post.Effects{}, nil
	}))
	before := d.State()
	for _, from := range []string{roomtest.Other, roomtest.Newer, "+34600999888", "12345", "nonsense", ""} {
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, from, "NO"))
	}
	for _, body := range []string{"", "maybe", "sí", "4821"} {
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Other, body))
	}
	if d.State() != before {
		t.Error("something changed")
	}
	a.Is(claim.Waiting)
}

// One phone of two accounts: its NO is heard in both, in each against the one that
// is open there.
func TestReplyIsHeardInEachAccount(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := waiting(d)
	now := d.Clock.Now()
	d.Must(d.Store.UpdateWallet(t.Context(), "acc_other", func(w *wallet.Wallet) (post.Effects, error) {
		mine, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
		w.Numbers = mine.Numbers[1:]
		w.Numbers[0].First = true
		return post.Effects{}, err
	}))
	d.Must(d.Store.CreateFlow(t.Context(), claim.Flow{
		ID: "rec_other", Account: "acc_other", Subject: "acc_other", State: claim.Waiting, StartedAt: now, ExpiresAt: now.Add(day), OpenUntil: now.Add(day),
		Evidence: []engine.Evidence{{Method: engine.SMS, Number: d.Number(roomtest.Newer), At: now}},
	}, post.Effects{}))
	d.Peer.Set(func(p *roomtest.Peer) { p.Silent = true }) // it knows one account
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO"))
	a.Is(claim.Vetoed)
	f, err := d.Store.Flow(t.Context(), "rec_other")
	if err != nil || f.State != claim.Vetoed {
		t.Errorf("%v, %s", err, f.State)
	}
}
