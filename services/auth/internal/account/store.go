package account

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Counter is how often something was tried in its window.
type Counter struct {
	Count       int
	WindowStart time.Time
	LastAt      time.Time     // of the last try that counted
	Wait        time.Duration // > 0: this try came too early and was not counted
}

// Store keeps accounts, sessions and counters. Every method is atomic; events are kept with the change that they
// report or not at all. All of them may also return the context's error or a fault of kind unavailable.
type Store interface {
	// CreateAccount keeps a new account. ErrNameTaken when NameKey is in use.
	CreateAccount(ctx context.Context, a Account, events ...record.Event) error
	// Account finds by id. ErrNotFound.
	Account(ctx context.Context, id string) (Account, error)
	// AccountByName finds by NameKey. ErrNotFound.
	AccountByName(ctx context.Context, key string) (Account, error)
	// UpdateAccount changes one account; change may run several times, and its error undoes it. ID and NameKey can't
	// change. ErrNotFound.
	UpdateAccount(ctx context.Context, id string, change func(*Account) ([]record.Event, error)) error
	// AccountsEnding lists at most limit ids of accounts whose Ending was set before that time.
	AccountsEnding(ctx context.Context, before time.Time, limit int) ([]string, error)

	// CreateSession keeps a new session.
	CreateSession(ctx context.Context, s Session, events ...record.Event) error
	// Session finds by id, ended and expired ones too until they are swept. ErrNotFound.
	Session(ctx context.Context, id string) (Session, error)
	// SessionsOf lists an account's sessions that were not ended and expire after now, newest use first.
	SessionsOf(ctx context.Context, account string, now time.Time) ([]Session, error)
	// UpdateSession changes one session; change may run several times, and its error undoes it. ErrNotFound.
	UpdateSession(ctx context.Context, id string, change func(*Session) ([]record.Event, error)) error

	// RegisterFailure counts one more under key and returns the new state; the count begins anew when window has
	// passed since its start. pause (nil: none) says how long after the last counted try the next may come, given the
	// count so far: an earlier one is not counted, and Wait says how much is missing.
	RegisterFailure(ctx context.Context, key string, now time.Time, window time.Duration, pause func(count int) time.Duration) (Counter, error)
	// ForgiveFailures takes n off the count, not below zero; n <= 0 takes all. Unknown keys are ignored.
	ForgiveFailures(ctx context.Context, key string, n int) error
	// ReportFailure keeps events about what was counted under key.
	ReportFailure(ctx context.Context, key string, events ...record.Event) error

	// Sweep deletes sessions that ended or expired before that time, and counters that were not raised since; what
	// still has events to ship stays. Nothing depends on it but space.
	Sweep(ctx context.Context, before time.Time) error
}
