package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// GR: no operation costs more because others have wallets and flows.
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		return sqlitextest.Each(n, func(i int) error {
			number := wallet.Number{Number: engine.Number{ID: "phn_" + name(i), AddedAt: now}, MAC: name(i)}
			err := s.UpdateWallet(ctx, name(i), func(w *wallet.Wallet) (post.Effects, error) {
				w.Numbers = []wallet.Number{number}
				return post.Effects{}, nil
			})
			if err != nil {
				return err
			}
			f := claim.Flow{ID: name(i), Account: name(i), StartedAt: now, ForgetAt: now.Add(time.Hour)}
			text := post.Text{ID: "txt_" + name(i), Owner: f.ID, Key: name(i), ProviderID: name(i), FinishedAt: now}
			return s.CreateFlow(ctx, f, post.Effects{Texts: []post.Text{text}})
		})
	}
	open := func(ctx context.Context, t *testing.T) *sqlite.Store {
		return open(ctx, t, filepath.Join(t.TempDir(), "recovery.db"))
	}
	type operation = sqlitextest.Operation[*sqlite.Store]
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Wallet", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Wallet(ctx, name(i))
			return err
		}},
		operation{Name: "WalletsByNumber", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.WalletsByNumber(ctx, name(i))
			return err
		}},
		operation{Name: "UpdateWallet", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.UpdateWallet(ctx, name(i), func(w *wallet.Wallet) (post.Effects, error) { w.Locale = "es"; return post.Effects{}, nil })
		}},
		operation{Name: "Flow", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Flow(ctx, name(i))
			return err
		}},
		operation{Name: "FlowsOfAccount", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.FlowsOfAccount(ctx, name(i), 10)
			return err
		}},
		operation{Name: "OpenFlows", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.OpenFlows(ctx, name(i), now)
			return err
		}},
		operation{Name: "UpdateFlow", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.UpdateFlow(ctx, name(i), func(f *claim.Flow) (post.Effects, error) {
				f.OpenUntil = now.Add(time.Minute)
				return post.Effects{}, nil
			})
		}},
		operation{Name: "Due and ClaimTexts of nothing", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			if _, err := s.DueWallets(ctx, now, 10); err != nil {
				return err
			}
			if _, err := s.DueFlows(ctx, now, 10); err != nil {
				return err
			}
			_, err := s.ClaimTexts(ctx, now, time.Minute, 10)
			return err
		}},
		operation{Name: "TextByProvider", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.TextByProvider(ctx, name(i))
			return err
		}},
		operation{Name: "UpdateText", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			return s.UpdateText(ctx, name(i), "txt_"+name(i), func(*post.Text) ([]record.Event, error) { return nil, nil })
		}},
		operation{Name: "TextsOf", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.TextsOf(ctx, name(i))
			return err
		}},
		operation{Name: "Prune of nothing", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			for _, prune := range []func(context.Context, time.Time, int) (int, error){s.PruneFlows, s.PruneTexts, s.PruneInbox} {
				if _, err := prune(ctx, now.Add(-time.Hour), 500); err != nil {
					return err
				}
			}
			return nil
		}},
	)
}
