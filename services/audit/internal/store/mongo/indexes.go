package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
)

const (
	entriesName   = "entries"   // _id: seq
	sourcesName   = "sources"   // _id: source
	peopleName    = "people"    // _id: token
	followersName = "followers" // _id: name
	placesName    = "places"    // _id: account/network
	verdictsName  = "verdicts"  // _id: verdict id
	floorsName    = "floors"    // _id: "verdicts"
)

// indexes are those of the queries: a person's rows of a class, newest first; whether an account has places; the newest version, which is
// also what gives each version once; verdicts in force; the one of a rule on somebody; what to sweep; the outbox.
func indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		entriesName: {{Keys: bson.D{{Key: "token", Value: 1}, {Key: "class", Value: 1}, {Key: "_id", Value: -1}}, Options: options.Index().SetSparse(true)}},
		placesName:  {{Keys: bson.D{{Key: "account", Value: 1}}}},
		verdictsName: {
			{Keys: bson.D{{Key: "version", Value: 1}}, Options: options.Index().SetUnique(true)},
			{Keys: bson.D{{Key: "removed", Value: 1}, {Key: "until", Value: 1}}},
			{Keys: bson.D{{Key: "about", Value: 1}, {Key: "removed", Value: 1}, {Key: "until", Value: -1}}},
			{Keys: bson.D{{Key: "removed", Value: 1}, {Key: "removed_at", Value: 1}}},
			mongox.OutboxIndex(),
		},
	}
}
