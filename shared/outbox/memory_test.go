package outbox_test

import (
	"testing"

	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

func TestMemory(t *testing.T) {
	outboxtest.Run(t, func(*testing.T) outboxtest.Fixture {
		log := outbox.NewMemory(outboxtest.Service, 1000)
		return outboxtest.Fixture{Log: log, Append: func(t *testing.T, events ...record.Event) { put(t, log, events...) }}
	})
}

func put(t *testing.T, log *outbox.Memory, events ...record.Event) {
	t.Helper()
	for _, e := range events {
		if taken, err := log.Append(e); !taken || err != nil {
			t.Fatalf("not taken: %v", err)
		}
	}
}

// A log that is full says so, and has room again when events were shipped: its
// numbers stay without a gap.
func TestMemoryIsBounded(t *testing.T) {
	log := outbox.NewMemory(outboxtest.Service, 2)
	events := outboxtest.Events(4)
	put(t, log, events[:2]...)
	if taken, err := log.Append(events[2]); taken || err != nil {
		t.Fatalf("a full log takes more (%v)", err)
	}
	entries, err := log.After(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Trim(t.Context(), record.Head{}.Next(entries[0].Body)); err != nil {
		t.Fatal(err)
	}
	put(t, log, events[3])
	if entries, err = log.After(t.Context(), 1, 10); err != nil || len(entries) != 2 || entries[1].N != 3 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if _, err := outbox.NewMemory(outboxtest.Service, 1).Append(record.Event{}); err == nil {
		t.Error("an event without anything is taken")
	}
}
