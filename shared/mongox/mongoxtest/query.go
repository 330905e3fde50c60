package mongoxtest

import (
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// term is how a query uses a field.
type term int

const (
	equal   term = iota + 1 // one value, or one of a list
	flagged                 // true or false, which half of all may be
	null                    // none or null, which a sparse index doesn't hold
	between                 // a range
	other                   // what no index answers: $exists, $ne
)

// query is the shape of one: what an index can see of it.
type query struct {
	verb, collection string
	fields           map[string]term
	or               []map[string]term // of each branch, with fields
	order            []key
	limited          bool // it ends at its limit
	all              bool // an update or a deletion of whatever matches
}

// fixed is a comparison for equality.
func (t term) fixed() bool { return t == equal || t == flagged || t == null }

// key is one field of an order; down is descending.
type key struct {
	field string
	down  bool
}

// queries are those of a command.
func queries(name, collection string, command bson.Raw) (all []query) {
	add := func(filter, order bson.RawValue, limited, whole bool) {
		q := query{verb: name, collection: collection, fields: map[string]term{}, order: keys(order), limited: limited, all: whole}
		q.read(filter, q.fields)
		for _, branch := range q.or {
			maps.Copy(branch, q.fields)
		}
		all = append(all, q)
	}
	switch name {
	case "find":
		limit, _ := command.Lookup("limit").AsInt64OK()
		add(command.Lookup("filter"), command.Lookup("sort"), limit != 0, false)
	case "findAndModify":
		add(command.Lookup("query"), command.Lookup("sort"), true, false)
	case "count", "distinct":
		add(command.Lookup("query"), bson.RawValue{}, false, false)
	case "aggregate":
		add(command.Lookup("pipeline", "0", "$match"), bson.RawValue{}, false, false)
	case "update":
		for _, u := range elements(command.Lookup("updates")) {
			multi, _ := u.Value().Document().Lookup("multi").BooleanOK()
			add(u.Value().Document().Lookup("q"), bson.RawValue{}, !multi, multi)
		}
	case "delete":
		for _, d := range elements(command.Lookup("deletes")) {
			limit, _ := d.Value().Document().Lookup("limit").AsInt64OK()
			add(d.Value().Document().Lookup("q"), bson.RawValue{}, limit != 0, limit == 0)
		}
	}
	return all
}

// read adds a filter's terms. Branches of a $or stand for themselves.
func (q *query) read(filter bson.RawValue, into map[string]term) {
	for _, e := range elements(filter) {
		switch e.Key() {
		case "$and":
			for _, part := range elements(e.Value()) {
				q.read(part.Value(), into)
			}
		case "$or":
			for _, part := range elements(e.Value()) {
				branch := map[string]term{}
				q.read(part.Value(), branch)
				q.or = append(q.or, branch)
			}
		default:
			t := termOf(e.Value())
			if known, ok := into[e.Key()]; !ok || t < known {
				into[e.Key()] = t
			}
		}
	}
}

func termOf(v bson.RawValue) term {
	switch v.Type {
	case bson.TypeNull:
		return null
	case bson.TypeBoolean:
		return flagged
	default: // a value, or operators
	}
	operators := elements(v)
	if len(operators) == 0 || !strings.HasPrefix(operators[0].Key(), "$") {
		return equal
	}
	best := other
	for _, o := range operators {
		switch o.Key() {
		case "$eq":
			best = min(best, termOf(o.Value()))
		case "$in", "$all":
			best = min(best, equal)
		case "$gt", "$gte", "$lt", "$lte":
			best = min(best, between)
		}
	}
	return best
}

func keys(order bson.RawValue) (all []key) {
	for _, e := range elements(order) {
		direction, _ := e.Value().AsInt64OK()
		all = append(all, key{e.Key(), direction < 0})
	}
	return all
}

func elements(v bson.RawValue) []bson.RawElement {
	var doc bson.Raw
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		doc = v.Document()
	case bson.TypeArray:
		doc = bson.Raw(v.Array())
	default:
		return nil
	}
	all, err := doc.Elements()
	if err != nil {
		return nil
	}
	return all
}

// branches are what is looked for: the $or's, or the fields alone.
func (q *query) branches() []map[string]term {
	if q.or != nil {
		return q.or
	}
	return []map[string]term{q.fields}
}

// String is the query's shape on one line: "find sessions account=, expires_at<> sort -used limit".
func (q *query) String() string {
	parts := []string{q.verb, q.collection}
	if q.all {
		parts = append(parts, "many")
	}
	var shapes []string
	for _, branch := range q.branches() {
		var fields []string
		for field, t := range branch {
			fields = append(fields, field+map[term]string{equal: "=", flagged: "=", null: "=null", between: "<>", other: "?"}[t])
		}
		slices.Sort(fields)
		if shape := strings.Join(fields, ", "); shape != "" {
			shapes = append(shapes, shape)
		}
	}
	slices.Sort(shapes)
	parts = append(parts, strings.Join(slices.Compact(shapes), " | "))
	if len(q.order) > 0 {
		var order []string
		for _, k := range q.order {
			order = append(order, map[bool]string{true: "-"}[k.down]+k.field)
		}
		parts = append(parts, "sort", strings.Join(order, ", "))
	}
	if q.limited && q.verb == "find" {
		parts = append(parts, "limit")
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}
