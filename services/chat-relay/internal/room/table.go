package room

import (
	"context"
	"math"
	"slices"
)

// The bounds of the open rooms, whichever is reached first.
const (
	maxRooms   = 50_000
	maxRosters = 1_000_000 // members of all rooms
	sampled    = 8         // rooms that are looked at to find one that wasn't used for long
)

// presence is an account's connections, and the open rooms that it is in.
type presence struct {
	sockets []Subscriber
	rooms   []*room
}

// enter opens the conversation's room for an account that is in it: ErrConversationNotFound. Who entered leaves.
func (c *Chat) enter(ctx context.Context, account, conversation string) (*room, error) {
	r, err := c.open(ctx, conversation)
	if err != nil {
		return nil, err
	}
	if !r.has(account) {
		c.leave(r)
		return nil, ErrConversationNotFound
	}
	return r, nil
}

// open opens a room, reading it when nobody has yet. Who opened leaves.
func (c *Chat) open(ctx context.Context, conversation string) (*room, error) {
	return c.openAt(ctx, conversation, math.MaxInt64)
}

// openAt is open for a room whose messages after a number are still to be published.
func (c *Chat) openAt(ctx context.Context, conversation string, seq int64) (*room, error) {
	c.mu.Lock()
	r := c.rooms[conversation]
	if r == nil {
		c.evict()
		r = &room{id: conversation, flight: map[flightKey]*sending{}}
		c.rooms[conversation] = r
	}
	c.uses++
	r.used = c.uses
	r.users++
	c.mu.Unlock()
	if err := c.load(ctx, r, seq); err != nil {
		c.leave(r)
		return nil, err
	}
	return r, nil
}

// leave ends what open began. A room that couldn't be loaded is nobody's, and goes.
func (c *Chat) leave(r *room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.users--; r.users == 0 && !r.indexed && c.rooms[r.id] == r {
		delete(c.rooms, r.id)
	}
}

// load reads the room once. Who is connected is taken over in one step with the index that later connections follow, so
// that each is in the room exactly once.
func (c *Chat) load(ctx context.Context, r *room, seq int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	conversation, err := c.Rooms.Conversation(ctx, r.id)
	if err != nil {
		return err
	}
	for _, m := range conversation.Members {
		r.roster = append(r.roster, m.Account)
	}
	slices.Sort(r.roster)
	r.seq, r.lifted, r.loaded = min(seq, conversation.LastSeq), conversation.ActiveAt, true

	c.mu.Lock()
	defer c.mu.Unlock()
	for _, account := range r.roster {
		p := c.presence(account)
		p.rooms = append(p.rooms, r)
		r.subscribers = append(r.subscribers, p.sockets...)
	}
	c.members += len(r.roster)
	r.indexed = true
	return nil
}

// presence is the account's, made when there is none. mu is held.
func (c *Chat) presence(account string) *presence {
	p := c.people[account]
	if p == nil {
		p = &presence{}
		c.people[account] = p
	}
	return p
}

// evict makes place for a room: of a few idle ones the one that wasn't used for longest goes. Rooms in use stay, also
// when that is too many. mu is held.
func (c *Chat) evict() {
	for len(c.rooms) >= c.most || c.members >= maxRosters {
		var oldest *room
		seen := 0
		for _, r := range c.rooms { // in random order
			if r.users == 0 && (oldest == nil || r.used < oldest.used) {
				oldest = r
			}
			if seen++; seen >= sampled && oldest != nil {
				break
			}
		}
		if oldest == nil {
			return
		}
		c.drop(oldest)
	}
}

// drop takes a room out of everywhere. mu is held.
func (c *Chat) drop(r *room) {
	delete(c.rooms, r.id)
	if !r.indexed {
		return
	}
	c.members -= len(r.roster)
	for _, account := range r.roster {
		p := c.people[account]
		p.rooms = slices.DeleteFunc(p.rooms, func(other *room) bool { return other == r })
		c.tidy(account, p)
	}
}

// tidy forgets an account that nobody needs any more. mu is held.
func (c *Chat) tidy(account string, p *presence) {
	if len(p.sockets) == 0 && len(p.rooms) == 0 {
		delete(c.people, account)
	}
}

// Subscribe has everything for the account delivered to s until the function that it returns is called.
func (c *Chat) Subscribe(account string, s Subscriber) (unsubscribe func()) {
	c.mu.Lock()
	p := c.presence(account)
	p.sockets = append(p.sockets, s)
	rooms := slices.Clone(p.rooms)
	c.mu.Unlock()
	for _, r := range rooms {
		r.join(s)
	}
	return func() { c.unsubscribe(account, s) }
}

func (c *Chat) unsubscribe(account string, s Subscriber) {
	c.mu.Lock()
	p := c.presence(account)
	p.sockets = slices.DeleteFunc(p.sockets, func(other Subscriber) bool { return other == s })
	rooms := slices.Clone(p.rooms)
	c.tidy(account, p)
	c.mu.Unlock()
	for _, r := range rooms {
		r.leave(s)
	}
}
