package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/shared/id"
	"centinela/shared/limits"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// GR: no operation costs more because others have accounts. Rows lie in the order of
// random ids, as the product's.
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	event := func(i int) record.Event {
		e := record.New(now, "auth", record.SessionCreated, record.Success, record.Origin{})
		e.Account = name(i)
		return e
	}
	begin := func(ctx context.Context, s *sqlite.Store, i int, id string) error {
		return s.BeginSession(ctx, name(i), func(*account.Account) (account.Session, []record.Event, error) {
			return account.Session{ID: id, Account: name(i), LastUsedAt: now, ExpiresAt: now.Add(time.Hour)}, []record.Event{event(i)}, nil
		})
	}
	raise := func(ctx context.Context, s *sqlite.Store, keys ...string) error {
		return s.Counters().Update(ctx, keys, func(counters []limits.Counter) {
			for i := range counters {
				counters[i] = limits.Counter{Count: counters[i].Count + 1, End: now.Add(time.Hour), Last: now}
			}
		})
	}
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		return sqlitextest.Each(n, func(i int) error {
			a := account.Account{ID: name(i), NameKey: name(i), UserName: name(i), CreatedAt: now}
			if err := s.CreateAccount(ctx, a); err != nil {
				return err
			}
			if err := begin(ctx, s, i, name(i)); err != nil {
				return err
			}
			return raise(ctx, s, name(i))
		})
	}
	open := func(ctx context.Context, t *testing.T) *sqlite.Store {
		s, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "auth.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.DB.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	type operation = sqlitextest.Operation[*sqlite.Store]
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Account", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Account(ctx, name(i))
			return err
		}},
		operation{Name: "AccountByName", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.AccountByName(ctx, name(i))
			return err
		}},
		operation{Name: "Session", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Session(ctx, name(i))
			return err
		}},
		operation{Name: "SessionsOf", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.SessionsOf(ctx, name(i), now)
			return err
		}},
		operation{Name: "AccountsEnding", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.AccountsEnding(ctx, account.Unfinished{}, 10)
			return err
		}},
		operation{Name: "UpdateAccount", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.UpdateAccount(ctx, name(i), func(a *account.Account) ([]record.Event, error) { a.Locale = "es"; return nil, nil })
		}},
		operation{Name: "UpdateSession", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.UpdateSession(ctx, name(i), func(x *account.Session) ([]record.Event, error) {
				x.LastUsedAt = now.Add(time.Duration(i) * time.Second)
				return []record.Event{event(i)}, nil
			})
		}},
		operation{Name: "BeginSession", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return begin(ctx, s, i, id.New("ses"))
		}},
		operation{Name: "Ended", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.Ended(ctx, now.Add(-time.Minute), now.Add(time.Minute), revoked.Ended{}, 1000)
			return err
		}},
		operation{Name: "Update of counters", Run: func(ctx context.Context, s *sqlite.Store, i int) error { return raise(ctx, s, name(i), name(i+1)) }},
		operation{Name: "Sweep of nothing", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.SweepSessions(ctx, now.Add(-time.Hour), 500)
			return err
		}},
		operation{Name: "Prune of nothing", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.Counters().Prune(ctx, now, 500)
			return err
		}},
	)
}
