package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/name"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func accountRoundTrip(t *testing.T, s Store) {
	want := testkit.Filled[account.Account](t)
	must(t, s.CreateAccount(t.Context(), want))
	if got, err := s.AccountByName(t.Context(), want.NameKey); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("kept %+v\nby name %+v, %v", want, got, err)
	}
	roundTrip(t, want, account.Account{ID: want.ID, NameKey: want.NameKey},
		func() (account.Account, error) { return s.Account(t.Context(), want.ID) },
		func(change func(*account.Account) ([]record.Event, error)) error {
			return s.UpdateAccount(t.Context(), want.ID, change)
		})
}

// roundTrip holds what is read, and what an update is given, to what was written: all of it, all zero, and all of it again.
func roundTrip[T any](t *testing.T, want, empty T, get func() (T, error), update func(func(*T) ([]record.Event, error)) error) {
	t.Helper()
	seen := want
	for _, next := range []T{want, empty, want} {
		must(t, update(noEvents(func(v *T) {
			if !reflect.DeepEqual(*v, seen) {
				t.Errorf("update was given %+v\nwant %+v", *v, seen)
			}
			*v = next
		})))
		if got, err := get(); err != nil || !reflect.DeepEqual(got, next) {
			t.Errorf("after an update %+v, %v\nwant %+v", got, err, next)
		}
		seen = next
	}
}

func accountUnknown(t *testing.T, s Store) {
	_, byID := s.Account(t.Context(), id.New("acc"))
	_, byName := s.AccountByName(t.Context(), "nobody")
	update := s.UpdateAccount(t.Context(), id.New("acc"), noEvents(func(*account.Account) { t.Error("called") }))
	for name, err := range map[string]error{"by id": byID, "by name": byName, "update": update} {
		if !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The key is folded by the domain: what it folds to the same is one name.
func nameUnique(t *testing.T, s Store) {
	must(t, s.CreateAccount(t.Context(), newAccount(name.Key("Ana.Pérez"))))
	err := s.CreateAccount(t.Context(), newAccount(name.Key("ANA.PÉREZ")), event(record.AccountCreated))
	if !errors.Is(err, account.ErrNameTaken) {
		t.Errorf("same name: %v", err)
	}
	if got := pending(t, s); len(got) != 0 {
		t.Errorf("a refused account left events: %v", got)
	}
	const racers = 16
	var won atomic.Int32
	testkit.Together(racers, func(_ int) {
		switch err := s.CreateAccount(t.Context(), newAccount("eva")); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, account.ErrNameTaken):
			t.Error(err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d accounts of one name", won.Load())
	}
}

func accountRollback(t *testing.T, s Store) {
	a := newAccount("ana")
	must(t, s.CreateAccount(t.Context(), a))
	own := errors.New("own")
	err := s.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
		b.Locale = "es"
		return []record.Event{event(record.PasswordChanged)}, own
	})
	if !errors.Is(err, own) {
		t.Errorf("error %v", err)
	}
	if got, err := s.Account(t.Context(), a.ID); err != nil || got.Locale != "en" {
		t.Errorf("after it %+v, %v", got, err)
	}
	if got := pending(t, s); len(got) != 0 {
		t.Errorf("events %v", got)
	}
}

func accountContention(t *testing.T, s Store) {
	const racers = 40
	a := newAccount("ana")
	must(t, s.CreateAccount(t.Context(), a))
	testkit.Together(racers, func(i int) {
		err := s.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
			b.Resets = append(b.Resets, account.Reset{ID: fmt.Sprint(i), At: start})
			b.SessionEpoch++
			return []record.Event{event(record.PasswordReset)}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	got, err := s.Account(t.Context(), a.ID)
	must(t, err)
	if got.SessionEpoch != racers || len(got.Resets) != racers {
		t.Errorf("epoch %d, %d resets of %d", got.SessionEpoch, len(got.Resets), racers)
	}
	if events := pending(t, s); events[record.PasswordReset] != racers {
		t.Errorf("events %v", events)
	}
}

// Single use: of many redeemers of one code exactly one wins.
func oneWinner(t *testing.T, s Store) {
	const racers = 24
	a := newAccount("ana")
	a.SavedCodes = []account.SavedCode{{Hash: []byte{7}}}
	must(t, s.CreateAccount(t.Context(), a))
	taken := errors.New("taken")
	var won atomic.Int32
	testkit.Together(racers, func(i int) {
		err := s.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
			if b.SavedCodes[0].UsedBy != "" {
				return nil, taken
			}
			b.SavedCodes[0].UsedBy = fmt.Sprint(i)
			return []record.Event{event(record.SavedCodeUsed)}, nil
		})
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, taken):
			t.Error(err)
		}
	})
	if events := pending(t, s); won.Load() != 1 || events[record.SavedCodeUsed] != 1 {
		t.Errorf("%d winners, events %v", won.Load(), events)
	}
}

// Accounts with something to end come by time and then id, in pages of any size.
func accountsEnding(t *testing.T, s Store) {
	var want []account.Unfinished
	for i := range 16 {
		a := newAccount(fmt.Sprintf("name%d", i))
		if i%4 != 0 { // the others have nothing to end
			a.Ending = account.Ending{Reason: "x", At: start.Add(time.Duration(i/8) * time.Millisecond)}
			want = append(want, account.Unfinished{Account: a.ID, At: a.Ending.At})
		}
		must(t, s.CreateAccount(t.Context(), a))
	}
	slices.SortFunc(want, func(a, b account.Unfinished) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Account, b.Account))
	})
	expect := func(limit int, want []account.Unfinished) {
		t.Helper()
		var got []account.Unfinished
		for after := (account.Unfinished{}); ; {
			page, err := s.AccountsEnding(t.Context(), after, limit)
			must(t, err)
			if got = append(got, page...); len(page) < limit {
				break
			}
			after = page[limit-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", limit, got, want)
		}
	}
	for _, limit := range []int{1, 5, 12, 100} {
		expect(limit, want)
	}
	must(t, s.UpdateAccount(t.Context(), want[1].Account, noEvents(func(a *account.Account) { a.Ending = account.Ending{} })))
	expect(5, slices.Delete(want, 1, 2))
}
