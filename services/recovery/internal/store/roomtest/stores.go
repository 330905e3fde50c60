package roomtest

import (
	"path/filepath"
	"testing"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/limits"
	"centinela/shared/outbox"
	"centinela/shared/testkit"
)

// Store is everything that either store is.
type Store interface {
	wallet.Store
	claim.Store
	review.Store
	objection.Store
	post.Store
	post.Inbox
	outbox.Log
	Counters() limits.Store
}

// OnBoth runs a test on either store.
func OnBoth(t *testing.T, test func(t *testing.T, store Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("mongodb", func(t *testing.T) { test(t, Mongo(t)) })
}

// SQLite is an empty store in a file.
func SQLite(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"))
	testkit.Must(t, err)
	testkit.CloseAfter(t, s)
	return s
}

// Mongo is an empty store in a database of its own.
func Mongo(t testing.TB) *mongo.Store {
	t.Helper()
	uri, database := testkit.Mongo(t)
	s, err := mongo.Open(t.Context(), uri, database)
	testkit.Must(t, err)
	testkit.CloseAfter(t, s)
	return s
}
