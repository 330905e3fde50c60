package mongo_test

import (
	"os"
	"testing"

	"centinela/services/auth/internal/store/mongo"
	"centinela/services/auth/internal/store/storetest"
	"centinela/shared/mongox/mongoxtest"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestStore(t *testing.T) {
	ctx := mongoxtest.Queries(t, "")
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		uri, database := testkit.Mongo(t)
		return func(t *testing.T) storetest.Store {
			t.Helper()
			s, err := mongo.Open(ctx, uri, database)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}
