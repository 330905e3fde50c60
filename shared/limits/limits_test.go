package limits_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/limits"
	"centinela/shared/secret"
)

// recorder is a store that notes keys; rules are tested on the real ones by limitstest.
type recorder struct{ keys []string }

func (r *recorder) Update(_ context.Context, keys []string, change func([]limits.Counter)) error {
	r.keys = append(r.keys, keys...)
	change(make([]limits.Counter, len(keys)))
	return nil
}

func (r *recorder) Prune(context.Context, time.Time, int) (int, error) { return 0, nil }

var row = limits.Limit{Name: "a", Fields: []string{"who", "where"}, Limit: 1, Window: time.Hour, SharedBy: "nobody"}

// A table is refused whole, with all that is wrong in it.
func TestTable(t *testing.T) {
	second := row
	second.Name = "b"
	if _, err := limits.New(&recorder{}, secret.RandomKey(), clock.Real(), row, second); err != nil {
		t.Errorf("a good table: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*limits.Limit)
		want   string
	}{
		"no name":     {func(l *limits.Limit) { l.Name = "" }, "unique"},
		"twice":       {func(l *limits.Limit) { l.Name = "a" }, "unique"},
		"no fields":   {func(l *limits.Limit) { l.Fields = nil }, "fields"},
		"no limit":    {func(l *limits.Limit) { l.Limit = 0 }, "limit must be"},
		"negative":    {func(l *limits.Limit) { l.Limit = -1; l.Pause = func(int) time.Duration { return 0 } }, "limit must be"},
		"no window":   {func(l *limits.Limit) { l.Window = 0 }, "window"},
		"not sharing": {func(l *limits.Limit) { l.SharedBy = "" }, "shares"},
	} {
		bad := second
		c.change(&bad)
		if _, err := limits.New(&recorder{}, secret.RandomKey(), clock.Real(), row, bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	worst := limits.Limit{}
	if _, err := limits.New(&recorder{}, secret.RandomKey(), clock.Real(), worst); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("not all errors at once: %v", err)
	}
}

// No value stands in a key; a key differs with the limit, with each value, with where one value ends and with the
// service's key.
func TestKeys(t *testing.T) {
	store, key := &recorder{}, secret.RandomKey()
	second := row
	second.Name = "b"
	l, err := limits.New(store, key, clock.Real(), row, second)
	if err != nil {
		t.Fatal(err)
	}
	uses := []limits.Use{
		limits.Of("a", "ana", "192.0.2.1"), limits.Of("b", "ana", "192.0.2.1"), limits.Of("a", "eva", "192.0.2.1"),
		limits.Of("a", "ana1", "92.0.2.1"), limits.Of("a", "ana", "192.0.2.2"),
	}
	if err := l.Take(t.Context(), uses...); err != nil {
		t.Fatal(err)
	}
	other, err := limits.New(store, secret.RandomKey(), clock.Real(), row)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Take(t.Context(), uses[0]); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, key := range store.keys {
		if seen[key] || strings.Contains(key, "ana") || strings.Contains(key, "192.0") {
			t.Errorf("key %q is there twice or tells a value", key)
		}
		seen[key] = true
	}
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error { return l.Forgive(ctx, uses[0].One()) },
		func(ctx context.Context) error { return l.Forgive(ctx, uses[0].All()) },
	} {
		if err := call(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := store.keys[len(store.keys)-1]; got != store.keys[0] {
			t.Errorf("the same use has the keys %q and %q", store.keys[0], got)
		}
	}
}

// A mistake in the code is an internal error, never a grant, and reaches no store.
func TestMisuse(t *testing.T) {
	store := &recorder{}
	l, err := limits.New(store, secret.RandomKey(), clock.Real(), row)
	if err != nil {
		t.Fatal(err)
	}
	good := limits.Of("a", "ana", "here")
	for name, uses := range map[string][]limits.Use{
		"unknown": {limits.Of("z", "ana", "here")}, "too few": {limits.Of("a", "ana")}, "twice": {good, good},
	} {
		if err := l.Take(t.Context(), uses...); fault.From(err) == nil || fault.From(err).Kind != fault.KindInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, pardons := range map[string][]limits.Pardon{"unknown": {limits.Of("z").One()}, "twice": {good.One(), good.All()}} {
		if err := l.Forgive(t.Context(), pardons...); fault.From(err) == nil || fault.From(err).Kind != fault.KindInternal {
			t.Errorf("forgive %s: %v", name, err)
		}
	}
	if len(store.keys) > 0 {
		t.Errorf("the store was asked: %v", store.keys)
	}
}

// Whoever forgets to map a Full answers 429 with Retry-After all the same.
func TestFullIsTooMany(t *testing.T) {
	err := errors.Join(&limits.Full{Name: "a", Wait: 42 * time.Second})
	f := fault.From(err)
	if f.Kind != fault.KindTooMany || f.RetryAfter != 42*time.Second || strings.Contains(f.Error(), "42") {
		t.Errorf("%+v", f)
	}
}
