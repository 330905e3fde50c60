package mongox

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// ByID is the filter that every server answers from its primary index.
func ByID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// Set is the update that assigns the fields, a bson.D, bson.M or struct.
func Set(fields any) bson.D { return bson.D{{Key: "$set", Value: fields}} }

// Keys is an order of fields, for a sort or an index; "-name" is descending.
func Keys(fields ...string) bson.D {
	var d bson.D
	for _, f := range fields {
		name, descending := strings.CutPrefix(f, "-")
		direction := 1
		if descending {
			direction = -1
		}
		d = append(d, bson.E{Key: name, Value: direction})
	}
	return d
}

// Index is an index on [Keys].
func Index(fields ...string) mongo.IndexModel { return mongo.IndexModel{Keys: Keys(fields...)} }

// Sparse is an index of the documents that have one of the fields: zero values
// that are left out (`omitempty`) cost nothing in it.
func Sparse(fields ...string) mongo.IndexModel {
	return mongo.IndexModel{Keys: Keys(fields...), Options: options.Index().SetSparse(true)}
}

// Unique is an index that refuses a second document with the same fields
// ([IsDuplicate]).
func Unique(fields ...string) mongo.IndexModel {
	return mongo.IndexModel{Keys: Keys(fields...), Options: options.Index().SetUnique(true)}
}
