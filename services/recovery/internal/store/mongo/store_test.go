package mongo_test

import (
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/storetest"
	"centinela/shared/mongox"
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

func TestDamagedText(t *testing.T) {
	uri, database := testkit.Mongo(t)
	s, err := mongo.Open(t.Context(), uri, database)
	testkit.Must(t, err)
	testkit.CloseAfter(t, s)
	storetest.DamagedText(t, s, func(owner, _ string) {
		_, err := s.C("wallets").UpdateOne(t.Context(), mongox.ByID(owner), mongox.Set(bson.D{{Key: "v", Value: 9}}))
		testkit.Must(t, err)
	})
}
