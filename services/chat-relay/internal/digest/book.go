package digest

import (
	"maps"
	"sync"
	"time"

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
	digest  Digest
	saved   map[string]bool // conversations that the stored digest has
	entries []Entry
	flying  int  // messages whose fate isn't known yet
	doubt   bool // a message may be stored that entries doesn't have: the log must be asked
	over    bool
}

// NewBook makes a Book with an owner's name that no other relay has.
func NewBook() *Book {
	return &Book{owner: id.New("rly"), open: map[string]*page{}, all: map[string]*page{}}
}

// Owner is the name in this relay's digests.
func (b *Book) Owner() string { return b.owner }

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
		p = &page{
			digest: Digest{ID: id.NewOrdered("dig"), Owner: b.owner, Author: who, Rooms: map[string]int64{}, OpenedAt: now},
			saved:  map[string]bool{},
		}
		b.open[who.Session], b.all[p.digest.ID] = p, p
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
	return p.over || now.Sub(p.digest.OpenedAt) >= Span || now.Before(p.digest.OpenedAt) ||
		len(p.entries)+p.flying >= maxMessages || (!has && len(p.digest.Rooms) >= maxRooms)
}

// Stored says that a message of the digest is stored now.
func (b *Book) Stored(digest string, e Entry) {
	b.settle(digest, func(p *page) { p.entries = append(p.entries, e) })
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

// End says that a session has closed a socket: its digest is due.
func (b *Book) End(session string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.open[session]; p != nil {
		p.over = true
	}
}

// Due is a digest whose event is to be written. With Doubt, Entries may lack some: the log has all of them.
type Due struct {
	Digest  Digest
	Entries []Entry
	Doubt   bool
}

// Due returns the digests that are over by now, or all of them: those of which a message is still on its way excepted.
// They stay in the book until Forget.
func (b *Book) Due(now time.Time, all bool) (due []Due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for session, p := range b.open {
		if all || p.over || now.Sub(p.digest.OpenedAt) >= Span || now.Before(p.digest.OpenedAt) {
			p.over = true
			delete(b.open, session)
		}
	}
	for _, p := range b.all {
		if p.over && p.flying == 0 {
			due = append(due, Due{p.digest, p.entries, p.doubt})
		}
	}
	return due
}

// Empty reports whether no digest is open or untold.
func (b *Book) Empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all) == 0
}

// Forget takes digests out whose event is written.
func (b *Book) Forget(due []Due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range due {
		delete(b.all, d.Digest.ID)
	}
}
