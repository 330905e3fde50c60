package ledger

import (
	"context"

	"centinela/shared/record"
)

// Reader reads entries.
type Reader interface {
	// Entries returns at most limit entries with seq >= from, ascending. A row
	// that can't be read ends it: the entries before it come with a
	// *DamagedError that names it.
	Entries(ctx context.Context, from int64, limit int) ([]Entry, error)
}

// Store keeps the entries. Entries are added at the end and never changed.
type Store interface {
	Reader
	// Append adds the events in their order, each as the entry that link makes
	// of it and of the head before it, and leaves out those whose id is there
	// already. It returns the entries that it added, once they are durable.
	// All or nothing on SQLite. On MongoDB an error may leave the first few
	// stored; the same call again adds the rest. The events' ids differ from
	// each other. Errors: link's, the context's, unavailable.
	Append(ctx context.Context, events []record.Event, link func(Head, record.Event) (Entry, error)) ([]Entry, error)
	// Head is the newest entry's; zero when there is none.
	Head(ctx context.Context) (Head, error)
	// AccountEntries returns at most limit entries of an account with
	// seq < before, newest first; the cost doesn't grow with the record.
	AccountEntries(ctx context.Context, account string, before int64, limit int) ([]Entry, error)
	// FollowerCursor is the seq up to which the named follower is done; 0 at first.
	FollowerCursor(ctx context.Context, name string) (int64, error)
	// SaveFollowerCursor keeps it.
	SaveFollowerCursor(ctx context.Context, name string, seq int64) error
}
