package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func sessionRoundTrip(t *testing.T, s Store) {
	want := testkit.Filled[account.Session](t)
	create(t, s, want)
	roundTrip(t, want, account.Session{ID: want.ID, Account: want.Account},
		func() (account.Session, error) { return s.Session(t.Context(), want.ID) },
		func(change func(*account.Session) ([]record.Event, error)) error {
			return s.UpdateSession(t.Context(), want.ID, change)
		})
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
		create(t, s, sess)
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
	create(t, s, sess)
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

// A session comes with the note of the sign-in, or neither is there; of many at once none is lost.
func beginSession(t *testing.T, s Store) {
	a := newAccount("ana")
	must(t, s.CreateAccount(t.Context(), a))
	own, sess := errors.New("own"), newSession(a.ID, start)
	begin := func(id string, sess account.Session, err error) error {
		return s.BeginSession(t.Context(), id, func(a *account.Account) (account.Session, []record.Event, error) {
			a.Networks = append(a.Networks, account.Network{Prefix: sess.ID, LastSeen: start})
			sess.Epoch = a.SessionEpoch
			return sess, []record.Event{event(record.SessionCreated)}, err
		})
	}
	if err := begin(a.ID, sess, own); !errors.Is(err, own) {
		t.Errorf("its own error: %v", err)
	}
	if err := begin(id.New("acc"), sess, nil); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an unknown account: %v", err)
	}
	if _, err := s.Session(t.Context(), sess.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the session is there: %v", err)
	}
	if got, err := s.Account(t.Context(), a.ID); err != nil || len(got.Networks) != 0 || len(pending(t, s)) != 0 {
		t.Errorf("the note is there: %+v, %v, events %v", got.Networks, err, pending(t, s))
	}
	must(t, s.UpdateAccount(t.Context(), a.ID, noEvents(func(a *account.Account) { a.SessionEpoch = 7 })))
	const racers = 20
	testkit.Together(racers, func(_ int) {
		if err := begin(a.ID, newSession(a.ID, start), nil); err != nil {
			t.Error(err)
		}
	})
	got, err := s.Account(t.Context(), a.ID)
	must(t, err)
	list, err := s.SessionsOf(t.Context(), a.ID, start)
	must(t, err)
	for _, sess := range list {
		if sess.Epoch != 7 || !slices.ContainsFunc(got.Networks, func(n account.Network) bool { return n.Prefix == sess.ID }) {
			t.Errorf("session %+v isn't in the account", sess)
		}
	}
	if events := pending(t, s); len(list) != racers || len(got.Networks) != racers || events[record.SessionCreated] != racers {
		t.Errorf("%d sessions, %d notes, events %v", len(list), len(got.Networks), events)
	}
}

func report(t *testing.T, s Store) {
	must(t, s.Record(t.Context(), event(record.SessionRefused)))
	must(t, s.Record(t.Context(), event(record.SessionRefused), event(record.SavedCodeUsed)))
	if got := pending(t, s); got[record.SessionRefused] != 2 || got[record.SavedCodeUsed] != 1 {
		t.Errorf("events %v", got)
	}
}

// What isn't old enough stays, to the millisecond; what is goes in pieces.
func sweep(t *testing.T, s Store) {
	owner := id.New("acc")
	var old, live []account.Session
	for i := range 9 {
		sess := newSession(owner, start)
		switch i % 3 {
		case 0:
			sess.ExpiresAt = start
		case 1:
			sess.EndedAt = start
		}
		if i%3 == 2 {
			live = append(live, sess)
		} else {
			old = append(old, sess)
		}
		create(t, s, sess)
	}
	there := func(list []account.Session) (n int) {
		for _, sess := range list {
			_, err := s.Session(t.Context(), sess.ID)
			if err == nil {
				n++
			} else if !errors.Is(err, account.ErrNotFound) {
				t.Fatal(err)
			}
		}
		return n
	}
	for _, c := range []struct {
		before      time.Time
		limit, want int
	}{
		{start, 100, 0},
		{start.Add(time.Millisecond), 4, 4},
		{start.Add(time.Millisecond), 4, 2},
		{start.Add(time.Millisecond), 4, 0},
	} {
		before := there(old)
		n, err := s.SweepSessions(t.Context(), c.before, c.limit)
		if err != nil || n != c.want || there(old) != before-c.want || there(live) != len(live) {
			t.Errorf("before %s, %d at most: %d, %v; %d of %d old are left, %d of %d live", c.before, c.limit, n, err, there(old), before, there(live), len(live))
		}
	}
}

// What ended comes by time and then id, both borders included, in pages of any size, whatever the order in which it was
// written; what lives never comes.
func endedInPages(t *testing.T, s Store) {
	owner := id.New("acc")
	var want []revoked.Ended
	// Three ends at each of seven times, and a living one, written in an order of chance.
	for i := range 28 {
		sess := newSession(owner, start)
		if i%4 != 0 {
			sess.EndedAt = start.Add(time.Duration(i/4) * time.Millisecond)
			if i%4 != 1 { // the others never had an access token
				sess.AccessUntil = sess.EndedAt.Add(time.Minute)
			}
			want = append(want, revoked.Ended{Session: sess.ID, At: sess.EndedAt, AccessUntil: sess.AccessUntil})
		}
		create(t, s, sess)
	}
	slices.SortFunc(want, func(a, b revoked.Ended) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.Session < b.Session {
			return -1
		}
		return 1
	})
	read := func(from, to time.Time, limit int) (all []revoked.Ended) {
		t.Helper()
		for after := (revoked.Ended{}); ; {
			page, err := s.Ended(t.Context(), from, to, after, limit)
			must(t, err)
			if len(page) > limit {
				t.Fatalf("a page of %d, at most %d", len(page), limit)
			}
			all = append(all, page...)
			if len(page) < limit {
				return all
			}
			after = page[limit-1]
		}
	}
	for _, limit := range []int{1, 2, 5, 21, 100} {
		if got := read(start, start.Add(time.Hour), limit); !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d: %+v\nwant %+v", limit, got, want)
		}
	}
	if got := read(start.Add(time.Millisecond), start.Add(5*time.Millisecond), 4); !reflect.DeepEqual(got, want[3:18]) {
		t.Errorf("from 1 ms to 5 ms: %+v\nwant %+v", got, want[3:18])
	}
	// An end that comes later than another, with an earlier time, is where it belongs.
	late := newSession(owner, start)
	create(t, s, late)
	must(t, s.UpdateSession(t.Context(), late.ID, noEvents(func(x *account.Session) { x.EndedAt = start.Add(-time.Hour) })))
	if got := read(start.Add(-time.Hour), start.Add(-time.Second), 4); len(got) != 1 || got[0].Session != late.ID {
		t.Errorf("written late: %+v", got)
	}
}
