package mongoxtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"centinela/shared/mongox"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// The collection's indexes, in all of what follows.
func made() []mongo.IndexModel {
	return []mongo.IndexModel{
		mongox.Unique("name"), mongox.Index("owner", "-used", "_id"), mongox.Sparse("due"), mongox.Index("removed", "until"), mongox.Unique("room", "number"),
	}
}

type do func(ctx context.Context, c *mongo.Collection) error

func find(filter any, limit int, order ...string) do {
	return func(ctx context.Context, c *mongo.Collection) error {
		_, err := mongox.List[bson.M](ctx, c, filter, mongox.Keys(order...), limit)
		return err
	}
}

func one(filter any) do {
	return func(ctx context.Context, c *mongo.Collection) error {
		_, _, err := mongox.One[bson.M](ctx, c, filter)
		return err
	}
}

func remove(filter any, many bool) do {
	return func(ctx context.Context, c *mongo.Collection) (err error) {
		if many {
			_, err = c.DeleteMany(ctx, filter)
		} else {
			_, err = c.DeleteOne(ctx, filter)
		}
		return err
	}
}

func update(filter any) do {
	return func(ctx context.Context, c *mongo.Collection) error {
		_, err := c.UpdateMany(ctx, filter, mongox.Set(bson.M{"n": 1}))
		return err
	}
}

func count(filter any) do {
	return func(ctx context.Context, c *mongo.Collection) error {
		_, err := c.CountDocuments(ctx, filter)
		return err
	}
}

// recorder is a test that keeps its failures to itself.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(f, args...))
}

// run is what Queries says of those uses of a store.
func run(t *testing.T, allowed string, uses ...do) []string {
	t.Helper()
	r := &recorder{TB: t}
	ctx := Queries(r, allowed)
	uri, database := testkit.Mongo(t)
	db, err := mongox.Open(ctx, uri, database, map[string][]mongo.IndexModel{"things": made()})
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range uses {
		if err := use(t.Context(), db.C("things")); err != nil {
			t.Error(err)
		}
	}
	if err := db.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	for _, f := range r.cleanups {
		f()
	}
	return r.failures
}

func less(v any) bson.M { return bson.M{"$lt": v} }

// Each query alone: what is wrong is found, what is right is let be.
func TestQueries(t *testing.T) {
	for shape, c := range map[string]struct {
		use  do
		want string // "" for nothing
	}{
		"find things _id= limit":                         {one(mongox.ByID("a")), ""},
		"find things name= limit":                        {one(bson.M{"name": "a"}), ""},
		"find things number=, room= limit":               {one(bson.M{"room": "a", "number": 1}), ""},
		"find things owner= limit":                       {one(bson.M{"owner": "a"}), "a limit without a sort"},
		"find things owner= sort -used limit":            {find(bson.M{"owner": "a"}, 3, "-used"), ""},
		"find things owner= sort -used, _id":             {find(bson.M{"owner": "a"}, 0, "-used", "_id"), ""},
		"find things owner= sort used, -_id":             {find(bson.M{"owner": "a"}, 0, "used", "-_id"), ""}, // backwards
		"find things owner= sort -used, -_id":            {find(bson.M{"owner": "a"}, 0, "-used", "-_id"), "no index gives the order"},
		"find things owner=, used<> sort -used limit":    {find(bson.M{"owner": "a", "used": less(1)}, 3, "-used"), ""},
		"find things owner= sort -made limit":            {find(bson.M{"owner": "a"}, 3, "-made"), "no index gives the order"},
		"find things due<> sort due limit":               {find(bson.M{"due": less(1)}, 3, "due"), ""},
		"find things due<>":                              {find(bson.M{"due": less(1)}, 0), "without an equality and without a limit"},
		"find things due<> limit":                        {find(bson.M{"due": less(1)}, 3), "a limit without a sort"},
		"find things sort due limit":                     {find(bson.M{}, 3, "due"), "no index answers it"}, // sparse: it may lack some
		"find things due=null sort _id limit":            {find(bson.M{"due": nil}, 3, "_id"), "no index answers it"},
		"find things due=null":                           {find(bson.M{"due": nil}, 0), "no index answers it"},
		"find things sort _id limit":                     {find(bson.M{}, 3, "_id"), ""},
		"find things _id<> sort -_id limit":              {find(bson.M{"_id": less("a")}, 3, "-_id"), ""},
		"find things made= sort made limit":              {find(bson.M{"made": 1}, 3, "made"), "no index answers it"},
		"find things removed=, until<> sort until limit": {find(bson.M{"removed": false, "until": less(1)}, 3, "until"), ""},
		"find things removed=, until<>":                  {find(bson.M{"removed": false, "until": less(1)}, 0), "without an equality"},
		"find things owner= | owner=, used?":             {find(bson.M{"owner": "a", "$or": bson.A{bson.M{"used": bson.M{"$exists": false}}, bson.M{}}}, 0), ""},
		"find things due<> | made= sort _id limit":       {find(bson.M{"$or": bson.A{bson.M{"due": less(1)}, bson.M{"made": 1}}}, 3, "_id"), "no index"},
		"find things made= | name=":                      {find(bson.M{"$or": bson.A{bson.M{"name": "a"}, bson.M{"made": 1}}}, 0), "no index answers it"},
		"find things name=, owner= limit":                {one(bson.M{"$and": bson.A{bson.M{"name": "a"}, bson.M{"owner": "b"}}}), ""},
		"find things name= sort made":                    {find(bson.M{"name": bson.M{"$eq": "a"}}, 0, "made"), ""}, // one document
		"delete things name=":                            {remove(bson.M{"name": "a"}, false), ""},
		"delete things made=":                            {remove(bson.M{"made": 1}, false), "no index answers it"},
		"delete things many _id=":                        {remove(bson.M{"_id": bson.M{"$in": bson.A{"a"}}}, true), ""},
		"delete things many due<>":                       {remove(bson.M{"due": less(1)}, true), "without an equality"},
		"update things many owner=":                      {update(bson.M{"owner": "a"}), ""},
		"update things many made=":                       {update(bson.M{"made": "a"}), "no index answers it"},
		"aggregate things owner=":                        {count(bson.M{"owner": "a"}), ""},
		"aggregate things":                               {count(bson.M{}), "no index answers it"},
	} {
		t.Run(shape, func(t *testing.T) {
			failures := run(t, "", c.use)
			if c.want == "" && len(failures) != 0 || c.want != "" && (len(failures) != 1 || !strings.HasPrefix(failures[0], shape+"\n") || !strings.Contains(failures[0], c.want)) {
				t.Errorf("%q, want %q", failures, c.want)
			}
		})
	}
}

// The shape is what a failure says, and what an exception is told apart by.
func TestShapes(t *testing.T) {
	raw := func(v any) bson.Raw {
		b, err := bson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	got := queries("find", "things", raw(bson.M{"find": "things", "filter": bson.M{"b": bson.M{"$gte": 1, "$ne": 2}, "a": bson.M{"x": 1}, "c": nil}, "sort": mongox.Keys("-b", "a"), "limit": 5}))
	if len(got) != 1 || got[0].String() != "find things a=, b<>, c=null sort -b, a limit" {
		t.Errorf("got %v", got)
	}
}

// An exception has a reason, and is taken off when it isn't needed.
func TestExceptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "queries.txt")
	list := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list("# any of them will do\nfind things owner= limit\n")
	if failures := run(t, file, one(bson.M{"owner": "a"})); len(failures) != 0 {
		t.Errorf("allowed: %q", failures)
	}
	list("# any of them will do\nfind things owner= limit\n\n# gone\nfind things gone= limit\n")
	if failures := run(t, file, one(bson.M{"owner": "a"})); len(failures) != 1 || !strings.Contains(failures[0], "take it off") || !strings.Contains(failures[0], "gone=") {
		t.Errorf("one too many: %q", failures)
	}
}

// MG W3: what is written without majority and journal, or read without majority, is found.
func TestConcerns(t *testing.T) {
	journal := true
	safe := &writeconcern.WriteConcern{W: "majority", Journal: &journal}
	for name, c := range map[string]struct {
		write *writeconcern.WriteConcern
		read  *readconcern.ReadConcern
		want  map[string]int
	}{
		"majority and journal": {safe, readconcern.Majority(), nil},
		"w 1":                  {writeconcern.W1(), readconcern.Majority(), map[string]int{"write concern": 3}},
		"no journal":           {writeconcern.Majority(), readconcern.Majority(), map[string]int{"write concern": 3}},
		"local":                {safe, readconcern.Local(), map[string]int{"read concern": 2}},
		"nothing":              {&writeconcern.WriteConcern{}, &readconcern.ReadConcern{}, map[string]int{"write concern": 3, "read concern": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			failures := run(t, "", func(ctx context.Context, things *mongo.Collection) error {
				things = things.Clone(options.Collection().SetWriteConcern(c.write).SetReadConcern(c.read))
				_, inserted := things.InsertMany(ctx, []any{bson.M{"_id": 1}, bson.M{"_id": 2}})
				_, counted := things.CountDocuments(ctx, mongox.ByID("a"))
				return errors.Join(inserted, counted, one(mongox.ByID("a"))(ctx, things), update(mongox.ByID("a"))(ctx, things), remove(mongox.ByID("a"), true)(ctx, things))
			})
			total := 0
			for what, want := range c.want {
				total += want
				if n := strings.Count(strings.Join(failures, "\n"), what); n != want {
					t.Errorf("%q %d times, want %d", what, n, want)
				}
			}
			if len(failures) != total {
				t.Errorf("failures %q", failures)
			}
		})
	}
}
