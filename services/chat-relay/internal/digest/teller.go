package digest

import (
	"context"
	"slices"
	"time"

	"centinela/shared/clock"
)

const (
	tellEvery   = 500 * time.Millisecond // look for digests that are due
	atOnce      = 100                    // digests of one write, and messages of one read
	budget      = 5 * time.Second        // of a write
	orphanAfter = 10 * time.Minute       // whoever has a digest open for so long doesn't come back
	late        = 10 * time.Second       // messages are stored so long after they came, at most
)

// Options are what a Teller is made of.
type Options struct {
	Service  string // the name in events
	Store    Store
	Messages Messages
	Clock    clock.Clock
	Kick     func() // called after events were stored
}

// Teller writes the events of a book's digests, and of those that a killed relay left open.
type Teller struct {
	Options
	book *Book
	due  chan struct{} // a digest may be due
}

// NewTeller tells of book.
func NewTeller(book *Book, opts Options) *Teller {
	return &Teller{Options: opts, book: book, due: make(chan struct{}, 1)}
}

// Run tells what is due until ctx ends. First comes what this relay left open when it was killed, now and then what
// others did.
func (t *Teller) Run(ctx context.Context) error {
	began := t.Clock.Now()
	if err := t.adopt(ctx, t.book.owner, began.Add(Span)); err != nil {
		return err
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for looked := began; ctx.Err() == nil; {
		if now := t.Clock.Now(); now.Sub(looked).Abs() >= Span {
			if err := t.adopt(ctx, "", now.Add(-orphanAfter)); err != nil {
				return err
			}
			looked = now
		}
		if err := t.tell(ctx, false); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-t.due:
		}
	}
	return nil
}

// End says that a session has closed a socket: what it wrote is told now.
func (t *Teller) End(session string) {
	t.book.end(session)
	select {
	case t.due <- struct{}{}:
	default: // it is told already
	}
}

// Close tells of all that was written. Call it after Run has returned, and nothing enters the book any more.
func (t *Teller) Close(ctx context.Context) error { return t.tell(ctx, true) }

func (t *Teller) tell(ctx context.Context, all bool) error {
	for due := range slices.Chunk(t.book.takeDue(t.Clock, all), atOnce) {
		if err := t.close(ctx, due); err != nil {
			return err
		}
		t.book.forget(due)
	}
	return nil
}

// adopt ends stored digests of which the book knows nothing.
func (t *Teller) adopt(ctx context.Context, owner string, before time.Time) error {
	for {
		open, err := t.Store.OpenDigests(ctx, owner, before, atOnce)
		if err != nil {
			return err
		}
		var orphans []due
		for _, d := range open {
			if !t.book.has(d.ID) {
				orphans = append(orphans, due{digest: d, doubt: true})
			}
		}
		if len(orphans) == 0 {
			return nil
		}
		if err := t.close(ctx, orphans); err != nil {
			return err
		}
	}
}

func (t *Teller) close(ctx context.Context, list []due) error {
	closed := make([]Closed, len(list))
	for i, d := range list {
		if d.doubt {
			var err error
			if d.entries, err = t.recount(ctx, d.digest); err != nil {
				return err
			}
		}
		closed[i].ID = d.digest.ID
		if len(d.entries) > 0 {
			e := d.digest.event(t.Clock.Now(), t.Service, slices.Clone(d.entries))
			closed[i].Event = &e
		}
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	err := t.Store.CloseDigests(ctx, closed)
	t.Kick()
	return err
}

// recount finds a digest's messages in the log: above its numbers, and none later than its end.
func (t *Teller) recount(ctx context.Context, d Digest) (entries []Entry, _ error) {
	for conversation, above := range d.Rooms {
		for {
			page, err := t.Messages(ctx, conversation, above, atOnce)
			if err != nil {
				return nil, err
			}
			for _, e := range page {
				if e.Digest == d.ID {
					entries = append(entries, e)
				}
			}
			if len(page) < atOnce || page[len(page)-1].At.After(d.OpenedAt.Add(Span+late)) {
				break
			}
			above = page[len(page)-1].Seq
		}
	}
	return entries, nil
}
