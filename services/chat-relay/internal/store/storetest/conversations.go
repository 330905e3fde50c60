package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/id"
)

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
	filled(t, m)
	if stored := send(t, s, m); stored != m {
		t.Errorf("appended %+v\nwant     %+v", stored, m)
	}
	got, err := s.Conversation(t.Context(), c.ID)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("conversation %+v (%v)\nwant         %+v", got, err, c)
	}
	list, err := s.Of(t.Context(), account(2), room.Position{}, 10)
	if err != nil || !reflect.DeepEqual(list, []room.Conversation{c}) {
		t.Errorf("list %+v (%v)\nwant %+v", list, err, c)
	}
	messages, err := s.After(t.Context(), c.ID, 0, 10)
	if err != nil || !reflect.DeepEqual(messages, []room.Message{m}) {
		t.Errorf("messages %+v (%v)\nwant     %+v", messages, err, m)
	}
	if found, ok, err := s.Find(t.Context(), c.ID, account(1), "c1"); err != nil || !ok || found != m {
		t.Errorf("found %+v, %v (%v)\nwant %+v", found, ok, err, m)
	}
	d := openDigest("dig_1", noon)
	filled(t, d)
	filled(t, d.Author)
	filled(t, d.Author.Origin)
	if _, err := s.Append(t.Context(), room.Batch{Digests: []digest.Digest{d}}); err != nil {
		t.Fatal(err)
	}
	if digests, err := s.OpenDigests(t.Context(), "rly_1", noon.Add(time.Millisecond), 10); err != nil || !reflect.DeepEqual(digests, []digest.Digest{d}) {
		t.Errorf("digests %+v (%v)\nwant    %+v", digests, err, d)
	}
}

func unknown(t *testing.T, open Open) {
	s := open(t)
	if _, err := s.Conversation(t.Context(), id.New("cnv")); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("conversation: %v", err)
	}
	if _, err := one(t.Context(), s, message(id.New("cnv"), 1, "c")); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("append: %v", err)
	}
	list, err := s.Of(t.Context(), account(1), room.Position{}, 10)
	if err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
	messages, err := s.Before(t.Context(), id.New("cnv"), 1<<63-1, 10)
	if err != nil || len(messages) != 0 {
		t.Errorf("messages: %v, %v", messages, err)
	}
	c := add(t, s, conversation(1, 2))
	send(t, s, message(c.ID, 1, "c"))
	for _, other := range [][3]string{{c.ID, account(1), "d"}, {c.ID, account(2), "c"}, {id.New("cnv"), account(1), "c"}} {
		if m, ok, err := s.Find(t.Context(), other[0], other[1], other[2]); err != nil || ok {
			t.Errorf("found %+v, %v", m, err)
		}
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func direct(t *testing.T, open Open) {
	s := open(t)
	first := conversation(1, 2)
	first.Kind, first.DirectKey = room.Direct, "1+2"
	add(t, s, first)
	before := whole(t, s, 1, 2)
	again := conversation(2, 1)
	again.Kind, again.DirectKey = room.Direct, "1+2"
	if got := add(t, s, again); !reflect.DeepEqual(got, first) {
		t.Errorf("got  %+v\nwant %+v", got, first)
	}
	if _, err := s.Conversation(t.Context(), again.ID); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("the second one is there too: %v", err)
	}
	if after := whole(t, s, 1, 2); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	for range 2 { // groups have no key and are never the same
		add(t, s, conversation(1, 2))
	}
	list, err := s.Of(t.Context(), account(1), room.Position{}, 10)
	if err != nil || len(list) != 3 {
		t.Errorf("%d conversations (%v), want 3", len(list), err)
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
			c.Kind, c.DirectKey = room.Direct, "1+2"
			stored, err := s.Create(t.Context(), c, event(c.ID))
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
	if list, err := s.Of(t.Context(), account(1), room.Position{}, 10); err != nil || len(list) != 1 {
		t.Errorf("%d conversations, %v", len(list), err)
	}
}

func listing(t *testing.T, open Open) {
	s := open(t)
	var all []room.Conversation
	for i := range 7 {
		c := conversation(1, 2+i)
		c.ActiveAt = noon.Add(time.Duration(i/2) * time.Second) // pairs of the same time: the id decides
		all = append(all, add(t, s, c))
	}
	add(t, s, conversation(2, 3)) // another's
	var got []string
	behind := room.Position{}
	for {
		page, err := s.Of(t.Context(), account(1), behind, 2)
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
		behind = room.Position{ActiveAt: page[1].ActiveAt, ID: page[1].ID}
		if len(got) == 2 { // what becomes active between two pages shows up at the beginning, and nothing else moves
			m := message(all[6].ID, 1, "new")
			m.At = noon.Add(time.Hour)
			send(t, s, m)
		}
	}
	if slices.Sort(got); len(slices.Compact(slices.Clone(got))) != 7 || len(got) != 7 {
		t.Errorf("not each of 7 once: %v", got)
	}
	first, err := s.Of(t.Context(), account(1), room.Position{}, 1)
	if err != nil || first[0].ID != all[6].ID || first[0].LastSeq != 1 || !first[0].ActiveAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("the newest activity: %+v (%v)", first, err)
	}
}

// lifting: a message moves the conversation in its members' lists only where it says so, and never back (G6).
func lifting(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	for i, step := range []struct {
		after time.Duration
		lift  bool
		want  time.Duration
	}{{time.Hour, false, 0}, {2 * time.Hour, true, 2 * time.Hour}, {3 * time.Hour, false, 2 * time.Hour}, {time.Hour, true, 2 * time.Hour}} {
		m := message(c.ID, 1, string(rune('a'+i)))
		m.Seq, m.At = int64(i+1), noon.Add(step.after)
		if _, err := s.Append(t.Context(), room.Batch{Entries: []room.Entry{{Message: m, Lift: step.lift}}}); err != nil {
			t.Fatal(err)
		}
		one, err := s.Conversation(t.Context(), c.ID)
		if err != nil || !one.ActiveAt.Equal(noon.Add(step.want)) || one.LastSeq != m.Seq {
			t.Errorf("step %d: %+v (%v)", i, one, err)
		}
		list, err := s.Of(t.Context(), account(2), room.Position{}, 10)
		if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], one) {
			t.Errorf("step %d: the list has %+v (%v), the conversation is %+v", i, list, err, one)
		}
	}
}

func cancelled(t *testing.T, open Open) {
	s := open(t)
	c := add(t, s, conversation(1, 2))
	before := whole(t, s, 1, 2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := conversation(1, 3)
	if _, err := s.Create(ctx, other, event(other.ID)); err == nil {
		t.Error("a conversation was added")
	}
	if _, err := s.Append(ctx, room.Batch{Entries: []room.Entry{{Message: message(c.ID, 1, "c")}}, Digests: []digest.Digest{openDigest("dig_1", noon)}}); err == nil {
		t.Error("a message was appended")
	}
	if err := s.Record(ctx, event("x")); err == nil {
		t.Error("an event was recorded")
	}
	if err := s.CloseDigests(ctx, []digest.Closed{{ID: "dig_1"}}); err == nil {
		t.Error("a digest was closed")
	}
	if _, err := s.Conversation(t.Context(), other.ID); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("the conversation is there: %v", err)
	}
	if after := whole(t, s, 1, 2, 3); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}
