package room

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"centinela/services/chat-relay/internal/bus"
)

// repairEvery is how long what is stored may wait to be published after a fault.
const repairEvery = 500 * time.Millisecond

// Listen follows the other relays until ctx ends.
func (c *Chat) Listen(ctx context.Context) error {
	c.Bus.Listen(ctx, func(w bus.Wake) { c.hear(ctx, w.Conversation, w.Seq) }, c.fallAllBehind)
	return nil
}

// hear publishes what is stored up to a number, and all that is stored of a conversation that is behind. A room that
// nobody has open here begins before the number; one that can't be read falls behind there.
func (c *Chat) hear(ctx context.Context, conversation string, upTo int64) {
	r, err := c.open(ctx, conversation, upTo-1)
	if errors.Is(err, ErrConversationNotFound) {
		return
	}
	if err != nil {
		c.fallBehind(conversation, upTo-1)
		return
	}
	defer c.leave(r)
	if c.tookBehind(conversation) {
		upTo = math.MaxInt64
	}
	if c.catchUp(ctx, r, upTo) != nil {
		c.fallBehind(conversation, r.reached())
	}
}

// catchUp publishes what the store has beyond the room, up to a number.
func (c *Chat) catchUp(ctx context.Context, r *room, upTo int64) error {
	from := r.reached()
	if from >= upTo {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	for {
		page, err := c.Log.After(ctx, r.id, from, MaxPage)
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].Seq > upTo {
				return nil
			}
			if !c.publish(r, &page[i], nil) {
				return hole(&page[i])
			}
			from = page[i].Seq
		}
		if len(page) < MaxPage {
			return nil
		}
	}
}

func hole(m *Message) error {
	return fmt.Errorf("conversation %s: no message before %d", m.Conversation, m.Seq)
}

// fallBehind notes that the store may have more of a conversation than was published, which is up to a number; repair
// looks.
func (c *Chat) fallBehind(conversation string, after int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[conversation] = min(after, c.published(conversation))
}

// published is the number up to which a conversation that is behind was published, and no bound for another. mu is held.
func (c *Chat) published(conversation string) int64 {
	if after, ok := c.behind[conversation]; ok {
		return after
	}
	return math.MaxInt64
}

// tookBehind reports whether the conversation was behind; its room is open, and knows where it is.
func (c *Chat) tookBehind(conversation string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.behind[conversation]
	delete(c.behind, conversation)
	return ok
}

func (c *Chat) fallAllBehind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.rooms {
		c.behind[id] = c.published(id)
	}
}

// repair publishes what was stored and not published; what can't be read now is looked for again.
func (c *Chat) repair(ctx context.Context) {
	c.mu.Lock()
	behind := slices.Collect(maps.Keys(c.behind))
	c.mu.Unlock()
	for _, id := range behind {
		c.hear(ctx, id, math.MaxInt64)
	}
}
