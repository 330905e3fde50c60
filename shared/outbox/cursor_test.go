package outbox_test

import (
	"context"
	"slices"
	"strings"
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
		if n := len(counted.by); n < 4 || n > 5 || slices.Max(counted.by) > 21 {
			t.Errorf("in 50 s the cursor moved by %v", counted.by)
		}
		time.Sleep(lagSeen)
		if g.left(t) != 0 {
			t.Errorf("%d left when nothing more came", g.left(t))
		}
		put(t, g.src, events[100:]...)
		time.Sleep(lagSeen)
		if g.left(t) != 0 || slices.Max(counted.by) > 499 {
			t.Errorf("%d left; the cursor moved by %v", g.left(t), counted.by)
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
	last int64
	by   []int64
}

func (l *trims) Trim(ctx context.Context, head record.Head) error {
	l.by, l.last = append(l.by, head.N-l.last), head.N
	return l.Log.Trim(ctx, head)
}
