package main

import (
	"context"
	"fmt"

	"centinela/shared/module"
)

const (
	smallRecord   = 100_000 // events
	fillBatches   = 100     // in one go: their bodies are in memory meanwhile
	defaultEvents = 1_000_000
)

// measureRecord fills a record and compares what an entry costs when it is small with what it costs when it is large:
// an append-only log with indexes must not get dearer as it grows. -events says how large; 10,000,000 take a while.
func measureRecord(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.newSplit(ctx, "growth", module.Audit, module.Auth)
	if err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	sizes := []int{b.pick(smallRecord, smallRecord/5), b.pick(b.events, smallRecord)}
	if sizes[1] <= sizes[0] {
		return nil, fmt.Errorf("-events: must be more than %d", sizes[0])
	}
	at := make([]series, len(sizes))
	have := 0
	for i, size := range sizes {
		b.say("filling the record up to %d events", size)
		ingest := func(to *series) error {
			have += fillBatches * eventsABatch
			return s.ingest(ctx, fillBatches, to)
		}
		for have < size {
			if err := ingest(&series{}); err != nil {
				return nil, err
			}
		}
		for range b.pick(7, 3) {
			if err := ingest(&at[i]); err != nil {
				return nil, err
			}
		}
	}
	return []row{{
		name: fmt.Sprintf("record: CPU of an entry at %d events, against %d", sizes[1], sizes[0]), unit: "µs",
		ours: median(at[1].cpu), baseline: median(at[0].cpu), goal: goal{limit: 1.3, ratio: true},
	}}, nil
}
