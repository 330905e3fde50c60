package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/module"
)

// ErrPolicy is a policy file that can't be used; the error has a line for each thing
// that is wrong.
var ErrPolicy = errors.New("the policy can't be used")

// CheckPolicy reads the policy in file (empty: the configured one), proves it, and
// says what it is. Error: ErrPolicy.
func CheckPolicy(cfg Config, file string, out io.Writer) error {
	if file != "" {
		cfg.PolicyFile = file
	}
	p, err := cfg.policy()
	if err != nil {
		return fmt.Errorf("%w:\n%w", ErrPolicy, err)
	}
	_, err = fmt.Fprintf(out, "good: %d rows, every one of %d situations has its answer, no floor is broken\nhash %s\n", len(p.Rows), engine.Situations(), p.Hash())
	return err
}

// PrintPolicy writes the configured policy as it was read.
func PrintPolicy(cfg Config, out io.Writer) error {
	p, err := cfg.policy()
	if err != nil {
		return fmt.Errorf("%w:\n%w", ErrPolicy, err)
	}
	_, err = io.WriteString(out, p.Text())
	return err
}

// Explain writes every decision of a recovery to out, with its reasons. Errors: there
// is no such recovery, its decisions were altered, or the store can't be read.
func Explain(ctx context.Context, s module.Store, id, locale string, out io.Writer) error {
	return reviewed(ctx, s, func(store review.Store) error {
		return noSuch(id, review.Explain(ctx, store, id, locale, out))
	})
}

// Replay writes what the policy in file says of the decisions of a recovery, or of all
// (id empty). Errors: ErrPolicy, and Explain's.
func Replay(ctx context.Context, s module.Store, id, file string, out io.Writer) error {
	text, err := os.ReadFile(file)
	var p engine.Policy
	if err == nil {
		p, err = engine.Parse(text)
	}
	if err != nil {
		return fmt.Errorf("%w:\n%w", ErrPolicy, err)
	}
	return reviewed(ctx, s, func(store review.Store) error {
		return noSuch(id, review.Replay(ctx, store, id, p, out))
	})
}

func noSuch(id string, err error) error {
	if errors.Is(err, claim.ErrNoFlow) {
		return fmt.Errorf("no recovery %.64q is kept here (they are for 180 days)", id)
	}
	return err
}

func reviewed(ctx context.Context, s module.Store, read func(review.Store) error) error {
	if s.Engine != module.EngineMongoDB {
		return sqlite.Review(filepath.Join(s.Dir, databaseFile), read)
	}
	store, err := mongo.OpenReader(ctx, s.URI.Reveal(), s.Database)
	if err != nil {
		return err
	}
	return errors.Join(read(store), store.Close(context.WithoutCancel(ctx)))
}
