package ledger

import (
	"context"

	"centinela/shared/record"
)

// Reader reads rows.
type Reader interface {
	// Rows returns at most limit rows with seq >= from, ascending. A row that can't
	// be read ends it: the rows before it come with a *DamagedError that names it.
	Rows(ctx context.Context, from int64, limit int) ([]Row, error)
	// Sources returns the head of each source's log as of the row upTo, or before it.
	Sources(ctx context.Context) (heads map[string]record.Head, upTo int64, err error)
}

// Store keeps the rows. Rows are added at the end and never changed.
type Store interface {
	Reader
	// Append adds rows, which follow head, and keeps the heads of their sources. It
	// returns when they are durable and were counted or read back: a row that isn't
	// there is an error. All or nothing on SQLite. On MongoDB an error may leave the
	// first few stored. Errors: ErrMoved when head isn't the newest row any more,
	// ErrSwallowed, the context's, unavailable.
	Append(ctx context.Context, head Head, rows []Row, sources map[string]record.Head) error
	// Head is the newest row's; zero when there is none.
	Head(ctx context.Context) (Head, error)
	// PersonRows returns at most limit rows of a token and class ("" for all) with
	// seq < before, newest first; the cost doesn't grow with the record.
	PersonRows(ctx context.Context, token []byte, class record.Class, before int64, limit int) ([]Row, error)
	// FollowerCursor is the seq up to which the named follower is done; 0 at first.
	FollowerCursor(ctx context.Context, name string) (int64, error)
	// SaveFollowerCursor keeps it.
	SaveFollowerCursor(ctx context.Context, name string, seq int64) error
}
