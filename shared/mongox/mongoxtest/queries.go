package mongoxtest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"centinela/shared/testkit"
)

// Queries is testkit.Mongo for the tests below t; when t ends, each distinct query
// of theirs is held against the indexes that the store made:
//
//   - an index answers it and gives its order (equality, sort, range);
//   - a limit has an order, unless a unique index leaves one document;
//   - without an equality it has a limit.
//
// allowed is a file of exceptions ("" for none): a comment with the reason ("# …"),
// then the query's shape as the failure gives it. One that isn't needed any more is
// an error as well.
func Queries(t testing.TB, allowed string) func(t testing.TB) (uri, database string) {
	t.Helper()
	exceptions, err := readExceptions(allowed)
	if err != nil {
		t.Fatal(err)
	}
	o := &observed{indexes: map[string][]index{}, queries: map[string]query{}}
	t.Cleanup(func() { o.report(t, allowed, exceptions) })
	return func(t testing.TB) (uri, database string) {
		t.Helper()
		return testkit.MongoWatched(t, o.see)
	}
}

// ours are exceptions of mongox itself: of the outbox, which every store has.
var ours = []string{
	"outbox.id<> limit",            // findings: mongodb D1; the log with a cursor takes its place
	"delete outbox_log many _id<>", // what a shipment before has left: at most as much as one
}

func isOurs(shape string) bool {
	return slices.ContainsFunc(ours, func(part string) bool { return strings.Contains(shape, part) })
}

// observed is what a store did, over all of its databases.
type observed struct {
	mu      sync.Mutex
	indexes map[string][]index // by collection
	queries map[string]query   // by shape
}

func (o *observed) see(c testkit.MongoCommand) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.Name == "createIndexes" {
		o.indexes[c.Collection] = append(o.indexes[c.Collection], indexes(c)...)
	}
	for _, q := range queries(c) {
		o.queries[q.String()] = q
	}
}

func (o *observed) report(t testing.TB, file string, exceptions map[string]string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	wrong := map[string]string{}
	for shape, q := range o.queries {
		if why := q.complaint(o.indexes[q.collection]); why != "" {
			wrong[shape] = why
		}
	}
	for _, shape := range slices.Sorted(maps.Keys(wrong)) {
		if exceptions[shape] == "" && !isOurs(shape) {
			t.Errorf("%s\n\t%s\n\tGive it an index, an order or a limit; where that can't be, put it under its reason into the list of exceptions (%q).", shape, wrong[shape], file)
		}
	}
	if run := flag.Lookup("test.run"); len(o.queries) == 0 || run != nil && strings.Contains(run.Value.String(), "/") {
		return // a part of the tests runs a part of the queries, and a server that can't be watched shows none
	}
	for _, shape := range slices.Sorted(maps.Keys(exceptions)) {
		if wrong[shape] == "" {
			t.Errorf("%s lists a query that isn't made, or has nothing to be allowed any more: take it off\n\t%s", file, shape)
		}
	}
}

// readExceptions gives the reasons by shape.
func readExceptions(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	reasons, reason := map[string]string{}, ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		comment, isComment := strings.CutPrefix(line, "#")
		switch {
		case line == "":
			reason = ""
		case isComment:
			reason += strings.TrimSpace(comment)
		case reason == "":
			return nil, fmt.Errorf("%s: no reason stands above %s", file, line)
		default:
			reasons[line] = reason
		}
	}
	return reasons, nil
}
