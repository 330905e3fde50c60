package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"centinela/shared/module"
)

const (
	goalGrowth    = 1.3     // CPU of an entry in a large record against one in a small one
	smallRecord   = 100_000 // events
	fillBatches   = 100     // in one go: their bodies are in memory meanwhile
	defaultEvents = 1_000_000
)

// measureRecord fills a record and compares what an entry costs when it is small with what it costs when it is large:
// an append-only log with indexes must not get dearer as it grows. -events says how large; 10,000,000 take a while.
func measureRecord(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.newSplit(ctx, "growth", module.Audit, module.Auth)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	sizes := []int{b.pick(smallRecord, smallRecord/5), b.pick(b.events, smallRecord)}
	if sizes[1] <= sizes[0] {
		return nil, fmt.Errorf("-events: must be more than %d", sizes[0])
	}
	var cost []float64
	have := 0
	for _, size := range sizes {
		b.say("filling the record up to %d events", size)
		for have < size {
			n := min(fillBatches, (size-have+eventsABatch-1)/eventsABatch)
			n += (postersAudit - n%postersAudit) % postersAudit // each sends as many
			if _, _, err := s.ingest(ctx, n); err != nil {
				return nil, err
			}
			have += n * eventsABatch
		}
		var at series
		for range b.pick(7, 3) {
			took, cpu, err := s.ingest(ctx, fillBatches)
			if err != nil {
				return nil, err
			}
			have += fillBatches * eventsABatch
			at.add(fillBatches*eventsABatch, took, cpu)
		}
		cost = append(cost, median(at.cpu)*float64(time.Second/time.Microsecond))
	}
	return []row{{
		name: fmt.Sprintf("record: CPU of an entry at %d events, against %d", sizes[1], sizes[0]), unit: "µs", ours: cost[1], baseline: cost[0],
		goal: "ratio <= 1.3", met: met(cost[1] <= goalGrowth*cost[0]),
	}}, nil
}
