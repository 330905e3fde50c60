package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/id"
	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// Store is what is tested: the domain's store and the source of its events.
type Store interface {
	account.Store
	revoked.Store
	outbox.Log
	Counters() limits.Store
	SweepSessions(ctx context.Context, before time.Time, limit int) (int, error)
	Close(ctx context.Context) error
}

// Opener opens the store of one test; opening again after Close finds the same data.
type Opener func(t *testing.T) Store

// Run runs every case; newOpener gives each an empty store.
func Run(t *testing.T, newOpener func(t *testing.T) Opener) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"account/round_trip_of_every_field", accountRoundTrip},
		{"account/unknown", accountUnknown},
		{"account/name_is_unique", nameUnique},
		{"account/update_is_undone_by_its_error", accountRollback},
		{"account/concurrent_updates_lose_nothing", accountContention},
		{"account/one_winner", oneWinner},
		{"account/ending", accountsEnding},
		{"session/round_trip_of_every_field", sessionRoundTrip},
		{"session/unknown", sessionUnknown},
		{"session/list_order_and_expiry", sessionsOf},
		{"session/update_is_undone_by_its_error", sessionRollback},
		{"session/ended_in_pages", endedInPages},
		{"session/begin", beginSession},
		{"session/sweep", sweep},
		{"report", report},
		{"cancelled_context_writes_nothing", cancelled},
		{"outbox/with_the_change", outboxWithChange},
		{"random_operations_against_a_map", randomOperations},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newOpener(t)(t)
			testkit.CloseAfter(t, s)
			c.run(t, s)
		})
	}
	t.Run("counters", func(t *testing.T) {
		limitstest.Run(t, func(t *testing.T) limits.Store {
			s := newOpener(t)(t)
			testkit.CloseAfter(t, s)
			return s.Counters()
		})
	})
	t.Run("reopen_keeps_the_data", func(t *testing.T) { reopen(t, newOpener(t)) })
}

var start = time.Date(2026, 11, 24, 10, 0, 0, int(123*time.Millisecond), time.UTC)

func newAccount(key string) account.Account {
	return account.Account{ID: id.New("acc"), UserName: key, NameKey: key, Locale: "en", PasswordHash: "h", CreatedAt: start}
}

func newSession(owner string, used time.Time) account.Session {
	return account.Session{
		ID: id.New("ses"), Account: owner, RefreshHash: []byte{1}, CreatedAt: start, LastUsedAt: used, ExpiresAt: start.Add(time.Hour),
	}
}

// create keeps a session, and the account that it is of where that isn't there.
func create(t *testing.T, s Store, sess account.Session, events ...record.Event) {
	t.Helper()
	if _, err := s.Account(t.Context(), sess.Account); errors.Is(err, account.ErrNotFound) {
		a := newAccount(sess.Account)
		a.ID = sess.Account
		must(t, s.CreateAccount(t.Context(), a))
	}
	must(t, s.BeginSession(t.Context(), sess.Account, func(*account.Account) (account.Session, []record.Event, error) {
		return sess, events, nil
	}))
}

func event(action string) record.Event {
	return record.New(start, "auth", action, record.Success, record.Origin{})
}

var must = testkit.Must

func pending(t *testing.T, s Store) map[string]int {
	t.Helper()
	events, err := outboxtest.Read(t.Context(), s, 200)
	must(t, err)
	byAction := make(map[string]int)
	for _, e := range events {
		byAction[e.Action]++
	}
	return byAction
}

func noEvents[T any](change func(*T)) func(*T) ([]record.Event, error) {
	return func(v *T) ([]record.Event, error) { change(v); return nil, nil }
}
