package relay

import (
	"context"
	"slices"
	"time"

	"centinela/shared/bounded"
	"centinela/shared/clock"
	"centinela/shared/keylock"
	"centinela/shared/record"
)

// service is the name in events.
const service = "chat-relay"

const (
	maxCachedRosters = 50_000
	typingPause      = 3 * time.Second // of one person in one conversation
)

// People knows accounts: what the relay needs of auth.
type People interface {
	// ByName returns who has the user name: ErrPersonNotFound.
	ByName(ctx context.Context, userName string) (Person, error)
	// ByAccount returns the account's person: ErrPersonNotFound.
	ByAccount(ctx context.Context, account string) (Person, error)
}

// Codec makes the frames that go to sockets.
type Codec interface {
	Message(m Message) ([]byte, error)
	Accepted(m Message) ([]byte, error)
	Typing(conversation, account string) ([]byte, error)
}

// Rate is how often a person may send: Burst at once, and one more each Leak (design: audit, "chat rate").
type Rate struct {
	Burst int
	Leak  time.Duration
}

// Options are what a Relay is made of.
type Options struct {
	Store  Store
	People People
	Codec  Codec
	Clock  clock.Clock
	Rate   Rate
	Kick   func() // called after events were stored
}

// Relay is the chat. Safe for concurrent use.
type Relay struct {
	Options
	hub       *hub
	locks     *keylock.Locks
	rate      *limiter
	rosters   *bounded.Map[string, []string] // members of a conversation never change yet
	published *bounded.Map[string, int64]    // the last number that went to the hub
	typed     *bounded.Map[string, time.Time]
}

// New makes a Relay.
func New(opts Options) *Relay {
	return &Relay{
		Options: opts, hub: newHub(), locks: keylock.New(), rate: newLimiter(opts.Rate),
		rosters:   bounded.New[string, []string](maxCachedRosters),
		published: bounded.New[string, int64](maxCachedRosters),
		typed:     bounded.New[string, time.Time](maxCachedRosters),
	}
}

// Subscribe has everything for the account delivered to s until the function that it returns is called.
func (r *Relay) Subscribe(account string, s Subscriber) (unsubscribe func()) {
	r.hub.add(account, s)
	return func() { r.hub.remove(account, s) }
}

// Record stores events about sockets for audit.
func (r *Relay) Record(ctx context.Context, events ...record.Event) error {
	err := r.Store.RecordEvents(ctx, events...)
	r.Kick()
	return err
}

// members returns who is in the conversation, if the account is: ErrConversationNotFound.
func (r *Relay) members(ctx context.Context, account, conversation string) ([]string, error) {
	roster, ok := r.rosters.Get(conversation)
	if !ok {
		c, err := r.Store.Conversation(ctx, conversation)
		if err != nil {
			return nil, err
		}
		roster = accounts(c)
		r.rosters.Put(conversation, roster)
		r.published.Update(conversation, func(last int64, ok bool) int64 {
			if ok {
				return last
			}
			return c.LastSeq // what comes after it is ours to publish
		})
	}
	if !slices.Contains(roster, account) {
		return nil, ErrConversationNotFound
	}
	return roster, nil
}

func accounts(c Conversation) []string {
	list := make([]string, len(c.Members))
	for i, m := range c.Members {
		list[i] = m.Account
	}
	return list
}
