package room

import (
	"context"
	"slices"
	"time"

	"centinela/services/chat-relay/internal/digest"
)

const (
	tellEvery   = 500 * time.Millisecond // look for digests that are due
	tellAtOnce  = 100                    // digests of one write
	orphanAfter = 3 * time.Minute        // a digest that another relay has left open for so long
)

// Tell writes the digests that are due, and those that a killed relay left open, until ctx ends.
func (c *Chat) Tell(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	var adopted time.Time
	for ctx.Err() == nil {
		if now := c.Clock.Now(); now.Sub(adopted) >= orphanAfter || now.Before(adopted) {
			if err := c.adopt(ctx, now); err != nil {
				return err
			}
			adopted = now
		}
		if err := c.tell(ctx, false); err != nil {
			return err
		}
		if err := c.repair(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.due:
		}
	}
	return nil
}

// Leave says that a session has closed a socket: what it wrote is told now.
func (c *Chat) Leave(session string) {
	c.book.End(session)
	select {
	case c.due <- struct{}{}:
	default: // it is told already
	}
}

// Close tells of everything that was written. Call it after Run has returned.
func (c *Chat) Close(ctx context.Context) error { return c.tell(ctx, true) }

func (c *Chat) tell(ctx context.Context, all bool) error {
	for due := range slices.Chunk(c.book.Due(c.Clock.Now(), all), tellAtOnce) {
		closed := make([]ClosedDigest, len(due))
		for i, d := range due {
			entries, err := d.Entries, error(nil)
			if d.Doubt {
				entries, err = c.recount(ctx, d.Digest)
			}
			if err != nil {
				return err
			}
			closed[i] = c.closed(d.Digest, entries)
		}
		if err := c.closeDigests(ctx, closed); err != nil {
			return err
		}
		c.book.Forget(due)
	}
	return nil
}

// adopt ends the digests of relays that were killed: all others' where this one is alone, else those that are long over.
func (c *Chat) adopt(ctx context.Context, now time.Time) error {
	before := now.Add(-orphanAfter)
	if c.Alone {
		before = time.Unix(1<<40, 0)
	}
	for {
		open, err := c.Digests.OpenDigests(ctx, before, tellAtOnce)
		if err != nil {
			return err
		}
		var closed []ClosedDigest
		for _, d := range open {
			if d.Owner == c.book.Owner() {
				continue
			}
			entries, err := c.recount(ctx, d)
			if err != nil {
				return err
			}
			closed = append(closed, c.closed(d, entries))
		}
		if len(closed) == 0 {
			return nil
		}
		if err := c.closeDigests(ctx, closed); err != nil {
			return err
		}
	}
}

func (c *Chat) closeDigests(ctx context.Context, closed []ClosedDigest) error {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	err := c.Digests.CloseDigests(ctx, closed)
	c.Kick()
	return err
}

func (c *Chat) closed(d digest.Digest, entries []digest.Entry) ClosedDigest {
	if len(entries) == 0 {
		return ClosedDigest{ID: d.ID}
	}
	e := d.Event(c.Clock.Now(), service, digest.Summarize(entries))
	return ClosedDigest{ID: d.ID, Event: &e}
}

// recount finds a digest's messages in the log. They are above the digest's numbers, and none is later than its end.
func (c *Chat) recount(ctx context.Context, d digest.Digest) (entries []digest.Entry, _ error) {
	end := d.OpenedAt.Add(digest.Span + storeBudget + time.Second)
	for conversation, above := range d.Rooms {
		for {
			page, err := c.Log.After(ctx, conversation, above, MaxPage)
			if err != nil {
				return nil, err
			}
			for i := range page {
				if page[i].Digest == d.ID {
					entries = append(entries, entry(&page[i]))
				}
			}
			if len(page) < MaxPage || page[len(page)-1].At.After(end) {
				break
			}
			above = page[len(page)-1].Seq
		}
	}
	return entries, nil
}
