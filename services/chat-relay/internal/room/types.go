package room

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
	Account  string    `json:"account"`
	UserName string    `json:"user_name"`
	AddedAt  time.Time `json:"added_at"`
}

// Conversation is who talks with whom. LastSeq is the number of its newest message, 0 without one.
type Conversation struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Title     string    `json:"title,omitempty"`
	DirectKey string    `json:"direct_key,omitempty"` // the two accounts of a direct one; unique. Empty for a group.
	CreatedBy string    `json:"created_by"`
	Members   []Member  `json:"members"`
	CreatedAt time.Time `json:"created_at"`
	LastSeq   int64     `json:"last_seq"`
	// ActiveAt is where its members' lists have it: of the creation, or of a message. It follows the newest message at
	// most once a second, in a large group once a minute (see Entry.Lift).
	ActiveAt time.Time `json:"active_at"`
}

// Message is one message. Seq is 1, 2, 3, … in its conversation, without a gap; ReplyTo is 0 for none.
type Message struct {
	Conversation string    `json:"conversation"`
	Seq          int64     `json:"seq"`
	ClientID     string    `json:"client_id"` // the sender's name for it: unique with conversation and sender
	Sender       string    `json:"sender"`
	Kind         string    `json:"kind"`
	Text         string    `json:"text"`
	ReplyTo      int64     `json:"reply_to,omitempty"`
	Digest       string    `json:"digest"` // the digest that counts it
	At           time.Time `json:"at"`
}

// Person is an account and its public name.
type Person struct{ Account, UserName string }
