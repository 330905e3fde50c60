package digest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// relay is a teller on a real store, and what of a relay writes to both.
type relay struct {
	*digest.Teller
	t     *testing.T
	book  *digest.Book
	store *sqlite.Store
	clk   *clock.Manual
	seqs  map[string]int64
}

func newStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "chat-relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, id := range []string{"cnv_1", "cnv_2"} {
		c := room.Conversation{ID: id, Kind: room.Group, Members: []room.Member{{Account: "a"}}, CreatedAt: noon, ActiveAt: noon}
		if _, err := s.Create(t.Context(), c, record.New(noon, "chat-relay", record.ChatConversationCreated, record.Success, record.Origin{})); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func newRelay(t *testing.T, store *sqlite.Store, owner string) *relay {
	r := &relay{t: t, book: digest.NewBook(owner), store: store, clk: clock.NewManual(noon), seqs: map[string]int64{}}
	r.Teller = digest.NewTeller(r.book, digest.Options{
		Service: "chat-relay", Store: store, Messages: room.Counted(store), Clock: r.clk, Kick: func() {},
	})
	return r
}

// write stores n messages of a session, alternately in two conversations.
func (r *relay) write(session string, n int) {
	r.t.Helper()
	for i := range n {
		conversation := []string{"cnv_1", "cnv_2"}[i%2]
		id, changed := r.book.Enter(digest.Author{Account: "a", Session: session}, conversation, r.seqs[conversation], r.clk.Now())
		r.seqs[conversation]++
		m := room.Message{
			Conversation: conversation, Seq: r.seqs[conversation], ClientID: fmt.Sprint(session, "/", r.seqs[conversation]), Sender: "a", Kind: room.Text, Text: "hola",
			Digest: id, At: r.clk.Now(),
		}
		batch := room.Batch{Entries: []room.Entry{{Message: m}}}
		if changed != nil {
			batch.Digests = append(batch.Digests, *changed)
		}
		fates, err := r.store.Append(r.t.Context(), batch)
		if err != nil {
			r.t.Fatal(err)
		}
		r.book.Stored(digest.Entry{Digest: id, Conversation: conversation, Seq: fates[0].Seq, Length: 4, At: m.At})
	}
}

// told is what audit is told in all, by session, in the order of the events.
func (r *relay) told() string {
	r.t.Helper()
	events, err := outboxtest.Read(r.t.Context(), r.store.Outbox(), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	counts := map[string][]any{}
	for _, e := range events {
		if e.Action == record.ChatActivity {
			counts[e.Session] = append(counts[e.Session], e.Data["messages"])
		}
	}
	return fmt.Sprint(counts)
}

func (r *relay) tells(all bool, want string) {
	r.t.Helper()
	if err := r.Tell(r.t.Context(), all); err != nil {
		r.t.Fatal(err)
	}
	if got := r.told(); got != want {
		r.t.Errorf("told %s, want %s", got, want)
	}
}

func (r *relay) open() int {
	r.t.Helper()
	list, err := r.store.OpenDigests(r.t.Context(), "", noon.AddDate(1, 0, 0), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return len(list)
}

// KB D2, CA A8: one event a session and minute, whatever is written; when the minute is over, when the socket closes, and
// at the end.
func TestD2OneEventASessionAndMinute(t *testing.T) {
	r := newRelay(t, newStore(t), "rly_1")
	r.write("ana", 5)
	r.clk.Advance(digest.Span - time.Second)
	r.write("luis", 3)
	r.tells(false, "map[]")
	r.clk.Advance(time.Second - time.Millisecond)
	r.write("ana", 1)
	r.tells(false, "map[]")
	r.clk.Advance(time.Millisecond)
	r.tells(false, "map[ana:[6]]")
	r.write("ana", 2)
	r.End("luis")
	r.End("nobody")
	r.tells(false, "map[ana:[6] luis:[3]]")
	r.write("luis", 1)
	r.tells(true, "map[ana:[6 2] luis:[3 1]]")
	if r.open() != 0 {
		t.Errorf("%d digests open", r.open())
	}
}

// slowClock is a clock behind whose answer something happens.
type slowClock struct {
	*clock.Manual
	then func()
}

func (c slowClock) Now() time.Time {
	now := c.Manual.Now()
	c.then()
	return now
}

// KB D2: a digest that is opened while the teller asks for the time isn't over.
func TestD2OpenedWhileTheTellerLooks(t *testing.T) {
	r := newRelay(t, newStore(t), "rly_1")
	opened := make(chan struct{})
	r.Clock = slowClock{r.clk, sync.OnceFunc(func() {
		r.clk.Advance(time.Millisecond)
		go func() {
			defer close(opened)
			r.write("ana", 1)
		}()
		for range 10_000 { // it may have to wait for the teller
			select {
			case <-opened:
				return
			default:
				runtime.Gosched()
			}
		}
	})}
	r.tells(false, "map[]")
	<-opened
	r.tells(false, "map[]")
	r.write("ana", 1)
	r.tells(true, "map[ana:[2]]")
}

// Killed at any moment: what no digest tells is found in the log when the relay comes back, so counts agree exactly; its
// new digests are its own. What a relay that doesn't come back has left is made good by another one, and what one that
// lives has open is left alone.
func TestD2KilledRelayIsMadeGood(t *testing.T) {
	store := newStore(t)
	first := newRelay(t, store, "rly_1")
	first.write("ana", 250) // more than a page of each conversation
	first.write("luis", 15)
	first.End("luis")
	first.tells(false, "map[luis:[15]]")
	first.write("luis", 1)

	other := newRelay(t, store, "rly_2")
	adopt := func(r *relay, owner string, before time.Time, want string) {
		t.Helper()
		for range 2 { // once is enough
			if err := r.Adopt(t.Context(), owner, before); err != nil {
				t.Fatal(err)
			}
			if got := r.told(); got != want {
				t.Errorf("told %s, want %s", got, want)
			}
		}
	}
	adopt(other, "rly_2", noon.Add(time.Hour), "map[luis:[15]]")
	adopt(other, "", noon, "map[luis:[15]]")
	adopt(first, "rly_1", noon.Add(time.Hour), "map[luis:[15]]") // it knows of them

	again := newRelay(t, store, "rly_1")
	again.seqs = first.seqs
	again.write("ana", 2)
	adopt(again, "rly_1", noon.Add(time.Hour), "map[ana:[250] luis:[15 1]]")
	adopt(other, "", noon.Add(time.Millisecond), "map[ana:[250 2] luis:[15 1]]") // and it is killed again
	if other.open() != 0 {
		t.Errorf("%d digests open", other.open())
	}
}

// Run does all of that by itself.
func TestRunTellsAndAdopts(t *testing.T) {
	store := newStore(t)
	newRelay(t, store, "rly_1").write("killed", 3)
	newRelay(t, store, "rly_3").write("never back", 2)
	r := newRelay(t, store, "rly_1")
	r.seqs = map[string]int64{"cnv_1": 3, "cnv_2": 2}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	await := func(want string) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() (bool, string) { return r.told() == want, "told " + r.told() + ", want " + want })
	}
	await("map[killed:[3]]")
	r.write("ana", 1)
	r.End("ana")
	await("map[ana:[1] killed:[3]]")
	r.clk.Advance(10*time.Minute + time.Millisecond)
	await("map[ana:[1] killed:[3] never back:[2]]")
}
