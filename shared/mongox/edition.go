package mongox

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
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
		return fmt.Errorf("the database %s holds data of another form: another edition of centinela made it, or another program: set store.database to a new name, or start what made it; nothing was changed", db.database.Name())
	}
	_, err = db.C(editionCollection).InsertOne(ctx, append(ByID("centinela"), bson.E{Key: "edition", Value: edition}))
	if IsDuplicate(err) { // another instance was faster, perhaps of another edition
		return db.checkEdition(ctx)
	}
	return Wrap(err)
}
