package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"centinela/services/auth"
	"centinela/shared/module"
)

// PeopleInPresent counts the accounts of a suite in the development profile whose
// clock nobody has moved yet: those whom the first journey in time would surprise.
// 0 where it was moved before, or on MongoDB, which a data folder says nothing of.
func PeopleInPresent(ctx context.Context, cfg Config) (int, error) {
	_, err := os.Stat(filepath.Join(cfg.DataDir, devClockFile))
	if !errors.Is(err, os.ErrNotExist) || cfg.OnMongoDB() {
		return 0, err
	}
	store, err := cfg.storeOf(rows(module.Auth)[0])
	if err != nil {
		return 0, err
	}
	return auth.People(ctx, store)
}
