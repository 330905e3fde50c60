package auth

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/auth/internal/throttle"
	"centinela/shared/clock"
	"centinela/shared/limits"
	"centinela/shared/module"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

// pieces is a store with so many old sessions and counters.
type pieces struct {
	backend
	limits.Store
	mu                 sync.Mutex
	sessions, counters int
	taken              []int
	before             time.Time // of the sessions asked for last
	failing            error
}

func (p *pieces) SweepSessions(_ context.Context, before time.Time, limit int) (int, error) {
	p.before = before
	return p.take(&p.sessions, limit)
}

func (p *pieces) Prune(_ context.Context, _ time.Time, limit int) (int, error) {
	return p.take(&p.counters, limit)
}

func (p *pieces) take(left *int, limit int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(*left, limit)
	*left -= n
	p.taken = append(p.taken, n)
	return n, p.failing
}

// seen is what was taken away since it was asked last.
func (p *pieces) seen() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.taken
	p.taken = nil
	return taken
}

func sweeping(t *testing.T, p *pieces) (*Module, *testkit.Buffer) {
	t.Helper()
	tries, err := throttle.New(p, secret.RandomKey(), clock.Real(), DefaultConfig().throttle())
	if err != nil {
		t.Fatal(err)
	}
	log := &testkit.Buffer{}
	return &Module{store: p, throttle: tries, deps: module.Deps{Log: slog.New(slog.NewTextHandler(log, nil)), Clock: clock.Real()}}, log
}

// GR G1: nothing is swept in the first minute; then all of it, at most 500 rows at once, and again every ten minutes.
func TestSweepInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pieces{sessions: 1200, counters: 501}
		m, _ := sweeping(t, p)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.every(ctx, sweepFirst, sweepEvery, "sweep", m.sweep) }()
		time.Sleep(time.Minute - time.Millisecond)
		synctest.Wait()
		if got := p.seen(); len(got) != 0 {
			t.Errorf("in the first minute: %v", got)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got, want := p.seen(), []int{500, 500, 200, 500, 1}; !slices.Equal(got, want) {
			t.Errorf("pieces %v, want %v", got, want)
		}
		p.mu.Lock()
		p.sessions = 3
		p.mu.Unlock()
		time.Sleep(sweepEvery)
		synctest.Wait()
		if got, want := p.seen(), []int{3, 0}; !slices.Equal(got, want) {
			t.Errorf("the next time %v, want %v", got, want)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A session that ended stays for as long as a token of it may live, with room for clocks: the feed of ended sessions is read
// from the store, and a service that starts anew would else take the token.
func TestSweepLeavesWhatTokensMayBeOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const longest = time.Hour // auth.session.access_ttl at most
		tooLong := DefaultConfig()
		if tooLong.Session.AccessTTL = longest + time.Second; tooLong.Validate() == nil {
			t.Fatalf("tokens may live longer than %s", longest)
		}
		p := &pieces{}
		m, _ := sweeping(t, p)
		if err := m.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if kept := time.Since(p.before); kept < 2*longest {
			t.Errorf("swept %s after the end", kept)
		}
	})
}

// A sweep that fails is logged, and comes again.
func TestSweepFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pieces{failing: errors.New("no store")}
		m, log := sweeping(t, p)
		ctx, stop := context.WithTimeout(t.Context(), 25*time.Minute)
		defer stop()
		if err := m.every(ctx, sweepFirst, sweepEvery, "sweep", m.sweep); err != nil || len(p.taken) != 3 {
			t.Errorf("%v, %d turns", err, len(p.taken))
		}
		if text := log.String(); len(text) == 0 {
			t.Error("nothing is logged")
		}
	})
}

// An engine that is none is refused, not taken for another one.
func TestOpenRefusesAnUnknownEngine(t *testing.T) {
	if _, err := open(t.Context(), module.Store{Engine: "paper", Dir: filepath.Join(t.TempDir(), "x")}); err == nil {
		t.Error("paper is taken for a store")
	}
}
