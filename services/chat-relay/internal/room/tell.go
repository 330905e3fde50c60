package room

import (
	"context"
	"slices"
	"sync"
	"time"

	"centinela/services/chat-relay/internal/digest"
)

const (
	tellEvery  = 500 * time.Millisecond // look for digests that are due
	tellAtOnce = 100                    // digests of one write
	leaseFor   = 10 * time.Second       // a relay that says nothing for so long is dead; it speaks at half time
)

// Tell writes the digests that are due, and those that a killed relay left open, until ctx ends.
func (c *Chat) Tell(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := c.adopt(ctx); err != nil {
			return err
		}
		if err := c.tell(ctx, false); err != nil {
			return err
		}
		if err := c.repair(ctx); err != nil {
			return err
		}
		if !c.book.Empty() {
			if err := c.beat(ctx); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.due:
		}
	}
	return nil
}

// lease is until when this relay has said that it lives, and when it last looked for others that don't.
type lease struct {
	sync.Mutex
	until, looked time.Time
}

// beat says that this relay lives, when it is time to: nobody takes its digests then.
func (c *Chat) beat(ctx context.Context) error {
	c.lease.Lock()
	defer c.lease.Unlock()
	now := c.Clock.Now()
	if left := c.lease.until.Sub(now); left > leaseFor/2 && left <= leaseFor || c.Alone && !c.lease.until.IsZero() {
		return nil
	}
	until := now.Add(leaseFor)
	if err := c.Digests.Beat(ctx, digest.Owner{ID: c.book.Owner(), Until: until}); err != nil {
		return err
	}
	c.lease.until = until
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
func (c *Chat) Close(ctx context.Context) error {
	if err := c.tell(ctx, true); err != nil || !c.book.Empty() {
		return err
	}
	return c.Digests.Retire(ctx, c.book.Owner())
}

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

// adopt ends the digests of relays that were killed: once of all others, where this one is alone on its store.
func (c *Chat) adopt(ctx context.Context) error {
	now, looked := c.Clock.Now(), c.lease.looked // this loop's own
	if since := now.Sub(looked); !looked.IsZero() && (c.Alone || since >= 0 && since < leaseFor) {
		return nil
	}
	owners, err := c.Digests.Owners(ctx)
	if err != nil {
		return err
	}
	for _, o := range owners {
		if o.ID != c.book.Owner() && (c.Alone || !o.Until.After(now)) {
			if err := c.inherit(ctx, o.ID); err != nil {
				return err
			}
		}
	}
	c.lease.looked = now
	return nil
}

// inherit ends the digests of one owner.
func (c *Chat) inherit(ctx context.Context, owner string) error {
	for {
		open, err := c.Digests.OpenDigests(ctx, owner, tellAtOnce)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return c.Digests.Retire(ctx, owner)
		}
		closed := make([]ClosedDigest, len(open))
		for i, d := range open {
			entries, err := c.recount(ctx, d)
			if err != nil {
				return err
			}
			closed[i] = c.closed(d, entries)
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
