package mongo

import (
	"context"
	"reflect"
	"testing"

	"centinela/shared/record"
	"centinela/shared/testkit"
)

// Of two instances the one that appended first may keep its heads last, or be stopped half way in it: no head, and not
// the row that they are of, goes back.
func TestSourcesGoForward(t *testing.T) {
	uri, database := testkit.Mongo(t)
	s, err := Open(t.Context(), uri, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	head := func(n int64) record.Head { return record.Head{N: n, Hash: record.Hash{byte(n)}} }
	for _, step := range []struct {
		seq   int64
		heads map[string]record.Head
	}{
		{10, map[string]record.Head{"auth/a": head(6), "auth/b": head(4)}},
		{5, map[string]record.Head{"auth/a": head(3), "auth/c": head(2)}}, // the slower one, which wrote rows 1 to 5
		{10, map[string]record.Head{"auth/a": head(6)}},                   // again
	} {
		if err := s.keepSources(t.Context(), step.seq, step.heads); err != nil {
			t.Fatal(err)
		}
	}
	heads, upTo, err := s.Sources(t.Context())
	want := map[string]record.Head{"auth/a": head(6), "auth/b": head(4), "auth/c": head(2)}
	if err != nil || upTo != 10 || !reflect.DeepEqual(heads, want) {
		t.Errorf("%v of row %d, %v", heads, upTo, err)
	}
}
