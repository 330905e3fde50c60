package room_test

import (
	"errors"
	"fmt"
	"testing"

	"centinela/services/chat-relay/internal/room"
)

// Rooms are bounded and evicted whole, and who is connected gets everything once all the same.
func TestRoomsAreEvictedWhole(t *testing.T) {
	r := newRelay(t, func(o *room.Options) { o.Rate.Burst = 1000 })
	r.Limit(4)
	ana, luis := r.connect("ana"), r.connect("luis")
	talks := make([]string, 10)
	for i := range talks {
		talks[i] = r.talk("ana", "luis", fmt.Sprint("other", i))
	}
	for round := range 3 {
		for i, talk := range talks {
			ana.send(talk, fmt.Sprintf("%d.%d", round, i))
			ana.expect(fmt.Sprintf("accepted %d %d.%d", round+1, round, i))
			luis.expect(fmt.Sprintf("%d %d.%d", round+1, round, i))
			if kept := r.Kept(); kept[0] > 4 || kept[1] != 3*kept[0] || kept[2] != 2 {
				t.Fatalf("kept %v", kept)
			}
		}
	}
	late := r.connect("luis")
	for i, talk := range talks { // open ones and evicted ones
		ana.send(talk, fmt.Sprint("late", i))
		late.expect(fmt.Sprintf("4 late%d", i))
		luis.expect(fmt.Sprintf("4 late%d", i))
	}
	late.nothing()
	luis.nothing()
}

// The room that was used last stays, however many others are opened: it isn't read anew.
func TestRoomsUsedLastStay(t *testing.T) {
	r := newRelay(t, nil)
	r.Limit(4)
	ana := r.connect("ana")
	open := func(talk string) {
		t.Helper()
		if err := r.Typing(t.Context(), "ana", talk, ana); err != nil {
			t.Fatal(err)
		}
	}
	used := r.talk("ana")
	open(used)
	for range 30 {
		open(r.talk("ana"))
		r.store.plant(r.store.before, "Conversation", func() error { return errLost })
		open(used)
		r.store.plant(r.store.before, "Conversation", nil)
	}
}

// A room with a message on its way stays, whatever else is opened: there are never two of one conversation.
func TestRoomInUseIsNotEvicted(t *testing.T) {
	r := newRelay(t, nil)
	r.Limit(1)
	talk := r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	entered, release := make(chan struct{}), make(chan struct{})
	r.store.plant(r.store.before, "Append", func() error { close(entered); <-release; return nil })
	ana.send(talk, "one")
	<-entered
	for range 3 {
		if err := r.Typing(t.Context(), "ana", r.talk("ana", "eve"), ana); err != nil {
			t.Fatal(err)
		}
		if kept := r.Kept(); kept[0] != 2 {
			t.Errorf("%d rooms with one of them in use", kept[0])
		}
	}
	ana.send(talk, "two")
	close(release)
	ana.expect("accepted 1 one", "accepted 2 two")
	luis.expect("1 one", "2 two")
}

// R1: a room of which something is stored and not published stays, whatever else is opened: a fresh one would begin after it.
func TestR1RoomBehindIsNotEvicted(t *testing.T) {
	r := newRelay(t, nil)
	r.Limit(1)
	talk := r.talk("ana", "luis")
	ana, luis := r.connect("ana"), r.connect("luis")
	r.store.plant(r.store.after, "Append", func() error { return errLost })
	ana.send(talk, "stored")
	ana.expect("refused stored: " + errLost.Error())
	for range 3 {
		if err := r.Typing(t.Context(), "ana", r.talk("ana", "eve"), ana); err != nil {
			t.Fatal(err)
		}
	}
	ana.expect("1 stored")
	luis.expect("1 stored")
}

// An id that is nobody's, or not one's own, leaves no room behind.
func TestUnknownRoomsAreNotKept(t *testing.T) {
	r := newRelay(t, nil)
	eve := r.connect("eve")
	for i := range 100 {
		if err := r.Typing(t.Context(), "eve", fmt.Sprint("cnv_", i), eve); !errors.Is(err, room.ErrConversationNotFound) {
			t.Fatal(err)
		}
	}
	if kept := r.Kept(); kept != [4]int{0, 0, 1, 0} {
		t.Errorf("kept %v", kept)
	}
}

// Who leaves is out of every room at once, and an account without sockets is forgotten.
func TestUnsubscribeLeavesNothing(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana := r.connect("ana")
	gone := &socket{r: r, account: "luis", all: make(chan string, 10)}
	leave := r.Subscribe("luis", gone)
	ana.send(talk, "one")
	ana.expect("accepted 1 one")
	gone.expect("1 one")
	leave()
	ana.send(talk, "two")
	ana.expect("accepted 2 two")
	gone.nothing()
	r.Subscribe("nobody", gone)()
	if kept := r.Kept(); kept != [4]int{1, 2, 1, 0} {
		t.Errorf("kept %v", kept)
	}
}

// Typing reaches the others, and not oneself.
func TestTypingReachesTheOthers(t *testing.T) {
	r := newRelay(t, nil)
	talk := r.talk("ana", "luis")
	ana, phone, luis := r.connect("ana"), r.connect("ana"), r.connect("luis")
	for range 2 {
		if err := r.Typing(t.Context(), "ana", talk, ana); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Typing(t.Context(), "luis", talk, luis); err != nil {
		t.Fatal(err)
	}
	ana.expect("typing luis")
	phone.expect("typing ana", "typing luis")
	luis.expect("typing ana")
	ana.nothing()
	luis.nothing()
}
