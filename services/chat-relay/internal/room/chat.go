package room

import (
	"context"
	"sync"
	"time"

	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/clock"
	"centinela/shared/record"
)

// service is the name in events.
const service = "chat-relay"

// storeBudget is how long a batch may take to be stored, and a room to be read. It is theirs: a sender who hangs up must
// not stop a message half way, between stored and published.
const storeBudget = 5 * time.Second

// People knows accounts: what the chat needs of auth.
type People interface {
	// ByName returns who has the user name: ErrPersonNotFound.
	ByName(ctx context.Context, userName string) (Person, error)
	// ByAccount returns the account's person: ErrPersonNotFound.
	ByAccount(ctx context.Context, account string) (Person, error)
}

// Options are what a Chat is made of.
type Options struct {
	Log    Log
	Rooms  Rooms
	Book   *digest.Book
	People People
	Bus    *bus.Node
	Clock  clock.Clock
	Rate   Rate
	Kick   func() // called after events were stored
	// Panicked is told of a panic behind a message, with where the message came from.
	Panicked func(from record.Origin, cause any, stack []byte)
}

// Chat is the conversations of one relay. Safe for concurrent use. Its loops are Run and Listen; nothing is stored before Run
// runs.
type Chat struct {
	Options
	rate *limiter

	crowd crowd

	queue   chan item
	gate    sync.RWMutex    // held while something is queued
	running context.Context // ends before Run empties the queue for the last time
	stop    context.CancelFunc

	mu      sync.Mutex
	rooms   map[string]*room
	members int   // of all rooms
	uses    int64 // counts, for the rooms' used
	most    int   // rooms
	// behind is conversations of which the store may have more than was published, and a number up to which they were: for
	// those whose room isn't open.
	behind map[string]int64
}

// New makes a Chat.
func New(opts Options) *Chat {
	c := &Chat{
		Options: opts, rate: newLimiter(opts.Rate), crowd: crowd{sockets: map[string][]Subscriber{}},
		queue: make(chan item, maxQueued), most: maxRooms, rooms: map[string]*room{}, behind: map[string]int64{},
	}
	c.running, c.stop = context.WithCancel(context.Background())
	return c
}
