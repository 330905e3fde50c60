package mongox_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
	"centinela/shared/testkit"
)

// Uniqueness is the store's: the indexes that a service lists exist after Open.
func TestOpenMakesIndexes(t *testing.T) {
	db := open(t, map[string][]mongo.IndexModel{
		"accounts": {{Keys: bson.D{{Key: "name", Value: 1}}, Options: options.Index().SetUnique(true)}},
		"plain":    {},
	})
	insert := func(id, name string) error {
		_, err := db.C("accounts").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}, {Key: "name", Value: name}})
		return err
	}
	if err := insert("a", "ana"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"same name": insert("b", "ana"), "same id": insert("a", "eva")} {
		if !mongox.IsDuplicate(err) {
			t.Errorf("%s: %v is not a duplicate", name, err)
		}
	}
	if err := insert("c", "eva"); err != nil {
		t.Errorf("another name: %v", err)
	}
	if mongox.IsDuplicate(errors.New("x")) || mongox.IsDuplicate(nil) {
		t.Error("other errors are duplicates")
	}
}

// A store that is away is unavailable (503), within seconds, and the password
// of the URI appears in no error.
func TestOpenFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		uri  string
		want error
	}{
		"nobody listens": {uri: "mongodb://u:s3cret@" + dead + "/?authMechanism=PLAIN&authSource=$external", want: mongox.ErrUnavailable},
		"malformed":      {uri: "mongodb://u:s3cret@/a/b@"},
		"other scheme":   {uri: "postgres://u:s3cret@127.0.0.1/"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := mongox.Open(t.Context(), c.uri, "x", nil)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("took %s", took)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestWrapKeepsOtherErrors(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, context.DeadlineExceeded, mongo.ErrNoDocuments, errNoNote} {
		if got := mongox.Wrap(err); got != err { //nolint:errorlint // identity is what is tested
			t.Errorf("Wrap(%v) = %v", err, got)
		}
	}
}

// A cancelled context writes nothing and stays a cancelled context.
func TestCancelledContext(t *testing.T) {
	db := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := db.C("c").InsertOne(ctx, bson.D{{Key: "_id", Value: "x"}})
	if err := mongox.Wrap(err); !errors.Is(err, context.Canceled) || errors.Is(err, mongox.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if n, err := db.C("c").CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

// A database of first light, which has no mark, and one of a later edition are
// refused in one line that says what to do, and stay as they are.
func TestOldDatabase(t *testing.T) {
	uri, database := testkit.Mongo(t)
	reopen := func() error {
		db, err := mongox.Open(t.Context(), uri, database, map[string][]mongo.IndexModel{"accounts": {mongox.Index("name")}})
		if err == nil {
			err = db.Close(t.Context())
		}
		return err
	}
	if err := errors.Join(reopen(), reopen()); err != nil {
		t.Fatalf("our own: %v", err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	mark := client.Database(database).Collection("edition")
	refused := func(whose string) {
		err := reopen()
		if err == nil || !strings.Contains(err.Error(), "set store.database to a new name") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", whose, err)
		}
	}
	if _, err := mark.UpdateOne(t.Context(), bson.D{}, mongox.Set(bson.D{{Key: "edition", Value: 3}})); err != nil {
		t.Fatal(err)
	}
	refused("a later one")
	if err := mark.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("first light's")
	if names, err := mark.Database().ListCollectionNames(t.Context(), bson.D{{Key: "name", Value: "edition"}}); err != nil || len(names) != 0 {
		t.Errorf("marked all the same: %v, %v", names, err)
	}
	if err := client.Disconnect(t.Context()); err != nil {
		t.Error(err)
	}
}
