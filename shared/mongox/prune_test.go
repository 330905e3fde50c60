package mongox_test

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/shared/mongox"
)

// GR G1: a piece of a sweep takes the first ones only, and says how many it found.
func TestPrune(t *testing.T) {
	d := notes(t)
	for i, id := range []string{"c", "a", "b", "e", "d"} {
		if err := d.Insert(t.Context(), id, note{ID: id, Owner: id, DueAt: at(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	due := bson.D{{Key: "due_at", Value: bson.D{{Key: "$lt", Value: at(5)}}}}
	for _, c := range []struct {
		n    int
		left []string
	}{{3, []string{"d", "e"}}, {1, []string{"d"}}, {0, []string{"d"}}} {
		n, err := mongox.Prune(t.Context(), d.Collection, due, mongox.Keys("due_at"), 3)
		left, idErr := mongox.IDs(t.Context(), d.Collection, bson.D{}, mongox.Keys("_id"), 0)
		if n != c.n || err != nil || idErr != nil || !slices.Equal(left, c.left) {
			t.Errorf("%d gone, %v left, %v, %v; want %+v", n, left, err, idErr, c)
		}
	}
	if len(due) != 1 {
		t.Errorf("the caller's filter became %v", due)
	}
}
