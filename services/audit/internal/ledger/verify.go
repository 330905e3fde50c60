package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"centinela/services/audit/internal/openings"
	"centinela/shared/record"
)

const verifyBatch = 1000

// KeysEver finds the public keys that a service has or had.
type KeysEver interface {
	PublicKeys(service string) ([]ed25519.PublicKey, error)
}

// Report is the outcome of a verification.
type Report struct {
	Checked int64 // rows that were read and are good
	Head    Head  // the newest of them
	Sources int   // logs that the record has events of
	Signed  int64 // signatures of their services over these logs
	Opened  int64 // rows whose personal fields are what they commit to
	Erased  int64 // rows of persons who were erased
	Pinned  Head  // what the checkpoint saw; zero without one
	// Bad is the first seq that is wrong, 0 when none is, and Why says what is.
	Bad int64
	Why string
}

// Verify reads the record from its first row and recomputes it: no seq is missing,
// each row is bound to the one before, each hash fits its row, each envelope is
// canonical, each source's numbers are without a gap and its chain is the one that
// its service signed, the openings fit their commitments, what is kept beside the
// rows follows from them, and the row that the checkpoint pins is still there. It
// finds a changed field, a removed, inserted or swapped row, rows cut off at the
// end, a record that was written anew, and events that no service reported.
// Entries appended meanwhile are verified too. Errors are the store's only: what is
// wrong with the record is in the Report.
func Verify(ctx context.Context, store Reader, keys KeysEver, open *openings.Opener, pin *Checkpoint) (Report, error) {
	v := verification{store: store, keys: keys, openings: open, pin: pin, from: math.MinInt64, logs: make(map[string]logState), fits: make(map[string]bool)}
	if pin != nil {
		v.report.Pinned = pin.Head
	}
	kept, upTo, err := store.Sources(ctx)
	if err != nil {
		return v.report, err
	}
	v.kept, v.upTo = kept, upTo
	for v.report.Bad == 0 {
		more, err := v.batch(ctx)
		if err != nil {
			return v.report, err
		}
		if !more {
			v.end()
			v.sources()
			break
		}
	}
	v.report.Sources = len(v.logs)
	return v.report, nil
}

type verification struct {
	store    Reader
	keys     KeysEver
	openings *openings.Opener
	pin      *Checkpoint
	report   Report
	from     int64 // where the next batch begins
	prev     Head  // what the next row must follow
	before   Head  // what that one followed
	logs     map[string]logState
	// What is kept beside the rows: heads of the sources as of the row upTo, or newer.
	kept   map[string]record.Head
	upTo   int64
	atUpTo map[string]record.Head // what they are at that row
	fits   map[string]bool        // those that were found on the way
}

// logState is a source's log as far as it was read.
type logState struct {
	head   record.Head
	signed int64 // the number up to which its service vouches
	seq    int64 // of its newest row
}

func (v *verification) bad(seq int64, why string, args ...any) {
	v.report.Bad, v.report.Why = seq, fmt.Sprintf(why, args...)
	v.report.Checked = min(v.report.Checked, seq-1) // what is found at the end only isn't good either
}

func (v *verification) heads() map[string]record.Head {
	heads := make(map[string]record.Head, len(v.logs))
	for source, log := range v.logs {
		heads[source] = log.head
	}
	return heads
}

func (v *verification) batch(ctx context.Context) (more bool, err error) {
	rows, err := v.store.Rows(ctx, v.from, verifyBatch)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return false, err
	}
	for i, row := range rows {
		if err := v.row(ctx, row, rows[i+1:]); err != nil || v.report.Bad != 0 {
			return true, err
		}
	}
	v.from = v.prev.Seq + 1
	if damaged != nil {
		if damaged.Seq > v.from {
			v.bad(v.from, "removed: the next row is %d", damaged.Seq)
		} else { // its seq may be damaged as well
			v.bad(v.from, "changed: the row can't be read as an entry (%v)", damaged.Err)
		}
	}
	return len(rows) > 0, nil
}

func (v *verification) row(ctx context.Context, row Row, following []Row) error {
	next := v.prev.Seq + 1
	switch {
	case row.Seq < next:
		v.bad(next, "inserted before it: a row %d", row.Seq)
	case row.Seq > next:
		v.bad(next, "removed: the next row is %d", row.Seq)
	case row.computeHash() != row.Hash:
		v.misfit(row, following)
	case row.PrevHash != v.prev.Hash:
		return v.unbound(ctx, row)
	case v.pin != nil && v.pin.Seq == row.Seq && v.pin.Hash != row.Hash:
		v.bad(next, "written anew: the signed checkpoint of %s saw another entry here, so this one or earlier ones were replaced", v.pin.Time.Format("2006-01-02 15:04:05Z"))
	default:
		return v.content(ctx, row)
	}
	return nil
}

// content checks what a row that is in its place says.
func (v *verification) content(ctx context.Context, row Row) error {
	env, err := row.parse()
	if err != nil {
		v.bad(row.Seq, "changed: %v", err)
		return nil
	}
	if !v.log(row, &env) {
		return nil
	}
	switch err := v.openings.Open(ctx, &env, row.Token, row.Openings); {
	case isDamage(err):
		v.bad(row.Seq, "changed: its personal fields don't fit what the entry commits to (%v)", err)
		return nil
	case errors.Is(err, openings.ErrErased):
		v.report.Erased++
	case err != nil:
		return err
	case env.Personal():
		v.report.Opened++
	}
	v.before, v.prev = v.prev, row.head()
	v.report.Head = v.prev
	v.report.Checked++
	return nil
}

// log checks that the row is the next of its source, and what the source signed.
func (v *verification) log(row Row, env *record.Envelope) bool {
	log := v.logs[env.Source]
	switch at := log.head.N; {
	case env.N <= at:
		v.bad(row.Seq, "put in: %s has reported its event %d before", env.Source, env.N)
		return false
	case env.N > at+1:
		v.bad(row.Seq, "missing before it: event %d of %s", at+1, env.Source)
		return false
	}
	log.head, log.seq = log.head.Next(row.Body), row.Seq
	if len(row.Signature) > 0 {
		service, _, _ := strings.Cut(env.Source, "/")
		keys, err := v.keys.PublicKeys(service)
		if err != nil {
			v.bad(row.Seq, "not to be verified: %v", err)
			return false
		}
		signed := func(key ed25519.PublicKey) bool { return log.head.SignedBy(key, env.Source, row.Signature) }
		if !slices.ContainsFunc(keys, signed) {
			v.bad(row.Seq, "put in or changed: the key of %s didn't sign the log of %s up to here; its events %d to %d can't be believed", service, env.Source, log.signed+1, env.N)
			return false
		}
		log.signed = env.N
		v.report.Signed++
	}
	v.logs[env.Source] = log
	if v.kept[env.Source] == log.head {
		v.fits[env.Source] = true
	}
	if row.Seq == v.upTo {
		v.atUpTo = v.heads()
	}
	return true
}

// unbound names one of two neighbours that each fit themselves and not each
// other: somebody replaced a row and its hash. It was not the one that the
// checkpoint, or the row after it, was made for.
func (v *verification) unbound(ctx context.Context, row Row) error {
	genuine := v.pin != nil && v.pin.Head == row.head()
	if !genuine {
		after, err := v.store.Rows(ctx, row.Seq+1, 1)
		if damaged := (*DamagedError)(nil); err != nil && !errors.As(err, &damaged) {
			return err
		}
		genuine = len(after) == 1 && after[0].Seq == row.Seq+1 && after[0].PrevHash == row.Hash
	}
	if genuine && v.report.Checked > 0 {
		v.report.Head = v.before
		v.bad(v.prev.Seq, "replaced, with a hash that fits: the row after it was made for another one")
		return nil
	}
	v.bad(row.Seq, "not bound to the entry before it: one of the two was replaced")
	return nil
}

// misfit tells a row that was moved from one that was changed: its hash still
// fits another seq.
func (v *verification) misfit(row Row, following []Row) {
	moved := row
	for _, other := range following {
		moved.Seq = other.Seq
		if moved.computeHash() == row.Hash {
			v.bad(row.Seq, "swapped: the row holds entry %d", other.Seq)
			return
		}
	}
	v.bad(row.Seq, "changed: the hash doesn't fit the row's fields")
}

// end compares the last row with the checkpoint, and what was read of each source
// with what its service signed.
func (v *verification) end() {
	switch {
	case v.pin == nil && v.prev.Seq > 0:
		v.bad(v.prev.Seq+1, "no signed checkpoint: rows after this one may have been cut off")
	case v.pin != nil && v.pin.Seq > v.prev.Seq:
		v.bad(v.prev.Seq+1, "cut off: the signed checkpoint of %s saw entry %d", v.pin.Time.Format("2006-01-02 15:04:05Z"), v.pin.Seq)
	}
	for _, source := range slices.Sorted(maps.Keys(v.logs)) {
		if log := v.logs[source]; v.report.Bad == 0 && log.signed < log.head.N {
			v.bad(log.seq, "put in: %s signed its log up to its event %d, and this is number %d", source, log.signed, log.head.N)
		}
	}
}

// sources compares the heads that are kept beside the rows.
func (v *verification) sources() {
	if v.report.Bad != 0 {
		return
	}
	if v.upTo > v.prev.Seq {
		v.bad(v.prev.Seq+1, "cut off: the heads of the sources are those of entry %d", v.upTo)
		return
	}
	for _, source := range slices.Sorted(maps.Keys(v.logs)) {
		if v.kept[source].N < v.atUpTo[source].N {
			v.bad(v.upTo+1, "the head of %s that is kept beside the entries is older than they are", source)
			return
		}
	}
	for source := range v.kept {
		if !v.fits[source] {
			v.bad(v.upTo+1, "the head of %s that is kept beside the entries doesn't follow from them", source)
			return
		}
	}
}
