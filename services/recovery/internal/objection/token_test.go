package objection_test

import (
	"errors"
	"fmt"
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

// vetoes are the marks of all numbers.
func vetoes(d *roomtest.Desk) int {
	d.T.Helper()
	w, err := d.Wallets.Wallet(d.T.Context(), roomtest.Owner)
	d.Must(err)
	n := 0
	for _, number := range w.Numbers {
		n += len(number.Vetoes)
	}
	return n
}

func count(d *roomtest.Desk, action, outcome string) int {
	return len(slices.DeleteFunc(d.Actions(), func(a string) bool { return a != action+" "+outcome }))
}

// token is that of a text's link.
type token secret.String

func (by token) stop(d *roomtest.Desk) error {
	return d.Objections.ByToken(d.T.Context(), roomtest.Home, secret.String(by))
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
		if got := vetoes(d); got != 1 {
			t.Errorf("%d vetoes spent", got)
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
			d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", "m1"))
		}
	})
	d.Must(a.Complete())
	a.Is(claim.Completed)
	if got := vetoes(d); got != 0 {
		t.Errorf("%d vetoes spent on nothing", got)
	}
}

// R12: the objection was on its way when the recovery turned to completing: it is
// too late, and the recovery isn't marked as stopped.
func TestObjectionRacesWithCompletion(t *testing.T) {
	for name, object := range map[string]func(d *roomtest.Desk, link token) error{
		"by link": func(d *roomtest.Desk, link token) error { return link.stop(d) },
		"by answer": func(d *roomtest.Desk, _ token) error {
			return d.Objections.ByReply(d.T.Context(), roomtest.Home, roomtest.Newer, "NO", "m1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
			d := roomtest.Two(t, store, roomtest.Options{})
			a := waiting(d)
			link := token(d.Links(roomtest.Newer)[0])
			d.Clock.Advance(3 * day)
			store.BeforeFlow(func() {
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
	if vetoes(d) != 1 || d.Told(roomtest.Older, "se detuvo") != 1 {
		t.Errorf("%d vetoes, told %d times", vetoes(d), d.Told(roomtest.Older, "se detuvo"))
	}
}

// V8: two vetoes a number in 90 days; the third is refused with what to do, and
// on the 91st day there is one again. A message that comes twice is one.
func TestV8Ration(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	no := func(message string) {
		t.Helper()
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", message))
	}
	for i := range 2 {
		a := waiting(d)
		for range 3 {
			no(fmt.Sprint("m", i))
		}
		a.Is(claim.Vetoed)
		d.Clock.Advance(day)
	}
	if got := vetoes(d); got != 2 {
		t.Fatalf("%d vetoes spent", got)
	}
	third := waiting(d)
	no("m3")
	no("m3")
	third.Is(claim.Waiting)
	if got := d.Told(roomtest.Newer, "ya detuvo dos"); got != 1 {
		t.Errorf("told %d times that it has none left", got)
	}
	if err := token(d.Links(roomtest.Newer)[0]).stop(d); !errors.Is(err, objection.ErrVetoesUsed) {
		t.Errorf("%v", err)
	}
	third.Is(claim.Waiting)
	var cited int
	for _, e := range d.Events() {
		if e.Action == record.RecoveryVetoed && e.Outcome == record.Refused && e.Data["rule"] == string(engine.V8) {
			cited++
		}
	}
	if cited != 3 {
		t.Errorf("refused by V8 %d times in the record", cited)
	}
	d.Clock.Advance(2 * day)
	no("m4")
	third.Is(claim.Waiting)
	d.Clock.Advance(90 * day)
	a := waiting(d)
	no("m5")
	a.Is(claim.Vetoed)
}

// V4: a number on trial, a removed one and a stranger's stop nothing, and spend
// nothing; nor does an answer when nothing is open.
func TestWhoHasNoSay(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", "m0"))
	if vetoes(d) != 0 {
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
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, from, "NO", "m-"+from))
	}
	for _, body := range []string{"", "maybe", "sí", "4821"} {
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Older, body, "b-"+body))
	}
	if d.State() != before {
		t.Error("something changed")
	}
	a.Is(claim.Waiting)
}

// One phone of two accounts: its NO stops what is open of both, and of each
// everything.
func TestReplyStopsAllThatIsOpen(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a, b := waiting(d), d.Start(roomtest.Name)
	now := d.Clock.Now()
	d.Must(d.Store.UpdateWallet(t.Context(), "acc_other", func(w *wallet.Wallet) (post.Effects, error) {
		mine, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
		w.Numbers = mine.Numbers[1:]
		w.Numbers[0].First = true
		return post.Effects{}, err
	}))
	d.Must(d.Store.CreateFlow(t.Context(), claim.Flow{ID: "rec_other", Account: "acc_other", Subject: "acc_other", State: claim.Waiting, Evidence: []engine.Evidence{{Method: engine.SMS}}, StartedAt: now, ExpiresAt: now.Add(day), OpenUntil: now.Add(day)}, post.Effects{}))
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", "m1"))
	a.Is(claim.Vetoed)
	for _, id := range []string{a.ID, b.ID, "rec_other"} {
		f, err := d.Store.Flow(t.Context(), id)
		if err != nil || f.State != claim.Vetoed {
			t.Errorf("%s: %v, %s", id, err, f.State)
		}
	}
	b.Is(claim.Collecting) // nobody proved possession: the claimant can't tell (V15)
}
