package recovery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/clock"
	counters "centinela/shared/limits"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

// pieces is a store with so much of each kind that is over.
type pieces struct {
	backend
	counters.Store
	mu                           sync.Mutex
	flows, texts, inbox, counted int
	taken                        []int
	t                            *testing.T
}

func (p *pieces) take(left *int, limit int, at, want time.Time) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !at.Equal(want) {
		p.t.Errorf("until %s, want %s", at, want)
	}
	n := min(*left, limit)
	*left -= n
	p.taken = append(p.taken, n)
	return n, nil
}

func (p *pieces) PruneFlows(_ context.Context, at time.Time, limit int) (int, error) {
	return p.take(&p.flows, limit, at, start)
}

func (p *pieces) PruneTexts(_ context.Context, at time.Time, limit int) (int, error) {
	return p.take(&p.texts, limit, at, start.Add(-post.KeepFinished))
}

func (p *pieces) PruneInbox(_ context.Context, at time.Time, limit int) (int, error) {
	return p.take(&p.inbox, limit, at, start.Add(-post.KeepFinished))
}

func (p *pieces) Prune(_ context.Context, at time.Time, limit int) (int, error) {
	return p.take(&p.counted, limit, at, start)
}

// seen is what was taken away since it was asked last.
func (p *pieces) seen() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.taken
	p.taken = nil
	return taken
}

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// GR G1: nothing is pruned in the first ten minutes; then all of it, at most 500
// rows at once, and again every ten minutes.
func TestPruneInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pieces{flows: 1200, texts: 501, counted: 500, t: t}
		m := &Module{store: p}
		m.deps.Clock, m.deps.Log, m.deps.Registry = clock.NewManual(start), testkit.Logger(t), prometheus.NewRegistry()
		var err error
		m.budget, err = limits.New(p, secret.RandomKey(), m.deps.Clock, DefaultConfig().Budget)
		testkit.Must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		group := m.deps.Background()
		group.Every(ctx, pruneEach, "prune", m.pruner())
		for _, c := range []struct {
			after time.Duration
			want  []int
		}{
			{10*time.Minute - time.Millisecond, nil},
			{10 * time.Second, []int{500, 500, 200, 500, 1, 3, 500, 0}},
			{10*time.Minute - time.Minute, nil},
			{time.Minute, []int{0, 0, 3, 0}},
		} {
			time.Sleep(c.after)
			synctest.Wait()
			if got := p.seen(); !slices.Equal(got, c.want) {
				t.Errorf("%s later: pieces %v, want %v", c.after, got, c.want)
			}
			p.mu.Lock()
			p.inbox = 3
			p.mu.Unlock()
		}
		stop()
		group.Wait()
	})
}
