package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"centinela/shared/clock"
)

const (
	checkpointEvents   = 1000
	checkpointInterval = 10 * time.Second
)

// Checkpointer keeps the checkpoint file behind the head: at once for the first
// entry, then every 1,000 entries or 10 s, and when asked at the end. It never
// replaces a checkpoint that the record contradicts: that file is the evidence.
type Checkpointer struct {
	store Store
	path  string
	key   ed25519.PrivateKey
	clock clock.Clock
	log   *slog.Logger

	kick    chan struct{}
	waiting atomic.Int64 // entries since the last checkpoint
	have    atomic.Bool  // there is one; outside mu, because Noted must not wait for a disk

	mu   sync.Mutex
	last Checkpoint
}

// OpenCheckpointer reads the file at path. missing is true when there is none
// though the record has entries: then nobody can tell whether its newest ones
// were cut off. Errors: the store's, or the file can't be read. A file that
// wasn't signed with key is not an error here, but is never overwritten.
func OpenCheckpointer(ctx context.Context, store Store, path string, key ed25519.PrivateKey, clk clock.Clock, log *slog.Logger) (c *Checkpointer, missing bool, err error) {
	c = &Checkpointer{store: store, path: path, key: key, clock: clk, log: log, kick: make(chan struct{}, 1)}
	last, have, err := ReadCheckpoint(path, key.Public().(ed25519.PublicKey))
	c.last = last
	c.have.Store(have)
	if err != nil && !errors.Is(err, ErrCheckpoint) {
		return nil, false, err
	}
	unsigned := err != nil
	head, err := store.Head(ctx)
	if err != nil {
		return nil, false, err
	}
	return c, head.Seq > 0 && !have && !unsigned, nil
}

// Noted says that n entries were added.
func (c *Checkpointer) Noted(n int) {
	before := c.waiting.Add(int64(n)) - int64(n)
	if !c.have.Load() || before < checkpointEvents && before+int64(n) >= checkpointEvents {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// Run writes checkpoints until ctx ends. A failure is logged and tried again
// with the next one.
func (c *Checkpointer) Run(ctx context.Context) error {
	tick := time.NewTicker(checkpointInterval) // of the machine: it paces work, it decides nothing
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.kick:
		}
		if err := c.Write(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("audit: no checkpoint written", "error", err.Error())
		}
	}
}

// Write signs the present head, if it is another than the last one. It fails
// where the record no longer holds what the last checkpoint saw.
func (c *Checkpointer) Write(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.consistent(ctx); err != nil {
		return err
	}
	head, err := c.store.Head(ctx)
	if err != nil {
		return err
	}
	c.waiting.Store(0)
	if head.Seq == 0 || c.have.Load() && head == c.last.Head {
		return nil
	}
	next := Checkpoint{Head: head, Time: c.clock.Now()}
	if err := writeCheckpoint(c.path, c.key, next); err != nil {
		return err
	}
	c.last = next
	c.have.Store(true)
	return nil
}

// consistent reads the file, not the memory: whoever cuts rows off may also put
// an older file in place while the service runs.
func (c *Checkpointer) consistent(ctx context.Context) error {
	last, ok, err := ReadCheckpoint(c.path, c.key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	if !ok || c.have.Load() && last.Seq < c.last.Seq {
		last, ok = c.last, c.have.Load()
	}
	if !ok {
		return nil
	}
	entries, err := c.store.Entries(ctx, last.Seq, 1)
	if err != nil {
		return err
	}
	if len(entries) == 0 || entries[0].head() != last.Head {
		return fmt.Errorf("%w: entry %d is no longer the one that the checkpoint saw; run: centinela audit verify", ErrTampered, last.Seq)
	}
	return nil
}
