package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// R7.3: what the rules need of a minute, counted by hand.
func TestSummarize(t *testing.T) {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds*1000) * time.Millisecond) }
	got := Summarize([]Entry{
		{Conversation: "cnv_b", Seq: 7, Length: 4, At: at(9)}, {Conversation: "cnv_a", Seq: 11, Length: 1, At: at(3)}, {Conversation: "cnv_a", Seq: 10, Length: 10, At: at(1)}, {Conversation: "cnv_a", Seq: 12, Length: 5, At: at(6)},
	})
	hash := sha256.Sum256([]byte("cnv_a/10\ncnv_a/11\ncnv_a/12\ncnv_b/7\n"))
	if got.Messages != 4 || !got.From.Equal(at(1)) || !got.To.Equal(at(9)) || got.Identities != hex.EncodeToString(hash[:]) {
		t.Errorf("got %+v", got)
	}
	if want := []Room{{"cnv_a", 3, 10, 12}, {"cnv_b", 1, 7, 7}}; !reflect.DeepEqual(got.Rooms, want) {
		t.Errorf("rooms %+v, want %+v", got.Rooms, want)
	}
	if l := got.Lengths; l.Count != 4 || l.Min != 1 || l.Max != 10 || l.Mean != 5 || math.Abs(l.CV-math.Sqrt(10.5)/5) > 1e-9 {
		t.Errorf("lengths %+v", l)
	}
	// 2, 3 and 3 seconds: the mean is 8/3, the deviation √(2/9).
	if g := got.Gaps; g.Count != 3 || g.Min != 2000 || g.Max != 3000 || math.Abs(g.Mean-8000.0/3) > 1e-9 || math.Abs(g.CV-math.Sqrt(2.0/9)/(8.0/3)) > 1e-9 {
		t.Errorf("gaps %+v", g)
	}
	one := Summarize([]Entry{{Conversation: "c", Seq: 1, Length: 2, At: noon}})
	if one.Gaps != (Spread{}) || one.Lengths.CV != 0 || one.Messages != 1 {
		t.Errorf("one message: %+v", one)
	}
	even := Summarize([]Entry{{Conversation: "c", Seq: 1, Length: 2, At: at(1)}, {Conversation: "c", Seq: 2, Length: 2, At: at(2)}, {Conversation: "c", Seq: 3, Length: 2, At: at(3)}})
	if even.Gaps.CV != 0 || even.Gaps.Mean != 1000 {
		t.Errorf("a machine's gaps: %+v", even.Gaps)
	}
	same := Summarize([]Entry{{Conversation: "c", Seq: 1, Length: 2, At: noon}, {Conversation: "c", Seq: 2, Length: 2, At: noon}})
	if same.Gaps.CV != 0 || same.Gaps.Mean != 0 || same.Gaps.Count != 1 {
		t.Errorf("at once: %+v", same.Gaps)
	}
}

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
	if due := b.takeDue(noon.Add(Span), false); len(due) != 5 { // s: three that were over; t: one on each side of the clock's step
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
	if due := b.takeDue(noon, true); len(due) != 0 {
		t.Errorf("due with a message on its way: %+v", due)
	}
	b.Left(again)
	due := b.takeDue(noon, false)
	if len(due) != 1 || !due[0].doubt || due[0].digest.ID != id {
		t.Fatalf("due %+v", due)
	}
	if again := b.takeDue(noon, false); len(again) != 1 {
		t.Error("gone before it is told")
	}
	b.forget(due)
	b.Left(id) // of a digest that is gone
	if again := b.takeDue(noon, true); len(again) != 0 {
		t.Errorf("still there: %+v", again)
	}
}
