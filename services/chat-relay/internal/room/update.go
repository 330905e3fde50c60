package room

import "sync"

// Subscriber is a connection. Deliver is called under a room's lock: it must not block, and must not call back.
type Subscriber interface{ Deliver(u *Update) }

// Update is one thing that a subscriber is told: exactly one of its first four fields is set. It is shared by all who
// get it, and never changed.
type Update struct {
	Message  *Message // one of a conversation, in the order of its numbers
	Accepted *Message // the subscriber's own, stored; where the others get Message
	Refused  *Refusal // the subscriber's own, not stored
	Typing   *Typing  // worth nothing later: may be left out for a slow subscriber

	once    sync.Once
	encoded []byte
}

// Refusal is a message that is not stored, and why.
type Refusal struct {
	Conversation, ClientID string
	Err                    error
}

// Typing is somebody who writes.
type Typing struct{ Conversation, Account string }

// Encoded returns what encode makes of u, which is called once for all who get u.
func (u *Update) Encoded(encode func(u *Update) []byte) []byte {
	u.once.Do(func() { u.encoded = encode(u) })
	return u.encoded
}
