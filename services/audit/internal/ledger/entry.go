package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"centinela/shared/record"
)

// Row is an entry as it is stored.
type Row struct {
	Seq  int64  // from 1, without a gap
	Body []byte // the envelope, as its source built it
	// Signature is the source's over the head of its log at this entry; the last
	// entry of each shipment has one.
	Signature []byte
	StoredAt  time.Time // UTC, whole milliseconds
	// Token finds the person's rows; empty without one. It is hashed, because nothing
	// else holds an erased person's row to the person.
	Token    []byte
	PrevHash record.Hash // of the row before; zero for the first
	Hash     record.Hash // of all that is above

	// Not hashed: these are derived from the body, or bound to it.
	Class    record.Class
	Openings []byte // sealed
}

// Entry is a row that was read: the event, with what may be known of the person.
type Entry struct {
	Seq      int64
	StoredAt time.Time
	record.Envelope
}

// Head is the newest row; the zero Head is that of an empty record.
type Head struct {
	Seq  int64
	Hash record.Hash
}

func (r *Row) head() Head { return Head{Seq: r.Seq, Hash: r.Hash} }

// computeHash binds the row to the one before: SHA-256 over the previous hash, the
// seq, the time of storing (ms since 1970) and the lengths of body and token as 8
// bytes big-endian each, the body, the token, the signature.
func (r *Row) computeHash() record.Hash {
	var fixed [4 * 8]byte
	binary.BigEndian.PutUint64(fixed[0:], uint64(r.Seq))
	binary.BigEndian.PutUint64(fixed[8:], uint64(r.StoredAt.UnixMilli()))
	binary.BigEndian.PutUint64(fixed[16:], uint64(len(r.Body)))
	binary.BigEndian.PutUint64(fixed[24:], uint64(len(r.Token)))
	sum := sha256.New()
	sum.Write(r.PrevHash[:])
	sum.Write(fixed[:])
	sum.Write(r.Body)
	sum.Write(r.Token)
	sum.Write(r.Signature)
	return record.Hash(sum.Sum(nil))
}

// link makes the row follow head.
func (r *Row) link(head Head) {
	r.Seq, r.PrevHash = head.Seq+1, head.Hash
	r.Hash = r.computeHash()
}

// errClass is a row that is found under another class than its event's.
var errClass = errors.New("it stands under another class than its event's")

// parse reads the envelope of a row, without its openings.
func (r *Row) parse() (record.Envelope, error) {
	env, err := record.Parse(r.Body)
	if err == nil && env.Class != r.Class {
		err = errClass
	}
	return env, err
}

// MergeNewest merges pages of rows, each newest first, and keeps the newest.
func MergeNewest(limit int, pages ...[]Row) []Row {
	merged := slices.Concat(pages...)
	slices.SortFunc(merged, func(a, b Row) int { return cmp.Compare(b.Seq, a.Seq) })
	return merged[:min(limit, len(merged))]
}
