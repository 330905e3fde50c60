package testkit

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen, on a machine whose
// cores are all busy with something else. Only a failing test waits so long.
const Patience = time.Minute

// Must ends the test when there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// CloseAfter closes a store when the test ends, without its context, which has ended by then.
func CloseAfter(t testing.TB, store interface {
	Close(ctx context.Context) error
},
) {
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Together calls do for 0 to n-1, all at once, and waits for them.
func Together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// Eventually asks cond until it holds, and fails the test with cond's last
// explanation when it doesn't within that time, which is Patience unless there is
// a reason for more.
func Eventually(t testing.TB, within time.Duration, cond func() (bool, string)) {
	t.Helper()
	deadline := time.After(within) // of the machine running the test, not of the product
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		ok, why := cond()
		if ok {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", within, why)
		case <-time.After(pause):
		}
	}
}

// Logger writes to the test's log, shown when it fails. What is logged after
// the test's end is dropped: a test must not panic for a late line.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimRight(string(line), "\n"))
	}
	return len(line), nil
}

// Buffer keeps what several goroutines write, a log for instance. The zero value is empty.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write is io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
