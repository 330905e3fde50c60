package storetest

import (
	"errors"
	"reflect"
	"testing"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

func put(w recovery.Wallet) func(*recovery.Wallet) (recovery.Effects, error) {
	return func(into *recovery.Wallet) (recovery.Effects, error) { *into = w; return recovery.Effects{}, nil }
}

func walletRoundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	empty, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	if !reflect.DeepEqual(empty, recovery.Wallet{Account: "acc_a"}) {
		t.Errorf("an empty wallet is %+v", empty)
	}
	want := filled[recovery.Wallet]()
	want.Account = "acc_a"
	must(t, s.UpdateWallet(ctx, "acc_a", put(want)))
	got, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func walletRollback(t *testing.T, s Store) {
	ctx := t.Context()
	// A not_found of the callback is the callback's, not a missing document.
	for _, refusal := range []error{errStop, recovery.ErrPhoneNotFound} {
		err := s.UpdateWallet(ctx, "acc_a", func(w *recovery.Wallet) (recovery.Effects, error) {
			w.Locale = "es"
			return recovery.Effects{Events: []record.Event{event("acc_a")}}, refusal
		})
		if !errors.Is(err, refusal) {
			t.Errorf("the callback's error became %v", err)
		}
	}
	w, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	events, err := outboxtest.Read(ctx, s, 10)
	must(t, err)
	if w.Locale != "" || len(events) != 0 {
		t.Errorf("written in spite of the error: %+v, %d events", w, len(events))
	}
}

func walletsByNumber(t *testing.T, s Store) {
	ctx := t.Context()
	numbers := func(macs ...string) []recovery.Number {
		var all []recovery.Number
		for _, m := range macs {
			all = append(all, recovery.Number{ID: "phn_" + m, MAC: m, AddedAt: now})
		}
		return all
	}
	must(t, s.UpdateWallet(ctx, "acc_b", put(recovery.Wallet{Account: "acc_b", Numbers: numbers("m1")})))
	must(t, s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Numbers: numbers("m1", "m2")})))
	check := func(mac string, want ...string) {
		t.Helper()
		found, err := s.WalletsByNumber(ctx, mac)
		must(t, err)
		var got []string
		for _, w := range found {
			got = append(got, w.Account)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", mac, got, want)
		}
	}
	check("m1", "acc_a", "acc_b")
	check("m2", "acc_a")
	must(t, s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Numbers: numbers("m2")})))
	check("m1", "acc_b")
}
