package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/id"
	"centinela/shared/record"
)

func sessionRoundTrip(t *testing.T, s Store) {
	want := filled[account.Session](t)
	must(t, s.CreateSession(t.Context(), want))
	if got, err := s.Session(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("kept %+v\ngot %+v, %v", want, got, err)
	}
	empty := account.Session{ID: want.ID, Account: want.Account, Version: want.Version + 1}
	must(t, s.UpdateSession(t.Context(), want.ID, noEvents(func(sess *account.Session) {
		if !reflect.DeepEqual(*sess, want) {
			t.Errorf("update was given %+v", *sess)
		}
		*sess = account.Session{ID: sess.ID, Account: sess.Account, Version: sess.Version}
	})))
	if got, err := s.Session(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, empty) {
		t.Errorf("after the update %+v, %v", got, err)
	}
	again := want
	must(t, s.UpdateSession(t.Context(), want.ID, noEvents(func(sess *account.Session) {
		again.Version = sess.Version
		*sess = again
	})))
	again.Version++
	if got, err := s.Session(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("after the second update %+v, %v", got, err)
	}
}

func sessionUnknown(t *testing.T, s Store) {
	_, err := s.Session(t.Context(), id.New("ses"))
	if !errors.Is(err, account.ErrNotFound) {
		t.Errorf("find: %v", err)
	}
	err = s.UpdateSession(t.Context(), id.New("ses"), noEvents(func(*account.Session) { t.Error("called") }))
	if !errors.Is(err, account.ErrNotFound) {
		t.Errorf("update: %v", err)
	}
}

// Newest use first; ended ones, expired ones (checked to the millisecond) and other people's are not there.
func sessionsOf(t *testing.T, s Store) {
	owner := id.New("acc")
	older, newer := newSession(owner, start), newSession(owner, start.Add(time.Millisecond))
	ended, other := newSession(owner, start), newSession(id.New("acc"), start)
	ended.EndedAt = start
	for _, sess := range []account.Session{older, newer, ended, other} {
		must(t, s.CreateSession(t.Context(), sess))
	}
	end := older.ExpiresAt
	for name, c := range map[string]struct {
		now  time.Time
		want []string
	}{
		"1 ms before expiry": {end.Add(-time.Millisecond), []string{newer.ID, older.ID}},
		"at expiry":          {end, nil},
		"1 ms after":         {end.Add(time.Millisecond), nil},
	} {
		list, err := s.SessionsOf(t.Context(), owner, c.now)
		must(t, err)
		var got []string
		for _, sess := range list {
			got = append(got, sess.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	must(t, s.UpdateSession(t.Context(), older.ID, noEvents(func(sess *account.Session) { sess.LastUsedAt = start.Add(time.Second) })))
	if list, err := s.SessionsOf(t.Context(), owner, start); err != nil || len(list) != 2 || list[0].ID != older.ID {
		t.Errorf("after a use: %+v, %v", list, err)
	}
}

func sessionRollback(t *testing.T, s Store) {
	sess := newSession(id.New("acc"), start)
	must(t, s.CreateSession(t.Context(), sess))
	own := errors.New("own")
	err := s.UpdateSession(t.Context(), sess.ID, func(x *account.Session) ([]record.Event, error) {
		x.EndedAt = start
		return []record.Event{event(record.SessionRevoked)}, own
	})
	if !errors.Is(err, own) {
		t.Errorf("error %v", err)
	}
	if got, err := s.Session(t.Context(), sess.ID); err != nil || !got.EndedAt.IsZero() {
		t.Errorf("after it %+v, %v", got, err)
	}
	if got := pending(t, s); len(got) != 0 {
		t.Errorf("events %v", got)
	}
}
