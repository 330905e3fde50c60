package digest

import (
	"maps"
	"sync"
	"time"

	"centinela/shared/clock"
	"centinela/shared/id"
)

// Book is the open digests of one relay. Safe for concurrent use.
type Book struct {
	owner string

	mu   sync.Mutex
	open map[string]*page // by session: the one that messages go into
	all  map[string]*page // by id: also those that are over and not written yet
}

// page is an open digest and what is known of its messages.
type page struct {
	due
	saved  map[string]bool // conversations that the stored digest has
	flying int             // messages whose fate isn't known yet
	over   bool
}

// due is a digest whose event is to be written. With doubt a message may be stored that entries doesn't have: the log must
// be asked.
type due struct {
	digest  Digest
	entries []Entry
	doubt   bool
}

// NewBook makes a Book of a relay. owner is its name, the same after a restart, and nobody else's.
func NewBook(owner string) *Book {
	return &Book{owner: owner, open: map[string]*page{}, all: map[string]*page{}}
}

// Enter puts a message that is about to be stored into its session's digest and returns that one's id. above is a number
// that the conversation has passed. The digest is returned too when it must be stored with the message. Every Enter is
// followed by one Stored, Left or Doubt.
func (b *Book) Enter(who Author, conversation string, above int64, now time.Time) (string, *Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.open[who.Session]
	if p != nil && p.full(conversation, now) {
		p.over, p = true, nil
	}
	if p == nil {
		d := Digest{ID: id.NewOrdered("dig"), Owner: b.owner, Author: who, Rooms: map[string]int64{}, OpenedAt: now}
		p = &page{due: due{digest: d}, saved: map[string]bool{}}
		b.open[who.Session], b.all[d.ID] = p, p
	}
	p.flying++
	if p.saved[conversation] {
		return p.digest.ID, nil
	}
	p.saved[conversation] = true
	if _, ok := p.digest.Rooms[conversation]; !ok {
		p.digest.Rooms[conversation] = above
	}
	stored := p.digest
	stored.Rooms = maps.Clone(stored.Rooms)
	return stored.ID, &stored
}

func (p *page) full(conversation string, now time.Time) bool {
	_, has := p.digest.Rooms[conversation]
	return p.ended(now) || len(p.entries)+p.flying >= maxMessages || (!has && len(p.digest.Rooms) >= maxRooms)
}

// ended also holds when the clock was set back.
func (p *page) ended(now time.Time) bool {
	return p.over || now.Sub(p.digest.OpenedAt) >= Span || now.Before(p.digest.OpenedAt)
}

// Stored says that a message is stored now, in the digest that it names.
func (b *Book) Stored(e Entry) {
	b.settle(e.Digest, func(p *page) { p.entries = append(p.entries, e) })
}

// Left says that a message was not stored: it was known, or refused.
func (b *Book) Left(digest string) { b.settle(digest, func(*page) {}) }

// Doubt says that nobody knows whether a message was stored, nor whether the digest was.
func (b *Book) Doubt(digest string) {
	b.settle(digest, func(p *page) {
		p.doubt = true
		clear(p.saved)
	})
}

func (b *Book) settle(digest string, how func(p *page)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.all[digest]; p != nil {
		p.flying--
		how(p)
	}
}

// end says that a session has closed a socket: its digest is due.
func (b *Book) end(session string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.open[session]; p != nil {
		p.over = true
	}
}

func (b *Book) has(digest string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[digest] != nil
}

// takeDue returns the digests that are over by now, or all of them: those of which a message is still on its way excepted.
// They stay in the book until forget. The clock is asked under the lock: a time from before it would be earlier than a
// digest that was opened meanwhile, which looks like a clock that was set back.
func (b *Book) takeDue(clk clock.Clock, all bool) (list []due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := clk.Now()
	for session, p := range b.open {
		if all || p.ended(now) {
			p.over = true
			delete(b.open, session)
		}
	}
	for _, p := range b.all {
		if p.over && p.flying == 0 {
			list = append(list, p.due)
		}
	}
	return list
}

func (b *Book) forget(list []due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range list {
		delete(b.all, d.digest.ID)
	}
}
