package room

import (
	"slices"
	"sync"
	"time"
)

// typingPause is between two signs that one person writes in one conversation.
const typingPause = 3 * time.Second

// room is an open conversation. The lock is never held over a write, nor over a read but the first.
type room struct {
	id string

	// users, used and indexed are the table's: Chat.mu.
	users   int // who works with it; it isn't evicted meanwhile
	used    int64
	indexed bool

	mu          sync.Mutex
	loaded      bool
	roster      []string // accounts, sorted; set once
	seq         int64    // the newest number that subscribers were given
	lifted      time.Time
	subscribers []Subscriber
	typing      map[string]time.Time
	flight      map[flightKey]*sending // messages on their way to the store
}

// flightKey is what makes a message the same as another one of the room.
type flightKey struct{ sender, clientID string }

// has reports whether the account is a member. The room is loaded.
func (r *room) has(account string) bool {
	_, ok := slices.BinarySearch(r.roster, account)
	return ok
}

func (r *room) join(s Subscriber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribers = append(r.subscribers, s)
}

func (r *room) leave(s Subscriber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribers = slices.DeleteFunc(r.subscribers, func(other Subscriber) bool { return other == s })
}

// reached is the newest number that subscribers were given.
func (r *room) reached() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// publish gives m to all, as accepted to its senders, if it is the next one: false when numbers are missing before it.
// One that was published already reaches its senders only. mu is held.
func (r *room) publish(m *Message, senders []Subscriber) bool {
	if m.Seq > r.seq+1 {
		return false
	}
	accepted := &Update{Accepted: m}
	if m.Seq <= r.seq {
		for _, s := range senders {
			s.Deliver(accepted)
		}
		return true
	}
	r.seq = m.Seq
	message := &Update{Message: m}
	for _, s := range r.subscribers {
		if !slices.Contains(senders, s) {
			s.Deliver(message)
		}
	}
	for _, s := range senders {
		s.Deliver(accepted)
	}
	return true
}

// types tells the others that the account writes, if it is time for that.
func (r *room) types(account string, from Subscriber, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.typing[account]; ok && now.Sub(last) < typingPause && !now.Before(last) {
		return
	}
	if r.typing == nil {
		r.typing = map[string]time.Time{}
	}
	r.typing[account] = now
	u := &Update{Typing: &Typing{Conversation: r.id, Account: account}}
	for _, s := range r.subscribers {
		if s != from {
			s.Deliver(u)
		}
	}
}
