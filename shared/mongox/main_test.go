package mongox_test

import (
	"context"
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/mongox"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func open(t *testing.T, indexes map[string][]mongo.IndexModel) *mongox.DB {
	t.Helper()
	uri, database := testkit.Mongo(t)
	db, err := mongox.Open(t.Context(), uri, database, indexes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db
}
