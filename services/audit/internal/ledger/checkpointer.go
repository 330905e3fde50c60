package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
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

	kick     chan struct{}
	waiting  atomic.Int64 // entries since the last checkpoint
	have     atomic.Bool  // there is one; outside mu, because Noted must not wait for a disk
	failures atomic.Int64
	fault    atomic.Pointer[error] // why there is no newer one

	mu   sync.Mutex
	last Checkpoint
}

// OpenCheckpointer reads the file at path and holds the record against it. gap
// says what nobody can vouch for, "" where all is well: the record has entries
// and no checkpoint, the file wasn't signed with key (it is never overwritten),
// or the record no longer holds what it saw. Errors: the store's, or the file
// can't be read.
func OpenCheckpointer(ctx context.Context, store Store, path string, key ed25519.PrivateKey, clk clock.Clock, log *slog.Logger) (c *Checkpointer, gap string, err error) {
	c = &Checkpointer{store: store, path: path, key: key, clock: clk, log: log, kick: make(chan struct{}, 1)}
	last, have, err := ReadCheckpoint(path, key.Public().(ed25519.PublicKey))
	if errors.Is(err, ErrCheckpoint) {
		c.failed(err)
		return c, "the checkpoint was not signed with this service's key: the record's newest entries may have been cut off before this start", nil
	}
	if err != nil {
		return nil, "", err
	}
	c.last = last
	c.have.Store(have)
	if err := c.consistent(ctx); errors.Is(err, ErrTampered) {
		c.failed(err)
		return c, err.Error(), nil
	} else if err != nil {
		return nil, "", err
	}
	head, err := store.Head(ctx)
	if err == nil && head.Seq > 0 && !have {
		gap = "the record has entries and no checkpoint: its newest ones may have been cut off before this start"
	}
	return c, gap, err
}

// Failures counts checkpoints that could not be written; where the record
// contradicts the last one, that is every one from then on.
func (c *Checkpointer) Failures() int64 { return c.failures.Load() }

// Ready is nil unless the record and the checkpoint don't fit, or it can't be
// written: what comes is recorded, and nobody could tell if it were cut off.
func (c *Checkpointer) Ready() error {
	if fault := c.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

func (c *Checkpointer) failed(err error) { c.fault.Store(&err) }

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

// Run writes checkpoints until ctx ends, the first one at once: what was added in
// an earlier life may have none (CA A4). A failure is logged and tried again with
// the next one.
func (c *Checkpointer) Run(ctx context.Context) error {
	tick := time.NewTicker(checkpointInterval) // of the machine: it paces work, it decides nothing
	defer tick.Stop()
	now := make(chan struct{}, 1)
	now <- struct{}{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-now:
		case <-tick.C:
		case <-c.kick:
		}
		if err := c.Write(ctx); err != nil && ctx.Err() == nil {
			c.failures.Add(1)
			c.log.Error("audit: no checkpoint written", "error", err.Error())
		}
	}
}

// Write signs the present head, if it is another than the last one. It fails
// where the record no longer holds what the last checkpoint saw.
func (c *Checkpointer) Write(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.write(ctx)
	switch {
	case err == nil:
		c.fault.Store(nil)
	case ctx.Err() == nil:
		c.failed(err)
	}
	return err
}

func (c *Checkpointer) write(ctx context.Context) error {
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
	rows, err := c.store.Rows(ctx, last.Seq, 1)
	if _, isDamaged := errors.AsType[*DamagedError](err); err != nil && !isDamaged {
		return err
	}
	if len(rows) == 0 || rows[0].head() != last.Head {
		return fmt.Errorf("%w: entry %d is no longer the one that the checkpoint saw; run: centinela audit verify, and move %s away to begin with a new one", ErrTampered, last.Seq, filepath.Base(c.path))
	}
	return nil
}
