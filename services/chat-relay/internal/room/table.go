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

// enter opens the conversation's room for an account that is in it: ErrConversationNotFound. Who entered leaves.
func (c *Chat) enter(ctx context.Context, account, conversation string) (*room, error) {
	r, err := c.open(ctx, conversation, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	if _, ok := slices.BinarySearch(r.roster, account); !ok {
		c.leave(r)
		return nil, ErrConversationNotFound
	}
	return r, nil
}

// open opens a room, reading it when nobody has yet; its messages after a number are still to be published. Who opened
// leaves.
func (c *Chat) open(ctx context.Context, conversation string, seq int64) (*room, error) {
	c.mu.Lock()
	r := c.rooms[conversation]
	if r == nil {
		c.evict()
		r = &room{id: conversation}
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
	if r.users--; r.users == 0 && !r.loaded.Load() {
		delete(c.rooms, r.id)
	}
}

// load reads the room once.
func (c *Chat) load(ctx context.Context, r *room, seq int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded.Load() {
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
	r.lifted = conversation.ActiveAt
	r.loaded.Store(true)

	c.mu.Lock()
	defer c.mu.Unlock()
	r.seq = min(seq, conversation.LastSeq, c.published(r.id))
	c.members += len(r.roster)
	return nil
}

// evict makes place for a room: of a few idle ones the one that wasn't used for longest goes. Rooms in use and rooms
// behind, which know up to where they were published, stay, also when that is too many. mu is held.
func (c *Chat) evict() {
	for len(c.rooms) >= c.most || c.members >= maxRosters {
		var oldest *room
		seen := 0
		for _, r := range c.rooms { // in random order
			if _, behind := c.behind[r.id]; r.users == 0 && !behind && (oldest == nil || r.used < oldest.used) {
				oldest = r
			}
			if seen++; seen >= sampled && oldest != nil {
				break
			}
		}
		if oldest == nil {
			return
		}
		delete(c.rooms, oldest.id)
		c.members -= len(oldest.roster)
	}
}
