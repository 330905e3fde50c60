package account

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Store keeps accounts and sessions. Every method is atomic but where it says so; events are kept with the change that they
// report or not at all. All of them may also return the context's error or a fault of kind unavailable.
type Store interface {
	// CreateAccount keeps a new account. ErrNameTaken when NameKey is in use.
	CreateAccount(ctx context.Context, a Account, events ...record.Event) error
	// Account finds by id. ErrNotFound.
	Account(ctx context.Context, id string) (Account, error)
	// AccountByName finds by NameKey. ErrNotFound.
	AccountByName(ctx context.Context, key string) (Account, error)
	// UpdateAccount changes one account but its ID and NameKey; change may run several times, and its error undoes it.
	// ErrNotFound.
	UpdateAccount(ctx context.Context, id string, change func(*Account) ([]record.Event, error)) error
	// AccountsEnding lists accounts whose Ending is set, by its time and then id, at most limit of those that come after
	// that one in this order (the zero one: from the beginning).
	AccountsEnding(ctx context.Context, after Unfinished, limit int) ([]Unfinished, error)

	// BeginSession changes an account as UpdateAccount does, and keeps the session that change makes of it, with its
	// events. Where that isn't one step, the account's change comes first; without the session after it, nothing but the
	// note of a sign-in is there. ErrNotFound.
	BeginSession(ctx context.Context, account string, change func(*Account) (Session, []record.Event, error)) error
	// Session finds by id, ended and expired ones too until they are swept. ErrNotFound.
	Session(ctx context.Context, id string) (Session, error)
	// SessionsOf lists an account's sessions that were not ended and expire after now, newest use first.
	SessionsOf(ctx context.Context, account string, now time.Time) ([]Session, error)
	// UpdateSession changes one session but its ID and Account; change may run several times, and its error undoes it.
	// ErrNotFound.
	UpdateSession(ctx context.Context, id string, change func(*Session) ([]record.Event, error)) error

	// Record keeps events that come with no change.
	Record(ctx context.Context, events ...record.Event) error
}

// Unfinished is an account whose sessions of former epochs are still to be marked, since when.
type Unfinished struct {
	Account string
	At      time.Time
}
