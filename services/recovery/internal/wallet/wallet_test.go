package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// TestGuards: what each operation asks of the sign-in, by the border of the
// configured age, by a session that was ended, and with auth away (V20): 503 and
// never a yes.
func TestGuards(t *testing.T) {
	const fresh = 30 * time.Minute // another than the default
	for name, c := range map[string]struct {
		call  func(d *roomtest.Desk, who wallet.Person, phone string) error
		fresh bool
		live  bool
	}{
		"add": {func(d *roomtest.Desk, who wallet.Person, _ string) error {
			_, err := d.Wallets.Add(d.T.Context(), who, roomtest.Home, roomtest.Other)
			return err
		}, true, true},
		"prove": {func(d *roomtest.Desk, who wallet.Person, phone string) error {
			_, err := d.Wallets.Prove(d.T.Context(), who, roomtest.Home, phone, secret.NewString(d.Codes(roomtest.Older)[0]))
			return err
		}, false, true},
		"retire": {func(d *roomtest.Desk, who wallet.Person, phone string) error {
			_, err := d.Wallets.Retire(d.T.Context(), who, roomtest.Home, phone)
			return err
		}, true, true},
		"keep": {func(d *roomtest.Desk, who wallet.Person, phone string) error {
			_, err := d.Wallets.Keep(d.T.Context(), who, roomtest.Home, phone)
			return err
		}, true, true},
		"send a code": {func(d *roomtest.Desk, who wallet.Person, phone string) error {
			_, err := d.Wallets.SendCode(d.T.Context(), who, phone)
			return err
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []struct {
				name  string
				age   time.Duration
				ended bool
				down  bool
				want  error
			}{
				{"fresh to the last millisecond", fresh - time.Millisecond, false, false, nil},
				{"not fresh", fresh, false, false, wallet.ErrFreshSignIn},
				{"the session was ended", 0, true, false, wallet.ErrSessionEnded},
				{"auth is away", 0, false, true, wallet.ErrUnavailableAuth},
				{"a sign-in by a clock that is ahead", -30 * time.Second, false, false, nil},
			} {
				want := step.want
				if (errors.Is(want, wallet.ErrFreshSignIn) && !c.fresh) || (want != nil && !errors.Is(want, wallet.ErrFreshSignIn) && !c.live) {
					want = nil
				}
				d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{FreshSignIn: fresh})
				phone := d.Prove(roomtest.Older)
				d.Clock.Advance(time.Hour)
				if name == "prove" {
					_, err := d.Wallets.SendCode(t.Context(), d.Me(), phone)
					d.Must(err)
				}
				if name == "keep" {
					_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone)
					d.Must(err)
				}
				d.Codes(roomtest.Older)
				before := d.State()
				d.Peer.Set(func(p *roomtest.Peer) {
					p.Down = step.down
					if step.ended {
						p.Ended = []string{roomtest.Session}
					}
				})
				who := d.Me()
				who.AuthTime = who.AuthTime.Add(-step.age)
				err := c.call(d, who, phone)
				if !errors.Is(err, want) || (want == nil) != (err == nil) {
					t.Errorf("%s: %v, want %v", step.name, err, want)
				}
				if changed := d.State() != before; changed != (want == nil) {
					t.Errorf("%s: the store changed: %v", step.name, changed)
				}
			}
		})
	}
}

// A number that is added after all proved ones were removed is on trial like any
// other (R18): there was somebody older to protect.
func TestFirstIsFirstOnce(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	first := d.Prove(roomtest.Older)
	if got := d.Phone(first).State; got != engine.Trusted {
		t.Errorf("the first number is %s", got)
	}
	_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, first)
	d.Must(err)
	d.Clock.Advance(30 * day)
	d.Sweep()
	if got := d.Phone(first).State; got != engine.Removed {
		t.Fatalf("the first number is %s", got)
	}
	if got := d.Phone(d.Prove(roomtest.Newer)).State; got != engine.Quarantined {
		t.Errorf("a number after it is %s", got)
	}
	if n := count(d, record.PhoneRemoved+" "+record.Success); n != 1 {
		t.Errorf("%d removals reported", n)
	}
	d.Sweep()
	if n := count(d, record.PhoneRemoved+" "+record.Success); n != 1 {
		t.Errorf("%d removals reported after another sweep", n)
	}
}

// Added soon after a sign-in from a new device or a reset, or while auth can't
// say, a number is on trial for longer; to the millisecond.
func TestCautious(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*roomtest.Peer, time.Time)
		want bool
	}{
		"calm":                   {func(*roomtest.Peer, time.Time) {}, false},
		"a new device":           {func(p *roomtest.Peer, now time.Time) { p.Account.UnfamiliarAt = now.Add(-day + time.Millisecond) }, true},
		"a new device, long ago": {func(p *roomtest.Peer, now time.Time) { p.Account.UnfamiliarAt = now.Add(-day) }, false},
		"a reset":                {func(p *roomtest.Peer, now time.Time) { p.Account.ResetAt = now.Add(-day + time.Millisecond) }, true},
		"a reset, long ago":      {func(p *roomtest.Peer, now time.Time) { p.Account.ResetAt = now.Add(-day) }, false},
		"auth is silent":         {func(p *roomtest.Peer, _ time.Time) { p.Silent = true }, true},
		"auth knows nobody":      {func(p *roomtest.Peer, _ time.Time) { p.Account.Found = false }, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
			d.Prove(roomtest.Older)
			d.Clock.Advance(day)
			d.Peer.Set(func(p *roomtest.Peer) { c.set(p, d.Clock.Now()) })
			phone := d.Prove(roomtest.Newer)
			d.Clock.Advance(7 * day)
			if got := d.Phone(phone).State == engine.Quarantined; got != c.want {
				t.Errorf("on trial after 7 days: %v, want %v", got, c.want)
			}
		})
	}
}

// A number that was added calmly and is asked for again in danger becomes a
// cautious one, and stays it.
func TestCautiousStays(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	d.Clock.Advance(day)
	v, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Newer)
	d.Must(err)
	for _, unfamiliar := range []time.Time{d.Clock.Now(), {}} {
		d.Clock.Advance(3 * time.Minute)
		d.Peer.Set(func(p *roomtest.Peer) { p.Account.UnfamiliarAt = unfamiliar })
		again, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Newer)
		if err != nil || again.ID != v.ID {
			t.Fatalf("%+v, %v", again, err)
		}
	}
	w, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
	if err != nil || len(w.Numbers) != 2 || !w.Numbers[1].Cautious {
		t.Errorf("%v, %+v", err, w.Numbers)
	}
}

// R17: whatever proofs are left out, seniority and liveness are those of all.
func TestAddProofKeepsSeniority(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	start := d.Clock.Now()
	rapid.Check(t, func(t *rapid.T) {
		kept, all := wallet.Number{}, engine.Number{}
		at := start
		for range rapid.IntRange(1, 8).Draw(t, "proofs") {
			at = at.Add(time.Duration(rapid.IntRange(1, 500).Draw(t, "gap")) * day)
			d.Wallets.AddProof(&kept, at)
			all.Proofs = append(all.Proofs, at)
			if rapid.Bool().Draw(t, "again") {
				d.Wallets.AddProof(&kept, at)
			}
		}
		now := at.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "later")) * day)
		few := engine.Number{Proofs: kept.Proofs}
		if d.Policy.Seniority(few, now) != d.Policy.Seniority(all, now) || d.Policy.LivenessOf(few, now) != d.Policy.LivenessOf(all, now) {
			t.Fatalf("kept %v of %v", kept.Proofs, all.Proofs)
		}
		if kept.Proofs[0] != all.Proofs[0] {
			t.Fatal("the first proof decides ties")
		}
	})
	n := wallet.Number{}
	for i := range 100 {
		d.Wallets.AddProof(&n, start.Add(time.Duration(i)*day))
	}
	if len(n.Proofs) > 3 {
		t.Errorf("a hundred proofs in a row keep %d", len(n.Proofs))
	}
	// An older proof that comes late is kept in its place.
	d.Wallets.AddProof(&n, start.Add(-day))
	if !slices.IsSortedFunc(n.Proofs, time.Time.Compare) || !n.Proofs[0].Equal(start.Add(-day)) {
		t.Errorf("%v", n.Proofs)
	}
}

// TestLastChange: a first proof and a removal asked for are security changes of
// the wallet itself (R26); a proof again is none.
func TestLastChange(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	is := func(want time.Time) {
		t.Helper()
		w, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
		if err != nil || !w.LastChange().Equal(want) {
			t.Errorf("%v, %s, want %s", err, w.LastChange(), want)
		}
	}
	is(time.Time{})
	phone := d.Prove(roomtest.Older)
	proved := d.Clock.Now()
	d.Clock.Advance(day)
	d.ProveAgain(phone, roomtest.Older)
	is(proved)
	_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone)
	d.Must(err)
	is(d.Clock.Now())
}

// TestLimits: five active numbers; dead pending ones are forgotten, removed ones
// stay, because decisions name them.
func TestHowManyNumbers(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	numbers := []string{"+34600123451", "+34600123452", "+34600123453", "+34600123454", "+34600123455", "+34600123456"}
	for i, number := range numbers {
		d.Clock.Advance(day)
		_, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, number)
		if (err == nil) != (i < 5) || (i == 5 && !errors.Is(err, wallet.ErrPhoneLimit)) {
			t.Fatalf("number %d: %v", i, err)
		}
		if err == nil {
			d.Must(prove(d, number))
		}
	}
	removed := d.Phone(mustList(d)[4].ID).ID
	_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, removed)
	d.Must(err)
	d.Clock.Advance(31 * day)
	d.Sweep()
	for i := range 40 { // each dies before the next
		number := "+3460022" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "00"
		_, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, number)
		d.Must(err)
		d.Clock.Advance(2 * time.Hour)
	}
	w, err := d.Wallets.Wallet(t.Context(), roomtest.Owner)
	d.Must(err)
	if len(w.Numbers) > 33 || w.Number(removed) == nil {
		t.Errorf("%d numbers kept, the removed one among them: %v", len(w.Numbers), w.Number(removed) != nil)
	}
}

func prove(d *roomtest.Desk, number string) error {
	phones := mustList(d)
	i := slices.IndexFunc(phones, func(v wallet.View) bool { return v.State == engine.Pending })
	_, err := d.Wallets.Prove(d.T.Context(), d.Me(), roomtest.Home, phones[i].ID, secret.NewString(d.Codes(number)[0]))
	return err
}

func mustList(d *roomtest.Desk) []wallet.View {
	d.T.Helper()
	phones, err := d.Wallets.List(d.T.Context(), roomtest.Owner)
	d.Must(err)
	return phones
}

// TestKeep: a removal is cancelled with an event of its own, and only one that
// was asked for.
func TestKeep(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	phone := mustList(d)[1].ID
	if _, err := d.Wallets.Keep(t.Context(), d.Me(), roomtest.Home, phone); !errors.Is(err, wallet.ErrPhoneState) {
		t.Error(err)
	}
	_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone)
	d.Must(err)
	kept, err := d.Wallets.Keep(t.Context(), d.Me(), roomtest.Home, phone)
	if err != nil || kept.State != engine.Trusted || !kept.ChangesAt.IsZero() {
		t.Errorf("%+v, %v", kept, err)
	}
	if count(d, record.PhoneRemovalAsked+" "+record.Success) != 1 || count(d, record.PhoneRemovalCancelled+" "+record.Success) != 1 {
		t.Errorf("%v", d.Actions())
	}
	d.Clock.Advance(60 * day)
	d.Sweep()
	if d.Phone(phone).State != engine.Trusted || count(d, record.PhoneRemoved+" "+record.Success) != 0 {
		t.Error("removed all the same")
	}
	pending, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Other)
	d.Must(err)
	if _, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, pending.ID); !errors.Is(err, wallet.ErrPhoneState) {
		t.Errorf("a pending number: %v", err)
	}
}

// KA D4: wallets whose work fails are put off, and hold up nobody else's. (A
// thousand on the other store: TestD4 of claim, which has the same queue.)
func TestD4BrokenWalletsHoldNobodyUp(t *testing.T) {
	for _, broken := range []int{100, 1000} {
		roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
			if _, ok := store.(*mongo.Store); ok && broken > 100 {
				return
			}
			d := roomtest.New(t, &refusing{store}, roomtest.Options{})
			phone := d.Prove(roomtest.Older)
			_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone)
			d.Must(err)
			for i := range broken {
				d.Must(store.UpdateWallet(t.Context(), fmt.Sprintf("acc_bad%04d", i), func(w *wallet.Wallet) (post.Effects, error) {
					w.NextAt = d.Clock.Now().Add(-time.Hour)
					return post.Effects{}, nil
				}))
			}
			d.Clock.Advance(31 * day)
			if err := d.Wallets.Sweep(t.Context()); !errors.Is(err, errBroken) {
				t.Errorf("the failures were told as %v", err)
			}
			if n := count(d, record.PhoneRemoved+" "+record.Success); n != 1 {
				t.Errorf("the removal was reported %d times", n)
			}
			due, err := store.DueWallets(t.Context(), d.Clock.Now(), 2*broken)
			if err != nil || len(due) != 0 {
				t.Errorf("%d stay at the head, %v", len(due), err)
			}
			due, err = store.DueWallets(t.Context(), d.Clock.Now().Add(time.Minute), 2*broken)
			if err != nil || len(due) != broken || due[0].Attempts != 1 {
				t.Errorf("%d come back, %v", len(due), err)
			}
		})
	}
}

var errBroken = errors.New("broken by a test")

// refusing fails to change wallets that are named as bad.
type refusing struct{ roomtest.Store }

func (s *refusing) UpdateWallet(ctx context.Context, account string, change func(*wallet.Wallet) (post.Effects, error)) error {
	if strings.HasPrefix(account, "acc_bad") {
		return errBroken
	}
	return s.Store.UpdateWallet(ctx, account, change)
}
