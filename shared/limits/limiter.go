package limits

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// Full is the error of a use that must wait.
type Full struct {
	Name Name          // the limit that is full; of several the one with the longest wait
	Wait time.Duration // until all of them have room again, if nobody else uses them up
}

// Error names the limit.
func (f *Full) Error() string { return fmt.Sprintf("limit %s is full for %s", f.Name, f.Wait) }

// Unwrap is what a client sees of it where a service has no words of its own.
func (f *Full) Unwrap() error {
	return fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many tries, wait a little").WithRetryAfter(f.Wait)
}

// Limiter holds uses against a table. Safe for concurrent use.
type Limiter struct {
	store   Store
	key     secret.Key
	clk     clock.Clock
	table   map[Name]Limit
	longest time.Duration
}

// New returns a Limiter over the table, or all that is wrong with the table. key
// makes the counters' keys; a service keeps it, or its counters are forgotten.
func New(store Store, key secret.Key, clk clock.Clock, table ...Limit) (*Limiter, error) {
	if err := validate(table); err != nil {
		return nil, err
	}
	l := &Limiter{store: store, key: key, clk: clk, table: make(map[Name]Limit, len(table))}
	for _, row := range table {
		l.table[row.Name] = row
		l.longest = max(l.longest, row.Window)
	}
	return l, nil
}

// Take counts all the uses, in one write, or none of them: when any limit is
// full, the error is a [Full]. Other errors: the store's; one of kind internal
// for a use that the table doesn't know.
func (l *Limiter) Take(ctx context.Context, uses ...Use) error {
	return l.raise(ctx, uses, Limit.apply)
}

// Check is Take that counts nothing.
func (l *Limiter) Check(ctx context.Context, uses ...Use) error {
	return l.raise(ctx, uses, func(row Limit, now time.Time) func(Counter) (Counter, time.Duration) {
		apply := row.apply(now)
		return func(found Counter) (Counter, time.Duration) {
			next, wait := apply(found)
			if wait == 0 {
				next = found
			}
			return next, wait
		}
	})
}

func (l *Limiter) raise(ctx context.Context, uses []Use, rule func(Limit, time.Time) func(Counter) (Counter, time.Duration)) error {
	now := l.clk.Now()
	rises := make([]Rise, len(uses))
	seen := make(map[string]bool, len(uses))
	for i, u := range uses {
		key, err := l.keyOf(u)
		if err != nil {
			return err
		}
		if seen[key] {
			return misuse(u.Name, "is used twice in one call")
		}
		seen[key] = true
		rises[i] = Rise{Key: key, Apply: rule(l.table[u.Name], now)}
	}
	waits, err := l.store.Raise(ctx, rises)
	if err != nil {
		return err
	}
	full := &Full{}
	for i, wait := range waits {
		if wait > full.Wait {
			full.Name, full.Wait = uses[i].Name, wait
		}
	}
	if full.Wait > 0 {
		return full
	}
	return nil
}

// Forgive gives uses back: of a try that was never made, or all after a success.
// The window goes on, and a pause is still measured from the last use.
func (l *Limiter) Forgive(ctx context.Context, pardons ...Pardon) error {
	returns := make([]Return, len(pardons))
	for i, p := range pardons {
		key, err := l.keyOf(p.Use)
		if err != nil {
			return err
		}
		returns[i] = Return{Key: key, N: p.n}
	}
	return l.store.Forgive(ctx, returns)
}

// Prune deletes at most limit counters that no limit looks at any more, and says
// how many.
func (l *Limiter) Prune(ctx context.Context, limit int) (int, error) {
	return l.store.Prune(ctx, l.clk.Now().Add(-l.longest), limit)
}

// keyOf is the limit's name and a keyed hash of the values.
func (l *Limiter) keyOf(u Use) (string, error) {
	row, ok := l.table[u.Name]
	if !ok {
		return "", misuse(u.Name, "is not in the table")
	}
	if len(u.Values) != len(row.Fields) {
		return "", misuse(u.Name, fmt.Sprintf("has the fields %q, %d values were given", row.Fields, len(u.Values)))
	}
	return string(u.Name) + "/" + hex.EncodeToString(l.key.MAC("limit "+string(u.Name), u.Values...)[:16]), nil
}

// misuse is a mistake of the code, never of a client; it names no value.
func misuse(name Name, what string) error {
	return fault.New(fault.KindInternal, fault.CodeInternal, "").WithCause(fmt.Errorf("limit %s %s", name, what))
}
