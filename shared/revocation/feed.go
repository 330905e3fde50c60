package revocation

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
)

var (
	// ErrRevoked says that a session is over.
	ErrRevoked = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "the session is over, sign in again")
	// ErrUnheard says that auth wasn't heard since the start, so nobody can tell.
	ErrUnheard = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "which sessions are over is not known yet")
)

const (
	longPoll   = 5 * time.Second // an instance that vanished without a word is missed for so long and answerIn
	answerIn   = 2 * time.Second
	pauseMin   = 50 * time.Millisecond
	pauseMax   = time.Second            // what is over is known within a second of auth's return
	idlePause  = 100 * time.Millisecond // after a page without news: two instances of auth may differ for a moment
	sweepEvery = 30 * time.Second
	patience   = 2 * time.Second // of a request that comes before the first page: services start in any order
)

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
	fetch Fetch
	clk   clock.Clock
	log   *slog.Logger
	set   Set
	heard chan struct{} // closed after the first page without more

	mu      sync.Mutex
	changed []func(Change)
	synced  atomic.Bool // heard is closed
}

// NewFeed makes a feed. It knows nothing before Run.
func NewFeed(fetch Fetch, clk clock.Clock, log *slog.Logger) *Feed {
	return &Feed{fetch: fetch, clk: clk, log: log, heard: make(chan struct{})}
}

// OnChange has f called for each change that is news, in Run's goroutine: it must be short.
func (f *Feed) OnChange(changed func(Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, changed)
}

// Check is nil for a session that is not known to be over. Before auth was first heard it waits for that, as long as ctx
// and 2 s at most. Errors: ErrRevoked, ErrUnheard.
func (f *Feed) Check(ctx context.Context, account, session string) error {
	if !f.synced.Load() {
		if err := f.await(ctx); err != nil {
			return err
		}
	}
	if f.set.Holds(account, session, f.clk.Now()) {
		return ErrRevoked
	}
	return nil
}

func (f *Feed) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-f.heard:
		return nil
	case <-ctx.Done():
		return ErrUnheard
	}
}

// Ready is nil once auth was heard.
func (f *Feed) Ready() error {
	if !f.synced.Load() {
		return ErrUnheard
	}
	return nil
}

// Run follows auth until ctx ends, and then returns nil. Silence is logged when it begins and when it ends.
func (f *Feed) Run(ctx context.Context) error {
	since, pause, silent := "", pauseMin, false
	swept := f.clk.Now()
	for ctx.Err() == nil {
		page, err := f.ask(ctx, since)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !silent {
				f.log.Warn("auth's feed of ended sessions is silent; what is known stays in force", "error", err)
				silent = true
			}
			rest(ctx, pause/2+rand.N(pause/2))
			pause = min(2*pause, pauseMax)
			continue
		}
		if silent {
			f.log.Info("auth's feed of ended sessions is back")
		}
		since, pause, silent = page.Next, pauseMin, false
		news := f.take(page)
		if now := f.clk.Now(); now.Sub(swept).Abs() >= sweepEvery {
			swept = now
			f.set.Sweep(now)
		}
		if news == 0 && !page.More {
			rest(ctx, idlePause)
		}
	}
	return nil
}

func (f *Feed) ask(ctx context.Context, since string) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, longPoll+answerIn)
	defer cancel()
	if !f.synced.Load() {
		return f.fetch(ctx, since, 0) // that nothing is over is an answer, too, and everybody waits for it
	}
	return f.fetch(ctx, since, longPoll)
}

// take returns how many changes of the page were news.
func (f *Feed) take(page Page) int {
	news := f.set.Add(page.Revocations...)
	if !page.More && f.synced.CompareAndSwap(false, true) {
		close(f.heard)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range news {
		for _, changed := range f.changed {
			changed(c)
		}
	}
	return len(news)
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
