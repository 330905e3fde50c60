package mongo

import (
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/mongox"
)

const (
	walletDocs = "wallets"
	flowDocs   = "flows"
	inboxDocs  = "inbox"
	policyDocs = "policies"
)

// indexes is one for every query that isn't by _id, with its order.
func indexes() map[string][]mongo.IndexModel {
	texts := []mongo.IndexModel{
		mongox.Sparse("texts_next"), mongox.Sparse("texts_done"), mongox.Sparse("texts.provider_id"), mongox.OutboxIndex(),
	}
	return map[string][]mongo.IndexModel{
		walletDocs: append(texts, mongox.Sparse("numbers.mac", "_id"), mongox.Sparse("next_at")),
		flowDocs: append(texts,
			mongox.Sparse("account", "-started_at", "-_id"), mongox.Sparse("account", "open_until"), mongox.Sparse("next_at"),
			mongox.Index("forget_at"), mongox.Sparse("veto_tokens.hash")),
		inboxDocs:                 {mongox.Index("-at", "-_id"), mongox.Index("to", "-at", "-_id")},
		mongox.CountersCollection: mongox.CountersIndexes(),
	}
}
