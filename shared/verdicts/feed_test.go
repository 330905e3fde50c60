package verdicts

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/clock"
)

type call struct {
	version int64
	answer  chan<- answer
}

type answer struct {
	delta Delta
	err   error
}

// script is a fake of audit that a test answers for, call by call.
type script struct{ calls chan call }

func (s script) fetch(ctx context.Context, version int64, _ time.Duration) (Delta, error) {
	reply := make(chan answer, 1)
	select {
	case s.calls <- call{version, reply}:
	case <-ctx.Done():
		return Delta{}, ctx.Err()
	}
	select {
	case a := <-reply:
		return a.delta, a.err
	case <-ctx.Done():
		return Delta{}, ctx.Err()
	}
}

func (s script) answer(t *testing.T, version int64, d Delta, err error) {
	t.Helper()
	c := <-s.calls
	if c.version != version {
		t.Errorf("asked since version %d, want %d", c.version, version)
	}
	c.answer <- answer{d, err}
}

// R2.3, R5.4: snapshot, deltas, a break, and a server whose versions began anew; all of it on disk.
func TestFeed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verdicts.json")
	refused := func(s *Set, addr string) bool {
		_, yes := s.Check(netip.MustParseAddr(addr), "", "", "", noon)
		return yes
	}
	synctest.Test(t, func(t *testing.T) {
		set, audit := NewSet(), script{make(chan call)}
		feed := NewFeed(set, audit.fetch, file, clock.NewManual(noon), slog.New(slog.DiscardHandler))
		changes := 0
		feed.OnChange(func() { changes++ })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- feed.Run(ctx) }()

		audit.answer(t, NoVersion, Delta{}, errors.New("down"))
		audit.answer(t, NoVersion, Delta{Version: 3, Snapshot: true, Verdicts: []Verdict{verdict("a", KindIP, "10.0.0.1", Refuse)}}, nil)
		synctest.Wait()
		if !refused(set, "10.0.0.1") || changes != 1 || !feed.Synced() {
			t.Fatalf("after the snapshot: %d changes", changes)
		}
		audit.answer(t, 3, Delta{Version: 4, Verdicts: []Verdict{verdict("b", KindIP, "10.0.0.2", Refuse)}, Removed: []string{"a"}}, nil)
		synctest.Wait()
		if refused(set, "10.0.0.1") || !refused(set, "10.0.0.2") {
			t.Fatal("the delta doesn't count")
		}
		audit.answer(t, 4, Delta{}, errors.New("down"))
		audit.answer(t, 4, Delta{Version: 4}, nil) // nothing new
		audit.answer(t, 4, Delta{Version: 1}, nil) // its versions began anew
		audit.answer(t, NoVersion, Delta{Version: 1, Snapshot: true, Verdicts: []Verdict{verdict("c", KindIP, "10.0.0.3", Refuse)}}, nil)
		audit.answer(t, 1, Delta{Version: 2, Verdicts: []Verdict{verdict("d", KindIP, "10.0.0.4", Refuse)}}, nil)
		synctest.Wait()
		if refused(set, "10.0.0.2") || !refused(set, "10.0.0.3") || !refused(set, "10.0.0.4") || changes != 4 {
			t.Fatalf("after the new snapshot: %d changes", changes)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})

	if err := appendTo(file, `{"version":3,"verdicts":[{"id":"half`); err != nil {
		t.Fatal(err)
	}
	again := NewSet()
	feed := NewFeed(again, nil, file, clock.NewManual(noon), slog.New(slog.DiscardHandler))
	if err := feed.Restore(); err != nil {
		t.Fatal(err)
	}
	if !refused(again, "10.0.0.3") || !refused(again, "10.0.0.4") || again.Len() != 2 {
		t.Errorf("restored %v", again.Snapshot())
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
}

func TestRestoreWithoutFile(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "none")} {
		feed := NewFeed(NewSet(), nil, file, clock.NewManual(noon), slog.New(slog.DiscardHandler))
		if err := feed.Restore(); err != nil || feed.Synced() {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
