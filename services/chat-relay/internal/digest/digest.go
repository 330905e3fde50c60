package digest

import (
	"context"
	"time"

	"centinela/shared/record"
)

// The bounds of a digest.
const (
	Span        = time.Minute // from its first message on
	maxMessages = 1000        // more than a person writes in a minute; the next one goes into another digest
	maxRooms    = 100         // conversations; one more begins another digest
)

// Author is who writes.
type Author struct {
	Account string        `json:"account"`
	Session string        `json:"session"`
	Origin  record.Origin `json:"origin"`
}

// Digest is an open digest as it is stored. Rooms holds, by conversation, a number that its messages are above.
type Digest struct {
	ID       string           `json:"id"`
	Owner    string           `json:"owner"` // the relay that writes it
	Author   Author           `json:"author"`
	Rooms    map[string]int64 `json:"rooms"`
	OpenedAt time.Time        `json:"opened_at"`
}

// Entry is what is known of a message.
type Entry struct {
	Digest       string // its digest's id
	Conversation string
	Seq          int64
	Length       int // characters
	At           time.Time
}

// Closed is the end of a digest. Event is nil for one without a message.
type Closed struct {
	ID    string
	Event *record.Event
}

// Store keeps open digests. They come into it with the messages that they count.
type Store interface {
	// OpenDigests returns an owner's, or all for "", that were opened before a time, the oldest first.
	OpenDigests(ctx context.Context, owner string, before time.Time, limit int) ([]Digest, error)
	// CloseDigests ends digests, each in one step with its event. One that is closed already stays as it is.
	CloseDigests(ctx context.Context, closed []Closed) error
}

// Messages returns the messages of a conversation above a number, ascending.
type Messages func(ctx context.Context, conversation string, above int64, limit int) ([]Entry, error)
