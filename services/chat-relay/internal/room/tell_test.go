package room_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

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

func (r *relay) tells(all bool, want map[string][]int) {
	r.t.Helper()
	if err := r.TellDue(r.t.Context(), all); err != nil {
		r.t.Fatal(err)
	}
	if got, _ := r.told(); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("told %v, want %v", got, want)
	}
}

// open is how many digests are stored as open.
func (r *relay) open() (n int) {
	r.t.Helper()
	owners, err := r.store.Owners(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range owners {
		list, err := r.store.OpenDigests(r.t.Context(), o.ID, 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		n += len(list)
	}
	return n
}

// KB D2, CA A8: one event a session and minute, whatever is written; when the minute is over, when the socket closes, and
// at the end.
func TestD2OneEventASessionAndMinute(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1000 })
	one, two := r.talk("ana", "luis"), r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	write := func(s *socket, n int) {
		t.Helper()
		for i := range n {
			s.send([]string{one, two}[i%2], fmt.Sprint(r.clk.Now().Unix(), s.account, i))
		}
		if err := r.SettleAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write(ana, 5)
	r.clk.Advance(digest.Span - time.Second)
	write(luis, 3)
	if err := r.Adopt(t.Context()); err != nil { // its own digests are nobody's to inherit
		t.Fatal(err)
	}
	r.tells(false, map[string][]int{})
	r.clk.Advance(time.Second - time.Millisecond)
	write(ana, 1)
	r.tells(false, map[string][]int{})
	r.clk.Advance(time.Millisecond)
	r.tells(false, map[string][]int{"ses_ana": {6}})
	write(ana, 2)
	r.Leave("ses_luis")
	r.Leave("ses_nobody")
	r.tells(false, map[string][]int{"ses_ana": {6}, "ses_luis": {3}})
	write(luis, 1)
	r.stop()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.tells(true, map[string][]int{"ses_ana": {6, 2}, "ses_luis": {3, 1}})
	if stored := len(r.texts(one)) + len(r.texts(two)); stored != 12 || r.open() != 0 {
		t.Errorf("%d stored, %d digests open", stored, r.open())
	}
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
	r.tells(true, map[string][]int{"ses_ana": {1}})
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	r.tells(true, map[string][]int{"ses_ana": {1}})
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
	if err := r.TellDue(t.Context(), true); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	r.tells(false, map[string][]int{"ses_ana": {3}})
	r.tells(true, map[string][]int{"ses_ana": {3}})
}

// A digest is not told while one of its messages is on its way.
func TestDigestWaitsForItsMessages(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "one")
	<-entered
	r.Leave("ses_ana")
	r.tells(true, map[string][]int{})
	close(release)
	ana.expect("accepted 1 one")
	r.tells(false, map[string][]int{"ses_ana": {1}})
}

// Killed at any moment: what no digest tells is found in the log by the next relay, so counts agree exactly. Where others
// may live, their digests are left alone until they are long over.
func TestD2KilledRelayIsMadeGood(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprint("alone ", alone), func(t *testing.T) {
			store := newStore(t, filepath.Join(t.TempDir(), "chat-relay.db"))
			first := relayOn(t, store, func(o *room.Options) { o.Rate.Burst = 1000 })
			first.run()
			talk, other := first.talk("ana", "luis"), first.talk("ana", "luis")
			ana, luis := first.connect("ana"), first.connect("luis")
			for i := range 150 { // more than a page
				ana.send(talk, fmt.Sprint("a", i))
				if i%10 == 0 {
					luis.send(talk, fmt.Sprint("l", i))
					ana.send(other, fmt.Sprint("o", i))
				}
			}
			if err := first.SettleAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			first.Leave("ses_luis")
			first.tells(false, map[string][]int{"ses_luis": {15}})
			luis.send(talk, "after that")
			if err := first.SettleAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			first.stop() // and no Close: as kill -9 leaves it

			next := relayOn(t, store, func(o *room.Options) { o.Alone = alone })
			next.clk.Advance(9 * time.Second) // the first may live
			adopt := func(want int) {
				t.Helper()
				if err := next.Adopt(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, sum := next.told(); sum != want {
					t.Errorf("%d told, want %d of 181", sum, want)
				}
			}
			if alone {
				adopt(181)
			} else {
				adopt(15)
				next.clk.Advance(time.Second)
				adopt(15) // it looks each ten seconds
				next.clk.Advance(9 * time.Second)
				adopt(181)
			}
			adopt(181)
			next.tells(true, map[string][]int{"ses_ana": {165}, "ses_luis": {15, 1}})
			if owners, err := store.Owners(t.Context()); err != nil || len(owners) != 0 {
				t.Errorf("owners %v, %v", owners, err)
			}
		})
	}
}

// Two sessions and the teller at once: no message is in no digest or in two (-race).
func TestDigestsAgreeUnderLoad(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1_000_000 })
	talk := r.talk("ana", "luis")
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	all.Go(func() {
		for ctx.Err() == nil {
			r.clk.Advance(digest.Span / 3)
			r.Leave("ses_ana")
			if err := r.TellDue(context.WithoutCancel(ctx), false); err != nil {
				t.Error(err)
			}
		}
	})
	var writers sync.WaitGroup
	for _, account := range []string{"ana", "luis"} {
		s := r.connect(account)
		writers.Go(func() {
			for i := range 400 {
				if err := r.Send(ctx, s.draft(talk, fmt.Sprint(i), "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	cancel()
	all.Wait()
	r.stop()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, sum := r.told(); sum != 800 || len(r.texts(talk)) != 800 {
		t.Errorf("%d told, %d stored", sum, len(r.texts(talk)))
	}
}

// A relay that lives says so in time, for as long as it has digests, and is let go when it ends: nobody takes what is its
// own. One that is alone on its store says it once.
func TestRelaySaysThatItLives(t *testing.T) {
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprint("alone ", alone), func(t *testing.T) {
			r := newRelay(t, func(o *room.Options) { o.Alone = alone })
			talk := r.talk("ana", "luis")
			ana := r.connect("ana")
			until := func() time.Time {
				t.Helper()
				owners, err := r.store.Owners(t.Context())
				if err != nil || len(owners) != 1 {
					t.Fatal(owners, err)
				}
				return owners[0].Until
			}
			ana.send(talk, "one")
			ana.expect("accepted 1 one")
			want := noon.Add(10 * time.Second)
			for range 20 {
				if !until().Equal(want) {
					t.Fatalf("at %s: lives until %s, want %s", r.clk.Now(), until(), want)
				}
				r.clk.Advance(time.Second)
				if err := r.Beat(t.Context()); err != nil {
					t.Fatal(err)
				}
				if now := r.clk.Now(); !alone && want.Sub(now) <= 5*time.Second {
					want = now.Add(10 * time.Second)
				}
			}
			r.stop()
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if owners, err := r.store.Owners(t.Context()); err != nil || len(owners) != 0 {
				t.Error(owners, err)
			}
		})
	}
}
