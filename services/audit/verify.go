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
	"centinela/shared/clock"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// ErrTampered is a record that was altered.
var ErrTampered = ledger.ErrTampered

// reader is all that a verification may do with a store.
type reader interface {
	ledger.Reader
	openings.Reader
	CheckSchema(ctx context.Context) error
	Close(ctx context.Context) error
}

// Verify recomputes the whole record, while the service runs or is stopped, and
// writes what it found to out. It changes nothing. Errors: ErrTampered with the
// first bad entry and what is wrong with it, or the record can't be read. Of
// deps it uses Store, KeyDir and Keyring.
func Verify(ctx context.Context, _ Config, deps module.Deps, out io.Writer) (err error) {
	store, err := openReader(ctx, deps.Store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	signer, err := secret.LoadSigner(filepath.Join(deps.KeyDir, checkpointKey), false)
	if err != nil {
		return err
	}
	people, err := secret.LoadKey(filepath.Join(deps.KeyDir, openingsKey), false)
	if err != nil {
		return err
	}
	// Before the record: what is appended meanwhile is then only ahead of it.
	checkpoint, have, err := ledger.ReadCheckpoint(filepath.Join(deps.Store.Dir, checkpointFile), signer.Public().(ed25519.PublicKey))
	if errors.Is(err, ledger.ErrCheckpoint) {
		return tampered(out, err.Error(), "")
	}
	if err != nil {
		return err
	}
	var pin *ledger.Checkpoint
	if have {
		pin = &checkpoint
	}
	if err := store.CheckSchema(ctx); err != nil {
		return tampered(out, err.Error(), "")
	}
	report, err := ledger.Verify(ctx, store, keysEver{deps.Keyring, deps.KeyDir, map[string][]ed25519.PublicKey{}}, openings.NewOpener(store, people, clock.Real()), pin)
	if err != nil {
		return err
	}
	if report.Bad != 0 {
		return tampered(out, fmt.Sprintf("entry %d: %s", report.Bad, report.Why), fmt.Sprintf("%d entries before it are good.\n", report.Checked))
	}
	if !have {
		_, err = fmt.Fprintln(out, "good: the record is empty")
		return err
	}
	_, err = fmt.Fprintf(out, "good: %d entries of %d logs with %d signatures of their services, head %d %s\npersonal fields of %d entries are what they commit to; %d entries are of persons who were erased\nsigned checkpoint of %s at entry %d\n",
		report.Checked, report.Sources, report.Signed, report.Head.Seq, report.Head.Hash, report.Opened, report.Erased, checkpoint.Time.Format("2006-01-02 15:04:05Z"), checkpoint.Seq)
	return err
}

// tampered says what is wrong, and what isn't.
func tampered(out io.Writer, what, rest string) error {
	_, err := fmt.Fprintf(out, "BAD: %s\n%s", what, rest)
	return errors.Join(fmt.Errorf("%w: %s", ErrTampered, what), err)
}

func openReader(ctx context.Context, s module.Store) (reader, error) {
	if s.Engine == module.EngineMongoDB {
		return mongo.OpenReader(ctx, s.URI.Reveal(), s.Database)
	}
	return sqlite.OpenReader(ctx, filepath.Join(s.Dir, databaseFile))
}
