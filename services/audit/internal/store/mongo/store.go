package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// Store is the state of audit services that share a database. It is an outbox.Log.
type Store struct {
	*mongox.Log
	db     *mongox.DB
	places *mongox.Documents[places.Place]
	// One writer of the versions in this process at a time: those that would meet on
	// the server anyway, and lose all but one, wait here.
	versionTurn chan struct{}
}

var (
	_ ledger.Store   = (*Store)(nil)
	_ openings.Store = (*Store)(nil)
	_ places.Store   = (*Store)(nil)
	_ firewall.Store = (*Store)(nil)
)

// Open connects and makes the indexes. Errors: mongox.Open's.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	s, err := open(ctx, uri, database, indexes())
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// OpenReader connects for reading the record; it makes nothing.
func OpenReader(ctx context.Context, uri, database string) (*Store, error) {
	return open(ctx, uri, database, nil)
}

func open(ctx context.Context, uri, database string, indexes map[string][]mongo.IndexModel) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes)
	if err != nil {
		return nil, err
	}
	return &Store{
		Log: db.Log("audit", verdictsName), db: db, places: mongox.NewDocuments[places.Place](db, placesName, 1, nil),
		versionTurn: make(chan struct{}, 1),
	}, nil
}

// Record writes events that report no other change.
func (s *Store) Record(ctx context.Context, events ...record.Event) error {
	return s.db.Record(ctx, events...)
}

// CheckSchema is nil: a collection has no schema that could be altered.
func (s *Store) CheckSchema(context.Context) error { return nil }

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

// Ready is mongox.DB's.
func (s *Store) Ready(ctx context.Context) error { return s.db.Ready(ctx) }
