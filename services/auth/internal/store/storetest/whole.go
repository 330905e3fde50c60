package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/id"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func cancelled(t *testing.T, s Store) {
	a, sess := newAccount("ana"), newSession(id.New("acc"), start)
	must(t, s.CreateAccount(t.Context(), a))
	sess.Account = a.ID
	create(t, s, sess)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, swept := s.SweepSessions(ctx, start.Add(1000*time.Hour), 10)
	begun := newSession(a.ID, start)
	for name, err := range map[string]error{
		"create account": s.CreateAccount(ctx, newAccount("eva"), event(record.AccountCreated)),
		"update account": s.UpdateAccount(ctx, a.ID, noEvents(func(a *account.Account) { a.Locale = "es" })),
		"begin session": s.BeginSession(ctx, a.ID, func(a *account.Account) (account.Session, []record.Event, error) {
			a.Locale = "es"
			return begun, []record.Event{event(record.SessionCreated)}, nil
		}),
		"update session": s.UpdateSession(ctx, sess.ID, noEvents(func(x *account.Session) { x.EndedAt = start })),
		"report":         s.Record(ctx, event(record.SessionRefused)),
		"sweep":          swept,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.AccountByName(t.Context(), "eva"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("account was made: %v", err)
	}
	if got, err := s.Account(t.Context(), a.ID); err != nil || got.Locale != "en" {
		t.Errorf("account %+v, %v", got, err)
	}
	if got, err := s.Session(t.Context(), sess.ID); err != nil || !got.EndedAt.IsZero() {
		t.Errorf("session %+v, %v", got, err)
	}
	if got, err := s.SessionsOf(t.Context(), a.ID, start); err != nil || len(got) != 1 {
		t.Errorf("sessions %+v, %v", got, err)
	}
	if got := pending(t, s); len(got) != 0 {
		t.Errorf("events %v", got)
	}
}

// Events come with their change, oldest first, and are gone once delivered.
func outboxWithChange(t *testing.T, s Store) {
	a := newAccount("ana")
	created := event(record.AccountCreated)
	created.Data = record.Data{"k": "v"}
	must(t, s.CreateAccount(t.Context(), a, created))
	sess := newSession(a.ID, start)
	begun := event(record.SessionCreated)
	begun.Time = start.Add(time.Millisecond)
	create(t, s, sess, begun)
	over := event(record.SessionRevoked)
	over.Time = start.Add(2 * time.Millisecond)
	must(t, s.UpdateSession(t.Context(), sess.ID, func(x *account.Session) ([]record.Event, error) {
		x.EndedAt = start
		return []record.Event{over}, nil
	}))
	got, err := outboxtest.Read(t.Context(), s, 10)
	must(t, err)
	if want := []record.Event{created, begun, over}; !reflect.DeepEqual(got, want) {
		t.Fatalf("pending %+v\nwant %+v", got, want)
	}
	outboxtest.Ship(t, s, 2)
	if got, err := outboxtest.Read(t.Context(), s, 10); err != nil || len(got) != 1 || got[0].ID != over.ID {
		t.Errorf("after delivery %+v, %v", got, err)
	}
}

// randomOperations holds the store against a map over a random sequence.
func randomOperations(t *testing.T, s Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	accounts := make(map[string]account.Account) // by name key
	for range 150 {
		name := fmt.Sprintf("name%d", random.IntN(6))
		known, exists := accounts[name]
		switch random.IntN(3) {
		case 0:
			a := newAccount(name)
			err := s.CreateAccount(t.Context(), a)
			if exists != errors.Is(err, account.ErrNameTaken) || (!exists && err != nil) {
				t.Fatalf("create %s (there: %t): %v", name, exists, err)
			}
			if !exists {
				accounts[name] = a
			}
		case 1:
			if !exists {
				continue
			}
			known.Locale = []string{"es", "en"}[random.IntN(2)]
			known.SessionEpoch += random.Int64N(3)
			known.Devices = append([]account.Device{{Hash: fmt.Sprint(random.IntN(9)), FirstSeen: start, LastSeen: start}}, known.Devices...)
			must(t, s.UpdateAccount(t.Context(), known.ID, noEvents(func(a *account.Account) { *a = known })))
			accounts[name] = known
		case 2:
			got, err := s.AccountByName(t.Context(), name)
			if exists && (err != nil || !reflect.DeepEqual(got, known)) || !exists && !errors.Is(err, account.ErrNotFound) {
				t.Fatalf("%s (there: %t): %+v, %v\nwant %+v", name, exists, got, err, known)
			}
		}
	}
}

func reopen(t *testing.T, open Opener) {
	s := open(t)
	a, sess := testkit.Filled[account.Account](t), testkit.Filled[account.Session](t)
	must(t, s.CreateAccount(t.Context(), a, event(record.AccountCreated)))
	create(t, s, sess)
	must(t, s.Close(t.Context()))

	s = open(t)
	testkit.CloseAfter(t, s)
	if got, err := s.Account(t.Context(), a.ID); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("account %+v, %v", got, err)
	}
	if got, err := s.Session(t.Context(), sess.ID); err != nil || !reflect.DeepEqual(got, sess) {
		t.Errorf("session %+v, %v", got, err)
	}
	if got := pending(t, s); got[record.AccountCreated] != 1 {
		t.Errorf("events %v", got)
	}
}
