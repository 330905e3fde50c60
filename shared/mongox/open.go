package mongox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"centinela/shared/fault"
)

const (
	serverSelection = 3 * time.Second
	connectTimeout  = 3 * time.Second
)

var (
	// ErrUnavailable says that no server could be asked; the operation may be tried again.
	ErrUnavailable = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the store does not answer")
	// ErrNoDocument says that the document to change does not exist.
	ErrNoDocument = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such document")
)

// DB is one service's database. It is safe for concurrent use.
type DB struct {
	client   *mongo.Client
	database *mongo.Database
}

// Open connects, waits at most 3 s for a primary, and makes the indexes, listed
// by collection. Errors: a malformed URI (which is never repeated: it may hold a
// password), [ErrUnavailable], or an index that the data contradict.
func Open(ctx context.Context, uri, database string, indexes map[string][]mongo.IndexModel) (*DB, error) {
	client, err := mongo.Connect(clientOptions(uri))
	if err != nil {
		return nil, errors.New("mongodb uri is malformed (expected mongodb://host:port/ or mongodb+srv://host/)")
	}
	db := &DB{client: client, database: client.Database(database)}
	if err := db.prepare(ctx, withLog(indexes)); err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	return db, nil
}

func clientOptions(uri string) *options.ClientOptions {
	journal := true
	wc := writeconcern.Majority()
	wc.Journal = &journal
	return options.Client().ApplyURI(uri).
		SetAppName("centinela").
		// One tag set for SQLite's JSON and for BSON; a zero time that is omitempty is left out.
		SetBSONOptions(&options.BSONOptions{UseJSONStructTags: true, OmitZeroStruct: true}).
		SetServerSelectionTimeout(serverSelection).
		SetConnectTimeout(connectTimeout).
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(wc)
}

func (db *DB) prepare(ctx context.Context, indexes map[string][]mongo.IndexModel) error {
	if err := db.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("mongodb: no primary answered within %s: %w", serverSelection, Wrap(err))
	}
	for _, name := range slices.Sorted(maps.Keys(indexes)) {
		// One at a time: FerretDB v1 panics on a list of which some exist.
		for _, index := range indexes[name] {
			if _, err := db.C(name).Indexes().CreateOne(ctx, index); err != nil {
				return fmt.Errorf("mongodb: indexes of %s: %w", name, Wrap(err))
			}
		}
	}
	return nil
}

// C is the collection of that name.
func (db *DB) C(name string) *mongo.Collection { return db.database.Collection(name) }

// Ping asks the primary; [ErrUnavailable] when none answers. It is for readiness.
func (db *DB) Ping(ctx context.Context) error {
	return Wrap(db.client.Ping(ctx, readpref.Primary()))
}

// Close ends the connections, waiting for those in use until ctx ends.
func (db *DB) Close(ctx context.Context) error { return db.client.Disconnect(ctx) }

// IsDuplicate reports whether err is a violated unique index.
func IsDuplicate(err error) bool { return mongo.IsDuplicateKeyError(err) }

// Wrap maps "nobody answered" (network, timeout of the driver, server
// selection, a primary that stepped down) to [ErrUnavailable] with err as its
// cause; every other error, a done context's too, comes back as it is.
func Wrap(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case noServer(err), mongo.IsNetworkError(err), isStateChange(err):
		return ErrUnavailable.WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	case mongo.IsTimeout(err):
		return ErrUnavailable.WithCause(err)
	}
	return err
}

// noServer is the driver's server selection error: nobody answered within 3 s.
func noServer(err error) bool {
	var selection topology.ServerSelectionError
	return errors.As(err, &selection)
}

// isStateChange lists "not primary" and "shutting down" (MongoDB server
// discovery specification, "not writable primary" and "node is recovering").
func isStateChange(err error) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	return slices.ContainsFunc([]int{91, 189, 10058, 10107, 11600, 11602, 13435, 13436}, server.HasErrorCode)
}
