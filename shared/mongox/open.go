package mongox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"centinela/shared/fault"
	"centinela/shared/probe"
)

const (
	serverSelection = 3 * time.Second
	connectTimeout  = 3 * time.Second
)

// probeCollection holds one document, which [DB.Ready] writes.
const probeCollection = "write_probe"

// DB is one service's database. It is safe for concurrent use.
type DB struct {
	client   *mongo.Client
	database *mongo.Database
	probe    probe.Probe
}

// Open connects, waits at most 3 s for a primary, and makes the indexes, listed
// by collection. Errors: a malformed URI (which is never repeated: it may hold a
// password), [ErrUnavailable], a database of another edition, an index that the data contradict.
func Open(ctx context.Context, uri, database string, indexes map[string][]mongo.IndexModel) (*DB, error) {
	client, err := mongo.Connect(clientOptions(ctx, uri))
	if err != nil {
		return nil, errors.New("mongodb uri is malformed (expected mongodb://host:port/ or mongodb+srv://host/)")
	}
	db := &DB{client: client, database: client.Database(database)}
	if err := db.prepare(ctx, withLog(indexes)); err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	return db, nil
}

func clientOptions(ctx context.Context, uri string) *options.ClientOptions {
	journal := true
	wc := writeconcern.Majority()
	wc.Journal = &journal
	monitor, _ := ctx.Value(monitorKey{}).(*event.CommandMonitor)
	return options.Client().ApplyURI(uri).
		SetMonitor(monitor).
		SetAppName("centinela").
		// One tag set for SQLite's JSON and for BSON; a zero time that is omitempty is left out.
		SetBSONOptions(&options.BSONOptions{UseJSONStructTags: true, OmitZeroStruct: true}).
		SetServerSelectionTimeout(serverSelection).
		SetConnectTimeout(connectTimeout).
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(wc)
}

type monitorKey struct{}

// WithMonitor is a context for [Open] by which a test sees every command that the
// database is sent: package mongoxtest.
func WithMonitor(ctx context.Context, m *event.CommandMonitor) context.Context {
	return context.WithValue(ctx, monitorKey{}, m)
}

func (db *DB) prepare(ctx context.Context, indexes map[string][]mongo.IndexModel) error {
	if err := db.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("mongodb: no primary answered within %s: %w", serverSelection, Wrap(err))
	}
	if err := db.checkEdition(ctx); err != nil {
		return err
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

// Ready is nil while the store can do its work: it writes a byte with the same
// concerns as everything else, at most once a second, and answers from the last
// attempt otherwise (package probe). Errors: [ErrUnavailable], whose detail names
// the database and no host; the server's.
func (db *DB) Ready(ctx context.Context) error {
	err := db.probe.Ask(ctx, db.tryWrite)
	if err != nil && errors.Is(err, ctx.Err()) {
		err = ErrUnavailable.WithCause(err)
	}
	if unavailable, ok := errors.AsType[*fault.Error](err); ok {
		return unavailable.WithDetail("the store " + db.database.Name() + strings.TrimPrefix(unavailable.Detail, "the store"))
	}
	return err
}

// probeTimeout is longer than it takes to find out that there is no primary.
const probeTimeout = 2 * serverSelection

func (db *DB) tryWrite(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := db.C(probeCollection).UpdateOne(ctx, ByID("probe"), bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	if IsDuplicate(err) { // two instances wrote the first one at once
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrUnavailable.WithCause(err)
	}
	return Wrap(err)
}

// Close ends the connections, waiting for those in use until ctx ends.
func (db *DB) Close(ctx context.Context) error { return db.client.Disconnect(ctx) }
