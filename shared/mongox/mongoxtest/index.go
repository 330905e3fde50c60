package mongoxtest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// index is one's definition.
type index struct {
	keys           []key
	unique, sparse bool
}

// primary is every collection's own.
var primary = index{keys: []key{{field: "_id"}}, unique: true}

// indexes are those that a createIndexes makes.
func indexes(command bson.Raw) (all []index) {
	for _, e := range elements(command.Lookup("indexes")) {
		var i index
		if definition, ok := e.Value().DocumentOK(); ok {
			i.keys = keys(definition.Lookup("key"))
			i.unique, _ = definition.Lookup("unique").BooleanOK()
			i.sparse, _ = definition.Lookup("sparse").BooleanOK()
		}
		all = append(all, i)
	}
	return all
}

// use is how an index serves a query.
type use struct {
	finds  bool // it begins with a field that the query looks for or sorts by
	bounds bool // an equality of the caller's bounds what is read
	one    bool // at most one document matches
	sorts  bool // it gives the order
}

// serve is MongoDB's rule for a compound index ("The ESR rule"): the fields of its
// beginning that are compared for equality, then the order, then ranges.
func (i index) serve(fields map[string]term, order []key) use {
	if first := fields[i.keys[0].field]; i.sparse && (first == 0 || first == null || first == other) {
		return use{} // it may lack documents that match
	}
	at, bounds := 0, false
	for at < len(i.keys) && fields[i.keys[at].field].fixed() {
		bounds = bounds || fields[i.keys[at].field] == equal
		at++
	}
	u := use{finds: at > 0, bounds: bounds, one: i.unique && at == len(i.keys)}
	left := slices.DeleteFunc(slices.Clone(order), func(k key) bool { return fields[k.field].fixed() })
	u.sorts = len(left) == 0 || u.one || follows(i.keys[at:], left)
	// An order alone finds the first of all; of those that match, it may find the first
	// at the end.
	if at < len(i.keys) && (fields[i.keys[at].field] == between || len(left) > 0 && u.sorts && len(fields) == 0) {
		u.finds = true
	}
	return u
}

// follows: order is the beginning of keys, forwards or backwards as a whole.
func follows(keys, order []key) bool {
	if len(order) > len(keys) {
		return false
	}
	for n, k := range order {
		if keys[n].field != k.field || (keys[n].down == k.down) != (keys[0].down == order[0].down) {
			return false
		}
	}
	return true
}

// complaint is what is wrong with a query; "" for nothing.
func (q *query) complaint(all []index) string {
	for _, fields := range q.branches() {
		if wrong := q.wrong(fields, append([]index{primary}, all...)); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (q *query) wrong(fields map[string]term, all []index) string {
	var best use
	for _, i := range all {
		u := i.serve(fields, q.order)
		if u.one {
			return ""
		}
		// The planner takes one of them: the one that finds and sorts, if there is any.
		if better(u, best) {
			best = u
		}
	}
	switch {
	case q.verb == "find" && q.limited && len(q.order) == 0:
		return "a limit without a sort: which ones it gives is the server's choice"
	case !best.finds:
		return "no index answers it"
	case !best.sorts:
		return "no index gives the order: all that match are read and sorted"
	case !best.bounds && !q.limited:
		return "without an equality and without a limit: what it reads or changes is for the data to decide"
	}
	return ""
}

func better(a, b use) bool {
	rank := func(u use) (n int) {
		for _, good := range []bool{u.bounds && u.sorts, u.finds && u.sorts, u.bounds, u.finds} {
			n *= 2
			if good {
				n++
			}
		}
		return n
	}
	return rank(a) > rank(b)
}
