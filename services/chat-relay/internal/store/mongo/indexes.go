package mongo

import (
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/mongox"
)

// The collections.
const (
	conversationsName = "conversations"
	messagesName      = "messages"
	directName        = "direct_conversations"
	digestsName       = "digests"
)

// Indexes are the collections' indexes and the queries that they answer.
func Indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		conversationsName: {mongox.Index("members.account", "-active_at", "-_id"), mongox.OutboxIndex()}, // Of
		messagesName:      {mongox.Unique("conversation", "sender", "client_id")},                        // a retry; by number goes by _id
		digestsName:       {mongox.Index("owner", "opened_at", "_id"), mongox.Index("opened_at", "_id"), mongox.Index("closed", "_id"), mongox.OutboxIndex()},
	}
}
