package storetest

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/id"
	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// Store is what the suite needs of a store.
type Store interface {
	room.Log
	room.Rooms
	digest.Store
	Record(ctx context.Context, events ...record.Event) error
	Outbox() outbox.Log
	Ready(ctx context.Context) error
	Close(ctx context.Context) error
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
		"only_a_lift_moves_up":             lifting,
		"a_stale_number_is_corrected":      stale,
		"a_batch_is_stored_in_its_order":   batches,
		"crowd_gets_contiguous_numbers":    crowd,
		"client_id_counts_once":            once,
		"client_id_race_counts_once":       onceRace,
		"a_retry_changes_nothing":          nothing,
		"numbers_without_a_gap_both_ways":  paging,
		"digests_end_with_their_event":     digests,
		"digest_is_closed_once":            closeRace,
		"a_full_batch":                     full,
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

func account(n int) string { return fmt.Sprintf("acc_%024d", n) }

func conversation(members ...int) room.Conversation {
	c := room.Conversation{ID: id.New("cnv"), Kind: room.Group, CreatedAt: noon, ActiveAt: noon, CreatedBy: account(members[0])}
	for _, n := range members {
		c.Members = append(c.Members, room.Member{Account: account(n), UserName: fmt.Sprintf("person%d", n), AddedAt: noon})
	}
	return c
}

func message(c string, sender int, client string) room.Message {
	return room.Message{Conversation: c, Seq: 1, ClientID: client, Sender: account(sender), Kind: room.Text, Text: "hola " + client, Digest: "dig_1", At: noon}
}

func add(t *testing.T, s Store, c room.Conversation) room.Conversation {
	t.Helper()
	stored, err := s.Create(t.Context(), c, event(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// one appends a batch of one.
func one(ctx context.Context, s Store, m room.Message) (room.Fate, error) {
	fates, err := s.Append(ctx, room.Batch{Entries: []room.Entry{{Message: m, Lift: true}}})
	if err != nil {
		return room.Fate{}, err
	}
	if len(fates) != 1 {
		return room.Fate{}, fmt.Errorf("%d fates of one message", len(fates))
	}
	return fates[0], nil
}

func send(t *testing.T, s Store, m room.Message) room.Message {
	t.Helper()
	f, err := one(t.Context(), s, m)
	if err != nil || f.Known {
		t.Fatalf("append: %v, known %v", err, f.Known)
	}
	return f.Message
}

// whole is everything that a store holds, as far as anybody can see it: a no-op leaves it as it was.
func whole(t *testing.T, s Store, accounts ...int) string {
	t.Helper()
	pending, err := outboxtest.Read(t.Context(), s.Outbox(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s%+v", state(t, s, accounts...), pending)
}

// state is whole without the events, which one process at a time reads.
func state(t *testing.T, s Store, accounts ...int) (text string) {
	t.Helper()
	note := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("%+v\n", v)
	}
	for _, n := range accounts {
		list, err := s.Of(t.Context(), account(n), room.Position{}, 1000)
		note(list, err)
		for _, c := range list {
			c, err := s.Conversation(t.Context(), c.ID)
			note(c, err)
			messages, err := s.After(t.Context(), c.ID, 0, 1000)
			note(messages, err)
		}
	}
	open, err := s.OpenDigests(t.Context(), "", noon.AddDate(1, 0, 0), 1000)
	note(open, err)
	return text
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

func openDigest(name string, at time.Time) digest.Digest {
	return digest.Digest{
		ID: name, Owner: "rly_1", OpenedAt: at, Rooms: map[string]int64{"cnv_1": 3},
		Author: digest.Author{Account: account(1), Session: "ses_1", Origin: record.Origin{Address: "203.0.113.7", UserAgent: "ua", RequestID: "r", Device: "d"}},
	}
}
