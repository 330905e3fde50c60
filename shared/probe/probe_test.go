package probe_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/probe"
)

var errFull = errors.New("full")

// One attempt a second serves all who ask.
func TestAskOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p probe.Probe
		tries := 0
		ask := func() error {
			return p.Ask(t.Context(), func(context.Context) error { tries++; return errFull })
		}
		for second := range 3 {
			for range 5 {
				if err := ask(); !errors.Is(err, errFull) {
					t.Error(err)
				}
			}
			time.Sleep(probe.Every - 1)
			if err := ask(); !errors.Is(err, errFull) || tries != second+1 {
				t.Errorf("second %d: %d tries, %v", second, tries, err)
			}
			time.Sleep(time.Nanosecond)
		}
	})
}

// An attempt that hangs is waited for as long as the caller can, is made once, and its answer counts when it comes.
func TestAskHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p probe.Probe
		tries, release := 0, make(chan struct{})
		try := func(ctx context.Context) error { tries++; <-release; return ctx.Err() }
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			if err := p.Ask(ctx, try); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := p.Ask(t.Context(), try); err != nil {
					t.Errorf("the attempt's context ended with its first caller's: %v", err)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if tries != 1 {
			t.Errorf("%d tries", tries)
		}
	})
}

// R3: a panic is an answer.
func TestAskPanic(t *testing.T) {
	var p probe.Probe
	err := p.Ask(t.Context(), func(context.Context) error { panic("planted") })
	if err == nil || !strings.Contains(err.Error(), "panic: planted\n") {
		t.Errorf("got %v", err)
	}
}
