package room

import (
	"context"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/record"
)

// Log keeps messages. A cancelled context writes nothing.
type Log interface {
	// Append stores each message with the next number of its conversation, in the order of the batch, and returns their
	// fates in the same order. The Seq that a message comes with is what the caller takes for that number: it may be too
	// small, when others stored meanwhile, and behind a replay in the batch too great; the store finds the right one. A
	// message whose (conversation, sender, client id) is stored already isn't stored again, changes nothing, and its fate is
	// the stored one. The digests are stored before or with the messages.
	// After an error nothing is stored (SQLite), or a beginning of the batch (MongoDB); asking again finds it as known.
	// ErrConversationNotFound.
	Append(ctx context.Context, batch Batch) ([]Fate, error)
	// Find returns the message of that (conversation, sender, client id), and whether there is one.
	Find(ctx context.Context, conversation, sender, clientID string) (Message, bool, error)
	// Before returns messages with a smaller Seq, the newest first.
	Before(ctx context.Context, conversation string, seq int64, limit int) ([]Message, error)
	// After returns messages with a greater Seq, the oldest first.
	After(ctx context.Context, conversation string, seq int64, limit int) ([]Message, error)
}

// Batch is what one sync stores.
type Batch struct {
	Entries []Entry
	Digests []digest.Digest // new ones, and those that reach another conversation
}

// Entry is a message to be stored. Lift brings its conversation to the message's time in its members' lists.
type Entry struct {
	Message
	Lift bool
}

// Fate is what became of a message. Known says that it was stored before, as Message is.
type Fate struct {
	Message
	Known bool
}

// Rooms keeps conversations. Every method is atomic; a cancelled context writes nothing.
type Rooms interface {
	// Create stores c and the event. If one with the same non-empty DirectKey is there, that one is returned and nothing
	// is stored.
	Create(ctx context.Context, c Conversation, e record.Event) (Conversation, error)
	// Conversation returns one by id: ErrConversationNotFound.
	Conversation(ctx context.Context, id string) (Conversation, error)
	// Of returns an account's, the newest activity first, from behind the position on.
	Of(ctx context.Context, account string, behind Position, limit int) ([]Conversation, error)
}

// Position is a place in the list of an account's conversations; the zero value is its beginning.
type Position struct {
	ActiveAt time.Time `json:"a"`
	ID       string    `json:"i"`
}

// IsZero reports whether it is the beginning.
func (p Position) IsZero() bool { return p.ID == "" }
