package mongoxtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"centinela/shared/mongox"
	"centinela/shared/testkit"
)

// Queries is a context to open stores with, below t; when t ends, each distinct
// query that they made is held to the rules:
//
//   - it is written with majority and journal, or read with majority: no server of
//     the tests looks at concerns, so one that was left out would work everywhere but
//     in a failover;
//   - an index answers it and gives its order (equality, sort, range);
//   - a limit has an order, unless a unique index leaves one document;
//   - without an equality it has a limit.
//
// allowed is the file of [testkit.Exceptions] to the last three, by a query's shape
// as the failure gives it.
func Queries(t testing.TB, allowed string) context.Context {
	t.Helper()
	o := &observed{indexes: map[string][]index{}, queries: map[string]query{}, concerns: map[string]bool{}}
	exceptions, err := testkit.ReadExceptions(allowed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.report(t, exceptions) })
	return mongox.WithMonitor(t.Context(), &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) { o.see(e.CommandName, e.Command) },
	})
}

// ours is an exception of mongox itself: what a shipment before has left, at most
// as much as one.
const ours = "delete outbox_log many _id<>"

// observed is what a store did, over all of its databases.
type observed struct {
	mu       sync.Mutex
	indexes  map[string][]index // by collection
	queries  map[string]query   // by shape
	concerns map[string]bool    // what was wrong with them
}

func (o *observed) see(name string, command bson.Raw) {
	o.mu.Lock()
	defer o.mu.Unlock()
	collection, _ := command.Lookup(name).StringValueOK()
	if wrong := wrongConcern(name, collection, command); wrong != "" {
		o.concerns[wrong] = true
	}
	if name == "createIndexes" {
		o.indexes[collection] = append(o.indexes[collection], indexes(command)...)
	}
	for _, q := range queries(name, collection, command) {
		o.queries[q.String()] = q
	}
}

// wrongConcern says what a command lacks (design: architecture, "Stores").
func wrongConcern(name, collection string, command bson.Raw) string {
	switch {
	case slices.Contains([]string{"insert", "update", "delete", "findAndModify", "createIndexes"}, name):
		w, _ := command.Lookup("writeConcern", "w").StringValueOK()
		j, _ := command.Lookup("writeConcern", "j").BooleanOK()
		if w != "majority" || !j {
			return fmt.Sprintf("%s of %s has no write concern of w majority and j true", name, collection)
		}
	case slices.Contains([]string{"find", "aggregate", "count", "distinct"}, name):
		if level, _ := command.Lookup("readConcern", "level").StringValueOK(); level != "majority" {
			return fmt.Sprintf("%s of %s has no read concern majority", name, collection)
		}
	}
	return ""
}

func (o *observed) report(t testing.TB, exceptions testkit.Exceptions) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for concern := range o.concerns {
		t.Errorf("%s", concern)
	}
	wrong := map[string]string{}
	for shape, q := range o.queries {
		if why := q.complaint(o.indexes[q.collection]); why != "" && shape != ours {
			wrong[shape] = why
		}
	}
	exceptions.Report(t, wrong)
}
