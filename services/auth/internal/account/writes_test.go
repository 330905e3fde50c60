package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/limits"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// writes counts the calls of both stores that are a transaction each.
type writes struct {
	account.Store
	counters limits.Store
	n        int
}

func (w *writes) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	w.n++
	return w.Store.UpdateAccount(ctx, id, change)
}

func (w *writes) BeginSession(ctx context.Context, id string, change func(*account.Account) (account.Session, []record.Event, error)) error {
	w.n++
	return w.Store.BeginSession(ctx, id, change)
}

func (w *writes) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	w.n++
	return w.Store.UpdateSession(ctx, id, change)
}

func (w *writes) Record(ctx context.Context, events ...record.Event) error {
	w.n++
	return w.Store.Record(ctx, events...)
}

func (w *writes) Update(ctx context.Context, keys []string, change func([]limits.Counter)) error {
	w.n++
	return w.counters.Update(ctx, keys, change)
}

func (w *writes) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	w.n++
	return w.counters.Prune(ctx, before, limit)
}

// GR G9: a sign-in is at most three transactions, a refused one two, and one that comes too early one.
func TestWritesOfASignIn(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	w := &writes{Store: h.store, counters: h.store.Counters()}
	tries, err := throttle.New(w, h.pepper, h.clk, throttle.Settings{SignUpsHourly: 20, CodesDaily: 10})
	h.must(err)
	svc := account.New(account.Deps{
		Store: w, Throttle: tries, Hasher: password.NewHasher(cheap, 256<<10, h.pepper), Issuer: h.issuer, Key: h.pepper, Clock: h.clk,
		Kick: func() {}, Ended: func(account.Session) {},
	}, settings())
	count := func(what, typed string, device secret.String, want error, most int) {
		t.Helper()
		w.n = 0
		_, err := svc.SignIn(t.Context(), account.SignIn{Identifier: "ana", Password: secret.NewString(typed), DeviceKey: device}, atHome)
		if !errors.Is(err, want) || w.n != most {
			t.Errorf("%s: %d writes, want %d; %v", what, w.n, most, err)
		}
	}
	count("the first", goodPassword, phone, nil, 3)
	count("a known device", goodPassword, phone, nil, 3)
	count("a new device", goodPassword, laptop, nil, 3)
	for range 5 {
		count("a wrong password", otherPassword, secret.String{}, account.ErrCredentials, 2)
	}
	count("too early", goodPassword, secret.String{}, throttle.ErrTooMany, 1)
}
