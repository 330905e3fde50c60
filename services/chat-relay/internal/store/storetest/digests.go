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

var noDigests []digest.Digest

func names(list []digest.Digest) (ids []string) {
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

// digests are stored with a batch, change with a later one, and end in one step with their event.
func digests(t *testing.T, open Open) {
	s := open(t)
	put := func(list ...digest.Digest) {
		t.Helper()
		if _, err := s.Append(t.Context(), room.Batch{Digests: list}); err != nil {
			t.Fatal(err)
		}
	}
	list := func(owner string, limit int, want ...string) []digest.Digest {
		t.Helper()
		found, err := s.OpenDigests(t.Context(), owner, limit)
		if err != nil || !slices.Equal(names(found), want) {
			t.Errorf("open %v (%v), want %v", names(found), err, want)
		}
		return found
	}
	others := openDigest("dig_d")
	others.Owner = "rly_2"
	put(openDigest("dig_b"), openDigest("dig_a"), others, openDigest("dig_c"))
	list("rly_1", 10, "dig_a", "dig_b", "dig_c")
	list("rly_1", 2, "dig_a", "dig_b")
	list("rly_2", 10, "dig_d")
	list("rly_3", 10)

	more := openDigest("dig_a")
	more.Rooms = map[string]int64{"cnv_1": 3, "cnv_2": 9}
	put(more)
	if got := list("rly_1", 1, "dig_a"); !reflect.DeepEqual(got, []digest.Digest{more}) {
		t.Errorf("changed to %+v, want %+v", got, more)
	}

	told, alone := event("dig_a"), event("alone")
	alone.Data = record.Data{"fault": "unknown_type"}
	if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_a", Event: &told}, {ID: "dig_b"}}); err != nil {
		t.Fatal(err)
	}
	list("rly_1", 10, "dig_c")
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
	if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_a", Event: &other}, {ID: "dig_a"}, {ID: "dig_x", Event: &other}}); err != nil {
		t.Fatal(err)
	}
	check()
	list("rly_1", 10, "dig_c")
	// What was told and shipped is forgotten.
	outboxtest.Ship(t, s.Outbox(), 2)
	last := event("dig_c")
	want = []record.Event{last}
	if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_c", Event: &last}}); err != nil {
		t.Fatal(err)
	}
	check()
}

// owners say until when they live, again and again, and are there until they are retired.
func owners(t *testing.T, open Open) {
	s := open(t)
	beat := func(id string, until time.Time) {
		t.Helper()
		if err := s.Beat(t.Context(), digest.Owner{ID: id, Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want ...digest.Owner) {
		t.Helper()
		if got, err := s.Owners(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("owners %+v (%v), want %+v", got, err, want)
		}
	}
	expect()
	beat("rly_2", noon)
	beat("rly_1", noon)
	beat("rly_2", noon.Add(time.Second))
	expect(digest.Owner{ID: "rly_1", Until: noon}, digest.Owner{ID: "rly_2", Until: noon.Add(time.Second)})
	for range 2 {
		if err := s.Retire(t.Context(), "rly_1"); err != nil {
			t.Fatal(err)
		}
		expect(digest.Owner{ID: "rly_2", Until: noon.Add(time.Second)})
	}
}

// closeRace: of several that end a digest one tells of it.
func closeRace(t *testing.T, open Open) {
	s := open(t)
	if _, err := s.Append(t.Context(), room.Batch{Digests: append(noDigests, openDigest("dig_1"))}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		e := event("dig_1")
		all.Go(func() {
			if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_1", Event: &e}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if pending, err := outboxtest.Read(t.Context(), s.Outbox(), 10); err != nil || len(pending) != 1 {
		t.Errorf("%d events (%v) of one digest", len(pending), err)
	}
}
