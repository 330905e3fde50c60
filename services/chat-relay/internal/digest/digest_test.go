package digest

import (
	"fmt"
	"testing"
	"time"

	"centinela/shared/clock"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func author(session string) Author { return Author{Account: "acc_1", Session: session} }

// A digest has bounds of time, messages and conversations, and the next message begins another.
func TestBookBounds(t *testing.T) {
	b := NewBook("rly_1")
	enter := func(session, conversation string, now time.Time) (string, *Digest) {
		t.Helper()
		id, changed := b.Enter(author(session), conversation, 5, now)
		b.Stored(Entry{Digest: id, Conversation: conversation, At: now})
		return id, changed
	}
	first, opened := enter("s", "c", noon)
	if opened == nil || opened.ID != first || opened.Owner != "rly_1" || opened.Author != author("s") || !opened.OpenedAt.Equal(noon) || opened.Rooms["c"] != 5 {
		t.Fatalf("opened %+v", opened)
	}
	if id, changed := enter("s", "c", noon.Add(Span-1)); id != first || changed != nil {
		t.Errorf("within the minute: %s, %+v", id, changed)
	}
	if other, _ := enter("t", "c", noon); other == first {
		t.Error("two sessions share a digest")
	}
	second, changed := enter("s", "c", noon.Add(Span))
	if second == first || changed == nil {
		t.Errorf("the next minute: %s, %+v", second, changed)
	}
	for i := 1; i < maxMessages; i++ {
		if id, _ := enter("s", "c", noon.Add(Span)); id != second {
			t.Fatalf("message %d begins another digest", i)
		}
	}
	third, _ := enter("s", "c", noon.Add(Span))
	if third == second {
		t.Error("a digest without a bound of messages")
	}
	for i := 1; i < maxRooms; i++ {
		if id, changed := enter("s", fmt.Sprint(i), noon.Add(Span)); id != third || changed == nil || len(changed.Rooms) != i+1 {
			t.Fatalf("conversation %d: %s, %+v", i, id, changed)
		}
	}
	if id, _ := enter("s", "one more", noon.Add(Span)); id == third {
		t.Error("a digest without a bound of conversations")
	}
	if id, _ := enter("t", "c", noon.Add(-time.Second)); id == first {
		t.Error("a clock that was set back")
	}
	if due := b.takeDue(clock.NewManual(noon.Add(Span)), false); len(due) != 5 { // s: three that were over; t: one on each side of the clock's step
		t.Errorf("%d are due", len(due))
	}
}

// After a write whose fate is unknown the digest is stored again with the next message, and its messages are counted in
// the log.
func TestBookDoubt(t *testing.T) {
	b := NewBook("rly_1")
	id, _ := b.Enter(author("s"), "c", 5, noon)
	b.Doubt(id)
	again, changed := b.Enter(author("s"), "c", 9, noon)
	if again != id || changed == nil || changed.Rooms["c"] != 5 {
		t.Errorf("after a doubt: %s, %+v", again, changed)
	}
	if due := b.takeDue(clock.NewManual(noon), true); len(due) != 0 {
		t.Errorf("due with a message on its way: %+v", due)
	}
	b.Left(again)
	due := b.takeDue(clock.NewManual(noon), false)
	if len(due) != 1 || !due[0].doubt || due[0].digest.ID != id {
		t.Fatalf("due %+v", due)
	}
	if again := b.takeDue(clock.NewManual(noon), false); len(again) != 1 {
		t.Error("gone before it is told")
	}
	b.forget(due)
	b.Left(id) // of a digest that is gone
	if again := b.takeDue(clock.NewManual(noon), true); len(again) != 0 {
		t.Errorf("still there: %+v", again)
	}
}
