package relay

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Store keeps conversations and messages, and the events about them until audit has them. Every method is atomic;
// a method that takes events keeps them with its change or not at all. A cancelled context writes nothing.
type Store interface {
	// AddConversation stores c and the event. If one with the same non-empty DirectKey is there, that one is
	// returned and nothing is stored.
	AddConversation(ctx context.Context, c Conversation, e record.Event) (Conversation, error)
	// Conversation returns one by id: ErrConversationNotFound.
	Conversation(ctx context.Context, id string) (Conversation, error)
	// ConversationsOf returns an account's, the newest activity first, from behind the position on.
	ConversationsOf(ctx context.Context, account string, behind Position, limit int) ([]Conversation, error)
	// AppendMessage gives m the next Seq and stores it with the event that report makes of it. If the same
	// (conversation, sender, client id) is there, that message is returned, and false. ErrConversationNotFound.
	AppendMessage(ctx context.Context, m Message, report func(Message) record.Event) (Message, bool, error)
	// MessagesBefore returns messages with a smaller Seq, the newest first.
	MessagesBefore(ctx context.Context, conversation string, before int64, limit int) ([]Message, error)
	// MessagesAfter returns messages with a greater Seq, the oldest first.
	MessagesAfter(ctx context.Context, conversation string, after int64, limit int) ([]Message, error)
	// RecordEvents stores events that report no change of the store.
	RecordEvents(ctx context.Context, events ...record.Event) error

	// Ping returns nil when the store answers.
	Ping(ctx context.Context) error
	Close(ctx context.Context) error
}

// Position is a place in the list of an account's conversations; the zero value is its beginning.
type Position struct {
	ActiveAt time.Time `json:"a"`
	ID       string    `json:"i"`
}

// IsZero reports whether it is the beginning.
func (p Position) IsZero() bool { return p.ID == "" }
