package testkit

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// told is a test that keeps its failures to itself.
type told struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *told) Helper()           {}
func (r *told) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *told) Error(args ...any) { r.failures = append(r.failures, args[0].(string)) }

// MG W3: what the product writes without majority and journal, or reads without majority, fails its test, and so does
// each that is left out; a test's own clients may do as they like.
func TestWatchFindsConcerns(t *testing.T) {
	journal := true
	safe := &writeconcern.WriteConcern{W: "majority", Journal: &journal}
	for name, c := range map[string]struct {
		app   string
		write *writeconcern.WriteConcern
		read  *readconcern.ReadConcern
		want  []string
	}{
		"as the product":  {"centinela", safe, readconcern.Majority(), nil},
		"a test's client": {"other", writeconcern.W1(), readconcern.Local(), nil},
		"w 1":             {"centinela", writeconcern.W1(), readconcern.Majority(), []string{"write concern"}},
		"no journal":      {"centinela", writeconcern.Majority(), readconcern.Majority(), []string{"write concern"}},
		"local":           {"centinela", safe, readconcern.Local(), []string{"read concern"}},
		"nothing":         {"centinela", nil, nil, []string{"write concern", "read concern"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &told{TB: t}
			seen := map[string]MongoCommand{}
			uri, database := MongoWatched(r, func(c MongoCommand) { seen[c.Name] = c })
			o := options.Client().ApplyURI(uri).SetAppName(c.app)
			if c.write != nil {
				o = o.SetWriteConcern(c.write).SetReadConcern(c.read)
			}
			client, err := mongo.Connect(o)
			if err != nil {
				t.Fatal(err)
			}
			collection := client.Database(database).Collection("things")
			if _, err := collection.InsertMany(t.Context(), []any{bson.M{"_id": 1}, bson.M{"_id": 2}}); err != nil {
				t.Error(err)
			}
			if _, err := collection.UpdateOne(t.Context(), bson.M{"_id": 1}, bson.M{"$set": bson.M{"n": 1}}); err != nil {
				t.Error(err)
			}
			if err := collection.FindOne(t.Context(), bson.M{"_id": 1}).Err(); err != nil {
				t.Error(err)
			}
			if _, err := collection.CountDocuments(t.Context(), bson.M{}); err != nil {
				t.Error(err)
			}
			if _, err := collection.DeleteMany(t.Context(), bson.M{}); err != nil {
				t.Error(err)
			}
			if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			for _, f := range r.cleanups {
				f()
			}
			per := map[string]int{"write concern": 3, "read concern": 2}
			wanted := 0
			for _, want := range c.want {
				wanted += per[want]
				if n := strings.Count(strings.Join(r.failures, "\n"), want); n != per[want] {
					t.Errorf("%q %d times, want %d", want, n, per[want])
				}
			}
			if len(r.failures) != wanted {
				t.Errorf("failures %q", r.failures)
			}
			if c.app == watchedApp && (seen["find"].Collection != "things" || len(seen["insert"].Parts["documents"]) != 2 || len(seen["delete"].Parts["deletes"]) != 1) {
				t.Errorf("saw %v", seen)
			}
		})
	}
}

// What isn't a message, or none that is known, ends in an error and not in a panic.
func FuzzParseMessage(f *testing.F) {
	doc, err := bson.Marshal(bson.D{{Key: "find", Value: "things"}, {Key: "filter", Value: bson.D{}}})
	if err != nil {
		f.Fatal(err)
	}
	head := func(op byte) []byte { return append(make([]byte, 12), op, 7, 0, 0) }
	f.Add(append(append(head(0xdd), 0, 0, 0, 0, 0), doc...))
	f.Add(append(append(head(0xd4), 0, 0, 0, 0, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0), doc...))
	f.Add(append(append(head(0xdd), 0, 0, 0, 0, 1, 16, 0, 0, 0, 'd', 0), doc...))
	f.Add(head(0xdd))
	f.Fuzz(func(t *testing.T, m []byte) {
		if len(m) < messageHeader {
			return
		}
		c, err := parseMessage(bytes.Clone(m))
		if err == nil && c.Name == "find" && c.Body == nil {
			t.Error("a command without a body")
		}
	})
}
