package revoked

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/clock"
	"centinela/shared/lifecycle"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// memory is a store that all processes of a test share. It can fail.
type memory struct {
	mu   sync.Mutex
	all  []Ended
	down error
}

func (m *memory) Ended(_ context.Context, from, to time.Time, after Ended, limit int) ([]Ended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.all)
	slices.SortFunc(list, order)
	list = slices.DeleteFunc(list, func(e Ended) bool { return e.At.Before(from) || e.At.After(to) || order(e, after) <= 0 })
	return list[:min(limit, len(list))], m.down
}

func order(a, b Ended) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return strings.Compare(a.Session, b.Session)
}

func (m *memory) end(session string, at, accessUntil time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, Ended{session, at, accessUntil})
}

// follow reads the store as the service does, until ctx ends.
func follow(ctx context.Context, l *Log) {
	lifecycle.NewGroup("auth", slog.New(slog.DiscardHandler), prometheus.NewRegistry()).Every(ctx, ReadEvery, "ended sessions", l.Refresh)
}

func open(t *testing.T, store Store, clk clock.Clock) *Log {
	t.Helper()
	l := New(store, clk)
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// all follows l from since to its end, in how many pages it comes.
func all(t *testing.T, l *Log, since string) (sessions []string, next string) {
	t.Helper()
	for {
		page, err := l.Read(t.Context(), since, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			sessions = append(sessions, e.Session)
		}
		if since = page.Next; !page.More {
			return sessions, since
		}
	}
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// A follower gets all that isn't over, then what is new, in pages, and each once from the same process.
func TestFollow(t *testing.T) {
	store, clk := &memory{}, clock.NewManual(start)
	store.end("over", start.Add(-time.Hour), start.Add(-time.Hour))
	store.end("old", start.Add(-5*time.Minute), start.Add(5*time.Minute))
	l := open(t, store, clk)
	got, next := all(t, l, "")
	expect(t, "at first", got, "old")
	got, next = all(t, l, next)
	expect(t, "again", got)

	var want []string
	for i := range 2*mostAtOnce + 1 {
		name := fmt.Sprintf("s%05d", i)
		store.end(name, start, start.Add(time.Minute))
		want = append(want, name)
	}
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page, err := l.Read(t.Context(), next, time.Hour); err != nil || len(page.Entries) != mostAtOnce || !page.More {
		t.Errorf("first page: %d, more %v, %v", len(page.Entries), page.More, err)
	}
	got, next = all(t, l, next)
	expect(t, "what is new", got, want...)
	got, _ = all(t, l, next)
	expect(t, "then", got)
}

// Nothing is missed by who goes from one process to another whose clock is 30 s off, whichever way, though each process
// sees the other's ends late, and in whatever order they were written.
func TestTwoProcesses(t *testing.T) {
	for _, apart := range []time.Duration{-30 * time.Second, 30 * time.Second} {
		t.Run(apart.String(), func(t *testing.T) {
			store := &memory{}
			here, there := clock.NewManual(start), clock.NewManual(start.Add(apart))
			a, b := open(t, store, here), open(t, store, there)
			logs, clocks := []*Log{a, b}, []*clock.Manual{here, there}
			known := map[string]bool{}
			next := ""
			for i := range 40 {
				name := fmt.Sprintf("s%02d", i)
				at := clocks[i%3%2].Now()
				store.end(name, at, at.Add(10*time.Minute))
				for j, l := range logs {
					if (i+j)%2 == 0 { // the other process looks later
						if err := l.Refresh(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				var got []string
				got, next = all(t, logs[i/2%2], next)
				for _, s := range got {
					known[s] = true
				}
				here.Advance(time.Second)
				there.Advance(time.Second)
			}
			for _, l := range logs {
				if err := l.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				var got []string
				got, next = all(t, l, next)
				for _, s := range got {
					known[s] = true
				}
			}
			if len(known) != 40 {
				t.Errorf("%d of 40 were heard of", len(known))
			}
		})
	}
}

// Who got the first of several pages of one process, and goes on at another, gets there what was on the others.
func TestCutPageGoesOnElsewhere(t *testing.T) {
	store, clk := &memory{}, clock.NewManual(start)
	known, want := map[string]bool{}, mostAtOnce+1
	for i := range want {
		store.end(fmt.Sprintf("s%05d", i), start.Add(-5*time.Minute), start.Add(5*time.Minute))
	}
	page, err := open(t, store, clk).Read(t.Context(), "", 0)
	if err != nil || !page.More {
		t.Fatalf("first page: more %v, %v", page.More, err)
	}
	for _, e := range page.Entries {
		known[e.Session] = true
	}
	rest, _ := all(t, open(t, store, clk), page.Next)
	for _, s := range rest {
		known[s] = true
	}
	if len(known) != want {
		t.Errorf("%d of %d were heard of", len(known), want)
	}
}

// A clock that is set back by two hours hides nothing: neither what ends then, nor what ended before while its tokens
// live, from a process that goes on and from one that starts anew.
func TestClockSetBack(t *testing.T) {
	store, clk := &memory{}, clock.NewManual(start)
	store.end("before", start, start.Add(10*time.Minute))
	l := open(t, store, clk)
	_, next := all(t, l, "")
	clk.Set(start.Add(-2 * time.Hour))
	// Its token was given out before the clock was set back, and so lives for two hours more.
	store.end("after", clk.Now(), start.Add(10*time.Minute))
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := all(t, l, next)
	expect(t, "the same process", got, "after")
	anew := open(t, store, clk)
	got, next = all(t, anew, next)
	expect(t, "a new process, old cursor", got, "after", "before")
	clk.Set(start.Add(10 * time.Minute))
	if err := anew.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ = all(t, anew, "")
	expect(t, "while a token may live", got, "after", "before")
	store.end("later", clk.Now(), clk.Now().Add(10*time.Minute))
	if err := anew.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ = all(t, anew, next)
	expect(t, "when the clock has come back", got, "later")
}

// What was added is not news when it is read, nor the other way round.
func TestAddedOnce(t *testing.T) {
	store, clk := &memory{}, clock.NewManual(start)
	l := open(t, store, clk)
	e := Ended{"a", start, start.Add(time.Minute)}
	l.Add(e)
	got, next := all(t, l, "")
	expect(t, "added", got, "a")
	store.end(e.Session, e.At, e.AccessUntil)
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Add(e)
	got, _ = all(t, l, next)
	expect(t, "read", got)
	got, _ = all(t, l, "")
	expect(t, "for somebody new", got, "a")
}

// What has ended for good leaves the memory, and isn't news again.
func TestForgotten(t *testing.T) {
	store, clk := &memory{}, clock.NewManual(start)
	store.end("a", start, time.Time{}) // never had a token
	store.end("b", start, start.Add(10*time.Minute))
	l := open(t, store, clk)
	_, next := all(t, l, "")
	clk.Set(start.Add(10*time.Minute + overlap - time.Millisecond))
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := all(t, l, "")
	expect(t, "1 ms before its end, with room for a clock that is behind", got, "b")
	clk.Advance(time.Millisecond)
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := all(t, l, ""); len(got) != 0 || len(l.entries) != 0 || len(l.known) != 0 {
		t.Errorf("left: %v, %d in memory, %d known", got, len(l.entries), len(l.known))
	}
	if got, _ := all(t, l, next); len(got) != 0 {
		t.Errorf("news: %v", got)
	}
}

// Whoever waits is answered when something ends, at the end of the wait, and when the process stops.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, clk := &memory{}, clock.NewManual(start)
		l := New(store, clk)
		if _, err := l.Read(t.Context(), "", 0); !errors.Is(err, ErrNotRead) {
			t.Errorf("before the first reading: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		follow(ctx, l)
		began := time.Now()
		first, err := l.Read(t.Context(), "", 10*time.Second)
		if err != nil || len(first.Entries) != 0 || time.Since(began) != 10*time.Second {
			t.Errorf("nothing: %+v, %v after %s", first, err, time.Since(began))
		}
		began = time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			l.Add(Ended{"a", clk.Now(), clk.Now().Add(time.Minute)})
		}()
		page, err := l.Read(t.Context(), first.Next, 10*time.Second)
		if err != nil || len(page.Entries) != 1 || time.Since(began) != 3*time.Second {
			t.Errorf("by this process: %+v, %v after %s", page, err, time.Since(began))
		}
		began = time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			store.end("b", clk.Now(), clk.Now().Add(time.Minute)) // by another process
		}()
		page, err = l.Read(t.Context(), page.Next, 10*time.Second)
		if waited := time.Since(began); err != nil || len(page.Entries) != 1 || waited < 3*time.Second || waited > 3*time.Second+2*ReadEvery {
			t.Errorf("by another: %+v, %v after %s", page, err, waited)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := l.Read(gone, page.Next, 10*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who left: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			l.Drain()
			l.Drain()
		}()
		began = time.Now()
		for range 2 {
			if _, err := l.Read(t.Context(), page.Next, 10*time.Second); err != nil || time.Since(began) != time.Second {
				t.Errorf("at the stop: %v after %s", err, time.Since(began))
			}
		}
		stop()
	})
}

// A store that is silent for a while costs nothing but that while.
func TestSilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, clk := &memory{down: errors.New("down")}, clock.NewManual(start)
		l := New(store, clk)
		follow(t.Context(), l)
		if _, err := l.Read(t.Context(), "", 2*time.Second); !errors.Is(err, ErrNotRead) {
			t.Errorf("while it is silent: %v", err)
		}
		store.end("a", start, start.Add(time.Minute))
		store.mu.Lock()
		store.down = nil
		store.mu.Unlock()
		if page, err := l.Read(t.Context(), "", 2*time.Second); err != nil || len(page.Entries) != 1 {
			t.Errorf("then: %+v, %v", page, err)
		}
	})
}

func TestCursors(t *testing.T) {
	l := open(t, &memory{}, clock.NewManual(start))
	for _, bad := range []string{"x", "a.b", "a.1.", "a.1.1.1", "log_1.-1.1", "log_1.1.-1", "log_1.1e3.1"} {
		if _, err := l.Read(t.Context(), bad, 0); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
