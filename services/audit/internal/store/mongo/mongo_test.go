package mongo_test

import (
	"context"
	"os"
	"testing"

	"centinela/services/audit/internal/store/mongo"
	"centinela/services/audit/internal/store/storetest"
	"centinela/shared/mongox/mongoxtest"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestStore(t *testing.T) {
	ctx := mongoxtest.Queries(t, "testdata/queries.txt")
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		uri, database := testkit.Mongo(t)
		open := func() storetest.Store {
			s, err := mongo.Open(ctx, uri, database)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
			return s
		}
		return open(), open
	})
}
