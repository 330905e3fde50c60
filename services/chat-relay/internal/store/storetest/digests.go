package storetest

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
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
	list := func(before time.Time, limit int, want ...string) []digest.Digest {
		t.Helper()
		found, err := s.OpenDigests(t.Context(), before, limit)
		if err != nil || !reflect.DeepEqual(names(found), want) {
			t.Errorf("open %v (%v), want %v", names(found), err, want)
		}
		return found
	}
	put(openDigest("dig_b", noon.Add(time.Second)), openDigest("dig_a", noon.Add(time.Second)), openDigest("dig_c", noon))
	list(noon.Add(time.Hour), 10, "dig_c", "dig_a", "dig_b")
	list(noon.Add(time.Hour), 2, "dig_c", "dig_a")
	list(noon.Add(time.Second), 10, "dig_c")
	list(noon, 10)

	more := openDigest("dig_c", noon)
	more.Rooms = map[string]int64{"cnv_1": 3, "cnv_2": 9}
	put(more)
	if got := list(noon.Add(time.Millisecond), 1, "dig_c"); !reflect.DeepEqual(got, []digest.Digest{more}) {
		t.Errorf("changed to %+v, want %+v", got, more)
	}

	told, alone := event("dig_c"), event("alone")
	alone.Data = map[string]string{"fault": "unknown_type"}
	if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_c", Event: &told}, {ID: "dig_a"}}); err != nil {
		t.Fatal(err)
	}
	list(noon.Add(time.Hour), 10, "dig_b")
	if err := s.Record(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	want := []record.Event{told, alone}
	check := func() {
		t.Helper()
		pending, err := s.PendingEvents(t.Context(), 10)
		if err != nil || len(pending) != 2 {
			t.Fatalf("pending %+v, %v", pending, err)
		}
		for i := range want {
			if !reflect.DeepEqual(sameTimes(pending[i]), sameTimes(want[i])) {
				t.Errorf("event %+v\nwant  %+v", pending[i], want[i])
			}
		}
	}
	check()
	// What is closed, or never was, stays as it is.
	other := event("again")
	if err := s.CloseDigests(t.Context(), []room.ClosedDigest{{ID: "dig_c", Event: &other}, {ID: "dig_c"}, {ID: "dig_x", Event: &other}}); err != nil {
		t.Fatal(err)
	}
	check()
	list(noon.Add(time.Hour), 10, "dig_b")
}

// closeRace: of several that end a digest one tells of it.
func closeRace(t *testing.T, open Open) {
	s := open(t)
	if _, err := s.Append(t.Context(), room.Batch{Digests: append(noDigests, openDigest("dig_1", noon))}); err != nil {
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
	if pending, err := s.PendingEvents(t.Context(), 10); err != nil || len(pending) != 1 {
		t.Errorf("%d events (%v) of one digest", len(pending), err)
	}
}
