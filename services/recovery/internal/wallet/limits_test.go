package wallet_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
)

const day = 24 * time.Hour

// TestRefusedAddCostsNoTexts: what AddPhone refuses must not use up the day's texts.
func TestRefusedAddCostsNoTexts(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	for range 30 {
		if _, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Older); !errors.Is(err, wallet.ErrPhoneTaken) {
			t.Fatal(err)
		}
	}
	if _, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Newer); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := d.Wallets.Add(t.Context(), d.Me(), roomtest.Home, roomtest.Newer); fault.From(err).RetryAfter > time.Minute {
			t.Fatalf("%v: wait %s", err, fault.From(err).RetryAfter)
		}
	}
}

// TestRemovalNoticesAreBounded: a removal that is asked for and taken back all day
// tells the other number twice.
func TestRemovalNoticesAreBounded(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	d.Clock.Advance(time.Minute)
	phone := d.Prove(roomtest.Newer)
	d.Clock.Advance(8 * day)
	for range 5 {
		_, err := d.Wallets.Retire(t.Context(), d.Me(), roomtest.Home, phone)
		d.Must(err)
		_, err = d.Wallets.Keep(t.Context(), d.Me(), roomtest.Home, phone)
		d.Must(err)
		d.Clock.Advance(time.Minute)
	}
	told := strings.Count(fmt.Sprint(d.Got(roomtest.Older)), "pide quitar")
	if told != 2 {
		t.Errorf("told %d times", told)
	}
}

// TestOutageKeepsTheLanguage: when auth can't say it, the account's texts stay in
// the language that they were in, and the new number is on trial for longer (V20).
func TestOutageKeepsTheLanguage(t *testing.T) {
	d := roomtest.New(t, roomtest.SQLite(t), roomtest.Options{})
	d.Prove(roomtest.Older)
	d.Clock.Advance(time.Minute)
	d.Peer.Silent = true
	d.Prove(roomtest.Newer)
	d.Peer.Silent = false
	if got := fmt.Sprint(d.Got(roomtest.Older)); !strings.Contains(got, "tiene un teléfono nuevo") {
		t.Errorf("told %s", got)
	}
	d.Clock.Advance(29 * day)
	phones, err := d.Wallets.List(t.Context(), roomtest.Owner)
	d.Must(err)
	if len(phones) != 2 || phones[1].State != engine.Quarantined {
		t.Errorf("%+v", phones)
	}
}
