package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/places"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// GR: no operation costs more because the record is longer, or more verdicts are in force.
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	event := func(i int) record.Event {
		e := record.New(now, "auth", record.SessionCreated, record.Success, record.Origin{})
		e.Account = name(i)
		return e
	}
	link := func(head ledger.Head, e record.Event) (ledger.Entry, error) {
		entry := ledger.Entry{Seq: head.Seq + 1, Event: e, PrevHash: head.Hash, StoredAt: now}
		copy(entry.Hash[:], fmt.Sprint(entry.Seq))
		return entry, nil
	}
	visit := func(i int, seq int64) places.Visit {
		return places.Visit{Account: name(i), Network: "n", At: now, Seq: seq}
	}
	verdict := func(i int) firewall.Verdict {
		return firewall.Verdict{ID: "vrd_" + name(i), Kind: "address", Subject: name(i), Action: "block", CreatedAt: now, Until: now.Add(time.Hour)}
	}
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		return sqlitextest.Each(n, func(i int) error {
			if _, err := s.Append(ctx, []record.Event{event(i)}, link); err != nil {
				return err
			}
			if err := s.RecordVisits(ctx, []places.Visit{visit(i, 1)}); err != nil {
				return err
			}
			return s.AddVerdict(ctx, verdict(i), event(i))
		})
	}
	open := func(ctx context.Context, t *testing.T) *sqlite.Store {
		return open(ctx, t, filepath.Join(t.TempDir(), "audit.db"))
	}
	type operation = sqlitextest.Operation[*sqlite.Store]
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Append", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Append(ctx, []record.Event{event(i)}, link)
			return err
		}},
		operation{Name: "Head", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.Head(ctx)
			return err
		}},
		operation{Name: "AccountEntries (R5.2)", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.AccountEntries(ctx, name(i), 1<<60, 20)
			return err
		}},
		operation{Name: "Entries", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Entries(ctx, int64(i), 20)
			return err
		}},
		operation{Name: "Place", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Place(ctx, name(i), "n")
			return err
		}},
		operation{Name: "RecordVisits", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.RecordVisits(ctx, []places.Visit{visit(i, 2)})
		}},
		operation{Name: "AddVerdict", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.AddVerdict(ctx, verdict(-1-i), event(i))
		}},
		operation{Name: "VerdictVersion", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.VerdictVersion(ctx)
			return err
		}},
		operation{Name: "VerdictsBefore", Grows: "GR G3: a page sorts all verdicts in force", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.VerdictsBefore(ctx, now, 1<<60, 50)
			return err
		}},
		operation{Name: "Changes since the last", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			version, err := s.VerdictVersion(ctx)
			if err == nil {
				_, err = s.Changes(ctx, now, version-1)
			}
			return err
		}},
		operation{Name: "SweepVerdicts of nothing", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.SweepVerdicts(ctx, now, now)
			return err
		}},
	)
}
