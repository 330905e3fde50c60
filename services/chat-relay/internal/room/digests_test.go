package room_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// told is the digests that were written, by session: how many messages each counts.
func (r *relay) told() (counts map[string][]int, sum int) {
	r.t.Helper()
	events, err := outboxtest.Read(r.t.Context(), r.store.Outbox(), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	counts = map[string][]int{}
	for _, e := range events {
		if e.Action == record.ChatActivity {
			n := int(e.Data["messages"].(float64))
			counts[e.Session] = append(counts[e.Session], n)
			sum += n
		}
	}
	return counts, sum
}

// tells holds what was told in all, of everything that was written.
func (r *relay) tells(want map[string][]int) {
	r.t.Helper()
	if err := r.teller.Close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if got, _ := r.told(); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("told %v, want %v", got, want)
	}
}

// open is how many digests are stored as open.
func (r *relay) open() int {
	r.t.Helper()
	list, err := r.store.OpenDigests(r.t.Context(), "", noon.AddDate(1, 0, 0), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return len(list)
}

// A replay is counted once, and a digest without a message is none.
func TestReplaysAreNotCounted(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	for range 3 {
		ana.send(talk, "one")
		ana.expect("accepted 1 one")
	}
	r.tells(map[string][]int{"ses_ana": {1}})
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	r.tells(map[string][]int{"ses_ana": {1}})
	if r.open() != 0 {
		t.Errorf("%d digests open", r.open())
	}
}

// When the answer of a write got lost the log says what was stored: nothing is counted twice or left out.
func TestDigestOfALostAnswerIsExact(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	r.store.plant(r.store.after, "Append", func() error { return errLost })
	ana.send(talk, "stored")
	ana.expect("refused stored: " + errLost.Error())
	r.store.plant(r.store.before, "Append", func() error { return errLost })
	ana.send(talk, "not stored")
	ana.expect("refused not stored: " + errLost.Error())
	ana.send(talk, "three")
	ana.expect("2 stored", "accepted 3 three")
	r.store.plant(r.store.before, "CloseDigests", func() error { return errLost })
	if err := r.teller.Close(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	r.tells(map[string][]int{"ses_ana": {3}})
	r.tells(map[string][]int{"ses_ana": {3}})
}

// A digest is not told while one of its messages is on its way, and stays for the next relay if this one ends.
func TestDigestWaitsForItsMessages(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "two")
	<-entered
	r.tells(map[string][]int{})
	if r.open() != 1 {
		t.Errorf("%d digests open", r.open())
	}
	close(release)
	ana.expect("accepted 2 two")
	r.tells(map[string][]int{"ses_ana": {2}})
}

// KB D2: two sessions write while their digests end again and again: no message is in no digest or in two (-race).
func TestD2DigestsAgreeUnderLoad(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1_000_000 })
	talk := r.talk("ana", "luis")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := r.teller.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	all.Go(func() {
		for ctx.Err() == nil {
			r.teller.End("ses_ana")
			runtime.Gosched()
		}
	})
	accounts := []*socket{r.connect("ana"), r.connect("luis")}
	for round := range 4 {
		var writers sync.WaitGroup
		for _, s := range accounts {
			writers.Go(func() {
				for i := range 100 {
					if err := r.Send(ctx, s.draft(talk, fmt.Sprint(round, " ", i), "x")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		if err := r.SettleAll(ctx); err != nil {
			t.Fatal(err)
		}
		r.clk.Advance(digest.Span)
	}
	cancel()
	all.Wait()
	r.stop()
	if err := r.teller.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if counts, sum := r.told(); sum != 800 || len(r.texts(talk)) != 800 || len(counts["ses_ana"]) < 4 || len(counts["ses_luis"]) != 4 {
		t.Errorf("%d told in %d and %d digests, %d stored", sum, len(counts["ses_ana"]), len(counts["ses_luis"]), len(r.texts(talk)))
	}
}
