package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/id"
	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// Store is what either store is.
type Store interface {
	relay.Store
	outbox.Log
}

// Open opens a store on the same data each time that it is called in one test, and closes it after the test.
type Open func(t *testing.T) Store

// Run runs every case, each on a store of its own that newStore gives.
func Run(t *testing.T, newStore func(t *testing.T) Open) {
	for name, run := range map[string]func(t *testing.T, open Open){
		"every_field_comes_back":           everyField,
		"unknown_is_not_found":             unknown,
		"direct_is_found_again":            direct,
		"direct_race_has_one_winner":       directRace,
		"newest_activity_first":            listing,
		"numbers_have_no_gap":              appending,
		"crowd_gets_contiguous_numbers":    crowd,
		"client_id_counts_once":            once,
		"client_id_race_counts_once":       onceRace,
		"pages_both_ways":                  paging,
		"events_with_their_change":         events,
		"cancelled_context_writes_nothing": cancelled,
		"reopen_keeps_everything":          reopen,
		"any_sequence_like_a_list":         sequence,
	} {
		t.Run(name, func(t *testing.T) { run(t, newStore(t)) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 7e6, time.UTC)

func event(target string) record.Event {
	e := record.New(noon, "chat-relay", record.ChatConversationCreated, record.Success, record.Origin{Address: "203.0.113.7"})
	e.Target = target
	return e
}

func report(m relay.Message) record.Event {
	e := record.New(m.At, "chat-relay", record.ChatMessageSent, record.Success, record.Origin{})
	e.Target, e.Data = m.Conversation, record.Data{"seq": fmt.Sprint(m.Seq)}
	return e
}

func account(n int) string { return fmt.Sprintf("acc_%024d", n) }

func conversation(members ...int) relay.Conversation {
	c := relay.Conversation{ID: id.New("cnv"), Kind: relay.Group, CreatedAt: noon, ActiveAt: noon, CreatedBy: account(members[0])}
	for _, n := range members {
		c.Members = append(c.Members, relay.Member{Account: account(n), UserName: fmt.Sprintf("person%d", n), AddedAt: noon})
	}
	return c
}

func message(c string, sender int, client string) relay.Message {
	return relay.Message{Conversation: c, ClientID: client, Sender: account(sender), Kind: relay.Text, Text: "hola " + client, At: noon}
}

func add(t *testing.T, s Store, c relay.Conversation) relay.Conversation {
	t.Helper()
	stored, err := s.AddConversation(t.Context(), c, event(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func send(t *testing.T, s Store, m relay.Message) relay.Message {
	t.Helper()
	stored, created, err := s.AppendMessage(t.Context(), m, report)
	if err != nil || !created {
		t.Fatalf("append: %v, created %v", err, created)
	}
	return stored
}

// filled fails on a field of v that a test forgot to set: it would not be compared.
func filled(t *testing.T, v any) {
	t.Helper()
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("%s.%s isn't set by this test", value.Type(), value.Type().Field(i).Name)
		}
	}
}

func everyField(t *testing.T, open Open) {
	s := open(t)
	c := conversation(1, 2)
	c.Title, c.DirectKey, c.LastSeq = "Título ✓", "a+b", 1
	c.ActiveAt = noon.Add(time.Second)
	filled(t, c)
	filled(t, c.Members[0])
	// A conversation begins without messages; the number is what its first message makes it.
	fresh := c
	fresh.LastSeq = 0
	if got := add(t, s, fresh); !reflect.DeepEqual(got, fresh) {
		t.Errorf("added %+v\nwant  %+v", got, fresh)
	}
	m := message(c.ID, 1, "c1")
	m.Text, m.ReplyTo, m.At = "a\x00\"ñ\n{$gt}", 7, noon.Add(time.Second)
	stored := send(t, s, m)
	m.Seq = 1
	filled(t, m)
	if stored != m {
		t.Errorf("appended %+v\nwant     %+v", stored, m)
	}
	got, err := s.Conversation(t.Context(), c.ID)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("conversation %+v (%v)\nwant         %+v", got, err, c)
	}
	list, err := s.ConversationsOf(t.Context(), account(2), relay.Position{}, 10)
	if err != nil || !reflect.DeepEqual(list, []relay.Conversation{c}) {
		t.Errorf("list %+v (%v)\nwant %+v", list, err, c)
	}
	messages, err := s.MessagesAfter(t.Context(), c.ID, 0, 10)
	if err != nil || !reflect.DeepEqual(messages, []relay.Message{m}) {
		t.Errorf("messages %+v (%v)\nwant     %+v", messages, err, m)
	}
}

func unknown(t *testing.T, open Open) {
	s := open(t)
	if _, err := s.Conversation(t.Context(), id.New("cnv")); !errors.Is(err, relay.ErrConversationNotFound) {
		t.Errorf("conversation: %v", err)
	}
	if _, _, err := s.AppendMessage(t.Context(), message(id.New("cnv"), 1, "c"), report); !errors.Is(err, relay.ErrConversationNotFound) {
		t.Errorf("append: %v", err)
	}
	list, err := s.ConversationsOf(t.Context(), account(1), relay.Position{}, 10)
	if err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
	messages, err := s.MessagesBefore(t.Context(), id.New("cnv"), 1<<63-1, 10)
	if err != nil || len(messages) != 0 {
		t.Errorf("messages: %v, %v", messages, err)
	}
	pending, err := outboxtest.Read(t.Context(), s, 10)
	if err != nil || len(pending) != 0 {
		t.Errorf("a refused append left events: %v, %v", pending, err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func direct(t *testing.T, open Open) {
	s := open(t)
	first := conversation(1, 2)
	first.Kind, first.DirectKey = relay.Direct, "1+2"
	add(t, s, first)
	again := conversation(2, 1)
	again.Kind, again.DirectKey = relay.Direct, "1+2"
	if got := add(t, s, again); !reflect.DeepEqual(got, first) {
		t.Errorf("got  %+v\nwant %+v", got, first)
	}
	if _, err := s.Conversation(t.Context(), again.ID); !errors.Is(err, relay.ErrConversationNotFound) {
		t.Errorf("the second one is there too: %v", err)
	}
	if pending, err := outboxtest.Read(t.Context(), s, 10); err != nil || len(pending) != 1 {
		t.Errorf("%d events (%v), want that of the first", len(pending), err)
	}
	for range 2 { // groups have no key and are never the same
		add(t, s, conversation(1, 2))
	}
	list, err := s.ConversationsOf(t.Context(), account(1), relay.Position{}, 10)
	if err != nil || len(list) != 3 {
		t.Errorf("%d conversations (%v), want 3", len(list), err)
	}
}

func listing(t *testing.T, open Open) {
	s := open(t)
	var all []relay.Conversation
	for i := range 7 {
		c := conversation(1, 2+i)
		c.ActiveAt = noon.Add(time.Duration(i/2) * time.Second) // pairs of the same time: the id decides
		all = append(all, add(t, s, c))
	}
	add(t, s, conversation(2, 3)) // another's
	var got []string
	behind := relay.Position{}
	for {
		page, err := s.ConversationsOf(t.Context(), account(1), behind, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range page {
			if i > 0 && (c.ActiveAt.After(page[i-1].ActiveAt) || (c.ActiveAt.Equal(page[i-1].ActiveAt) && c.ID > page[i-1].ID)) {
				t.Errorf("%s after %s", c.ID, page[i-1].ID)
			}
			got = append(got, c.ID)
		}
		if len(page) < 2 {
			break
		}
		behind = relay.Position{ActiveAt: page[1].ActiveAt, ID: page[1].ID}
		if len(got) == 2 { // what becomes active between two pages shows up at the beginning, and nothing else moves
			m := message(all[6].ID, 1, "new")
			m.At = noon.Add(time.Hour)
			send(t, s, m)
		}
	}
	seen := map[string]bool{}
	for _, c := range got {
		if seen[c] {
			t.Errorf("%s twice", c)
		}
		seen[c] = true
	}
	if len(got) != 7 {
		t.Errorf("%d of 7", len(got))
	}
	first, err := s.ConversationsOf(t.Context(), account(1), relay.Position{}, 1)
	if err != nil || first[0].ID != all[6].ID || first[0].LastSeq != 1 || !first[0].ActiveAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("the newest activity: %+v (%v)", first, err)
	}
}

func cancelled(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := conversation(1, 3)
	if _, err := s.AddConversation(ctx, other, event(other.ID)); err == nil {
		t.Error("a conversation was added")
	}
	if _, _, err := s.AppendMessage(ctx, message(c.ID, 1, "c"), report); err == nil {
		t.Error("a message was appended")
	}
	if err := s.RecordEvents(ctx, event("x")); err == nil {
		t.Error("an event was recorded")
	}
	if _, err := s.Conversation(t.Context(), other.ID); !errors.Is(err, relay.ErrConversationNotFound) {
		t.Errorf("the conversation is there: %v", err)
	}
	if messages, err := s.MessagesAfter(t.Context(), c.ID, 0, 10); err != nil || len(messages) != 0 {
		t.Errorf("messages: %v, %v", messages, err)
	}
	if pending, err := outboxtest.Read(t.Context(), s, 10); err != nil || len(pending) != 1 {
		t.Errorf("%d events, %v", len(pending), err)
	}
}

func reopen(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	send(t, s, message(c.ID, 1, "c1"))
	again := open(t)
	got := send(t, again, message(c.ID, 2, "c2"))
	if got.Seq != 2 {
		t.Errorf("seq = %d", got.Seq)
	}
	known, created, err := again.AppendMessage(t.Context(), message(c.ID, 1, "c1"), report)
	if err != nil || created || known.Seq != 1 {
		t.Errorf("the retry: %+v, %v, %v", known, created, err)
	}
	if pending, err := outboxtest.Read(t.Context(), again, 10); err != nil || len(pending) != 3 {
		t.Errorf("%d events, %v", len(pending), err)
	}
}
