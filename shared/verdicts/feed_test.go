package verdicts

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/clock"
)

type call struct {
	cursor string
	answer chan<- answer
}

type answer struct {
	page Page
	err  error
}

// script is a fake of audit that a test answers for, call by call.
type script struct{ calls chan call }

func (s script) fetch(ctx context.Context, cursor string, _ time.Duration) (Page, error) {
	reply := make(chan answer, 1)
	select {
	case s.calls <- call{cursor, reply}:
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	select {
	case a := <-reply:
		return a.page, a.err
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
}

func (s script) answer(t *testing.T, cursor string, p Page, err error) {
	t.Helper()
	c := <-s.calls
	if c.cursor != cursor {
		t.Errorf("asked behind %q, want %q", c.cursor, cursor)
	}
	c.answer <- answer{p, err}
}

var errDown = errors.New("down")

func newFeed(set *Set, fetch Fetch, file string) *Feed {
	return NewFeed(set, fetch, Copy{Path: file, Key: []byte("key")}, clock.NewManual(noon), slog.New(slog.DiscardHandler))
}

func refused(s *Set, addr string) bool { return !s.Check(client(addr, "", "", ""), noon).Passes() }

func page(cursor string, verdicts ...Verdict) Page { return Page{Cursor: cursor, Verdicts: verdicts} }

// run runs a feed in a bubble with a script for audit, and afterwards ends it.
func run(t *testing.T, file string, test func(t *testing.T, audit script, set *Set, feed *Feed)) {
	synctest.Test(t, func(t *testing.T) {
		set, audit := NewSet(), script{make(chan call)}
		feed := newFeed(set, audit.fetch, file)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- feed.Run(ctx) }()
		test(t, audit, set, feed)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// R2.3, R5.4: everything in pages, changes, breaks in the middle of both, and a server whose versions began anew; all
// of it on disk.
func TestFeed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verdicts")
	run(t, file, func(t *testing.T, audit script, set *Set, feed *Feed) {
		var changes []Change
		feed.OnChange(func(c Change) { changes = append(changes, c) })
		a, b, c, d := verdict("a", Refuse, ip("10.0.0.1")), verdict("b", Refuse, ip("10.0.0.2")), verdict("c", Refuse, ip("10.0.0.3")), verdict("d", Refuse, ip("10.0.0.4"))
		moved := a
		moved.Subjects = []Subject{ip("10.0.0.9")}

		audit.answer(t, "", Page{}, errDown)
		audit.answer(t, "", Page{Cursor: "s1", Snapshot: true, More: true, Verdicts: []Verdict{a, b}}, nil)
		audit.answer(t, "s1", Page{}, errDown) // in the middle: it goes on there
		synctest.Wait()
		if set.Len() != 0 || feed.Able() {
			t.Fatal("half of everything counts")
		}
		audit.answer(t, "s1", Page{Cursor: "s2", More: true, Verdicts: []Verdict{moved}}, nil) // changed while it was read
		audit.answer(t, "s2", Page{Cursor: "v3", Verdicts: []Verdict{c}, Removed: []string{"b"}}, nil)
		synctest.Wait()
		if refused(set, "10.0.0.1") || refused(set, "10.0.0.2") || !refused(set, "10.0.0.3") || !refused(set, "10.0.0.9") || !feed.Able() {
			t.Fatalf("after everything: %+v", set.Snapshot())
		}
		audit.answer(t, "v3", Page{Cursor: "v4", Verdicts: []Verdict{d}, Removed: []string{"a"}}, nil)
		audit.answer(t, "v4", Page{}, errDown)
		audit.answer(t, "v4", page("v4"), nil) // nothing new
		synctest.Wait()
		if refused(set, "10.0.0.9") || !refused(set, "10.0.0.4") {
			t.Fatal("the change doesn't count")
		}
		if len(changes) != 2 || !changes[0].Whole || changes[1].Whole || len(changes[1].Verdicts) != 1 || changes[1].Verdicts[0].ID != "d" {
			t.Errorf("told %+v", changes)
		}
		// Its versions began anew; meanwhile the old ones stay in force.
		audit.answer(t, "v4", Page{Cursor: "s9", Snapshot: true, More: true, Verdicts: []Verdict{b}}, nil)
		synctest.Wait()
		if !refused(set, "10.0.0.3") || refused(set, "10.0.0.2") {
			t.Error("a snapshot that isn't whole counts")
		}
		audit.answer(t, "s9", Page{Cursor: "s8", Snapshot: true, More: true, Verdicts: []Verdict{c}}, nil) // and again from the start
		audit.answer(t, "s8", page("v1", a), nil)
		audit.answer(t, "v1", page("v2", d), nil)
		synctest.Wait()
		if set.Len() != 3 || refused(set, "10.0.0.2") {
			t.Errorf("held %+v", set.Snapshot())
		}
	})
	again := NewSet()
	feed := newFeed(again, nil, file)
	feed.Restore()
	if !refused(again, "10.0.0.1") || !refused(again, "10.0.0.3") || !refused(again, "10.0.0.4") || again.Len() != 3 || !feed.Able() {
		t.Errorf("restored %v", again.Snapshot())
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
}
