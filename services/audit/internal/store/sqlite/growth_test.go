package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
	"centinela/shared/verdicts"
)

// GR: no operation costs more because the record is longer, or more verdicts are in force.
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	token := func(i int) openings.Token { return openings.Token([]byte(name(i) + name(i))) }
	event := func(i int) record.Event {
		e := record.New(now, "audit", record.FirewallVerdictAdded, record.Success, record.Origin{})
		e.Account = name(i)
		return e
	}
	write := func(ctx context.Context, s *sqlite.Store, i int) error {
		head, err := s.Head(ctx)
		if err != nil {
			return err
		}
		of := token(i)
		row := ledger.Row{Seq: head.Seq + 1, Body: make([]byte, 400), StoredAt: now, PrevHash: head.Hash, Class: record.Classes()[i%3], Token: of[:], Openings: make([]byte, 300)}
		copy(row.Hash[:], fmt.Sprint(row.Seq))
		return s.Append(ctx, head, []ledger.Row{row}, map[string]record.Head{"auth/a": {N: row.Seq}})
	}
	visit := func(i int, seq int64) places.Visit {
		return places.Visit{Account: name(i), Network: "n", At: now, Seq: seq}
	}
	verdict := func(i int, until time.Duration) firewall.Verdict {
		return firewall.Verdict{Verdict: verdicts.Verdict{
			ID: "vrd_" + name(i), Subjects: []verdicts.Subject{{Kind: verdicts.KindAccount, Value: name(i)}}, Action: verdicts.Refuse, Source: "rule", CreatedAt: now, Until: now.Add(until),
		}}
	}
	added := func(firewall.Verdict) record.Event { return event(0) }
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		for i := range n {
			if err := write(ctx, s, i); err != nil {
				return err
			}
		}
		return sqlitextest.Each(n, func(i int) error {
			if _, err := s.AddPersonKey(ctx, token(i), []byte("wrapped")); err != nil {
				return err
			}
			if err := s.RecordVisits(ctx, []places.Visit{visit(i, 1)}); err != nil {
				return err
			}
			return s.AddVerdict(ctx, verdict(i, time.Hour), event(i))
		})
	}
	open := func(ctx context.Context, t *testing.T) *sqlite.Store {
		return open(ctx, t, filepath.Join(t.TempDir(), "audit.db"))
	}
	type operation = sqlitextest.Operation[*sqlite.Store]
	read := func(name string, run func(ctx context.Context, s *sqlite.Store, i int) (any, error)) operation {
		return operation{Name: name, Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := run(ctx, s, i)
			return err
		}}
	}
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Append", Run: write},
		read("Head", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) { return s.Head(ctx) }),
		read("Rows", func(ctx context.Context, s *sqlite.Store, i int) (any, error) { return s.Rows(ctx, int64(i)*10, 20) }),
		read("PersonRows of a class (R5.2)", func(ctx context.Context, s *sqlite.Store, i int) (any, error) {
			of := token(i)
			return s.PersonRows(ctx, of[:], record.Security, 1<<60, 20)
		}),
		read("PersonRows of all", func(ctx context.Context, s *sqlite.Store, i int) (any, error) {
			of := token(i)
			return s.PersonRows(ctx, of[:], "", 1<<60, 20)
		}),
		read("PersonKey", func(ctx context.Context, s *sqlite.Store, i int) (any, error) { return s.PersonKey(ctx, token(i)) }),
		read("AddPersonKey", func(ctx context.Context, s *sqlite.Store, i int) (any, error) {
			return s.AddPersonKey(ctx, token(-1-i), []byte("wrapped"))
		}),
		read("Place", func(ctx context.Context, s *sqlite.Store, i int) (any, error) { return s.Place(ctx, name(i), "n") }),
		read("HasPlaces", func(ctx context.Context, s *sqlite.Store, i int) (any, error) { return s.HasPlaces(ctx, name(i)) }),
		operation{Name: "RecordVisits", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.RecordVisits(ctx, []places.Visit{visit(i, 2)})
		}},
		operation{Name: "AddVerdict", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.AddVerdict(ctx, verdict(-1-i, time.Hour), event(i))
		}},
		read("LengthenVerdict", func(ctx context.Context, s *sqlite.Store, i int) (any, error) {
			return s.LengthenVerdict(ctx, verdict(i, 2*time.Hour), now, added)
		}),
		operation{Name: "RemoveVerdict", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.RemoveVerdict(ctx, verdict(20+i, 0).ID, now, added)
		}},
		read("VerdictVersions", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) { return s.VerdictVersions(ctx) }),
		read("VerdictsBefore (GR G3)", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) {
			return s.VerdictsBefore(ctx, now, 1<<60, 50)
		}),
		read("Changes, a page", func(ctx context.Context, s *sqlite.Store, i int) (any, error) { return s.Changes(ctx, int64(i), 50) }),
		read("SweepVerdicts of nothing", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) {
			return s.SweepVerdicts(ctx, now, now.Add(-time.Hour), 500)
		}),
		read("CountVerdicts", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) { return s.CountVerdicts(ctx, now) }),
		read("Sources", func(ctx context.Context, s *sqlite.Store, _ int) (any, error) {
			_, _, err := s.Sources(ctx)
			return nil, err
		}),
	)
}
