package room

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/fault"
	"centinela/shared/record"
)

const (
	maxQueued = 4096 // messages; with more, senders wait
	maxBatch  = 1024 // messages of one sync

	smallRoom  = 8           // members up to which the lists are written
	liftSmall  = time.Second // at most once in this time,
	liftLarger = time.Minute // and of larger rooms in this
)

// item is a message, or a mark that is closed when all before it is settled.
type item struct {
	sending *sending
	passed  chan struct{}
}

// put queues an item; it waits while the queue is full. ErrStopping, ErrBusy.
func (c *Chat) put(ctx context.Context, it item) error {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.running.Err() != nil {
		return ErrStopping
	}
	select {
	case c.queue <- it:
		return nil
	case <-c.running.Done():
		return ErrStopping
	case <-ctx.Done():
		return ErrBusy
	}
}

// settleAll returns when everything that is queued now is settled.
func (c *Chat) settleAll(ctx context.Context) error {
	passed := make(chan struct{})
	if err := c.put(ctx, item{passed: passed}); err != nil {
		return err
	}
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run stores and publishes what is sent, until ctx ends and all that was sent before is settled; what is sent later is
// refused.
func (c *Chat) Run(ctx context.Context) error {
	tick := time.NewTicker(repairEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case first := <-c.queue:
			c.commit(ctx, c.gather(first))
		case <-tick.C:
			c.repair(ctx)
		case <-ctx.Done():
		}
	}
	c.stop()
	c.gate.Lock() // nobody is putting, and whoever comes is refused
	defer c.gate.Unlock()
	for len(c.queue) > 0 {
		c.commit(ctx, c.gather(<-c.queue))
	}
	return nil
}

// gather takes what waits already: while one batch is on its way to the disk, the next one grows.
func (c *Chat) gather(first item) []item {
	items := []item{first}
	for len(items) < maxBatch && len(c.queue) > 0 {
		items = append(items, <-c.queue)
	}
	return items
}

// commit settles each item. A panic of ours ends with an answer to everybody as well: nobody waits for ever.
func (c *Chat) commit(ctx context.Context, items []item) {
	list := make([]*sending, 0, len(items))
	for _, it := range items {
		if it.sending != nil {
			list = append(list, it.sending)
		}
	}
	defer func() {
		if cause := recover(); cause != nil {
			c.Panicked(list[0].Origin, cause, debug.Stack())
			for _, s := range list {
				c.booked(s, c.Book.Doubt)
				if !s.settled {
					c.refuse(s, ErrPanicked)
				}
			}
		}
		for _, it := range items {
			if it.passed != nil {
				close(it.passed)
			}
		}
	}()
	if len(list) > 0 {
		c.store(context.WithoutCancel(ctx), list)
	}
}

// store stores messages in one sync and publishes them in their order. A batch that fails for what is in it is stored one
// by one, so that one bad message is nobody else's; when the store doesn't answer, all of it fails.
func (c *Chat) store(ctx context.Context, list []*sending) {
	limited, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	fates, err := c.append(limited, list)
	if err == nil {
		for i, s := range list {
			c.settle(ctx, s, &fates[i])
		}
		c.wake(list)
		return
	}
	for _, s := range list {
		c.booked(s, c.Book.Doubt)
	}
	if len(list) > 1 && !silent(err) {
		for _, s := range list {
			c.store(ctx, []*sending{s})
		}
		return
	}
	for _, s := range list {
		c.fallBehind(s.room.id, s.room.reached()) // it may be stored, and then the others get it
		c.rate.giveBack(s.Account)
		c.refuse(s, err)
	}
}

// silent is an error of the store, not of a message.
func silent(err error) bool {
	return fault.From(err).Kind == fault.KindUnavailable || errors.Is(err, context.DeadlineExceeded)
}

// append asks the log, and reports a panic behind it.
func (c *Chat) append(ctx context.Context, list []*sending) (fates []Fate, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			from := record.Origin{}
			if len(list) == 1 {
				from = list[0].Origin
			}
			c.Panicked(from, cause, debug.Stack())
			err = ErrPanicked
		}
	}()
	return c.Log.Append(ctx, c.batch(list))
}

// batch gives each message the number that it has unless somebody else stored meanwhile.
func (c *Chat) batch(list []*sending) Batch {
	type head struct {
		seq    int64
		lifted time.Time
	}
	b := Batch{Entries: make([]Entry, len(list))}
	now, heads := c.Clock.Now(), make(map[*room]head, len(list))
	for i, s := range list {
		h, ok := heads[s.room]
		if !ok {
			h = head{s.room.reached(), s.room.lifted}
		}
		h.seq++
		lift := s.at.Sub(h.lifted) >= s.room.liftEvery()
		if lift {
			h.lifted = s.at
		}
		heads[s.room] = h
		var changed *digest.Digest
		s.digest, changed = c.Book.Enter(digest.Author{Account: s.Account, Session: s.Session, Origin: s.Origin}, s.Conversation, s.room.reached(), now)
		if changed != nil {
			b.Digests = append(b.Digests, *changed)
		}
		b.Entries[i] = Entry{Lift: lift, Message: Message{
			Conversation: s.Conversation, Seq: h.seq, ClientID: s.ClientID, Sender: s.Account, Kind: Text, Text: s.Text,
			ReplyTo: s.ReplyTo, Digest: s.digest, At: s.at,
		}}
	}
	return b
}

// liftEvery is how often a message moves the conversation up in its members' lists: each time is a row a member.
func (r *room) liftEvery() time.Duration {
	if len(r.roster) <= smallRoom {
		return liftSmall
	}
	return liftLarger
}

// settle answers a message whose fate is known.
func (c *Chat) settle(ctx context.Context, s *sending, f *Fate) {
	if f.Known {
		c.booked(s, c.Book.Left)
		c.rate.giveBack(s.Account)
		if !s.is(&f.Message) {
			c.refuse(s, ErrMismatch)
			return
		}
	} else {
		c.booked(s, func(string) { c.Book.Stored(entry(&f.Message)) })
		if f.At.Sub(s.room.lifted) >= s.room.liftEvery() {
			s.room.lifted = f.At
		}
	}
	c.answer(ctx, s, &f.Message)
}

// booked tells the book of a message's fate, once.
func (c *Chat) booked(s *sending, fate func(digest string)) {
	if s.digest != "" {
		fate(s.digest)
		s.digest = ""
	}
}

// wake tells the other relays of the rooms' newest numbers.
func (c *Chat) wake(list []*sending) {
	told := make(map[*room]bool, len(list))
	for _, s := range list {
		if !told[s.room] {
			told[s.room] = true
			c.Bus.Publish(bus.Wake{Conversation: s.room.id, Seq: s.room.reached()})
		}
	}
}
