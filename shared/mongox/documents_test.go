package mongox_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/mongox"
	"centinela/shared/record"
)

// note is a domain's type: one tag set, which serves BSON here and JSON on SQLite.
type note struct {
	ID     string    `json:"id"`
	Owner  string    `json:"owner,omitempty"`
	DueAt  time.Time `json:"due_at,omitzero,omitempty"`
	Marks  []mark    `json:"marks,omitempty"`
	Sealed []byte    `json:"sealed,omitempty"`
	Count  int       `json:"count,omitempty"`
}

// Note is exported because the driver leaves embedded structs out that aren't.
type Note = note

type mark struct {
	Key string    `json:"key"`
	At  time.Time `json:"at,omitzero,omitempty"`
}

// withTexts is a store's own document: the domain's value and what is written with it.
type withTexts struct {
	Note  `json:",inline"`
	Texts []string `json:"texts,omitempty"`
}

var errNoNote = errors.New("no such note")

func at(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }

func full() note {
	return note{ID: "a", Owner: "ana", DueAt: at(1), Marks: []mark{{Key: "k", At: at(2)}, {Key: "l"}}, Sealed: []byte{0, 255}, Count: 3}
}

func notes(t *testing.T) *mongox.Documents[note] {
	db := open(t, map[string][]mongo.IndexModel{"notes": {mongox.Unique("owner"), mongox.Sparse("due_at", "-_id"), mongox.Index("count")}})
	return mongox.NewDocuments[note](db, "notes", 1, errNoNote)
}

// stored is the document as the server has it, without its outbox, and how many events that holds.
func stored(t *testing.T, c *mongo.Collection, id string) (doc bson.M, events int) {
	t.Helper()
	raw, found, err := mongox.One[bson.Raw](t.Context(), c, mongox.ByID(id))
	if err != nil || !found {
		t.Fatalf("%s: found %v, %v", id, found, err)
	}
	if err := bson.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc, "outbox")
	waiting, ok := raw.Lookup("outbox").ArrayOK()
	if !ok {
		waiting, ok = raw.Lookup("outbox", "events").ArrayOK()
	}
	if ok {
		all, err := waiting.Values()
		if err != nil {
			t.Fatal(err)
		}
		events = len(all)
	}
	return doc, events
}

func told(account string) record.Event {
	e := record.New(at(0), "auth", record.SessionCreated, record.Success, record.Origin{})
	e.Account = account
	return e
}

// Every field comes back by its JSON name; a zero time isn't stored.
func TestDocumentsRoundTrip(t *testing.T) {
	d, want := notes(t), full()
	if err := d.Insert(t.Context(), "a", want, told("ana")); err != nil {
		t.Fatal(err)
	}
	got, err := d.Get(t.Context(), "a")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	err = d.Update(t.Context(), "a", func(n *note) ([]record.Event, error) {
		n.Owner, n.DueAt, n.Marks, n.Sealed, n.Count = "eva", time.Time{}, nil, nil, 0
		return []record.Event{told("eva"), told("eva")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, events := stored(t, d.Collection, "a")
	if want := (bson.M{"_id": "a", "id": "a", "v": int32(1), "rev": int64(2), "owner": "eva"}); !reflect.DeepEqual(doc, want) || events != 3 {
		t.Errorf("stored %v with %d events", doc, events)
	}
}

func TestDocumentsList(t *testing.T) {
	d := notes(t)
	for i, id := range []string{"b", "c", "a"} {
		if err := d.Insert(t.Context(), id, note{ID: id, Owner: id, Count: i % 2}); err != nil {
			t.Fatal(err)
		}
	}
	names := func(all []note, err error) (ids []string) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		for _, n := range all {
			ids = append(ids, n.ID)
		}
		return ids
	}
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("descending", names(d.List(t.Context(), bson.M{}, mongox.Keys("-_id"), 2)), "c", "b")
	check("ascending", names(d.List(t.Context(), bson.M{"count": nil}, mongox.Keys("_id"), 0)), "a", "b") // a zero is left out
	check("none", names(d.List(t.Context(), bson.M{"owner": "z"}, nil, 0)))
	ids, err := mongox.IDs(t.Context(), d.Collection, bson.M{}, mongox.Keys("owner"), 2)
	if err != nil {
		t.Error(err)
	}
	check("ids", ids, "a", "b")
	loose, err := mongox.List[note](t.Context(), d.Collection, bson.M{"owner": bson.M{"$gt": "a"}}, mongox.Keys("-owner"), 1)
	check("by a function", names(loose, err), "c")
}

// What was refused changed nothing, and errors keep their identity.
func TestDocumentsRefusals(t *testing.T) {
	d := notes(t)
	if err := d.Insert(t.Context(), "a", full(), told("ana")); err != nil {
		t.Fatal(err)
	}
	before, _ := stored(t, d.Collection, "a")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	own := errors.New("own")
	update := func(ctx context.Context, id string, err error) error {
		return d.Update(ctx, id, func(n *note) ([]record.Event, error) { n.Sealed = nil; return []record.Event{told("ana")}, err })
	}
	if err := d.Insert(t.Context(), "a", note{Owner: "eva"}, told("eva")); !mongox.IsDuplicate(err) {
		t.Errorf("the same id: %v", err)
	}
	if err := d.Insert(t.Context(), "b", note{Owner: "ana"}, told("eva")); !mongox.IsDuplicate(err) {
		t.Errorf("the same owner: %v", err)
	}
	if err := update(t.Context(), "z", nil); err != errNoNote { //nolint:errorlint // identity is what is tested
		t.Errorf("missing: %v", err)
	}
	if err := update(t.Context(), "a", own); err != own { //nolint:errorlint // identity is what is tested
		t.Errorf("change's own: %v", err)
	}
	if err := update(cancelled, "a", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := d.Get(t.Context(), "z"); err != errNoNote { //nolint:errorlint // identity is what is tested
		t.Errorf("Get: %v", err)
	}
	after, events := stored(t, d.Collection, "a")
	if !reflect.DeepEqual(after, before) || events != 1 {
		t.Errorf("after it: %v with %d events", after, events)
	}
	if n, err := d.Collection.CountDocuments(t.Context(), bson.M{}); n != 1 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

// Without missing each id has a value, which Update adds; of 30 at once, made by
// whichever was first, none is lost, and each event is there.
func TestDocumentsUpsertContiguous(t *testing.T) {
	const racers = 30
	db := open(t, nil)
	d := mongox.NewDocuments[withTexts](db, "notes", 1, nil)
	if v, err := d.Get(t.Context(), "a"); err != nil || !reflect.DeepEqual(v, withTexts{}) {
		t.Fatalf("at first %+v, %v", v, err)
	}
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			err := d.Update(t.Context(), "a", func(n *withTexts) ([]record.Event, error) {
				n.ID, n.Count, n.Texts = "a", n.Count+1, append(n.Texts, fmt.Sprint(i))
				return []record.Event{told("ana")}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	v, err := d.Get(t.Context(), "a")
	doc, events := stored(t, d.Collection, "a")
	if err != nil || v.Count != racers || len(v.Texts) != racers || events != racers || doc["rev"] != int64(racers) {
		t.Errorf("at the end %+v, %d events, rev %v, %v", v, events, doc["rev"], err)
	}
}

// An update that never fits, because others change the document at each try, ends with its context and writes nothing.
func TestDocumentsNeverUncontended(t *testing.T) {
	d := notes(t)
	if err := d.Insert(t.Context(), "a", full()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := d.Update(ctx, "a", func(n *note) ([]record.Event, error) {
		_, err := d.Collection.UpdateOne(t.Context(), mongox.ByID("a"), bson.M{"$inc": bson.M{"rev": int64(1)}})
		n.Count = 99
		return nil, err
	})
	if got, readErr := d.Get(t.Context(), "a"); !errors.Is(err, context.DeadlineExceeded) || readErr != nil || got.Count != 3 {
		t.Errorf("%v, then %+v, %v", err, got, readErr)
	}
}

// Another unique index that the new document violates ends the update; it isn't
// taken for a race.
func TestDocumentsUpsertDuplicate(t *testing.T) {
	db := open(t, map[string][]mongo.IndexModel{"notes": {mongox.Unique("owner")}})
	d := mongox.NewDocuments[note](db, "notes", 1, nil)
	claim := func(id string) error {
		return d.Update(t.Context(), id, func(n *note) ([]record.Event, error) { n.ID, n.Owner = id, "ana"; return nil, nil })
	}
	if err := claim("a"); err != nil {
		t.Fatal(err)
	}
	if err := claim("b"); !mongox.IsDuplicate(err) {
		t.Errorf("another's owner: %v", err)
	}
}

// A document of a shape to come, or without one, is neither read nor replaced.
func TestDocumentsShapes(t *testing.T) {
	d := notes(t)
	for i, shape := range []any{2, 0, nil} {
		id := fmt.Sprint(i)
		if _, err := d.Collection.InsertOne(t.Context(), bson.M{"_id": id, "v": shape, "owner": id}); err != nil {
			t.Fatal(err)
		}
		_, err := d.Get(t.Context(), id)
		updated := d.Update(t.Context(), id, func(n *note) ([]record.Event, error) { n.Owner = "new"; return nil, nil })
		if doc, _ := stored(t, d.Collection, id); err == nil || updated == nil || doc["owner"] != id {
			t.Errorf("shape %v: %v, %v, stored %v", shape, err, updated, doc)
		}
	}
}

func ExampleDocuments() {
	type store struct{ notes *mongox.Documents[note] }
	open := func(db *mongox.DB) store { return store{mongox.NewDocuments[note](db, "notes", 1, errNoNote)} }
	update := func(ctx context.Context, s store, id string, change func(*note) ([]record.Event, error)) error {
		return s.notes.Update(ctx, id, change)
	}
	due := func(ctx context.Context, s store, now time.Time, limit int) ([]note, error) {
		return s.notes.List(ctx, bson.M{"due_at": bson.M{"$lte": now}}, mongox.Keys("due_at"), limit)
	}
	indexes := map[string][]mongo.IndexModel{"notes": {mongox.Unique("owner"), mongox.Sparse("due_at")}}
	_, _, _, _ = open, update, due, indexes
}
