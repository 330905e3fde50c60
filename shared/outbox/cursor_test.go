package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// A record that was put back by less than the log remembers loses nothing: it is sent again, under the same name.
func TestARecordPutBackALittle(t *testing.T) {
	for name, n := range map[string]int64{"to the cursor": 0, "behind it": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := start(t, nil)
				events := outboxtest.Events(6)
				put(t, g.src, events[:4]...)
				time.Sleep(time.Second)
				instance, head, err := g.src.Shipped(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				entries, err := g.src.After(t.Context(), 0, int(n))
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					head = head.Next(e.Body)
				}
				g.got.Hold("auth/"+instance, head)
				put(t, g.src, events[4:]...)
				time.Sleep(time.Second)
				g.end()
				if got := g.ids(); !slices.Equal(got, append(ids(events[:4]), ids(events[n:])...)) || g.left(t) != 0 || strings.Contains(g.log.String(), "another log") {
					t.Errorf("got %v, %d left: %s", got, g.left(t), g.log.String())
				}
			})
		})
	}
}

// GR G9: the cursor costs a sign-in nothing. It follows the receiver within 10 s
// or 500 events, whichever comes first, also when nothing more comes.
func TestTheCursorFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		counted := &trims{Log: g.src}
		g.shipper.Log = counted
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.shipper.Run(ctx) }()
		events := outboxtest.Events(1500)
		for _, e := range events[:100] { // 50 s
			put(t, g.src, e)
			g.shipper.Kick()
			time.Sleep(500 * time.Millisecond)
		}
		if n := len(counted.by()); n < 4 || n > 5 || slices.Max(counted.by()) > 21 {
			t.Errorf("in 50 s the cursor moved by %v", counted.by())
		}
		time.Sleep(lagSeen)
		if g.left(t) != 0 {
			t.Errorf("%d left when nothing more came", g.left(t))
		}
		put(t, g.src, events[100:]...)
		time.Sleep(lagSeen)
		if g.left(t) != 0 || slices.Max(counted.by()) > 499 {
			t.Errorf("%d left; the cursor moved by %v", g.left(t), counted.by())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lagSeen is the shipper's 10 s, and its look each 250 ms.
const lagSeen = 10300 * time.Millisecond

// trims counts by how much each Trim moves the cursor.
type trims struct {
	outbox.Log
	mu   sync.Mutex
	last int64
	list []int64
}

func (l *trims) Trim(ctx context.Context, head record.Head) error {
	l.mu.Lock()
	l.list, l.last = append(l.list, head.N-l.last), head.N
	l.mu.Unlock()
	return l.Log.Trim(ctx, head)
}

func (l *trims) by() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// What a shipment has no room for goes at once with the next, not at the next look.
func TestWhatIsLeftGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		synctest.Wait()
		for n := 140; n < 180; n++ { // somewhere there is one that leaves just one behind
			events := outboxtest.Events(n + 1)
			for i := range events {
				events[i].Data = record.Data{"text": strings.Repeat("a", 3000)}
			}
			begin, before := time.Now(), len(g.ids())
			put(t, g.src, events...)
			g.shipper.Kick()
			synctest.Wait()
			if got := len(g.ids()) - before; got != len(events) || time.Since(begin) != 0 {
				t.Fatalf("%d of %d at once", got, len(events))
			}
		}
		g.end()
	})
}

// A log that can't give a number to a gap marker is tried again; nothing is said to be rejected.
func TestANumberThatCannotBeGivenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := outboxtest.Events(2)
		g := start(t, refusing(events[0].ID))
		g.end()
		put(t, g.src, events...)
		g.shipper.Log = stuck{g.src}
		if err := g.shipper.Run(cancelled(t)); err != nil {
			t.Fatal(err)
		}
		if g.left(t) != 2 || !strings.Contains(g.log.String(), "can't be moved") {
			t.Errorf("%d left: %s", g.left(t), g.log.String())
		}
		g.metric(t, "rejected_total", "0")
		g.metric(t, "failures_total", "1")
	})
}

// stuck is a log in which nothing can be put aside.
type stuck struct{ outbox.Log }

func (stuck) Supersede(context.Context, int64, record.Sealed, string) error {
	return errors.New("can't be moved")
}
