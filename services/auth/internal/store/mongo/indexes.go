package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
)

const (
	accounts = "accounts"
	sessions = "sessions"
	failures = "failures"
)

// indexes answers every query that is not by _id.
func indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		accounts: {
			{Keys: bson.D{{Key: "name_key", Value: 1}}, Options: options.Index().SetUnique(true)}, // AccountByName
			{Keys: bson.D{{Key: "ending.at", Value: 1}}},                                          // AccountsEnding
			mongox.OutboxIndex(),
		},
		sessions: {
			{Keys: bson.D{{Key: "account", Value: 1}, {Key: "last_used_at", Value: -1}}}, // SessionsOf
			{Keys: bson.D{{Key: "expires_at", Value: 1}}},                                // Sweep
			mongox.Index("ended_at", "_id"),                                              // Sweep, Ended
			mongox.OutboxIndex(),
		},
		failures: {
			{Keys: bson.D{{Key: "last_at", Value: 1}}}, // Sweep
			mongox.OutboxIndex(),
		},
	}
}
