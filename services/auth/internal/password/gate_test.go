package password

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// R2.1, "lanes, not locks": who is familiar comes before every stranger that waits, however many there are.
func TestGateServesTheFamiliarFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		leave, err := g.enter(t.Context(), Stranger, 10)
		if err != nil {
			t.Fatal(err)
		}
		var order []Lane
		wait := func(lane Lane) {
			go func() {
				leave, err := g.enter(t.Context(), lane, 10)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, lane) // one has all the room at a time
				leave()
			}()
			synctest.Wait()
		}
		for range longestQueue {
			wait(Stranger)
		}
		if _, err := g.enter(t.Context(), Stranger, 10); !errors.Is(err, ErrBusy) {
			t.Errorf("a stranger too many: %v", err)
		}
		wait(Familiar)
		leave()
		synctest.Wait()
		if len(order) != longestQueue+1 || order[0] != Familiar {
			t.Errorf("served in the order %v", order)
		}
		if g.free != 10 {
			t.Errorf("%d of 10 free in the end", g.free)
		}
	})
}

// MU A17: a familiar one that needs more room than is free holds up the strangers behind it: they would else overtake it
// for ever.
func TestGateKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		leave, err := g.enter(t.Context(), Stranger, 7)
		if err != nil {
			t.Fatal(err)
		}
		var order []Lane
		for _, w := range []struct {
			lane Lane
			kib  int64
		}{{Familiar, 10}, {Stranger, 3}} {
			go func() {
				leave, err := g.enter(t.Context(), w.lane, w.kib)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, w.lane) // together they don't fit
				leave()
			}()
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Errorf("%v overtook", order)
		}
		leave()
		synctest.Wait()
		if len(order) != 2 || order[0] != Familiar {
			t.Errorf("served in the order %v", order)
		}
	})
}

// Nobody waits for longer than 2 s, or than its caller; the room of who left goes to the next.
func TestGateEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		leave, err := g.enter(t.Context(), Familiar, 7)
		if err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		big := make(chan error)
		go func() { _, err := g.enter(gone, Familiar, 10); big <- err }()
		synctest.Wait()
		small := make(chan error)
		go func() { _, err := g.enter(t.Context(), Familiar, 3); small <- err }() // there is room, but somebody is before it
		synctest.Wait()
		cancel()
		if err := <-big; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		if err := <-small; err != nil {
			t.Errorf("who waited behind it: %v", err)
		}
		began := time.Now()
		if _, err := g.enter(t.Context(), Familiar, 99); !errors.Is(err, ErrBusy) || time.Since(began) != longestWait {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		leave()
		if g.free != 7 {
			t.Errorf("%d of 10 free", g.free)
		}
	})
}
