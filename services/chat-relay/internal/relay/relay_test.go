package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"centinela/shared/clock"
	"centinela/shared/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The chat rate rule of design: audit: ten at once, one more each five seconds, to the millisecond.
func TestLimiter(t *testing.T) {
	l := newLimiter(Rate{Burst: 10, Leak: 5 * time.Second})
	for i := range 10 {
		if wait := l.take("a", noon); wait != 0 {
			t.Fatalf("message %d waits %s", i, wait)
		}
	}
	if wait := l.take("a", noon); wait != 5*time.Second {
		t.Errorf("the eleventh waits %s", wait)
	}
	if wait := l.take("b", noon); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	if wait := l.take("a", noon.Add(5*time.Second-time.Millisecond)); wait != time.Millisecond {
		t.Errorf("a millisecond early: %s", wait)
	}
	if wait := l.take("a", noon.Add(5*time.Second)); wait != 0 {
		t.Errorf("in time: %s", wait)
	}
	for i := range 10 {
		if wait := l.take("a", noon.Add(time.Hour)); wait != 0 {
			t.Errorf("message %d after a pause waits %s", i, wait)
		}
	}
}

// R1: a message that was stored and whose answer got lost (the commit took too long) reaches those who are connected
// before the next one: no hole on a live socket.
func TestR1StoredAndNotPublishedIsMadeGood(t *testing.T) {
	s := &memory{conversation: Conversation{ID: "cnv", Members: []Member{{Account: "ana"}, {Account: "luis"}}}}
	r := New(Options{Store: s, Codec: textCodec{}, Clock: clock.NewManual(noon), Rate: Rate{Burst: 100, Leak: time.Second}, Kick: func() {}})
	var got inbox
	defer r.Subscribe("luis", &got)()
	send := func(text string) error {
		_, err := r.Send(context.Background(), Draft{Conversation: "cnv", Account: "ana", ClientID: text, Text: text})
		return err
	}
	if err := send("one"); err != nil {
		t.Fatal(err)
	}
	s.loseAnswer = true
	if err := send("two"); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if err := send("three"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 one", "2 two", "3 three"}; !slices.Equal(got.frames, want) {
		t.Errorf("got %v, want %v", got.frames, want)
	}
	s.loseAnswer = true
	if err := send("four"); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	for range 2 { // the sender asks again: the first time it reaches the others, and only then
		if err := send("four"); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"1 one", "2 two", "3 three", "4 four"}; !slices.Equal(got.frames, want) {
		t.Errorf("got %v, want %v", got.frames, want)
	}
}

// R1: the same for the first message since the start, before which nothing was published.
func TestR1FirstOneStoredAndNotPublishedIsMadeGood(t *testing.T) {
	s := &memory{conversation: Conversation{ID: "cnv", LastSeq: 1, Members: []Member{{Account: "ana"}, {Account: "luis"}}}}
	s.messages = []Message{{Conversation: "cnv", Seq: 1, Text: "before the start", ClientID: "old", Sender: "ana"}}
	r := New(Options{Store: s, Codec: textCodec{}, Clock: clock.NewManual(noon), Rate: Rate{Burst: 100, Leak: time.Second}, Kick: func() {}})
	var got inbox
	defer r.Subscribe("luis", &got)()
	s.loseAnswer = true
	for _, text := range []string{"two", "three"} {
		if _, err := r.Send(context.Background(), Draft{Conversation: "cnv", Account: "ana", ClientID: text, Text: text}); err != nil && !errors.Is(err, errLost) {
			t.Fatal(err)
		}
	}
	if want := []string{"2 two", "3 three"}; !slices.Equal(got.frames, want) {
		t.Errorf("got %v, want %v", got.frames, want)
	}
}

var errLost = errors.New("the answer got lost")

// memory is the part of a store that Send needs.
type memory struct {
	Store
	conversation Conversation
	messages     []Message
	loseAnswer   bool
}

func (s *memory) Conversation(context.Context, string) (Conversation, error) {
	return s.conversation, nil
}

func (s *memory) AppendMessage(_ context.Context, m Message, report func(Message) record.Event) (Message, bool, error) {
	for _, known := range s.messages {
		if known.ClientID == m.ClientID {
			return known, false, nil
		}
	}
	m.Seq = int64(len(s.messages) + 1)
	s.messages = append(s.messages, m)
	report(m)
	if s.loseAnswer {
		s.loseAnswer = false
		return Message{}, false, errLost
	}
	return m, true, nil
}

func (s *memory) MessagesAfter(_ context.Context, _ string, after int64, limit int) ([]Message, error) {
	return s.messages[after:min(int(after)+limit, len(s.messages))], nil
}

type textCodec struct{}

func (textCodec) Message(m Message) ([]byte, error) {
	return fmt.Appendf(nil, "%d %s", m.Seq, m.Text), nil
}
func (textCodec) Accepted(Message) ([]byte, error)      { return nil, nil }
func (textCodec) Typing(string, string) ([]byte, error) { return nil, nil }

type inbox struct{ frames []string }

func (i *inbox) Deliver(d Delivery) { i.frames = append(i.frames, string(d.Frame)) }
