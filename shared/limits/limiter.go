package limits

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
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
	store Store
	key   secret.Key
	clk   clock.Clock
	table map[Name]Limit
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
	}
	return l, nil
}

// Take counts all the uses, in one write, or none of them: when any limit is
// full, the error is a [Full]. Other errors: the store's; one of kind internal
// for a use that the table doesn't know, or that is there twice.
func (l *Limiter) Take(ctx context.Context, uses ...Use) error {
	keys, err := l.keysOf(uses)
	if err != nil {
		return err
	}
	now, full := l.clk.Now(), Full{}
	err = l.store.Update(ctx, keys, func(counters []Counter) {
		full = Full{}
		next := make([]Counter, len(counters))
		for i, found := range counters {
			row := l.table[uses[i].Name]
			next[i] = row.at(now, found)
			if wait := row.wait(now, next[i]); wait > 0 {
				// Times are mended with the answer "wait", so that a wait begins once, and not
				// anew with each try until this clock has caught up.
				counters[i] = next[i]
				if wait > full.Wait {
					full = Full{Name: row.Name, Wait: wait}
				}
			}
			next[i].Count, next[i].Last = next[i].Count+1, now
		}
		if full.Wait == 0 {
			copy(counters, next)
		}
	})
	if err == nil && full.Wait > 0 {
		return &full
	}
	return err
}

// Forgive gives uses back, in one write: of a try that was never made, or all
// after a success. The window goes on, and a pause is still measured from the last
// use. Errors: the store's; one of kind internal as Take's.
func (l *Limiter) Forgive(ctx context.Context, pardons ...Pardon) error {
	uses := make([]Use, len(pardons))
	for i, p := range pardons {
		uses[i] = p.Use
	}
	keys, err := l.keysOf(uses)
	if err != nil {
		return err
	}
	return l.store.Update(ctx, keys, func(counters []Counter) {
		for i, p := range pardons {
			if p.all {
				counters[i].Count = 0
			}
			counters[i].Count = max(0, counters[i].Count-1)
		}
	})
}

// Prune deletes at most limit counters whose window is over, and says how many.
func (l *Limiter) Prune(ctx context.Context, limit int) (int, error) {
	return l.store.Prune(ctx, l.clk.Now(), limit)
}

func (l *Limiter) keysOf(uses []Use) ([]string, error) {
	keys := make([]string, len(uses))
	for i, u := range uses {
		key, err := l.keyOf(u)
		if err != nil {
			return nil, err
		}
		if slices.Contains(keys, key) {
			return nil, misuse(u.Name, "is used twice in one call")
		}
		keys[i] = key
	}
	return keys, nil
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
