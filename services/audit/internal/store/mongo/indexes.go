package mongo

import (
	"go.mongodb.org/mongo-driver/v2/mongo"

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
		entriesName: {mongox.Sparse("token", "class", "-_id")},
		placesName:  {mongox.Index("account")},
		verdictsName: {
			mongox.Unique("version"), mongox.Index("removed", "until"), mongox.Index("about", "removed", "-until"), mongox.Index("removed", "removed_at"),
			mongox.OutboxIndex(),
		},
	}
}
