package room_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/testkit"
)

// What is no message is refused before anything is asked of anybody, to the exact border (MU C01).
func TestSendRefusesWhatIsNoMessage(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	for name, text := range map[string]string{
		"one character too long": strings.Repeat("ñ", room.MaxText+1), "blank": " \n\t ", "empty": "", "no text": "a\xff",
	} {
		if err := r.Send(t.Context(), ana.draft(talk, "c", text)); !errors.Is(err, room.ErrMessageInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Send(t.Context(), ana.draft("cnv_none", "c", "hola")); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("unknown conversation: %v", err)
	}
	if err := r.Send(t.Context(), r.connect("eve").draft(talk, "c", "hola")); !errors.Is(err, room.ErrConversationNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	r.stored(talk)
	ana.send(talk, strings.Repeat("ñ", room.MaxText), "longest")
	ana.expect("accepted 1 longest")
}

// KB D1, FR A15: what is stored is answered with its number however little is left of the sender's rate, and costs
// nothing of it; a message that only looks like it does not pass.
func TestD1ReplayComesBeforeTheRate(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	for i := range 8 {
		ana.send(talk, fmt.Sprint(i))
		ana.expect(fmt.Sprintf("accepted %d %d", i+1, i))
	}
	again := r.connect("ana") // back after a cut: six of eight answers were lost
	for i := range 6 {
		again.send(talk, fmt.Sprint(i))
	}
	for i := range 2 { // and it goes on: two are left of ten
		again.send(talk, fmt.Sprint("new", i))
	}
	var answers []string
	for range 6 { // in whatever order: all of them are old
		answers = append(answers, <-again.all)
	}
	slices.Sort(answers)
	if want := []string{"accepted 1 0", "accepted 2 1", "accepted 3 2", "accepted 4 3", "accepted 5 4", "accepted 6 5"}; !slices.Equal(answers, want) {
		t.Errorf("answers %q", answers)
	}
	again.expect("accepted 9 new0", "accepted 10 new1")
	again.send(talk, "one too many")
	again.expect("refused one too many: " + room.ErrTooManyMessages.WithDetail("more messages than a person writes: again in 5 s").Error())
	for range 3 { // with nothing left
		again.send(talk, "3")
		again.expect("accepted 4 3")
	}
	again.send(talk, "another text", "3")
	again.expect("refused 3: " + room.ErrMismatch.Error())
	again.send(talk, "the one too many", "one too many")
	again.expect("refused one too many: " + room.ErrTooManyMessages.WithDetail("more messages than a person writes: again in 5 s").Error())
	r.clk.Advance(5 * time.Second)
	again.send(talk, "the one too many", "one too many")
	again.expect("accepted 11 one too many")
	for i := range 8 {
		luis.expect(fmt.Sprintf("%d %d", i+1, i))
	}
	luis.expect("9 new0", "10 new1", "11 the one too many")
	luis.nothing()
}

// MU C04: a client id names one message: the same text and the same reply, whether that one is stored or on its way.
func TestClientIDNamesOneMessage(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana, phone := r.connect("ana"), r.connect("ana")
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	phone.expect("1 one")

	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "two")
	<-entered
	phone.send(talk, "two") // the same, while it is on its way
	phone.send(talk, "other", "two")
	reply := phone.draft(talk, "two", "two")
	reply.ReplyTo = 1
	if err := r.Send(t.Context(), reply); err != nil {
		t.Fatal(err)
	}
	close(release)
	mismatch := "refused two: " + room.ErrMismatch.Error()
	ana.expect("accepted 2 two")
	phone.expect("2 two", "accepted 2 two", mismatch, mismatch)

	if err := r.Send(t.Context(), reply); err != nil {
		t.Fatal(err)
	}
	phone.expect(mismatch)
	r.stored(talk, "one", "two")
}

// KB D1: what is still on its way to the store is a replay as well: with nothing left of the rate it isn't refused for it.
func TestD1WhatIsOnItsWayComesBeforeTheRate(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1 })
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "one")
	<-entered
	time.AfterFunc(time.Millisecond, func() { close(release) })
	ana.send(talk, "one")
	ana.expect("accepted 1 one", "accepted 1 one")
	ana.send(talk, "two")
	ana.expect("refused two: " + room.ErrTooManyMessages.WithDetail("more messages than a person writes: again in 5 s").Error())
	r.stored(talk, "one")
}

// A reply names a message that is there, to the exact border.
func TestReplyNamesAMessage(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	for _, c := range []struct {
		to   int64
		want string
	}{{2, "refused to2: " + room.ErrReplyTo.Error()}, {1, "accepted 2 to1"}, {3, "refused to3: " + room.ErrReplyTo.Error()}} {
		d := ana.draft(talk, fmt.Sprint("to", c.to), "sí")
		d.ReplyTo = c.to
		if err := r.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		ana.expect(c.want)
	}
}

// R1: a message that was stored and whose answer got lost reaches those who are connected, before the next one and also
// when there is none: no hole on a live socket, whoever asks again.
func TestR1StoredAndNotPublishedIsMadeGood(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 100 })
	talk := r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	lose := func(text string) {
		t.Helper()
		r.store.plant(r.store.after, "Append", func() error { return errLost })
		ana.send(talk, text)
		ana.expect("refused " + text + ": " + errLost.Error())
	}
	lose("one") // the first since the start
	ana.send(talk, "two")
	luis.expect("1 one", "2 two")
	ana.expect("1 one", "accepted 2 two")
	lose("three")
	for range 2 { // the sender asks again: the first time it reaches the others, and only then
		ana.send(talk, "three")
		ana.expect("accepted 3 three")
	}
	luis.expect("3 three")
	luis.nothing()
	lose("four") // nobody writes any more: Run looks by itself
	luis.expect("4 four")
	r.stored(talk, "one", "two", "three", "four")
}

// R1: when what comes before a message can't be read, its sender is told nothing that would make it skip that.
func TestR1NothingIsAnsweredBehindAHole(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	r.store.plant(r.store.after, "Append", func() error { return errLost })
	luis.send(talk, "one")
	luis.expect("refused one: " + errLost.Error())
	r.store.plant(r.store.before, "After", func() error { return errLost })
	ana.send(talk, "two")
	ana.expect(fmt.Sprintf("refused two: %v: %v", room.ErrUnpublished, errLost))
	luis.nothing()
	r.Repair(t.Context()) // nobody writes any more
	luis.expect("1 one", "2 two")
	ana.expect("1 one", "2 two")
	ana.send(talk, "two")
	ana.expect("accepted 2 two")
}

// Many senders share a sync, and each gets an answer; a bad message among them is nobody else's (R3), and a panic is
// reported with where it came from.
func TestBatchSharesASyncAndNotItsFaults(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis", "eve", "mal")
	ana, luis, eve, mal := r.connect("ana"), r.connect("luis"), r.connect("eve"), r.connect("mal")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "first")
	<-entered // what comes now waits for one sync
	for i := range 5 {
		ana.send(talk, fmt.Sprint("ana", i))
		luis.send(talk, fmt.Sprint("luis", i))
	}
	close(release)
	ana.expect("accepted 1 first", "accepted 2 ana0", "3 luis0", "accepted 4 ana1", "5 luis1")
	eve.expect("1 first", "2 ana0", "3 luis0", "4 ana1", "5 luis1", "6 ana2", "7 luis2", "8 ana3", "9 luis3", "10 ana4", "11 luis4")
	if r.store.appends != 2 {
		t.Errorf("%d syncs of 11 messages", r.store.appends)
	}

	for text, want := range map[string]string{"poison": "refused poison: " + room.ErrPanicked.Error(), "bad": "refused bad: planted by a test"} {
		entered, release := make(chan struct{}), make(chan struct{})
		r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
		eve.send(talk, "before "+text)
		<-entered
		luis.send(talk, "beside "+text)
		mal.send(talk, text)
		eve.send(talk, "behind "+text)
		close(release)
		for {
			if got := <-mal.all; got == want {
				break
			}
		}
		r.clk.Advance(time.Minute)
		mal.send(talk, "after "+text)
		if err := r.SettleAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts := strings.Join(r.texts(talk), ", ")
		if !strings.HasSuffix(texts, fmt.Sprintf("before %[1]s, beside %[1]s, behind %[1]s, after %[1]s", text)) {
			t.Errorf("stored %s", texts)
		}
	}
	if got := r.panics.String(); got != ": planted by a test\nrequest of mal: planted by a test\n" {
		t.Errorf("reported %q", got)
	}
}

// clumsy is a connection that panics at the first update.
type clumsy struct {
	*socket
	fell atomic.Bool
}

func (c *clumsy) Deliver(u *room.Update) {
	if !c.fell.Swap(true) {
		panic("planted by a test")
	}
	c.socket.Deliver(u)
}

// R3: a panic behind the store, when a message is stored and not answered yet, is reported, and ends with an answer too.
func TestR3PanicBehindTheStoreIsAnswered(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	luis := r.connect("luis")
	ana := &clumsy{socket: &socket{r: r, account: "ana", all: make(chan string, 10)}}
	for _, want := range []string{"refused one: " + room.ErrPanicked.Error(), "accepted 1 one"} {
		d := ana.draft(talk, "one", "one")
		d.From = ana
		if err := r.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		ana.expect(want)
	}
	luis.expect("1 one")
	luis.nothing()
	if got := r.panics.String(); got != "request of ana: planted by a test\n" {
		t.Errorf("reported %q", got)
	}
}

// A store that doesn't answer fails the batch at once, and costs nobody anything of the rate.
func TestSilentStoreFailsTheBatch(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	for i := range 30 {
		r.store.plant(r.store.before, "Append", func() error { return room.ErrStopping })
		ana.send(talk, fmt.Sprint(i))
		ana.expect(fmt.Sprintf("refused %d: %v", i, room.ErrStopping))
	}
	if r.store.appends != 30 {
		t.Errorf("%d tries of 30 messages", r.store.appends)
	}
	ana.send(talk, "at last")
	ana.expect("accepted 1 at last")

	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "first")
	<-entered
	for i := range 5 { // of one batch
		ana.send(talk, fmt.Sprint("of five ", i))
	}
	r.store.plant(r.store.before, "Append", func() error { return room.ErrStopping })
	before := r.store.appends
	close(release)
	ana.expect("accepted 2 first")
	for i := range 5 {
		ana.expect(fmt.Sprintf("refused of five %d: %v", i, room.ErrStopping))
	}
	if r.store.appends != before+1 {
		t.Errorf("%d tries of a batch", r.store.appends-before)
	}
}

// GR G6: a message moves its conversation in the members' lists at most once a second, in a large group once a minute,
// and no more often because they come in one batch.
func TestListsMoveSeldom(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1000 })
	r.clk.Advance(-time.Hour)
	small, large := r.talk("1", "2", "3", "4", "5", "6", "7", "8"), r.talk("1", "2", "3", "4", "5", "6", "7", "8", "9")
	r.clk.Advance(time.Hour)
	one := r.connect("1")
	write := func(text string) {
		t.Helper()
		entered, release := make(chan struct{}), make(chan struct{})
		r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
		one.send(small, text+" small")
		<-entered
		one.send(large, text+" large")
		one.send(small, text+" small again")
		one.send(large, text+" large again")
		close(release)
		if err := r.SettleAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write("at noon")
	r.clk.Advance(time.Second - time.Millisecond)
	write("too soon")
	r.clk.Advance(time.Millisecond)
	write("a second later")
	r.clk.Advance(time.Minute - time.Second - time.Millisecond)
	write("nearly a minute")
	r.clk.Advance(time.Millisecond)
	write("a minute")
	want := []string{"at noon small", "at noon large", "a second later small", "nearly a minute small", "a minute large"}
	if !slices.Equal(r.store.lifts, want) {
		t.Errorf("moved by %q, want %q", r.store.lifts, want)
	}
}

// R1: a hole that another relay left, and that couldn't be read when it showed, is made good without anybody writing.
func TestR1HoleIsMadeGoodWithoutAnybodyWriting(t *testing.T) {
	a := newRelay(t, nil)
	b := relayOn(t, a.store.Store, nil)
	b.run()
	talk := a.talk("ana", "luis")
	ana, luis := a.connect("ana"), b.connect("luis")
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	luis.send(talk, "two") // no bus: a doesn't hear of it
	luis.expect("accepted 2 two")
	a.store.plant(a.store.before, "After", func() error { return errLost })
	ana.send(talk, "three")
	ana.expect(fmt.Sprintf("refused three: %v: %v", room.ErrUnpublished, errLost))
	a.store.plant(a.store.before, "After", func() error { return errLost }) // nor the first time that it is looked for again
	ana.expect("2 two", "3 three")
	testkit.Eventually(t, patience, func() (bool, string) { return a.Kept()[3] == 0, "it is looked for for ever" })
}

// What was sent before the stop is stored and answered; what comes later is refused, at once also where the rate is full.
func TestStopStoresWhatWasSent(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 100 })
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	for i := range 100 {
		ana.send(talk, fmt.Sprint(i))
	}
	<-entered
	r.cancel()
	close(release)
	for i := range 100 {
		ana.expect(fmt.Sprintf("accepted %d %d", i+1, i))
	}
	r.stop()
	luis := r.connect("luis")
	for _, who := range []*socket{ana, luis} {
		who.send(talk, "late")
		who.expect("refused late: " + room.ErrStopping.Error())
	}
}

// Rooms of two relays over one store: what one stores reaches who is connected to the other, in order, also when
// wake-ups get lost.
func TestBusBringsMessagesToOtherRelays(t *testing.T) {
	hub := bus.NewMemory()
	a := newRelay(t, func(o *room.Options) { o.Bus = hub.Join(); o.Rate.Burst = 1000 })
	b := relayOn(t, a.store.Store, func(o *room.Options) { o.Bus = hub.Join(); o.Rate.Burst = 1000 })
	b.run()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, r := range []*relay{a, b} {
		go func() { _ = r.Listen(ctx) }()
	}
	talk := a.talk("ana", "luis")
	ana, luis := a.connect("ana"), b.connect("luis")
	for i, heard := 0, false; !heard; i++ { // until the other one listens
		ana.send(talk, fmt.Sprint("hello", i))
		ana.expect(fmt.Sprintf("accepted %d hello%d", i+1, i))
		select {
		case <-luis.all:
			heard = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	other := a.talk("ana", "luis") // a room that b hasn't open
	ana.send(other, "elsewhere")
	ana.expect("accepted 1 elsewhere")
	luis.expect("1 elsewhere")
	other = a.talk("ana", "luis")
	b.store.plant(b.store.before, "Conversation", func() error { return errLost }) // which can't be read at first
	ana.send(other, "unread")
	ana.expect("accepted 1 unread")
	luis.expect("1 unread")
	n := int64(len(a.texts(talk)))
	for i := range int64(20) {
		ana.send(talk, fmt.Sprint("a", i))
		ana.expect(fmt.Sprintf("accepted %d a%d", n+2*i+1, i))
		luis.expect(fmt.Sprintf("%d a%d", n+2*i+1, i))
		luis.send(talk, fmt.Sprint("b", i))
		luis.expect(fmt.Sprintf("accepted %d b%d", n+2*i+2, i))
		ana.expect(fmt.Sprintf("%d b%d", n+2*i+2, i))
	}
	n += 41
	b.store.plant(b.store.before, "After", func() error { return errLost })
	ana.send(talk, "not read at first")
	ana.expect(fmt.Sprintf("accepted %d not read at first", n))
	luis.expect(fmt.Sprintf("%d not read at first", n))
	cancel() // wake-ups are lost from here on
	ana.send(talk, "lost")
	ana.expect(fmt.Sprintf("accepted %d lost", n+1))
	luis.send(talk, "next") // shows the hole
	luis.expect(fmt.Sprintf("%d lost", n+1), fmt.Sprintf("accepted %d next", n+2))
	a.Missed()            // as a bus says when its connection is back
	a.Repair(t.Context()) // nobody writes any more
	ana.expect(fmt.Sprintf("%d next", n+2))
}
