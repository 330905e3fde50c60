package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func put(w wallet.Wallet) func(*wallet.Wallet) (post.Effects, error) {
	return func(into *wallet.Wallet) (post.Effects, error) { *into = w; return post.Effects{}, nil }
}

func walletRoundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	empty, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	if !reflect.DeepEqual(empty, wallet.Wallet{Account: "acc_a"}) {
		t.Errorf("an empty wallet is %+v", empty)
	}
	want := testkit.Filled[wallet.Wallet](t)
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
	for _, refusal := range []error{errStop, wallet.ErrPhoneNotFound} {
		err := s.UpdateWallet(ctx, "acc_a", func(w *wallet.Wallet) (post.Effects, error) {
			w.Locale = "es"
			return post.Effects{Events: []record.Event{event()}}, refusal
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
	numbers := func(macs ...string) []wallet.Number {
		var all []wallet.Number
		for _, m := range macs {
			all = append(all, wallet.Number{Number: engine.Number{ID: "phn_" + m, AddedAt: now}, MAC: m})
		}
		return all
	}
	must(t, s.UpdateWallet(ctx, "acc_b", put(wallet.Wallet{Account: "acc_b", Numbers: numbers("m1")})))
	must(t, s.UpdateWallet(ctx, "acc_a", put(wallet.Wallet{Account: "acc_a", Numbers: numbers("m1", "m2")})))
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
	must(t, s.UpdateWallet(ctx, "acc_a", put(wallet.Wallet{Account: "acc_a", Numbers: numbers("m2")})))
	check("m1", "acc_b")
}

// dueQueue is what wallets and flows have in common.
type dueQueue struct {
	add    func(id string, next time.Time)
	due    func(ctx context.Context, now time.Time, limit int) ([]due.Item, error)
	putOff func(ctx context.Context, item due.Item, next time.Time) error
}

func (q dueQueue) is(t *testing.T, at time.Time, limit int, want ...due.Item) {
	t.Helper()
	if got, err := q.due(t.Context(), at, limit); err != nil || !slices.Equal(got, want) {
		t.Errorf("due at %s: %v, %v, want %v", at.Sub(now), got, err, want)
	}
}

// The longest due first, the limit kept; what is put off counts its failures and
// comes back at its time; a change ends that.
func (q dueQueue) test(t *testing.T) {
	second := now.Add(time.Second)
	for id, at := range map[string]time.Time{"b_before": now.Add(-time.Millisecond), "a_now": now, "c_after": now.Add(time.Millisecond), "d_never": {}} {
		q.add(id, at)
	}
	q.is(t, now, 10, due.Item{ID: "b_before"}, due.Item{ID: "a_now"})
	q.is(t, now, 1, due.Item{ID: "b_before"})
	must(t, q.putOff(t.Context(), due.Item{ID: "b_before", Attempts: 1}, second))
	q.is(t, now, 10, due.Item{ID: "a_now"})
	q.is(t, second.Add(-time.Millisecond), 10, due.Item{ID: "a_now"}, due.Item{ID: "c_after"})
	q.is(t, second, 10, due.Item{ID: "a_now"}, due.Item{ID: "c_after"}, due.Item{ID: "b_before", Attempts: 1})
	must(t, q.putOff(t.Context(), due.Item{ID: "b_before", Attempts: 2}, second.Add(time.Second)))
	q.is(t, second.Add(time.Second), 10, due.Item{ID: "a_now"}, due.Item{ID: "c_after"}, due.Item{ID: "b_before", Attempts: 2})
	// Changed meanwhile: what isn't due any more, or later, is left alone.
	q.add("c_after", time.Time{})
	q.add("a_now", second.Add(time.Hour))
	for _, id := range []string{"c_after", "a_now", "d_never", "e_unknown"} {
		must(t, q.putOff(t.Context(), due.Item{ID: id, Attempts: 1}, second))
	}
	q.add("b_before", now)
	q.is(t, second, 10, due.Item{ID: "b_before"})
	q.is(t, second.Add(time.Hour), 10, due.Item{ID: "b_before"}, due.Item{ID: "a_now"})
}

func walletsDue(t *testing.T, s Store) {
	dueQueue{
		add: func(id string, next time.Time) {
			must(t, s.UpdateWallet(t.Context(), id, put(wallet.Wallet{Account: id, NextAt: next})))
		},
		due: s.DueWallets, putOff: s.PutOffWallet,
	}.test(t)
}
