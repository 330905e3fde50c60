package mongo

import (
	"context"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/places"
	"centinela/shared/mongox"
)

// Store is the state of audit services that share a database. It is an
// outbox.Source.
type Store struct {
	*mongox.Outbox
	db *mongox.DB
	// One writer of a sequence in this process at a time: those that would meet
	// on the server anyway, and lose all but one, wait here.
	entryTurn, versionTurn chan struct{}
}

var (
	_ ledger.Store   = (*Store)(nil)
	_ places.Store   = (*Store)(nil)
	_ firewall.Store = (*Store)(nil)
)

// Open connects and makes the indexes. Errors: mongox.Open's.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes())
	if err != nil {
		return nil, err
	}
	return newStore(db, verdictsName), nil
}

// OpenReader connects for reading the record; it makes nothing.
func OpenReader(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, nil)
	if err != nil {
		return nil, err
	}
	return newStore(db), nil
}

func newStore(db *mongox.DB, outboxes ...string) *Store {
	return &Store{Outbox: db.Outbox(outboxes...), db: db, entryTurn: make(chan struct{}, 1), versionTurn: make(chan struct{}, 1)}
}

// take waits for a turn; the caller gives it back by receiving from turn.
func take(ctx context.Context, turn chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the connections.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// Ready is nil while a primary answers.
func (s *Store) Ready(ctx context.Context) error { return s.db.Ping(ctx) }
