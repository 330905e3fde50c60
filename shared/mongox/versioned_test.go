package mongox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/shared/mongox"
)

type counter struct {
	ID      string `bson:"_id"`
	Version int64  `bson:"rev"`
	N       int    `bson:"n"`
}

func version(c *counter) *int64 { return &c.Version }

// Of 100 concurrent updates none is lost: every one saw a value of its own, and
// the values are contiguous (design: architecture, "Stores").
func TestUpdateVersionedContiguous(t *testing.T) {
	const racers = 100
	c := open(t, nil).C("counters")
	if _, err := c.InsertOne(t.Context(), counter{ID: "n"}); err != nil {
		t.Fatal(err)
	}
	values := make([]int, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			err := mongox.UpdateVersioned(t.Context(), c, "n", version, func(doc *counter) error {
				doc.N++
				values[i] = doc.N
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	slices.Sort(values)
	for i, v := range values {
		if v != i+1 {
			t.Fatalf("values are not 1 to %d: %v", racers, values)
		}
	}
	var last counter
	if err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}).Decode(&last); err != nil {
		t.Fatal(err)
	}
	if last.N != racers || last.Version != racers {
		t.Errorf("at the end %+v", last)
	}
}

func TestUpdateVersionedErrors(t *testing.T) {
	c := open(t, nil).C("counters")
	if _, err := c.InsertOne(t.Context(), counter{ID: "n", N: 7}); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	// contended changes the document behind every try, so the update never fits.
	contended := func(doc *counter) error {
		_, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: doc.ID}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "rev", Value: int64(1)}}}})
		doc.N = 99
		return err
	}
	short, cancelShort := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancelShort()
	for name, tc := range map[string]struct {
		ctx    context.Context
		id     string
		change func(*counter) error
		want   error
	}{
		"no document":       {t.Context(), "other", func(*counter) error { return nil }, mongox.ErrNoDocument},
		"change refuses":    {t.Context(), "n", func(d *counter) error { d.N = 99; return own }, own},
		"cancelled":         {cancelled, "n", func(d *counter) error { d.N = 99; return nil }, context.Canceled},
		"never uncontended": {short, "n", contended, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if err := mongox.UpdateVersioned(tc.ctx, c, tc.id, version, tc.change); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			var doc counter
			if err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}).Decode(&doc); err != nil || doc.N != 7 {
				t.Errorf("after it: %+v, %v", doc, err)
			}
		})
	}
}
