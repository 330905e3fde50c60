package wallet_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const asked = "pide quitar"

// KA D1: calls that are refused, or change nothing, use no notice up: the removal
// that is asked for after them is told.
func TestD1SilentRemoval(t *testing.T) {
	for name, before := range map[string]func(d *roomtest.Desk, phone string) error{
		"a stale sign-in": func(d *roomtest.Desk, phone string) error {
			stale := d.Me()
			stale.AuthTime = stale.AuthTime.Add(-10 * time.Minute)
			_, err := d.Wallets.Retire(d.T.Context(), stale, roomtest.Home, phone)
			return err
		},
		"a session that was ended": func(d *roomtest.Desk, phone string) error {
			d.Peer.Set(func(p *roomtest.Peer) { p.Ended = []string{"ses_ended"} })
			who := d.Me()
			who.Session = "ses_ended"
			_, err := d.Wallets.Retire(d.T.Context(), who, roomtest.Home, phone)
			return err
		},
		"auth away": func(d *roomtest.Desk, phone string) error {
			d.Peer.Set(func(p *roomtest.Peer) { p.Down = true })
			defer d.Peer.Set(func(p *roomtest.Peer) { p.Down = false })
			_, err := d.Wallets.Retire(d.T.Context(), d.Me(), roomtest.Home, phone)
			return err
		},
		"somebody else's": func(d *roomtest.Desk, phone string) error {
			_, err := d.Wallets.Retire(d.T.Context(), wallet.Person{Account: "acc_b", Session: "ses_b", AuthTime: d.Clock.Now()}, roomtest.Home, phone)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
				d := roomtest.Two(t, store, roomtest.Options{})
				phones, err := d.Wallets.List(t.Context(), roomtest.Owner)
				d.Must(err)
				for range 5 {
					if err := before(d, phones[0].ID); err == nil {
						t.Fatal("it wasn't refused")
					}
				}
				_, err = d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
				d.Must(err)
				if told := d.Told(roomtest.Newer, asked); told != 1 {
					t.Errorf("the other number was told %d times", told)
				}
			})
		})
	}
}

// KA D1, the same kind: asking again for what was asked for already changes
// nothing and uses nothing up (and R24: its end doesn't move).
func TestAskingTwiceUsesNothingUp(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	phones, err := d.Wallets.List(t.Context(), roomtest.Owner)
	d.Must(err)
	first, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
	d.Must(err)
	for range 5 {
		d.Clock.Advance(time.Minute)
		again, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
		if err != nil || !again.ChangesAt.Equal(first.ChangesAt) || again.State != engine.Retiring {
			t.Fatalf("%+v, %v", again, err)
		}
	}
	_, err = d.Wallets.Keep(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
	d.Must(err)
	_, err = d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
	d.Must(err)
	if told := d.Told(roomtest.Newer, asked); told != 2 {
		t.Errorf("told %d times, want 2", told)
	}
}

// KA D2: whoever adds the owner's number to an account of his own uses up nothing
// of the owner's: neither that his number is kept live, nor that it is removed.
func TestD2StrangerBurnsNothing(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := roomtest.New(t, store, roomtest.Options{})
		mine := d.Prove(roomtest.Older)
		d.Clock.Advance(day)
		d.SendDue()
		thief := func() wallet.Person {
			return wallet.Person{Account: "acc_thief", Session: "ses_thief", AuthTime: d.Clock.Now()}
		}
		sent := 0
		for range 100 { // all that he can, for an hour and a half
			_, err := d.Wallets.Add(t.Context(), thief(), roomtest.Home, roomtest.Older)
			if err == nil {
				sent++
			} else if fault.From(err).Kind != fault.KindTooMany {
				t.Fatal(err)
			}
			d.Clock.Advance(time.Minute)
		}
		if sent < 8 {
			t.Fatalf("the thief had %d texts sent: the case is none", sent)
		}
		if _, err := d.Wallets.SendCode(t.Context(), d.Me(), mine); err != nil {
			t.Errorf("the owner: %v, wait %s", err, fault.From(err).RetryAfter)
		}
		// The phone itself is bothered no more than ten times a day by all accounts
		// that have yet to prove it.
		other := wallet.Person{Account: "acc_other", Session: "ses_o", AuthTime: d.Clock.Now()}
		if _, err := d.Wallets.Add(t.Context(), other, roomtest.Home, roomtest.Older); sent >= 10 && !errors.Is(err, wallet.ErrTooManyTexts) {
			t.Errorf("the eleventh: %v", err)
		}
	})
}

// KA D5: what a 429 says to wait is what is left of the window that is full.
func TestD5RetryAfter(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	began := d.Clock.Now()
	people := []string{"acc_1", "acc_2", "acc_3", "acc_4", "acc_5", "acc_6"}
	add := func(i int) error {
		_, err := d.Wallets.Add(t.Context(), wallet.Person{Account: people[i], Session: "ses", AuthTime: d.Clock.Now()}, roomtest.Home, roomtest.Older)
		return err
	}
	for i := range 5 { // a burst: five in ten minutes
		d.Must(add(i))
		d.Clock.Advance(time.Minute)
	}
	err := add(5)
	if want := began.Add(10 * time.Minute).Sub(d.Clock.Now()); !errors.Is(err, wallet.ErrTooManyTexts) || fault.From(err).RetryAfter != want {
		t.Errorf("%v after %s, want %s", err, fault.From(err).RetryAfter, want)
	}
	d.Clock.Advance(fault.From(err).RetryAfter)
	d.Must(add(5))
	for i := range 4 { // ten a day
		d.Clock.Advance(time.Minute)
		d.Must(add(i))
	}
	d.Clock.Advance(time.Hour)
	err = add(4)
	if want := began.Add(day).Sub(d.Clock.Now()); fault.From(err).RetryAfter != want {
		t.Errorf("%v after %s, want %s", err, fault.From(err).RetryAfter, want)
	}
	d.Clock.Advance(fault.From(err).RetryAfter)
	if err := add(4); err != nil {
		t.Errorf("after the time that was said: %v", err)
	}
}

// V24: what turns out to be refused when it is written, because the state changed
// since it was read, gives its uses back; nothing else changed either.
func TestRefusedInARaceGivesBack(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.New(t, store, roomtest.Options{})
	phone := d.Prove(roomtest.Older)
	d.Clock.Advance(day)
	gone := func() {
		d.Must(store.Store.UpdateWallet(t.Context(), roomtest.Owner, func(w *wallet.Wallet) (post.Effects, error) {
			w.Number(phone).RetiringUntil = d.Clock.Now()
			return post.Effects{}, nil
		}))
	}
	back := func() {
		d.Must(store.Store.UpdateWallet(t.Context(), roomtest.Owner, func(w *wallet.Wallet) (post.Effects, error) {
			w.Number(phone).RetiringUntil = time.Time{}
			return post.Effects{}, nil
		}))
	}
	for range 30 { // more than any budget has
		store.BeforeWallet(gone)
		if _, err := d.Wallets.SendCode(t.Context(), d.Me(), phone); !errors.Is(err, wallet.ErrPhoneNotFound) {
			t.Fatalf("a code: %v", err)
		}
		back()
		store.BeforeWallet(gone)
		if _, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone); !errors.Is(err, wallet.ErrPhoneNotFound) {
			t.Fatalf("a removal: %v", err)
		}
		back()
	}
	_, err := d.Wallets.SendCode(t.Context(), d.Me(), phone)
	d.Must(err)
	if err := d.Budget.Take(t.Context(), limits.RemovalTold(roomtest.Owner, phone)); err != nil {
		t.Errorf("a removal's notice: %v", err)
	}
	if n := len(d.Codes(roomtest.Older)); n != 2 {
		t.Errorf("%d codes in all", n)
	}
}

// Two removals at once: one is asked for, told once, and one notice is used up.
func TestRemovalRace(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.Two(t, store, roomtest.Options{})
	phones, err := d.Wallets.List(t.Context(), roomtest.Owner)
	d.Must(err)
	store.BeforeWallet(func() {
		_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
		d.Must(err)
	})
	view, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phones[0].ID)
	if err != nil || view.State != engine.Retiring {
		t.Errorf("%+v, %v", view, err)
	}
	if told := d.Told(roomtest.Newer, asked); told != 1 {
		t.Errorf("told %d times", told)
	}
	if n := count(d, record.PhoneRemovalAsked+" "+record.Success); n != 1 {
		t.Errorf("%d events", n)
	}
}

func count(d *roomtest.Desk, action string) int {
	return len(slices.DeleteFunc(d.Actions(), func(a string) bool { return a != action }))
}

// A code is used up by the first who brings it, and a number's code by a proof
// (R04); the same code twice at once proves once.
func TestCodeIsSpentOnce(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.New(t, store, roomtest.Options{})
	v, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Older)
	d.Must(err)
	code := secret.NewString(d.Codes(roomtest.Older)[0])
	store.BeforeWallet(func() {
		_, err := d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, v.ID, code)
		d.Must(err)
	})
	if _, err := d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, v.ID, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("at once: %v", err)
	}
	d.Clock.Advance(time.Minute)
	if _, err := d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, v.ID, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("later: %v", err)
	}
	w, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
	if err != nil || len(w.Numbers[0].Proofs) != 1 {
		t.Errorf("%v, proofs %v", err, w.Numbers[0].Proofs)
	}
}

// The code was replaced after the guess was counted against the old one: the new
// one isn't checked, or a racer would have more guesses at it than its own.
func TestGuessIsForTheCodeItWasCountedFor(t *testing.T) {
	store := &roomtest.Hooked{Store: roomtest.SQLite(t)}
	d := roomtest.New(t, store, roomtest.Options{})
	v, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Older)
	d.Must(err)
	code := secret.NewString("12345678")
	use := wallet.CodeUse{Purpose: "prove a number", Owner: roomtest.Owner, Number: v.ID}
	replace := func() {
		d.Must(store.Store.UpdateWallet(t.Context(), roomtest.Owner, func(w *wallet.Wallet) (post.Effects, error) {
			w.Number(v.ID).Code = d.Wallets.NewCode(use, code, d.Clock.Now())
			return post.Effects{}, nil
		}))
	}
	store.BeforeWallet(replace)
	if _, err := d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, v.ID, code); !errors.Is(err, wallet.ErrCode) {
		t.Errorf("%v", err)
	}
	if _, err := d.Wallets.Prove(t.Context(), d.Me(), roomtest.Home, v.ID, code); err != nil {
		t.Errorf("counted for itself: %v", err)
	}
}

// A number that nobody has proved yet is bothered by all accounts together no more
// than by one, also when they ask for another code.
func TestNewNumberIsSharedByAll(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	began := d.Clock.Now()
	ask := func(account string) (error, error) {
		who := wallet.Person{Account: account, Session: "ses", AuthTime: d.Clock.Now()}
		v, added := d.Wallets.Add(t.Context(), who, roomtest.Home, roomtest.Older)
		d.Clock.Advance(time.Minute)
		_, sent := d.Wallets.SendCode(t.Context(), who, v.ID)
		return added, sent
	}
	for _, account := range []string{"acc_1", "acc_2"} { // four texts
		added, sent := ask(account)
		d.Must(added)
		d.Must(sent)
	}
	added, sent := ask("acc_3")
	d.Must(added)
	want := began.Add(10 * time.Minute).Sub(d.Clock.Now())
	if !errors.Is(sent, wallet.ErrTooManyTexts) || fault.From(sent).RetryAfter != want {
		t.Errorf("the sixth in ten minutes: %v, wait %s, want %s", sent, fault.From(sent).RetryAfter, want)
	}
}
