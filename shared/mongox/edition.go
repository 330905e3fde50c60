package mongox

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	// edition counts the forms that everything in a database has together; a form
	// that an older binary can't read, or the other way round, is another edition.
	edition           = 2
	editionCollection = "edition"
)

// checkEdition marks an empty database with our edition, and refuses one of
// another before anything is changed. The first version of centinela left no mark.
func (db *DB) checkEdition(ctx context.Context) error {
	// Before the mark is read: who makes collections has made the mark first.
	names, err := db.database.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return Wrap(err)
	}
	mark, marked, err := One[struct {
		Edition int `json:"edition"`
	}](ctx, db.C(editionCollection), ByID("centinela"))
	switch {
	case err != nil || marked && mark.Edition == edition:
		return err
	case marked || slices.ContainsFunc(names, func(name string) bool { return name != editionCollection }):
		return fmt.Errorf("the database %s was made by another edition of centinela, whose data has another form: set store.database to a new name, or start the edition that made it; nothing was changed", db.database.Name())
	}
	_, err = db.C(editionCollection).UpdateOne(ctx, ByID("centinela"), Set(bson.D{{Key: "edition", Value: edition}}), options.UpdateOne().SetUpsert(true))
	if IsDuplicate(err) { // two instances made it at once
		return nil
	}
	return Wrap(err)
}
