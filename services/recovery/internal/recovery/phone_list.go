package recovery

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
)

// PhoneView is a number as its owner sees it.
type PhoneView struct {
	ID, Masked    string
	State         engine.State
	Oldest        bool
	Powers        []engine.Power
	AddedAt       time.Time
	ProvedAt      time.Time // zero: never
	SeniorityDays int
	ChangesAt     time.Time // zero: it doesn't change by itself
}

// Phones lists one's numbers, oldest in seniority first; removed ones are left out.
func (s *Service) Phones(ctx context.Context, who Person) ([]PhoneView, error) {
	w, err := s.Store.Wallet(ctx, who.Account)
	if err != nil {
		return nil, err
	}
	return s.phones(&w, s.Clock.Now()), nil
}

func (s *Service) phones(w *Wallet, now time.Time) []PhoneView {
	numbers := w.facts()
	ranked := s.Policy.Ranked(numbers, now)
	var views []PhoneView
	for _, n := range ranked {
		views = append(views, s.phone(w, n.ID, now))
	}
	for _, n := range numbers {
		state, _ := s.Policy.StateOf(n, now)
		if state == engine.Quarantined || state == engine.Pending {
			views = append(views, s.phone(w, n.ID, now))
		}
	}
	return views
}

// phone is the view of a number that w holds.
func (s *Service) phone(w *Wallet, id string, now time.Time) PhoneView {
	numbers := w.facts()
	ranked := s.Policy.Ranked(numbers, now)
	n := w.number(id)
	fact := numbers[slices.IndexFunc(numbers, func(n engine.Number) bool { return n.ID == id })]
	v := PhoneView{
		ID: id, Masked: n.Masked, AddedAt: n.AddedAt,
		Oldest:        len(ranked) > 0 && ranked[0].ID == id,
		Powers:        s.Policy.Powers(numbers, id, now),
		SeniorityDays: int(s.Policy.Seniority(fact, now) / aDay),
	}
	v.State, v.ChangesAt = s.Policy.StateOf(fact, now)
	if len(n.Proofs) > 0 {
		v.ProvedAt = slices.MaxFunc(n.Proofs, time.Time.Compare)
	}
	return v
}

// state is the state of a number that w holds.
func (s *Service) state(w *Wallet, id string, now time.Time) engine.State {
	for _, n := range w.facts() {
		if n.ID == id {
			state, _ := s.Policy.StateOf(n, now)
			return state
		}
	}
	return engine.Removed
}
