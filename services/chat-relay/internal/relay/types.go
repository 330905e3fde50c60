package relay

import "time"

// Kinds of conversations and messages.
const (
	Direct = "direct"
	Group  = "group"
	Text   = "text"
)

// The bounds of a conversation.
const (
	MaxMembers = 200
	MaxText    = 4000 // characters
	MaxTitle   = 100  // characters
)

// Member is somebody in a conversation.
type Member struct {
	Account  string
	UserName string
	AddedAt  time.Time
}

// Conversation is who talks with whom. LastSeq is the number of its newest message, 0 without one.
type Conversation struct {
	ID        string
	Kind      string
	Title     string
	DirectKey string // the two accounts of a direct one; unique. Empty for a group.
	CreatedBy string
	Members   []Member
	LastSeq   int64
	CreatedAt time.Time
	ActiveAt  time.Time // of the newest message, or the creation
}

// Message is one message. Seq is 1, 2, 3, … in its conversation, without a gap; ReplyTo is 0 for none.
type Message struct {
	Conversation string
	Seq          int64
	ClientID     string // the sender's name for it: unique with conversation and sender
	Sender       string
	Kind         string
	Text         string
	ReplyTo      int64
	At           time.Time
}

// Person is an account and its public name.
type Person struct{ Account, UserName string }
