package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/mongox"
)

const (
	accounts = "accounts"
	sessions = "sessions"
)

// indexes answers every query that is not by _id.
func indexes() map[string][]mongo.IndexModel {
	return map[string][]mongo.IndexModel{
		accounts: {
			mongox.Unique("name_key"),        // AccountByName
			mongox.Index("ending.at", "_id"), // AccountsEnding
			mongox.OutboxIndex(),
		},
		sessions: {
			mongox.Index("account", "-last_used_at", "_id"), // SessionsOf
			mongox.Index("expires_at"),                      // SweepSessions
			mongox.Index("ended_at", "_id"),                 // SweepSessions, Ended
			mongox.OutboxIndex(),
		},
		mongox.CountersCollection: mongox.CountersIndexes(),
	}
}

// Store is what auth keeps and, through its embedded log, an outbox.Log.
type Store struct {
	*mongox.DB
	*mongox.Log
	accounts *mongox.Documents[account.Account]
	sessions *mongox.Documents[account.Session]
}

var (
	_ account.Store = (*Store)(nil)
	_ revoked.Store = (*Store)(nil)
)

// Open connects and makes the indexes. Errors are those of mongox.Open.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes())
	if err != nil {
		return nil, err
	}
	return &Store{
		DB: db, Log: db.Log("auth", accounts, sessions),
		accounts: mongox.NewDocuments[account.Account](db, accounts, 1, account.ErrNotFound),
		sessions: mongox.NewDocuments[account.Session](db, sessions, 1, account.ErrNotFound),
	}, nil
}
