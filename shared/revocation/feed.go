package revocation

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/longpoll"
)

var (
	// ErrRevoked says that a session is over.
	ErrRevoked = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "the session is over, sign in again")
	// ErrUnheard says that auth wasn't heard since the start, so nobody can tell.
	ErrUnheard = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "which sessions are over is not known yet")
)

const (
	longPoll = 5 * time.Second // an instance that vanished without a word is missed for so long and answerIn
	answerIn = 2 * time.Second
	patience = 2 * time.Second // of a request that comes before the first page: services start in any order
)

var errPage = errors.New("revocations: the answer is not a page of the feed")

// Page is one answer of auth's feed.
type Page struct {
	Revocations []Change `json:"revocations"`
	Next        string   `json:"next"` // to be asked with the next time
	More        bool     `json:"more"` // there is more already
}

// Fetch asks for what is newer than since, "" for all, and lets auth wait that long for something to happen.
type Fetch func(ctx context.Context, since string, wait time.Duration) (Page, error)

// Feed follows auth's feed. Safe for concurrent use.
type Feed struct {
	fetch   Fetch
	clk     clock.Clock
	log     *slog.Logger
	set     Set
	changed func(Change)
	synced  atomic.Bool   // heard is closed
	heard   chan struct{} // closed after the first page without more
}

// NewFeed makes a feed. It knows nothing before Run.
func NewFeed(fetch Fetch, clk clock.Clock, log *slog.Logger) *Feed {
	return &Feed{fetch: fetch, clk: clk, log: log, changed: func(Change) {}, heard: make(chan struct{})}
}

// OnChange has changed called for each change that is news, in Run's goroutine: it must be short. Call it before Run.
func (f *Feed) OnChange(changed func(Change)) { f.changed = changed }

// Check is nil for a session that is not known to be over. Before auth was first heard it waits for that, as long as ctx
// and 2 s at most. Errors: ErrRevoked, ErrUnheard.
func (f *Feed) Check(ctx context.Context, account, session string) error {
	if !f.synced.Load() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		select {
		case <-f.heard:
		case <-ctx.Done():
			return ErrUnheard
		}
	}
	if f.set.Holds(account, session, f.clk.Now()) {
		return ErrRevoked
	}
	return nil
}

// Ready is nil once auth was heard.
func (f *Feed) Ready() error {
	if !f.synced.Load() {
		return ErrUnheard
	}
	return nil
}

// Run follows auth until ctx ends, and then returns nil.
func (f *Feed) Run(ctx context.Context) error {
	follower := longpoll.Follower{Name: "auth's feed of ended sessions", Clock: f.clk, Log: f.log, Turn: f.turn, Sweep: f.set.Sweep}
	return follower.Run(ctx)
}

func (f *Feed) turn(ctx context.Context, since string) (next string, busy bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, longPoll+answerIn)
	defer cancel()
	wait := longPoll
	if !f.synced.Load() {
		wait = 0 // that nothing is over is an answer, too, and everybody waits for it
	}
	page, err := f.fetch(ctx, since, wait)
	if err == nil && page.Next == "" {
		err = errPage
	}
	if err != nil {
		return "", false, err
	}
	news := f.set.Add(page.Revocations...)
	if !page.More && f.synced.CompareAndSwap(false, true) {
		close(f.heard)
	}
	for _, c := range news {
		f.changed(c)
	}
	return page.Next, len(news) > 0 || page.More, nil
}
