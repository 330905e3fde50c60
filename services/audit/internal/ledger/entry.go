package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"centinela/shared/record"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Entry is an event as the record holds it.
type Entry struct {
	Seq      int64 // from 1, without a gap
	Event    record.Event
	PrevHash Hash // of the entry before; zero for the first
	Hash     Hash // of everything else in the entry
	StoredAt time.Time
}

// Head is the newest entry; the zero Head is that of an empty record.
type Head struct {
	Seq  int64
	Hash Hash
}

func (e Entry) head() Head { return Head{Seq: e.Seq, Hash: e.Hash} }

// link makes the entry that follows head.
func link(head Head, event record.Event, now time.Time) (Entry, error) {
	e := Entry{Seq: head.Seq + 1, Event: event, PrevHash: head.Hash, StoredAt: now}
	var err error
	e.Hash, err = e.computeHash()
	return e, err
}

// normal is the event as every store gives it back: whole milliseconds UTC, no
// empty map.
func normal(e record.Event) record.Event {
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	if len(e.Data) == 0 {
		e.Data = nil
	}
	return e
}
