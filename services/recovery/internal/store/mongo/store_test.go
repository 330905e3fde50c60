package mongo_test

import (
	"os"
	"testing"

	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/storetest"
	"centinela/shared/mongox/mongoxtest"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestStore(t *testing.T) {
	ctx := mongoxtest.Queries(t, "testdata/queries.txt")
	storetest.Run(t, func(t *testing.T) storetest.Store {
		uri, database := testkit.Mongo(t)
		s, err := mongo.Open(ctx, uri, database)
		testkit.Must(t, err)
		testkit.CloseAfter(t, s)
		return s
	})
}
