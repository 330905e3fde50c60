package claim

import (
	"time"

	"centinela/services/recovery/internal/engine"
)

// What can bring a recovery further, as the claimant sees it.
const (
	NextSendCode   = "send_code"
	NextSMS        = "sms"
	NextSavedCode  = "saved_code"
	NextWait       = "wait"
	NextComplete   = "complete"
	NextStartAgain = "start_again"
)

// View is a recovery as its claimant sees it. Before possession is proved it
// depends on nothing but the time (V15).
type View struct {
	ID          string
	State       FlowState
	Next        []string
	EarliestAt  time.Time
	Reason      string // in the account's language
	ShorterWith []string
	ExpiresAt   time.Time
}

func (s *Service) view(f *Flow, now time.Time) (View, error) {
	v := View{ID: f.ID, State: Collecting, ExpiresAt: f.ExpiresAt, Next: []string{NextSendCode, NextSMS, NextSavedCode}}
	if f.hollow() || !f.Possession {
		if !now.Before(f.ExpiresAt) {
			v.State, v.Next = Expired, []string{NextStartAgain}
		}
		return v, nil
	}
	switch {
	case f.State == Completed:
		v.State, v.Next = Completed, []string{}
		return v, nil
	case f.State == Completing:
		v.State, v.Next = Ready, []string{NextComplete}
		return v, nil
	case f.State == Vetoed || f.State == RefusedOut:
		v.State, v.Next = f.State, []string{NextStartAgain}
		return v, nil
	case f.Ended(now):
		v.State, v.Next = Expired, []string{NextStartAgain}
		return v, nil
	}
	d, ok, err := f.Decisions.Last()
	if !ok || err != nil {
		return v, err
	}
	v.EarliestAt = f.EarliestAt
	v.Reason, v.ShorterWith = engine.Explain(d, f.Locale), engine.Shorter(d, f.Locale)
	switch {
	case !f.EarliestAt.IsZero() && !now.Before(f.EarliestAt):
		v.State, v.Next, v.ShorterWith = Ready, []string{NextComplete}, nil
	case d.Verdict == engine.Wait:
		v.State, v.Next = Waiting, []string{NextWait}
		for _, c := range d.Counterfactuals {
			v.Next = append(v.Next, steps(c)...)
		}
	}
	return v, nil
}

func steps(c engine.Counterfactual) []string {
	if c.Evidence == engine.WithSavedCode {
		return []string{NextSavedCode}
	}
	return []string{NextSendCode, NextSMS}
}
