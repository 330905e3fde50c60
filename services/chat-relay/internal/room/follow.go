package room

import (
	"context"
	"fmt"
	"math"
	"time"

	"centinela/services/chat-relay/internal/bus"
)

// repairEvery is how long what is stored may wait to be published after a fault.
const repairEvery = 500 * time.Millisecond

// Listen follows the other relays until ctx ends.
func (c *Chat) Listen(ctx context.Context) error {
	c.Bus.Listen(ctx, func(w bus.Wake) {
		if c.hear(ctx, w) != nil {
			c.fallBehind(w.Conversation) // repair looks again
		}
	}, c.fallAllBehind)
	return nil
}

// hear publishes what another relay stored. A room that nobody has open here begins before the number that woke it.
func (c *Chat) hear(ctx context.Context, w bus.Wake) error {
	r, err := c.openAt(ctx, w.Conversation, w.Seq-1)
	if err != nil {
		return err
	}
	defer c.leave(r)
	return c.catchUp(ctx, r, w.Seq)
}

// catchUp publishes what the store has beyond the room, up to a number.
func (c *Chat) catchUp(ctx context.Context, r *room, upTo int64) error {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	for from := r.reached(); from < upTo; {
		page, err := c.Log.After(ctx, r.id, from, MaxPage)
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].Seq > upTo {
				return nil
			}
			if !r.give(&page[i]) {
				return fmt.Errorf("conversation %s: no message before %d", r.id, page[i].Seq)
			}
			from = page[i].Seq
		}
		if len(page) < MaxPage {
			return nil
		}
	}
	return nil
}

func (r *room) give(m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.publish(m, nil)
}

// fallBehind notes that the store may have more of a conversation than was published; repair looks.
func (c *Chat) fallBehind(conversation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[conversation] = struct{}{}
}

func (c *Chat) fallAllBehind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.rooms {
		c.behind[id] = struct{}{}
	}
}

// repair publishes what was stored and not published; what can't be read now is looked for again. Rooms that aren't open
// need none: who is in them resumes.
func (c *Chat) repair(ctx context.Context) {
	for _, r := range c.takeBehind() {
		if c.catchUp(ctx, r, math.MaxInt64) != nil {
			c.fallBehind(r.id)
		}
		c.leave(r)
	}
}

func (c *Chat) takeBehind() (rooms []*room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.behind {
		if r := c.rooms[id]; r != nil && r.indexed {
			r.users++
			rooms = append(rooms, r)
		}
	}
	clear(c.behind)
	return rooms
}
