package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

func appending(t *testing.T, open Open) {
	s := open(t)
	a, b := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	for i := 1; i <= 5; i++ {
		for _, c := range []string{a.ID, b.ID} {
			if got := send(t, s, message(c, 1, fmt.Sprint(i))); got.Seq != int64(i) {
				t.Errorf("seq = %d, want %d", got.Seq, i)
			}
		}
	}
	c, err := s.Conversation(t.Context(), a.ID)
	if err != nil || c.LastSeq != 5 {
		t.Errorf("last seq = %d, %v", c.LastSeq, err)
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
			m, created, err := s.AppendMessage(t.Context(), message(c.ID, i%3, fmt.Sprint(i)), report)
			if err != nil || !created {
				t.Errorf("append %d: %v, %v", i, created, err)
			}
			seqs[i] = m.Seq
		})
	}
	all.Wait()
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("numbers %v", seqs)
		}
	}
	messages, err := s.MessagesAfter(t.Context(), c.ID, 0, n+1)
	if err != nil || len(messages) != n {
		t.Errorf("%d messages, %v", len(messages), err)
	}
}

func once(t *testing.T, open Open) {
	s := open(t)
	c, d := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	first := send(t, s, message(c.ID, 1, "same"))
	other := message(c.ID, 1, "same")
	other.Text, other.At = "something else", noon.Add(time.Hour)
	got, created, err := s.AppendMessage(t.Context(), other, report)
	if err != nil || created || got != first {
		t.Errorf("the retry = %+v, %v, %v; want the first result", got, created, err)
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
	if pending, err := outboxtest.Read(t.Context(), s, 10); err != nil || len(pending) != 6 {
		t.Errorf("%d events (%v), want 6: the retry has none", len(pending), err)
	}
}

func directRace(t *testing.T, open Open) {
	const n = 8
	s := open(t)
	got := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c := conversation(1, 2)
			c.Kind, c.DirectKey = relay.Direct, "1+2"
			stored, err := s.AddConversation(t.Context(), c, event(c.ID))
			if err != nil {
				t.Error(err)
			}
			got[i] = stored.ID
		})
	}
	all.Wait()
	for _, one := range got {
		if one != got[0] || one == "" {
			t.Fatalf("several direct conversations of one pair: %v", got)
		}
	}
	if list, err := s.ConversationsOf(t.Context(), account(1), relay.Position{}, 10); err != nil || len(list) != 1 {
		t.Errorf("%d conversations, %v", len(list), err)
	}
}

func onceRace(t *testing.T, open Open) {
	const n = 20
	s := open(t)
	c := add(t, s, conversation(1, 2))
	var winners, others sync.Map
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			m, created, err := s.AppendMessage(t.Context(), message(c.ID, 1, "same"), report)
			if err != nil {
				t.Error(err)
			}
			if created {
				winners.Store(i, m)
			}
			others.Store(m.Seq, true)
		})
	}
	all.Wait()
	if count(&winners) != 1 || count(&others) != 1 {
		t.Errorf("%d winners, %d numbers", count(&winners), count(&others))
	}
}

func count(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func paging(t *testing.T, open Open) {
	s := open(t)
	c, other := add(t, s, conversation(1, 2)), add(t, s, conversation(1, 2))
	for i := range 12 {
		send(t, s, message(c.ID, 1, fmt.Sprint(i)))
		send(t, s, message(other.ID, 1, fmt.Sprint(i)))
	}
	seqs := func(list []relay.Message, err error) (out []int64) {
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
		{seqs(s.MessagesBefore(t.Context(), c.ID, 1<<63-1, 3)), []int64{12, 11, 10}},
		{seqs(s.MessagesBefore(t.Context(), c.ID, 10, 3)), []int64{9, 8, 7}},
		{seqs(s.MessagesBefore(t.Context(), c.ID, 2, 3)), []int64{1}},
		{seqs(s.MessagesBefore(t.Context(), c.ID, 1, 3)), nil},
		{seqs(s.MessagesAfter(t.Context(), c.ID, 0, 2)), []int64{1, 2}},
		{seqs(s.MessagesAfter(t.Context(), c.ID, 9, 100)), []int64{10, 11, 12}},
		{seqs(s.MessagesAfter(t.Context(), c.ID, 12, 100)), nil},
	} {
		if !slices.Equal(want.got, want.want) {
			t.Errorf("got %v, want %v", want.got, want.want)
		}
	}
}

func events(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	m := message(c.ID, 1, "c1")
	m.At = noon.Add(time.Second)
	send(t, s, m)
	alone := record.New(noon.Add(2*time.Second), "chat-relay", record.ChatProtocolViolation, record.Refused, record.Origin{Address: "203.0.113.7"})
	alone.Data = record.Data{"fault": "unknown_type"}
	if err := s.RecordEvents(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	pending, err := outboxtest.Read(t.Context(), s, 10)
	if err != nil || len(pending) != 3 {
		t.Fatalf("%d events, %v", len(pending), err)
	}
	if got := pending[2]; !reflect.DeepEqual(normal(got), normal(alone)) {
		t.Errorf("event %+v\nwant  %+v", got, alone)
	}
	if pending[1].Data["seq"] != "1" || pending[1].Target != c.ID || pending[0].Target != c.ID {
		t.Errorf("events %+v", pending)
	}
	if one, err := outboxtest.Read(t.Context(), s, 1); err != nil || len(one) != 1 || one[0].ID != pending[0].ID {
		t.Errorf("the oldest: %+v, %v", one, err)
	}
	outboxtest.Ship(t, s, 2)
	if left, err := outboxtest.Read(t.Context(), s, 10); err != nil || len(left) != 1 || left[0].ID != pending[2].ID {
		t.Errorf("left %+v, %v", left, err)
	}
}

func normal(e record.Event) record.Event {
	e.Time = e.Time.UTC()
	return e
}

// sequence compares random operations with plain lists.
func sequence(t *testing.T, open Open) {
	s := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	ids := []string{add(t, s, conversation(1, 2)).ID, add(t, s, conversation(1, 2)).ID}
	model := map[string][]relay.Message{}
	for range 120 {
		c := ids[random.IntN(2)]
		list := model[c]
		switch random.IntN(3) {
		case 0:
			m := message(c, random.IntN(2), fmt.Sprint(random.IntN(40)))
			at := slices.IndexFunc(list, func(o relay.Message) bool { return o.Sender == m.Sender && o.ClientID == m.ClientID })
			got, created, err := s.AppendMessage(t.Context(), m, report)
			if err != nil || created != (at < 0) {
				t.Fatalf("append: %v, %v", created, err)
			}
			if created {
				m.Seq = int64(len(list) + 1)
				model[c] = append(list, m)
			} else {
				m = list[at]
			}
			if got != m {
				t.Fatalf("got %+v, want %+v", got, m)
			}
		case 1:
			after, limit := random.IntN(len(list)+2), 1+random.IntN(5)
			got, err := s.MessagesAfter(t.Context(), c, int64(after), limit)
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
