package storetest

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// digests are stored with a batch, change with a later one, and end in one step with their event.
func digests(t *testing.T, open Open) {
	s := open(t)
	put := func(list ...digest.Digest) {
		t.Helper()
		if _, err := s.Append(t.Context(), room.Batch{Digests: list}); err != nil {
			t.Fatal(err)
		}
	}
	list := func(owner string, before time.Duration, limit int, want ...string) []digest.Digest {
		t.Helper()
		found, err := s.OpenDigests(t.Context(), owner, noon.Add(before), limit)
		var names []string
		for _, d := range found {
			names = append(names, d.ID)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("open %v (%v), want %v", names, err, want)
		}
		return found
	}
	others := openDigest("dig_d", noon)
	others.Owner = "rly_2"
	put(openDigest("dig_b", noon.Add(time.Second)), openDigest("dig_a", noon.Add(time.Second)), others, openDigest("dig_c", noon))
	list("rly_1", time.Hour, 10, "dig_c", "dig_a", "dig_b")
	list("rly_1", time.Hour, 2, "dig_c", "dig_a")
	list("rly_1", time.Second, 10, "dig_c")
	list("rly_2", time.Hour, 10, "dig_d")
	list("rly_3", time.Hour, 10)
	list("", time.Hour, 10, "dig_c", "dig_d", "dig_a", "dig_b")
	list("", time.Millisecond, 1, "dig_c")
	list("", 0, 10)

	more := openDigest("dig_c", noon)
	more.Rooms = map[string]int64{"cnv_1": 3, "cnv_2": 9}
	put(more)
	if got := list("rly_1", time.Millisecond, 1, "dig_c"); !reflect.DeepEqual(got, []digest.Digest{more}) {
		t.Errorf("changed to %+v, want %+v", got, more)
	}

	told, alone := event("dig_c"), event("alone")
	alone.Data = record.Data{"fault": "unknown_type"}
	if err := s.CloseDigests(t.Context(), []digest.Closed{{ID: "dig_c", Event: &told}, {ID: "dig_a"}}); err != nil {
		t.Fatal(err)
	}
	list("rly_1", time.Hour, 10, "dig_b")
	if err := s.Record(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	want := []record.Event{told, alone}
	check := func() {
		t.Helper()
		pending, err := outboxtest.Read(t.Context(), s.Outbox(), 10)
		if err != nil || !reflect.DeepEqual(pending, want) {
			t.Errorf("pending %+v (%v), want %+v", pending, err, want)
		}
	}
	check()
	// What is closed, or never was, stays as it is.
	other := event("again")
	if err := s.CloseDigests(t.Context(), []digest.Closed{{ID: "dig_c", Event: &other}, {ID: "dig_c"}, {ID: "dig_x", Event: &other}}); err != nil {
		t.Fatal(err)
	}
	check()
	list("rly_1", time.Hour, 10, "dig_b")
	// What was told and shipped is forgotten.
	outboxtest.Ship(t, s.Outbox(), 2)
	last := event("dig_b")
	want = []record.Event{last}
	if err := s.CloseDigests(t.Context(), []digest.Closed{{ID: "dig_b", Event: &last}}); err != nil {
		t.Fatal(err)
	}
	check()
}

// closeRace: of several that end a digest one tells of it.
func closeRace(t *testing.T, open Open) {
	s := open(t)
	if _, err := s.Append(t.Context(), room.Batch{Digests: []digest.Digest{openDigest("dig_1", noon)}}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		e := event("dig_1")
		all.Go(func() {
			if err := s.CloseDigests(t.Context(), []digest.Closed{{ID: "dig_1", Event: &e}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if pending, err := outboxtest.Read(t.Context(), s.Outbox(), 10); err != nil || len(pending) != 1 {
		t.Errorf("%d events (%v) of one digest", len(pending), err)
	}
}
