package wallet

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
)

// Wallet is the numbers of one account. Times are UTC, whole milliseconds.
type Wallet struct {
	Account string `json:"account"`
	Locale  string `json:"locale,omitempty"`
	// Numbers holds removed ones too: their ids stand in old decisions.
	Numbers []Number `json:"numbers,omitempty"`
	// Objections are those that count for all recoveries of the account (V8).
	Objections []engine.Objection `json:"objections,omitempty"`
	// NextAt is when a number changes by time alone and an event is due; zero: never.
	NextAt time.Time `json:"next_at,omitzero,omitempty"`
}

// Number is one phone number of a wallet.
type Number struct {
	engine.Number `json:",inline"` // what decisions are made from; its id is phn_…

	Sealed      []byte      `json:"sealed"` // E.164, AES-GCM, bound to ID
	MAC         string      `json:"mac"`    // keyed HMAC of the E.164, hex: how replies find the wallet
	Masked      string      `json:"masked"` // "+51 ••• ••• 321"
	RetireAsked time.Time   `json:"retire_asked,omitzero,omitempty"`
	Gone        bool        `json:"gone,omitempty"` // its removal was reported
	Code        *Code       `json:"code,omitempty"`
	Sends       []time.Time `json:"sends,omitempty"` // of its codes, the last 24 h
}

// Number returns the number of that id, to be changed in place; nil: there is none.
func (w *Wallet) Number(id string) *Number {
	i := slices.IndexFunc(w.Numbers, func(n Number) bool { return n.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Numbers[i]
}

// Facts are the numbers as the engine sees them.
func (w *Wallet) Facts() []engine.Number {
	numbers := make([]engine.Number, 0, len(w.Numbers))
	for _, n := range w.Numbers {
		numbers = append(numbers, n.Number)
	}
	return numbers
}

// LastChange is the newest security change that the wallet itself knows of: a
// number proved for the first time, or a removal asked for. Auth knows nothing
// of these.
func (w *Wallet) LastChange() time.Time {
	var last time.Time
	for _, n := range w.Numbers {
		if len(n.Proofs) > 0 {
			last = due.Later(last, slices.MinFunc(n.Proofs, time.Time.Compare))
		}
		last = due.Later(last, n.RetireAsked)
	}
	return last
}

// Object remembers what was decided on objections (V8). Repeating it changes nothing more.
func (s *Service) Object(ctx context.Context, account string, decided []engine.Objection) error {
	return s.Update(ctx, account, func(w *Wallet) (post.Effects, error) {
		w.Objections = s.o.Policy.Remember(w.Objections, decided, s.o.Clock.Now())
		return post.Effects{}, nil
	})
}

// schedule sets NextAt to the first time at which sweep has something to report.
func (w *Wallet) schedule(p engine.Policy) {
	w.NextAt = time.Time{}
	for _, n := range w.Numbers {
		if n.Gone {
			continue
		}
		at := n.RetiringUntil
		if len(n.Proofs) == 0 {
			at = n.AddedAt.Add(p.Numbers.PendingTTL)
		}
		if !at.IsZero() && (w.NextAt.IsZero() || at.Before(w.NextAt)) {
			w.NextAt = at
		}
	}
}

// Sweep does what is due now: it reports removals whose window is over, and
// forgets the codes of numbers that were never proved.
func (s *Service) Sweep(ctx context.Context) error {
	return due.Queue{Due: s.o.Store.DueWallets, PutOff: s.o.Store.PutOffWallet, Do: s.sweepWallet}.Work(ctx, s.o.Clock.Now())
}

func (s *Service) sweepWallet(ctx context.Context, account string, now time.Time) error {
	return s.Update(ctx, account, func(w *Wallet) (post.Effects, error) {
		var effects post.Effects
		for i := range w.Numbers {
			n := &w.Numbers[i]
			if n.Gone || s.state(*n, now) != engine.Removed {
				continue
			}
			n.Gone, n.Code = true, nil
			if len(n.Proofs) > 0 {
				effects.Events = append(effects.Events, post.Event(now, record.PhoneRemoved, record.Success, account, n.ID, record.Origin{}, record.Data{"number": n.Masked}))
			}
		}
		return effects, nil
	})
}

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
