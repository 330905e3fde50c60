package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
)

// The collections.
const (
	conversationsName = "conversations"
	messagesName      = "messages"
	directName        = "direct_conversations"
)

// Indexes are the collections' indexes and the queries that they answer.
func Indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		conversationsName: {
			{Keys: bson.D{{Key: "members.account", Value: 1}, {Key: "active_at", Value: -1}, {Key: "_id", Value: -1}}}, // ConversationsOf
			mongox.OutboxIndex(),
		},
		messagesName: { // reading by conversation and number goes by _id
			{
				Keys:    bson.D{{Key: "conversation", Value: 1}, {Key: "sender", Value: 1}, {Key: "client_id", Value: 1}}, // a retry
				Options: options.Index().SetUnique(true),
			},
			mongox.OutboxIndex(),
		},
	}
}
