package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
)

// stale: who missed what others stored gets the right numbers all the same, for each message of a batch.
func stale(t *testing.T, open Open) {
	s := open(t)
	a, b := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	for i := range 3 {
		send(t, s, message(a.ID, 1, fmt.Sprint(i)))
	}
	var batch room.Batch
	for i, c := range []string{b.ID, a.ID, b.ID, a.ID} {
		m := message(c, 2, fmt.Sprint(i))
		m.Seq = int64(1 + i/2)
		batch.Entries = append(batch.Entries, room.Entry{Message: m})
	}
	fates, err := s.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{1, 4, 2, 5} {
		if fates[i].Seq != want || fates[i].Known || fates[i].ClientID != fmt.Sprint(i) {
			t.Errorf("fate %d is %+v, want number %d", i, fates[i], want)
		}
	}
	for conversation, n := range map[string]int{a.ID: 5, b.ID: 2} {
		if list, err := s.After(t.Context(), conversation, 0, 10); err != nil || len(list) != n || list[n-1].Seq != int64(n) {
			t.Errorf("%d messages, %v", len(list), err)
		}
	}
}

// batches: known and new ones, of several conversations and twice in one batch, each get their fate.
func batches(t *testing.T, open Open) {
	s := open(t)
	a, b := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	known := send(t, s, message(a.ID, 1, "known"))
	var batch room.Batch
	for i, e := range []struct {
		conversation, client string
		seq                  int64
	}{{a.ID, "x", 2}, {a.ID, "known", 3}, {b.ID, "known", 1}, {a.ID, "y", 4}, {a.ID, "x", 5}, {b.ID, "z", 2}} {
		m := message(e.conversation, 1, e.client)
		m.Seq, m.At = e.seq, noon.Add(time.Duration(i+1)*time.Minute)
		batch.Entries = append(batch.Entries, room.Entry{Message: m, Lift: true})
	}
	fates, err := s.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	if fates[1].Message != known || !fates[1].Known {
		t.Errorf("the known one is %+v, want %+v", fates[1], known)
	}
	if !fates[4].Known || fates[4].Message != fates[0].Message {
		t.Errorf("twice in a batch: %+v, the first is %+v", fates[4], fates[0])
	}
	for i, want := range []int64{2, 1, 1, 3, 2, 2} {
		if fates[i].Seq != want {
			t.Errorf("fate %d has number %d, want %d", i, fates[i].Seq, want)
		}
	}
	for _, i := range []int{0, 2, 3, 5} {
		want := batch.Entries[i].Message
		want.Seq = fates[i].Seq
		if fates[i].Message != want || fates[i].Known {
			t.Errorf("fate %d is %+v, want %+v", i, fates[i], want)
		}
	}
	for _, want := range []struct {
		id     string
		last   int64
		active time.Time
	}{{a.ID, 3, noon.Add(4 * time.Minute)}, {b.ID, 2, noon.Add(6 * time.Minute)}} {
		c, err := s.Conversation(t.Context(), want.id)
		if err != nil || c.LastSeq != want.last || !c.ActiveAt.Equal(want.active) {
			t.Errorf("%+v (%v), want %+v", c, err, want)
		}
	}
}

// full: what one sync takes at most, each of a conversation and a digest of its own, in one call.
func full(t *testing.T, open Open) {
	const n = 1024
	s := open(t)
	var batch room.Batch
	var ids []string
	for i := range 50 {
		ids = append(ids, add(t, s, conversation(i, i+1)).ID)
		d := openDigest(fmt.Sprint("dig_", i), noon)
		batch.Digests = append(batch.Digests, d)
	}
	next := map[string]int64{}
	for i := range n {
		c := ids[i%len(ids)]
		next[c]++
		m := message(c, 1, fmt.Sprint(i))
		m.Seq, m.At = next[c], noon.Add(time.Duration(i)*time.Second)
		batch.Entries = append(batch.Entries, room.Entry{Message: m, Lift: true})
	}
	fates, err := s.Append(t.Context(), batch)
	if err != nil || len(fates) != n {
		t.Fatal(len(fates), err)
	}
	for i, f := range fates {
		if f.Known || f.Message != batch.Entries[i].Message {
			t.Fatalf("fate %d is %+v, want %+v", i, f, batch.Entries[i].Message)
		}
	}
	for id, last := range next {
		c, err := s.Conversation(t.Context(), id)
		if err != nil || c.LastSeq != last || c.ActiveAt.Equal(noon) {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	stored, err := s.OpenDigests(t.Context(), "rly_1", noon.Add(time.Second), n)
	if err != nil || len(stored) != len(batch.Digests) {
		t.Fatalf("%d digests, %v", len(stored), err)
	}
	var closed []digest.Closed
	for _, d := range stored {
		e := event(d.ID)
		closed = append(closed, digest.Closed{ID: d.ID, Event: &e})
	}
	if err := s.CloseDigests(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	if left, err := s.OpenDigests(t.Context(), "rly_1", noon.Add(time.Second), n); err != nil || len(left) != 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
}

// crowd: 100 at once on one conversation (R1: nothing lost, doubled or reordered).
func crowd(t *testing.T, open Open) {
	const n = 100
	s := open(t)
	c := add(t, s, conversation(1, 2))
	seqs := make([]int64, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			f, err := one(t.Context(), s, message(c.ID, i%3, fmt.Sprint(i)))
			if err != nil || f.Known {
				t.Errorf("append %d: %v, %v", i, f.Known, err)
			}
			seqs[i] = f.Seq
		})
	}
	all.Wait()
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("numbers %v", seqs)
		}
	}
	messages, err := s.After(t.Context(), c.ID, 0, n+1)
	if err != nil || len(messages) != n {
		t.Errorf("%d messages, %v", len(messages), err)
	}
}

func once(t *testing.T, open Open) {
	s := open(t)
	c, d := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	first := send(t, s, message(c.ID, 1, "same"))
	other := message(c.ID, 1, "same")
	other.Text, other.At, other.Digest = "something else", noon.Add(time.Hour), "dig_2"
	if got, err := one(t.Context(), s, other); err != nil || !got.Known || got.Message != first {
		t.Errorf("the retry = %+v, %v; want the first result", got, err)
	}
	// The same name of another sender, or in another conversation, is another message.
	if got := send(t, s, message(c.ID, 2, "same")); got.Seq != 2 {
		t.Errorf("another sender: seq %d", got.Seq)
	}
	if got := send(t, s, message(d.ID, 1, "same")); got.Seq != 1 {
		t.Errorf("another conversation: seq %d", got.Seq)
	}
	if got := send(t, s, message(c.ID, 1, "next")); got.Seq != 3 {
		t.Errorf("a retry used up a number: seq %d", got.Seq)
	}
}

// nothing: a retry leaves the conversation, its place in the lists and everything else as they were (KB D5).
func nothing(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	send(t, s, message(c.ID, 1, "a"))
	send(t, s, message(c.ID, 2, "b"))
	before := whole(t, s, 1, 2)
	for _, seq := range []int64{1, 3} {
		again := message(c.ID, 1, "a")
		again.Seq, again.At = seq, noon.Add(time.Hour)
		if f, err := one(t.Context(), s, again); err != nil || !f.Known || f.Seq != 1 {
			t.Errorf("the retry: %+v, %v", f, err)
		}
		if after := whole(t, s, 1, 2); after != before {
			t.Errorf("before %s\nafter  %s", before, after)
		}
	}
}

func onceRace(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	fates := make([]room.Fate, 20)
	var all sync.WaitGroup
	for i := range fates {
		all.Go(func() {
			var err error
			if fates[i], err = one(t.Context(), s, message(c.ID, 1, "same")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	winners := 0
	for _, f := range fates {
		if !f.Known {
			winners++
		}
		if f.Message != fates[0].Message {
			t.Errorf("%+v and %+v of one message", f, fates[0])
		}
	}
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}

func paging(t *testing.T, open Open) {
	s := open(t)
	c, other := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	for i := range 12 { // each with the number that is next, as a caller knows it that missed nothing
		for _, id := range []string{c.ID, other.ID} {
			m := message(id, 1, fmt.Sprint(i))
			m.Seq = int64(i + 1)
			if got := send(t, s, m); got != m {
				t.Errorf("stored %+v, want %+v", got, m)
			}
		}
	}
	seqs := func(list []room.Message, err error) (out []int64) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Conversation != c.ID {
				t.Errorf("a message of %s", m.Conversation)
			}
			out = append(out, m.Seq)
		}
		return out
	}
	for _, want := range []struct {
		got, want []int64
	}{
		{seqs(s.Before(t.Context(), c.ID, 1<<63-1, 3)), []int64{12, 11, 10}},
		{seqs(s.Before(t.Context(), c.ID, 10, 3)), []int64{9, 8, 7}},
		{seqs(s.Before(t.Context(), c.ID, 2, 3)), []int64{1}},
		{seqs(s.Before(t.Context(), c.ID, 1, 3)), nil},
		{seqs(s.After(t.Context(), c.ID, 0, 2)), []int64{1, 2}},
		{seqs(s.After(t.Context(), c.ID, 9, 100)), []int64{10, 11, 12}},
		{seqs(s.After(t.Context(), c.ID, 12, 100)), nil},
	} {
		if !slices.Equal(want.got, want.want) {
			t.Errorf("got %v, want %v", want.got, want.want)
		}
	}
}

func reopen(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	send(t, s, message(c.ID, 1, "c1"))
	before := state(t, s, 1, 2)
	again := open(t)
	if after := state(t, again, 1, 2); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if got := send(t, again, message(c.ID, 2, "c2")); got.Seq != 2 {
		t.Errorf("seq = %d", got.Seq)
	}
	if f, err := one(t.Context(), again, message(c.ID, 1, "c1")); err != nil || !f.Known || f.Seq != 1 {
		t.Errorf("the retry: %+v, %v", f, err)
	}
}

// sequence compares random operations with plain lists.
func sequence(t *testing.T, open Open) {
	s := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	ids := []string{add(t, s, conversation(1, 2)).ID, add(t, s, conversation(1, 2)).ID}
	model := map[string][]room.Message{}
	for range 120 {
		c := ids[random.IntN(2)]
		list := model[c]
		switch random.IntN(3) {
		case 0:
			var batch room.Batch
			var want []room.Fate
			for range 1 + random.IntN(4) {
				c := ids[random.IntN(2)]
				m := message(c, random.IntN(2), fmt.Sprint(random.IntN(40)))
				m.Seq = int64(1 + random.IntN(len(model[c])+1)) // at most the next one
				batch.Entries = append(batch.Entries, room.Entry{Message: m})
				at := slices.IndexFunc(model[c], func(o room.Message) bool { return o.Sender == m.Sender && o.ClientID == m.ClientID })
				if at >= 0 {
					want = append(want, room.Fate{Message: model[c][at], Known: true})
					continue
				}
				m.Seq = int64(len(model[c]) + 1)
				model[c] = append(model[c], m)
				want = append(want, room.Fate{Message: m})
			}
			got, err := s.Append(t.Context(), batch)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("got %+v (%v), want %+v", got, err, want)
			}
		case 1:
			after, limit := random.IntN(len(list)+2), 1+random.IntN(5)
			got, err := s.After(t.Context(), c, int64(after), limit)
			want := list[min(after, len(list)):min(after+limit, len(list))]
			if err != nil || len(got) != len(want) || (len(want) > 0 && !reflect.DeepEqual(got, want)) {
				t.Fatalf("after %d: %+v (%v), want %+v", after, got, err, want)
			}
		default:
			got, err := s.Conversation(t.Context(), c)
			if err != nil || got.LastSeq != int64(len(list)) {
				t.Fatalf("last seq %d (%v), want %d", got.LastSeq, err, len(list))
			}
		}
	}
}
