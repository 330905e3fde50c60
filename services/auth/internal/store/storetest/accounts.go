package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/id"
	"centinela/shared/record"
)

func accountRoundTrip(t *testing.T, s Store) {
	want := filled[account.Account](t)
	must(t, s.CreateAccount(t.Context(), want))
	byID, err := s.Account(t.Context(), want.ID)
	must(t, err)
	byName, err := s.AccountByName(t.Context(), want.NameKey)
	must(t, err)
	if !reflect.DeepEqual(byID, want) || !reflect.DeepEqual(byName, want) {
		t.Errorf("kept %+v\nby id %+v\nby name %+v", want, byID, byName)
	}
	// The same through an update, which counts the version up; and back to all zero.
	empty := account.Account{ID: want.ID, NameKey: want.NameKey, Version: want.Version + 1}
	must(t, s.UpdateAccount(t.Context(), want.ID, noEvents(func(a *account.Account) {
		if !reflect.DeepEqual(*a, want) {
			t.Errorf("update was given %+v", *a)
		}
		*a = account.Account{ID: a.ID, NameKey: a.NameKey, Version: a.Version}
	})))
	if got, err := s.Account(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, empty) {
		t.Errorf("after the update %+v, %v", got, err)
	}
	again := want
	must(t, s.UpdateAccount(t.Context(), want.ID, noEvents(func(a *account.Account) {
		again.Version = a.Version
		*a = again
	})))
	again.Version++
	if got, err := s.Account(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("after the second update %+v, %v", got, err)
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
	must(t, s.CreateAccount(t.Context(), newAccount(account.NameKey("Ana.Pérez"))))
	err := s.CreateAccount(t.Context(), newAccount(account.NameKey("ANA.PÉREZ")), event(record.AccountCreated))
	if !errors.Is(err, account.ErrNameTaken) {
		t.Errorf("same name: %v", err)
	}
	if got := pending(t, s); len(got) != 0 {
		t.Errorf("a refused account left events: %v", got)
	}
	const racers = 16
	var won atomic.Int32
	var all sync.WaitGroup
	for range racers {
		all.Go(func() {
			switch err := s.CreateAccount(t.Context(), newAccount("eva")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, account.ErrNameTaken):
				t.Error(err)
			}
		})
	}
	all.Wait()
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
	if got, err := s.Account(t.Context(), a.ID); err != nil || got.Locale != "en" || got.Version != a.Version {
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
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			err := s.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
				b.Resets = append(b.Resets, account.Reset{ID: fmt.Sprint(i), At: start})
				b.SessionEpoch++
				return []record.Event{event(record.PasswordReset)}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := s.Account(t.Context(), a.ID)
	must(t, err)
	if got.SessionEpoch != racers || got.Version != racers || len(got.Resets) != racers {
		t.Errorf("epoch %d, version %d, %d resets of %d", got.SessionEpoch, got.Version, len(got.Resets), racers)
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
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
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
	}
	all.Wait()
	if events := pending(t, s); won.Load() != 1 || events[record.SavedCodeUsed] != 1 {
		t.Errorf("%d winners, events %v", won.Load(), events)
	}
}

func accountsEnding(t *testing.T, s Store) {
	var ids []string
	for i := range 4 {
		a := newAccount(fmt.Sprintf("name%d", i))
		if i > 0 { // the first has nothing to end
			a.Ending = account.Ending{Reason: "x", At: start.Add(time.Duration(i) * time.Millisecond)}
		}
		must(t, s.CreateAccount(t.Context(), a))
		ids = append(ids, a.ID)
	}
	for _, c := range []struct {
		before time.Time
		limit  int
		want   []string
	}{
		{start.Add(time.Millisecond), 10, nil},
		{start.Add(2 * time.Millisecond), 10, ids[1:2]},
		{start.Add(time.Hour), 10, ids[1:]},
		{start.Add(time.Hour), 2, ids[1:3]},
	} {
		got, err := s.AccountsEnding(t.Context(), c.before, c.limit)
		must(t, err)
		if !slices.Equal(got, c.want) {
			t.Errorf("before %s, at most %d: %v, want %v", c.before, c.limit, got, c.want)
		}
	}
	must(t, s.UpdateAccount(t.Context(), ids[1], noEvents(func(a *account.Account) { a.Ending = account.Ending{} })))
	if got, err := s.AccountsEnding(t.Context(), start.Add(time.Hour), 10); err != nil || !slices.Equal(got, ids[2:]) {
		t.Errorf("after one ended: %v, %v", got, err)
	}
}
