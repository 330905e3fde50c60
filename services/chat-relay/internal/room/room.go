package room

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// typingPause is between two signs that one person writes in one conversation.
const typingPause = 3 * time.Second

// room is an open conversation. The lock is never held over a write, nor over a read but the first.
type room struct {
	id     string
	loaded atomic.Bool

	// users and used are the table's: Chat.mu.
	users int // who works with it; it isn't evicted meanwhile
	used  int64

	roster []string  // accounts, sorted; set once
	lifted time.Time // where its members' lists have it; once it is loaded, of Run only

	mu     sync.Mutex
	seq    int64 // the newest number that subscribers were given
	typing map[string]time.Time
}

// reached is the newest number that subscribers were given.
func (r *room) reached() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// publish gives m to all, as accepted to its sender, if it is the next one: false when numbers are missing before it. One
// that was published already reaches its sender only. Without a sender it is another relay's, or one that was refused.
func (c *Chat) publish(r *room, m *Message, sender Subscriber) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Seq > r.seq+1 {
		return false
	}
	if m.Seq > r.seq {
		r.seq = m.Seq
		c.crowd.tell(r.roster, &Update{Message: m}, sender)
	}
	if sender != nil {
		sender.Deliver(&Update{Accepted: m})
	}
	return true
}

// Typing tells the others that the account is writing; more than one in 3 s is dropped: ErrConversationNotFound.
func (c *Chat) Typing(ctx context.Context, account, conversation string, from Subscriber) error {
	r, err := c.enter(ctx, account, conversation)
	if err != nil {
		return err
	}
	defer c.leave(r)
	now := c.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.typing[account]; ok && now.Sub(last) < typingPause && !now.Before(last) {
		return nil
	}
	if r.typing == nil {
		r.typing = map[string]time.Time{}
	}
	r.typing[account] = now
	c.crowd.tell(r.roster, &Update{Typing: &Typing{Conversation: r.id, Account: account}}, from)
	return nil
}

// crowd is the connections by account.
type crowd struct {
	mu      sync.RWMutex
	sockets map[string][]Subscriber
}

// tell delivers to all connections of the accounts, except one.
func (o *crowd) tell(accounts []string, u *Update, except Subscriber) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, account := range accounts {
		for _, s := range o.sockets[account] {
			if s != except {
				s.Deliver(u)
			}
		}
	}
}

// Subscribe has everything for the account delivered to s until the function that it returns is called.
func (c *Chat) Subscribe(account string, s Subscriber) (unsubscribe func()) {
	c.crowd.mu.Lock()
	defer c.crowd.mu.Unlock()
	c.crowd.sockets[account] = append(c.crowd.sockets[account], s)
	return func() {
		c.crowd.mu.Lock()
		defer c.crowd.mu.Unlock()
		left := slices.DeleteFunc(c.crowd.sockets[account], func(other Subscriber) bool { return other == s })
		c.crowd.sockets[account] = left
		if len(left) == 0 {
			delete(c.crowd.sockets, account)
		}
	}
}
