package bus

import "context"

// Wake says that the store has the conversation's messages up to Seq.
type Wake struct {
	Conversation string
	Seq          int64
}

// Bus is one node's end of the bus. Safe for concurrent use.
type Bus interface {
	// Publish wakes the other nodes. It doesn't wait, and what can't be handed on is lost.
	Publish(w Wake)
	// Listen calls heard for the wake-ups of other nodes, and missed when some may have been lost, from one goroutine,
	// until ctx ends; then it returns nil. A node listens once at a time; what comes while it doesn't is lost.
	Listen(ctx context.Context, heard func(Wake), missed func()) error
}
