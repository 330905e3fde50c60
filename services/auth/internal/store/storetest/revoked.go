package storetest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/id"
)

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
