package testkit_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/testkit"
)

// failing records what a failed test would have said.
type failing struct {
	testing.TB
	mu  sync.Mutex
	why string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.why = format + args[1].(string)
	runtime.Goexit()
}

func TestEventually(t *testing.T) {
	t.Run("waits for the condition", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			testkit.Eventually(t, time.Minute, func() (bool, string) { return time.Since(start) > time.Second, "" })
		})
	})
	t.Run("fails with the last explanation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &failing{TB: t}
			go testkit.Eventually(f, time.Second, func() (bool, string) { return false, "still red" })
			time.Sleep(2 * time.Second) // of the bubble's clock
			f.mu.Lock()
			defer f.mu.Unlock()
			if !strings.Contains(f.why, "still red") {
				t.Errorf("failed with %q", f.why)
			}
		})
	})
}

// A line logged after the test's end must not panic.
func TestLoggerAfterTheTest(t *testing.T) {
	var late func()
	t.Run("a test that leaves a goroutine", func(t *testing.T) {
		log := testkit.Logger(t)
		log.Info("in time")
		late = func() { log.Info("too late") }
	})
	late()
}
