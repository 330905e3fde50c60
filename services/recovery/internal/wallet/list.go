package wallet

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
)

const aDay = 24 * time.Hour

// View is a number as its owner sees it.
type View struct {
	ID, Masked    string
	State         engine.State
	Oldest        bool
	Powers        []engine.Power
	AddedAt       time.Time
	ProvedAt      time.Time // zero: never
	SeniorityDays int
	ChangesAt     time.Time // zero: it doesn't change by itself
}

// List lists an account's numbers, oldest in seniority first; removed ones are left out.
func (s *Service) List(ctx context.Context, account string) ([]View, error) {
	w, err := s.o.Store.Wallet(ctx, account)
	if err != nil {
		return nil, err
	}
	now := s.o.Clock.Now()
	var views []View
	for _, n := range s.o.Policy.Ranked(w.Facts(), now) {
		views = append(views, s.view(&w, n.ID, now))
	}
	for _, n := range w.Numbers {
		if state := s.state(n, now); state == engine.Quarantined || state == engine.Pending {
			views = append(views, s.view(&w, n.ID, now))
		}
	}
	return views, nil
}

// view is that of a number that w holds.
func (s *Service) view(w *Wallet, id string, now time.Time) View {
	facts := w.Facts()
	ranked := s.o.Policy.Ranked(facts, now)
	n := w.Number(id)
	v := View{
		ID: id, Masked: n.Masked, AddedAt: n.AddedAt,
		Oldest:        len(ranked) > 0 && ranked[0].ID == id,
		Powers:        s.o.Policy.Powers(facts, id, now),
		SeniorityDays: int(s.o.Policy.Seniority(n.Number, now) / aDay),
	}
	v.State, v.ChangesAt = s.o.Policy.StateOf(n.Number, now)
	if len(n.Proofs) > 0 {
		v.ProvedAt = slices.MaxFunc(n.Proofs, time.Time.Compare)
	}
	return v
}
