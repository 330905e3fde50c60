package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/store/mongo"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// ErrTampered is a record that was altered.
var ErrTampered = ledger.ErrTampered

// reader is all that a verification may do with a store.
type reader interface {
	ledger.Reader
	openings.Store
	CheckSchema(ctx context.Context) error
	Close(ctx context.Context) error
}

// Verify recomputes the whole record, while the service runs or is stopped, and
// writes what it found to out. It changes nothing. Errors: ErrTampered with the
// first bad entry and what is wrong with it, or the record can't be read. Of
// deps it uses Store, KeyDir and Keyring.
func Verify(ctx context.Context, _ Config, deps module.Deps, out io.Writer) (err error) {
	signer, err := secret.LoadSigner(filepath.Join(deps.KeyDir, checkpointKey), false)
	if err != nil {
		return err
	}
	people, err := secret.LoadKey(filepath.Join(deps.KeyDir, openingsKey), false)
	if err != nil {
		return err
	}
	store, err := openReader(ctx, deps.Store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	// Before the record: what is appended meanwhile is then only ahead of it.
	checkpoint, have, err := ledger.ReadCheckpoint(filepath.Join(deps.Store.Dir, checkpointFile), signer.Public().(ed25519.PublicKey))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	var pin *ledger.Checkpoint
	if have {
		pin = &checkpoint
	}
	if err := store.CheckSchema(ctx); err != nil {
		if _, err := fmt.Fprintf(out, "BAD: %v\n", err); err != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	report, err := ledger.Verify(ctx, store, deps.Keyring, openings.New(store, people), pin)
	if err != nil {
		return err
	}
	if report.Bad != 0 {
		if _, err := fmt.Fprintf(out, "BAD: entry %d: %s\n%d entries before it are good.\n", report.Bad, report.Why, report.Checked); err != nil {
			return err
		}
		return fmt.Errorf("%w: entry %d: %s", ErrTampered, report.Bad, report.Why)
	}
	if !have {
		_, err = fmt.Fprintln(out, "good: the record is empty")
		return err
	}
	_, err = fmt.Fprintf(out, "good: %d entries of %d signed logs, head %d %s\nsigned checkpoint of %s at entry %d\n",
		report.Checked, report.Sources, report.Head.Seq, report.Head.Hash, checkpoint.Time.Format("2006-01-02 15:04:05Z"), checkpoint.Seq)
	return err
}

func openReader(ctx context.Context, s module.Store) (reader, error) {
	if s.Engine == module.EngineMongoDB {
		return mongo.OpenReader(ctx, s.URI.Reveal(), s.Database)
	}
	return sqlite.OpenReader(ctx, filepath.Join(s.Dir, databaseFile))
}
