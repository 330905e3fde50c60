package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
)

const (
	wallets  = "wallets"
	flows    = "flows"
	counters = "counters"
	inbox    = "inbox"
)

// indexes is one for every query that isn't by _id.
func indexes() map[string][]mongo.IndexModel {
	on := func(sparse bool, keys ...string) mongo.IndexModel {
		var d bson.D
		for _, k := range keys {
			d = append(d, bson.E{Key: k, Value: 1})
		}
		return mongo.IndexModel{Keys: d, Options: options.Index().SetSparse(sparse)}
	}
	return map[string][]mongo.IndexModel{
		wallets: {
			on(true, "numbers.mac"), on(true, "next_at"), on(true, "texts.next_at"), on(true, "texts.provider_id"),
			on(true, "texts.finished_at"), mongox.OutboxIndex(),
		},
		flows: {
			on(true, "account", "started_at"), on(true, "account", "open_until"), on(true, "next_at"), on(false, "forget_at"), on(true, "veto_tokens.hash"),
			on(true, "texts.next_at"), on(true, "texts.provider_id"), on(true, "texts.finished_at"), mongox.OutboxIndex(),
		},
		counters: {on(false, "expires_at")},
		inbox:    {on(false, "to"), on(false, "at")},
	}
}
