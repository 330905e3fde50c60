package claim_test

import (
	"errors"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// calm is a desk whose owner is let in at once with a number and a saved code.
func calm(t *testing.T) *roomtest.Desk {
	t.Helper()
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown, p.Place = true, engine.Yes })
	d.Clock.Advance(40 * day)
	return d
}

func both(d *roomtest.Desk) roomtest.Attempt {
	a := d.Start(roomtest.Name)
	a.BySavedCode()
	a.BySMS(roomtest.Older)
	return a
}

// R20: what was ready is decided anew at completion: a security change since
// makes it wait.
func TestReadyIsDecidedAnew(t *testing.T) {
	for name, change := range map[string]func(d *roomtest.Desk){
		"auth knows of a change": func(d *roomtest.Desk) {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account.SecurityChangeAt = d.Clock.Now() })
		},
		"auth knows of a reset": func(d *roomtest.Desk) {
			d.Peer.Set(func(p *roomtest.Peer) { p.Account.ResetAt = d.Clock.Now() })
		},
		"R26: a removal was asked for": func(d *roomtest.Desk) {
			phones, err := d.Wallets.List(d.T.Context(), roomtest.Owner)
			d.Must(err)
			_, err = d.Wallets.Retire(d.T.Context(), d.Me(), roomtest.Home, phones[1].ID)
			d.Must(err)
		},
		"the place isn't known any more (V20)": func(d *roomtest.Desk) { d.Peer.Set(func(p *roomtest.Peer) { p.Place = engine.Unknown }) },
		"nor the device":                       func(d *roomtest.Desk) { d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = false }) },
	} {
		t.Run(name, func(t *testing.T) {
			d := calm(t)
			a := both(d)
			a.Is(claim.Ready)
			change(d)
			if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
				t.Fatalf("%v", err)
			}
			// From when all were told, which was with the code.
			if v := a.Look(); v.State != claim.Waiting || v.EarliestAt.Sub(d.Clock.Now()).Round(time.Minute) != day {
				t.Errorf("%+v", v)
			}
			if len(d.Peer.Resets) != 0 {
				t.Error("auth was told")
			}
		})
	}
}

// R26: the wallet's own changes are security changes: a number added 8 days ago
// makes an owner with everything else wait a day; 30 days ago it doesn't.
func TestOwnChangesCount(t *testing.T) {
	for age, want := range map[time.Duration]claim.FlowState{8 * day: claim.Waiting, 30*day - time.Millisecond - time.Millisecond: claim.Waiting, 30 * day: claim.Ready} {
		d := calm(t)
		d.Prove(roomtest.Other)
		d.Clock.Advance(age)
		a := both(d) // a millisecond passes in it
		if got := a.Look().State; got != want {
			t.Errorf("a number added %s ago: %s, want %s", age, got, want)
		}
	}
}

// R16: that it was completed is told to every number that is proved, also to one
// on trial, and to no other.
func TestCompletionIsToldToAll(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Other) // on trial for 7 days
	_, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, "+34600222333")
	d.Must(err) // never proved
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	d.Pass(3 * day)
	d.Must(a.Complete())
	for number, want := range map[string]int{roomtest.Older: 1, roomtest.Newer: 1, roomtest.Other: 1, "+34600222333": 0} {
		if got := d.Told(number, "fue recuperada"); got != want {
			t.Errorf("%s was told %d times, want %d", number, got, want)
		}
	}
	if got := d.Told(roomtest.Other, "/veto#"); got != 0 {
		t.Error("V4: a number on trial was given a veto")
	}
}

// A completed recovery proves its number again, which keeps it live.
func TestCompletionIsAProof(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	at := a.Flow().Evidence[0].At
	d.Must(a.Complete())
	phones, err := d.Wallets.List(t.Context(), roomtest.Owner)
	if err != nil || !phones[0].ProvedAt.Equal(at) {
		t.Errorf("%v, %+v", err, phones[0])
	}
}

// The decision is one chain with its facts, and its hash is in the record.
func TestDecisionsAreRecorded(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.Two(t, store, roomtest.Options{})
		a := d.Start(roomtest.Name)
		a.BySMS(roomtest.Older)
		a.BySavedCode()
		for range 3 { // asking often makes no chain longer
			if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
				t.Fatal(err)
			}
		}
		f := a.Flow()
		if len(f.Decisions) != 2 || !f.Decisions.Whole() {
			t.Fatalf("%d decisions", len(f.Decisions))
		}
		d.Pass(day)
		d.Must(a.Complete())
		f = a.Flow()
		var hashes []string
		for _, e := range d.Events() {
			if e.Action == record.RecoveryDecided {
				hashes = append(hashes, e.Data["decision"].(string))
			}
			if e.Action == record.RecoveryCompleted && e.Data["decision"] != f.Decisions.Head() {
				t.Errorf("completed by %v", e.Data)
			}
		}
		if len(hashes) != len(f.Decisions) {
			t.Fatalf("%d decisions, %d recorded", len(f.Decisions), len(hashes))
		}
		for i, j := range f.Decisions {
			if hashes[i] != j.Hash {
				t.Errorf("decision %d is recorded as another one", i)
			}
		}
	})
}

// A claimant reads the reason in the account's language; an owner's list says all.
func TestReasonIsInTheAccountsLanguage(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	for locale, want := range map[string]string{"es": engine.V2.Sentence("es"), "en": engine.V2.Sentence("en"), "": engine.V2.Sentence("en")} {
		d.Peer.Set(func(p *roomtest.Peer) { p.Account.Locale = locale })
		a := d.Start(roomtest.Name)
		d.Clock.Advance(20 * time.Minute)
		a.BySMS(roomtest.Older)
		if v := a.Look(); v.Reason.Code != string(engine.V2) || v.Reason.In(v.Locale) != want {
			t.Errorf("%q: %+v in %q, want %q", locale, v.Reason, v.Locale, want)
		}
	}
}

// A number that was retired meanwhile gives no power to what it proved (V4), nor
// does one that auth's account no longer has.
func TestEvidenceLosesItsNumber(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := ready(d)
	d.Must(d.Store.UpdateWallet(t.Context(), roomtest.Owner, func(w *wallet.Wallet) (post.Effects, error) {
		w.Numbers[0].RetiringUntil = d.Clock.Now()
		return post.Effects{}, nil
	}))
	if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) {
		t.Errorf("%v", err)
	}
}

// A code is bound to its recovery, its device and its number: nowhere else it is
// one, whoever brings it.
func TestCodeIsBound(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a, b := d.Start(roomtest.Name), d.Start(roomtest.Name)
	code := a.CodeFor(roomtest.Older, roomtest.Older)
	d.Clock.Advance(time.Second)
	d.Must(b.SendCode(roomtest.Newer))
	if _, err := b.Evidence(engine.SMS, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("in another recovery: %v", err)
	}
	if _, err := a.Evidence(engine.SMS, d.Codes(roomtest.Newer)[0]); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("another recovery's: %v", err)
	}
	d.Clock.Advance(5*time.Minute - 2*time.Second)
	if _, err := a.Evidence(engine.SMS, code); err != nil {
		t.Errorf("to its last second: %v", err)
	}
	if _, err := a.Evidence(engine.SMS, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("twice: %v", err)
	}
	c := d.Start(roomtest.Name)
	late := c.CodeFor(roomtest.Older, roomtest.Older)
	d.Clock.Advance(5 * time.Minute)
	if _, err := c.Evidence(engine.SMS, late); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("after its time: %v", err)
	}
}

// Two who bring the right code at once: it proves once.
func TestCodeRace(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	code := a.CodeFor("", roomtest.Older)
	store.BeforeFlow(func() {
		_, err := a.Evidence(engine.SMS, code)
		d.Must(err)
	})
	if _, err := a.Evidence(engine.SMS, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("%v", err)
	}
	if f := a.Flow(); len(f.Evidence) != 1 {
		t.Errorf("%d evidences", len(f.Evidence))
	}
}

// The code was replaced after the guess was counted against the old one: the new
// one isn't checked by that guess.
func TestGuessIsForTheCodeItWasCountedFor(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	a := d.Start(roomtest.Name)
	a.CodeFor("", roomtest.Older)
	number := a.Flow().Code.Number
	code := secret.NewString("12345678")
	store.BeforeFlow(func() {
		d.Must(store.Store.UpdateFlow(t.Context(), a.ID, func(f *claim.Flow) (post.Effects, error) {
			f.Code = d.Wallets.NewCode(wallet.CodeUse{Purpose: "recover", Owner: a.ID, Number: number}, code, d.Clock.Now())
			return post.Effects{}, nil
		}))
	})
	if _, err := a.Evidence(engine.SMS, code.Reveal()); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("%v", err)
	}
	if _, err := a.Evidence(engine.SMS, code.Reveal()); err != nil {
		t.Errorf("counted for itself: %v", err)
	}
}

// The wrong secret, another's secret and an unknown recovery are one answer, and
// change nothing.
func TestSecrets(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a, b := d.Start(roomtest.Name), d.Start(roomtest.Name)
	before := d.State()
	for _, wrong := range []roomtest.Attempt{a.With(a.ID, b.Token), a.With("rec_000000000000000000000000", a.Token)} {
		if err := wrong.SendCode(""); !errors.Is(err, claim.ErrRecovery) {
			t.Error(err)
		}
		if _, err := wrong.Evidence(engine.SMS, "12345678"); !errors.Is(err, claim.ErrRecovery) {
			t.Error(err)
		}
		if err := wrong.Complete(); !errors.Is(err, claim.ErrRecovery) {
			t.Error(err)
		}
	}
	if d.State() != before {
		t.Error("refused, and yet something changed")
	}
}

// A code on paper alone completes nothing, and leads nowhere from a device that nobody knows.
func TestNoCompletionByACodeAlone(t *testing.T) {
	d := calm(t)
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown = false })
	a := d.Start(roomtest.Name)
	a.BySavedCode()
	if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) || len(d.Peer.Resets) > 0 {
		t.Errorf("%v", err)
	}
	if v := a.Look(); v.State != claim.Collecting || v.Reason.Code != string(engine.V2) || !v.EarliestAt.IsZero() || v.DeadEnd {
		t.Errorf("%+v", v)
	}
}

// RC D-4 (D10): a wait never ends before the time that was announced, whatever becomes
// of the numbers meanwhile; another evidence may shorten it.
func TestAnnouncedEndHolds(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.New(t, store, roomtest.Options{})
		d.Prove(roomtest.Older)
		d.Clock.Advance(60 * day)
		d.Prove(roomtest.Newer)
		d.Clock.Advance(29 * day) // the older one is live for another day
		a := d.Start(roomtest.Name)
		a.BySavedCode()
		told := a.BySMS(roomtest.Newer).EarliestAt
		if told != d.Clock.Now().Add(7*day) {
			t.Fatalf("told %s", told)
		}
		d.Pass(3 * day) // dormant by now: a new claim would have waited for 3 days
		if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) || a.Look().EarliestAt != told {
			t.Fatalf("%v, %+v", err, a.Look())
		}
		a.BySMS(roomtest.Older)
		if sooner := a.Look().EarliestAt; !sooner.Before(told) {
			t.Errorf("with another evidence: %s", sooner)
		}
	})
}

// RC D-4: also where another evidence came that didn't shorten the wait.
func TestAnnouncedEndHoldsWithMoreEvidence(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Peer.Set(func(p *roomtest.Peer) { p.Account.DeviceKnown, p.Place = true, engine.Yes })
	d.Prove(roomtest.Older)
	d.Clock.Advance(340 * day)
	d.Prove(roomtest.Newer)
	d.Clock.Advance(59 * day) // the older one is dormant for another day
	a := d.Start(roomtest.Name)
	told := a.BySavedCode().EarliestAt
	if again := a.BySMS(roomtest.Newer).EarliestAt; again != told || told != a.Flow().AnnouncedAt.Add(3*day) {
		t.Fatalf("told %s, then %s", told, again)
	}
	d.Pass(2 * day) // stale by now: a claim of today would wait for a day
	if err := a.Complete(); !errors.Is(err, claim.ErrNotAllowedYet) || a.Look().EarliestAt != told {
		t.Errorf("%v, %+v", err, a.Look())
	}
}
