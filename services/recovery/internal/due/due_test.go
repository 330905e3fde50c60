package due_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/due"
)

var (
	now       = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	errBroken = errors.New("broken by a test")
)

// shelf is a store of due things in memory.
type shelf struct {
	mu    sync.Mutex
	next  map[string]time.Time
	tries map[string]int
	did   []string
}

func (s *shelf) queue(do func(id string) error) due.Queue {
	return due.Queue{
		Due: func(_ context.Context, now time.Time, limit int) ([]due.Item, error) {
			var items []due.Item
			for id, at := range s.next {
				if !at.After(now) {
					items = append(items, due.Item{ID: id, Attempts: s.tries[id]})
				}
			}
			slices.SortFunc(items, func(a, b due.Item) int {
				if c := s.next[a.ID].Compare(s.next[b.ID]); c != 0 {
					return c
				}
				return strings.Compare(a.ID, b.ID)
			})
			return items[:min(limit, len(items))], nil
		},
		Do: func(_ context.Context, id string, _ time.Time) error {
			if err := do(id); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.did = append(s.did, id)
			delete(s.next, id)
			return nil
		},
		PutOff: func(_ context.Context, item due.Item, next time.Time) error {
			s.next[item.ID], s.tries[item.ID] = next, item.Attempts
			return nil
		},
	}
}

func newShelf(ids ...string) *shelf {
	s := &shelf{next: map[string]time.Time{}, tries: map[string]int{}}
	for i, id := range ids {
		s.next[id] = now.Add(time.Duration(i-len(ids)) * time.Millisecond)
	}
	return s
}

// KA D4: whatever number of broken items stands in front, the others are done in
// the same round, and each failure is put off for longer, up to ten minutes.
func TestBrokenItemsHoldNobodyUp(t *testing.T) {
	for _, broken := range []int{1, 99, 100, 101, 1000} {
		for _, panics := range []bool{false, true} {
			t.Run(fmt.Sprint(broken, panics), func(t *testing.T) {
				ids := make([]string, 0, broken+1)
				for i := range broken {
					ids = append(ids, fmt.Sprintf("bad%04d", i))
				}
				s := newShelf(append(ids, "good")...)
				q := s.queue(func(id string) error {
					if id == "good" {
						return nil
					}
					if panics {
						panic("planted by a test")
					}
					return errBroken
				})
				err := q.Work(t.Context(), now)
				if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprint(broken)) || (!panics && !errors.Is(err, errBroken)) || strings.Count(err.Error(), "broken by a test") > 1 {
					t.Errorf("told %.200v", err)
				}
				if !slices.Equal(s.did, []string{"good"}) {
					t.Fatalf("done: %v", s.did)
				}
				var spread []time.Time
				for id, next := range s.next {
					if wait := next.Sub(now); wait < 750*time.Millisecond || wait > time.Second {
						t.Errorf("%s is put off for %s", id, wait)
					}
					spread = append(spread, next)
				}
				slices.SortFunc(spread, time.Time.Compare)
				if len(slices.Compact(spread)) < min(broken, 100)/2 {
					t.Error("they come back together")
				}
			})
		}
	}
}

// TestPauses: 1, 2, 4 … s, at most ten minutes, a quarter less at most; success
// is the end of it.
func TestPauses(t *testing.T) {
	s := newShelf("bad")
	fail := true
	q := s.queue(func(string) error {
		if fail {
			return errBroken
		}
		return nil
	})
	at, want := now, time.Second
	for range 40 {
		if err := q.Work(t.Context(), at); err == nil {
			t.Fatal("no error")
		}
		wait := s.next["bad"].Sub(at)
		if wait > want || wait < want*3/4 {
			t.Fatalf("put off for %s, want %s", wait, want)
		}
		if err := q.Work(t.Context(), s.next["bad"].Add(-time.Millisecond)); err != nil {
			t.Fatalf("done before it was due: %v", err)
		}
		at, want = s.next["bad"], min(2*want, due.LongestPause)
	}
	fail = false
	if err := q.Work(t.Context(), at); err != nil || len(s.next) != 0 {
		t.Errorf("%v, left %v", err, s.next)
	}
}

// TestStaysDue: a step that forgets to move its item on ends like one that fails.
func TestStaysDue(t *testing.T) {
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("s%03d", i)
	}
	s := newShelf(ids...)
	q := s.queue(nil)
	calls := 0
	var mu sync.Mutex
	q.Do = func(context.Context, string, time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return nil
	}
	if err := q.Work(t.Context(), now); err == nil || calls != 100 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestStopped: an ended context is nobody's failure; a store that is away is told.
func TestStopped(t *testing.T) {
	s := newShelf("a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	q := s.queue(func(string) error { cancel(); return ctx.Err() })
	if err := q.Work(ctx, now); !errors.Is(err, context.Canceled) || s.tries["a"]+s.tries["b"] != 0 {
		t.Errorf("%v, %v", err, s.tries)
	}
	q = s.queue(func(string) error { return nil })
	q.Due = func(context.Context, time.Time, int) ([]due.Item, error) { return nil, errBroken }
	if err := q.Work(t.Context(), now); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	q = s.queue(func(string) error { return errors.New("other") })
	q.PutOff = func(context.Context, due.Item, time.Time) error { return errBroken }
	if err := q.Work(t.Context(), now); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}
