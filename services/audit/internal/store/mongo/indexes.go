package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
)

const (
	entriesName   = "entries"   // _id: seq
	followersName = "followers" // _id: name
	placesName    = "places"    // _id: account/network
	verdictsName  = "verdicts"  // _id: verdict id
	floorsName    = "floors"    // _id: "verdicts"
)

// indexes are those of the queries: an event by id; an account's entries,
// newest first; whether an account has places; the newest version, which is
// also what gives each version once; verdicts in force; what to sweep; the outbox.
func indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		entriesName: {
			{Keys: bson.D{{Key: "id", Value: 1}}, Options: options.Index().SetUnique(true)},
			{Keys: bson.D{{Key: "account", Value: 1}, {Key: "_id", Value: -1}}},
		},
		placesName: {{Keys: bson.D{{Key: "account", Value: 1}}}},
		verdictsName: {
			{Keys: bson.D{{Key: "version", Value: 1}}, Options: options.Index().SetUnique(true)},
			{Keys: bson.D{{Key: "removed", Value: 1}, {Key: "until", Value: 1}}},
			{Keys: bson.D{{Key: "removed", Value: 1}, {Key: "removed_at", Value: 1}}},
			mongox.OutboxIndex(),
		},
	}
}
