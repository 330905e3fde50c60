package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
)

const verifyBatch = 1000

// Report is the outcome of a verification.
type Report struct {
	Checked int64 // entries that were read and are good
	Head    Head  // the newest of them
	Pinned  Head  // what the checkpoint saw; zero without one
	// Bad is the first seq that is wrong, 0 when none is, and Why says what is.
	Bad int64
	Why string
}

// Verify reads the record from an entry on (1 for all) and recomputes it: no
// seq is missing, each entry is bound to the one before, each hash fits all
// fields of its entry, and the entry that the checkpoint pins is still there.
// It finds a changed field, a removed, inserted or swapped row, rows cut off
// at the end, and a record that was written anew. Entries appended meanwhile
// are verified too. Errors are the store's only: what is wrong with the record
// is in the Report.
func Verify(ctx context.Context, store Reader, from int64, pin *Checkpoint) (Report, error) {
	v := verification{store: store, pin: pin}
	if pin != nil {
		v.report.Pinned = pin.Head
	}
	if err := v.start(ctx, max(from, 1)); err != nil {
		return v.report, err
	}
	for v.report.Bad == 0 {
		more, err := v.batch(ctx)
		if err != nil {
			return v.report, err
		}
		if !more {
			v.end(from)
			break
		}
	}
	return v.report, nil
}

type verification struct {
	store  Reader
	pin    *Checkpoint
	report Report
	from   int64 // where the next batch begins
	prev   Head  // what the next entry must follow
	before Head  // what that one followed
}

func (v *verification) bad(seq int64, why string, args ...any) {
	v.report.Bad, v.report.Why = seq, fmt.Sprintf(why, args...)
}

// start takes the hash of the entry before the first one as it is stored.
func (v *verification) start(ctx context.Context, from int64) error {
	v.from = from
	if from == 1 {
		v.from = math.MinInt64 // a row before the first is one that was put in
		return nil
	}
	v.prev.Seq = from - 1
	before, err := v.store.Entries(ctx, from-1, 1)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return err
	}
	if len(before) == 0 || before[0].Seq != from-1 {
		v.bad(from-1, "missing: there is no entry to start from")
		return nil
	}
	v.prev = before[0].head()
	return nil
}

func (v *verification) batch(ctx context.Context) (more bool, err error) {
	entries, err := v.store.Entries(ctx, v.from, verifyBatch)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return false, err
	}
	for i, e := range entries {
		if err := v.entry(ctx, e, entries[i+1:]); err != nil || v.report.Bad != 0 {
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
	return len(entries) > 0, nil
}

func (v *verification) entry(ctx context.Context, e Entry, following []Entry) error {
	next := v.prev.Seq + 1
	hash, err := e.computeHash()
	switch {
	case e.Seq < next:
		v.bad(next, "inserted before it: a row %d", e.Seq)
	case e.Seq > next:
		v.bad(next, "removed: the next row is %d", e.Seq)
	case err != nil:
		v.bad(next, "changed: %v", err)
	case hash != e.Hash:
		v.misfit(e, following)
	case e.PrevHash != v.prev.Hash:
		return v.unbound(ctx, e)
	case v.pin != nil && v.pin.Seq == e.Seq && v.pin.Hash != e.Hash:
		v.bad(next, "written anew: the signed checkpoint of %s saw another entry here, so this one or earlier ones were replaced", v.pin.Time.Format("2006-01-02 15:04:05Z"))
	default:
		v.before, v.prev = v.prev, e.head()
		v.report.Head = v.prev
		v.report.Checked++
	}
	return nil
}

// unbound names one of two neighbours that each fit themselves and not each
// other: somebody replaced a row and its hash. It was not the one that the
// checkpoint, or the row after it, was made for.
func (v *verification) unbound(ctx context.Context, e Entry) error {
	genuine := v.pin != nil && v.pin.Head == e.head()
	if !genuine {
		after, err := v.store.Entries(ctx, e.Seq+1, 1)
		if damaged := (*DamagedError)(nil); err != nil && !errors.As(err, &damaged) {
			return err
		}
		genuine = len(after) == 1 && after[0].Seq == e.Seq+1 && after[0].PrevHash == e.Hash
	}
	if genuine && v.report.Checked > 0 {
		v.report.Checked--
		v.report.Head = v.before
		v.bad(v.prev.Seq, "replaced, with a hash that fits: the row after it was made for another one")
		return nil
	}
	v.bad(e.Seq, "not bound to the entry before it: one of the two was replaced")
	return nil
}

// misfit tells a row that was moved from one that was changed: its hash still
// fits another seq.
func (v *verification) misfit(e Entry, following []Entry) {
	moved := e
	for _, other := range following {
		moved.Seq = other.Seq
		if hash, err := moved.computeHash(); err == nil && hash == e.Hash {
			v.bad(e.Seq, "swapped: the row holds entry %d", other.Seq)
			return
		}
	}
	v.bad(e.Seq, "changed: the hash doesn't fit the row's fields")
}

// end compares the last entry with the checkpoint.
func (v *verification) end(from int64) {
	switch {
	case v.pin == nil && v.prev.Seq > 0:
		v.bad(v.prev.Seq+1, "no signed checkpoint: rows after this one may have been cut off")
	case v.pin != nil && v.pin.Seq > v.prev.Seq && v.pin.Seq >= from:
		v.bad(v.prev.Seq+1, "cut off: the signed checkpoint of %s saw entry %d", v.pin.Time.Format("2006-01-02 15:04:05Z"), v.pin.Seq)
	}
}
