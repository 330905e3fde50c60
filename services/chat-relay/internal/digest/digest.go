package digest

import (
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

// Digest is an open digest as it is stored. Rooms holds, by conversation, a number that its messages
// are above.
type Digest struct {
	ID       string           `json:"id"`
	Owner    string           `json:"owner"` // the relay that writes it; another one's is left alone while that one lives
	Author   Author           `json:"author"`
	Rooms    map[string]int64 `json:"rooms"`
	OpenedAt time.Time        `json:"opened_at"`
}

// Entry is what a digest knows of a message.
type Entry struct {
	Conversation string
	Seq          int64
	Length       int // characters
	At           time.Time
}

// Owner is a relay that has, or may have, open digests. One that doesn't say again that it lives is dead by then.
type Owner struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"`
}
