package ledger_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/testkit"
)

// taker notes what it was handed.
type taker struct {
	mu    sync.Mutex
	taken []int64
	fault func() error
}

func (k *taker) take(_ context.Context, entries []ledger.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault != nil {
		fault := k.fault
		k.fault = nil
		if err := fault(); err != nil {
			return err
		}
	}
	for _, e := range entries {
		k.taken = append(k.taken, e.Seq)
	}
	return nil
}

func (k *taker) seqs() []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.taken)
}

// follow runs a follower until stop is called, which returns when it has ended.
func follow(t *testing.T, f *ledger.Follower) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func reaches(t *testing.T, f *ledger.Follower, seq int64) {
	t.Helper()
	testkit.Eventually(t, testkit.Patience, func() (bool, string) { return f.Position() == seq, "the follower lags" })
}

func upTo(from, to int64) []int64 {
	var list []int64
	for seq := from; seq <= to; seq++ {
		list = append(list, seq)
	}
	return list
}

// R5.3: every entry is handed over in order, across failures, panics and restarts.
func TestFollower(t *testing.T) {
	store, _ := tenEntries(t)
	l := newLedger(t, store)
	for name, fault := range map[string]func() error{
		"in order":           nil,
		"after an error":     func() error { return errors.New("sink fault") },
		"after a panic (R3)": func() error { panic("sink fault") },
	} {
		t.Run(name, func(t *testing.T) {
			k := &taker{fault: fault}
			f := ledger.NewFollower(store, keeper(store).Opener, name, testkit.Logger(t), 0, func([]ledger.Entry) {}, k.take)
			stop := follow(t, f)
			reaches(t, f, 10)
			if got := k.seqs(); !slices.Equal(got, upTo(1, 10)) {
				t.Errorf("taken %v", got)
			}
			if (f.Failures() > 0) != (fault != nil) {
				t.Errorf("%d failures", f.Failures())
			}
			stop()
			if at, err := store.FollowerCursor(t.Context(), name); err != nil || at != 10 {
				t.Errorf("cursor %d, %v", at, err)
			}
		})
	}
	t.Run("goes on after a restart", func(t *testing.T) {
		add(t, l, event(), event())
		k, warm := &taker{}, &taker{}
		f := ledger.NewFollower(store, keeper(store).Opener, "in order", testkit.Logger(t), time.Minute, func(entries []ledger.Entry) {
			if err := warm.take(t.Context(), entries); err != nil {
				t.Error(err)
			}
		}, k.take)
		follow(t, f)
		reaches(t, f, 12)
		if got := k.seqs(); !slices.Equal(got, []int64{11, 12}) {
			t.Errorf("taken %v", got)
		}
		if got := warm.seqs(); !slices.Equal(got, upTo(1, 10)) {
			t.Errorf("warmed with %v", got)
		}
	})
}

// R5.3: what happened before the window is not read again at a start.
func TestFollowerWarmsWithTheWindowOnly(t *testing.T) {
	store := openStore(t)
	clk := clock.NewManual(noon)
	l := bookOf(t, store, clk, func([]ledger.Entry) {})
	for range 20 {
		add(t, l, event())
		clk.Advance(time.Minute)
	}
	if err := store.SaveFollowerCursor(t.Context(), "f", 20); err != nil {
		t.Fatal(err)
	}
	warm := &taker{}
	f := ledger.NewFollower(store, keeper(store).Opener, "f", testkit.Logger(t), 2*time.Minute, func(entries []ledger.Entry) {
		if err := warm.take(t.Context(), entries); err != nil {
			t.Error(err)
		}
	})
	follow(t, f)
	reaches(t, f, 20)
	// The last was stored at minute 19; two windows and the slack reach back to 14.
	if got := warm.seqs(); !slices.Equal(got, upTo(15, 20)) {
		t.Errorf("warmed with %v", got)
	}
}

// An altered row must not stop the firewall: it is reported and passed by.
func TestFollowerPassesAnAlteredRow(t *testing.T) {
	failures := map[string]int{"unreadable": 1}
	for name, statement := range map[string]string{
		"unreadable": "UPDATE entries SET body = x'7b' WHERE seq = 4",
		"removed":    "DELETE FROM entries WHERE seq = 4",
	} {
		t.Run(name, func(t *testing.T) {
			var store *sqlite.Store
			store, _ = tenEntries(t)
			tamper(t, store, statement)
			k := &taker{}
			f := ledger.NewFollower(store, keeper(store).Opener, "f", testkit.Logger(t), 0, func([]ledger.Entry) {}, k.take)
			follow(t, f)
			reaches(t, f, 10)
			if got := k.seqs(); !slices.Equal(got, append(upTo(1, 3), upTo(5, 10)...)) || f.Failures() != int64(failures[name]) {
				t.Errorf("taken %v, %d failures", got, f.Failures())
			}
		})
	}
}

// R3: a loop that is begun again goes on with what it remembers: nothing is
// skipped and nothing is handed over twice.
func TestFollowerRunsAgain(t *testing.T) {
	store, _ := tenEntries(t)
	k := &taker{}
	f := ledger.NewFollower(store, keeper(store).Opener, "f", testkit.Logger(t), time.Minute, func([]ledger.Entry) { t.Error("warmed") }, k.take)
	stop := follow(t, f)
	reaches(t, f, 10)
	stop()
	add(t, newLedger(t, store), event(), event())
	follow(t, f)
	reaches(t, f, 12)
	if got := k.seqs(); !slices.Equal(got, upTo(1, 12)) {
		t.Errorf("taken %v", got)
	}
}

// numberless is a store with a row whose very number was altered: it is read as 0.
type numberless struct {
	*sqlite.Store
	at int64
}

func (n numberless) Rows(ctx context.Context, from int64, limit int) ([]ledger.Row, error) {
	rows, err := n.Store.Rows(ctx, from, limit)
	for i, r := range rows {
		if r.Seq == n.at {
			return rows[:i], &ledger.DamagedError{Err: errors.New("no number")}
		}
	}
	return rows, err
}

// Such a row must not send the follower back to the beginning for ever, when it
// follows and when it warms, nor pass for the end of the record in a verification (R5.2).
func TestRowWithoutANumber(t *testing.T) {
	sound, pin := tenEntries(t)
	store := numberless{sound, 4}
	for name, cursor := range map[string]int64{"follows": 0, "warms": 10} {
		if err := sound.SaveFollowerCursor(t.Context(), name, cursor); err != nil {
			t.Fatal(err)
		}
		k := &taker{}
		f := ledger.NewFollower(store, keeper(store).Opener, name, testkit.Logger(t), time.Minute, func(entries []ledger.Entry) {
			if err := k.take(t.Context(), entries); err != nil {
				t.Error(err)
			}
		}, k.take)
		stop := follow(t, f)
		reaches(t, f, 10)
		stop()
		if got := k.seqs(); !slices.Equal(got, append(upTo(1, 3), upTo(5, 10)...)) {
			t.Errorf("%s: taken %v", name, got)
		}
	}
	rows, err := sound.Rows(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	early := &ledger.Checkpoint{Head: ledger.Head{Seq: 3, Hash: rows[2].Hash}, Time: noon} // it says nothing of those after
	for at, pin := range map[int64]*ledger.Checkpoint{1: pin, 4: early, 7: pin, 10: early} {
		if report := verify(t, numberless{sound, at}, pin); report.Bad != at || report.Checked != at-1 {
			t.Errorf("row %d: %+v", at, report)
		}
	}
}

// What was just added is handed over from memory, what the memory lacks is read
// back: in any mixture each entry comes once and in order.
func TestFollowerTakesWhatIsOffered(t *testing.T) {
	store := openStore(t)
	k := &taker{}
	f := ledger.NewFollower(store, keeper(store).Opener, "f", testkit.Logger(t), 0, func([]ledger.Entry) {}, k.take)
	n := 0
	b := bookOf(t, store, clock.NewManual(noon), func(entries []ledger.Entry) {
		if n++; n%3 != 0 { // some are never offered
			f.Offer(entries)
		}
	})
	follow(t, f)
	for range 20 {
		add(t, b, events(3)...)
	}
	add(t, newLedger(t, store), events(600)...) // another instance's
	add(t, b, event(), event())
	reaches(t, f, 662)
	if got := k.seqs(); !slices.Equal(got, upTo(1, 662)) {
		t.Errorf("taken %v", got)
	}
}

// shelf is a record that lies in memory.
type shelf struct {
	ledger.Store
	rows []ledger.Row
}

func (s shelf) Head(context.Context) (ledger.Head, error) {
	if len(s.rows) == 0 {
		return ledger.Head{}, nil
	}
	last := s.rows[len(s.rows)-1]
	return ledger.Head{Seq: last.Seq, Hash: last.Hash}, nil
}

func (s shelf) Rows(_ context.Context, from int64, limit int) ([]ledger.Row, error) {
	first := min(int(from)-1, len(s.rows))
	return s.rows[first:min(first+limit, len(s.rows))], nil
}

func (shelf) FollowerCursor(context.Context, string) (int64, error) { return 0, nil }

func (shelf) SaveFollowerCursor(context.Context, string, int64) error { return nil }

// What was offered isn't read back.
func TestFollowerReadsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		f := ledger.NewFollower(shelf{}, nil, "test", testkit.Logger(t), 0, func([]ledger.Entry) {}, k.take)
		f.Offer([]ledger.Entry{{Seq: 1}, {Seq: 2}})
		f.Offer([]ledger.Entry{{Seq: 3}})
		stop := follow(t, f)
		synctest.Wait()
		if got := k.seqs(); !slices.Equal(got, upTo(1, 3)) {
			t.Errorf("taken %v", got)
		}
		began := time.Now()
		f.Offer([]ledger.Entry{{Seq: 4}}) // it is seen at once
		synctest.Wait()
		if got := k.seqs(); !slices.Equal(got, upTo(1, 4)) {
			t.Errorf("taken %v after %s", got, time.Since(began))
		}
		k.mu.Lock()
		k.fault = func() error { return errors.New("not now") }
		k.mu.Unlock()
		f.Offer([]ledger.Entry{{Seq: 5}})
		synctest.Wait()
		f.Offer([]ledger.Entry{{Seq: 6}}) // a failure has its pause, whatever comes
		synctest.Wait()
		if got := k.seqs(); !slices.Equal(got, upTo(1, 4)) || f.Failures() != 1 {
			t.Errorf("taken %v, %d failures", got, f.Failures())
		}
		stop()
	})
}

// What waits is handed over at once, however much it is, not a piece each time it looks.
func TestFollowerOfABacklog(t *testing.T) {
	store := openStore(t)
	add(t, newLedger(t, store), events(1700)...)
	rows, err := store.Rows(t.Context(), 1, 2000)
	if err != nil || len(rows) != 1700 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		k := &taker{}
		f := ledger.NewFollower(shelf{rows: rows}, keeper(store).Opener, "test", testkit.Logger(t), 0, func([]ledger.Entry) {}, k.take)
		stop := follow(t, f)
		synctest.Wait()
		if f.Position() != 1700 || len(k.seqs()) != 1700 || !time.Now().Equal(began) {
			t.Errorf("at %d after %s", f.Position(), time.Since(began))
		}
		stop()
	})
}
