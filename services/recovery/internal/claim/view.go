package claim

import (
	"slices"
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

// nextSteps is what brings a recovery further where it stands.
var nextSteps = map[FlowState][]string{
	Collecting: {NextSendCode, NextSMS, NextSavedCode}, Waiting: {NextWait}, Ready: {NextComplete}, Completed: {},
	Vetoed: {NextStartAgain}, RefusedOut: {NextStartAgain}, Expired: {NextStartAgain},
}

func (s *Service) view(f *Flow, now time.Time) (View, error) {
	v := View{ID: f.ID, State: Collecting, ExpiresAt: f.ExpiresAt}
	switch {
	case !f.hollow() && f.Possession:
		v.State = f.stands(now)
	case !now.Before(f.ExpiresAt):
		v.State = Expired
	}
	v.Next = slices.Clone(nextSteps[v.State])
	d, ok, err := f.Decisions.Last()
	if !ok || err != nil || !f.Possession || f.Ended(now) {
		return v, err
	}
	v.EarliestAt, v.Reason = f.EarliestAt, engine.Explain(d, f.Locale)
	if v.State == Ready {
		return v, nil
	}
	v.ShorterWith = engine.Shorter(d, f.Locale)
	for _, c := range d.Counterfactuals {
		if v.State == Waiting {
			v.Next = append(v.Next, steps(c)...)
		}
	}
	return v, nil
}

// stands is where the flow stands at now: what time alone brings isn't stored.
func (f *Flow) stands(now time.Time) FlowState {
	switch {
	case f.State == Completing, f.State == Waiting && !f.Ended(now) && !now.Before(f.EarliestAt):
		return Ready
	case f.Ended(now) && !f.State.over():
		return Expired
	}
	return f.State
}

func steps(c engine.Counterfactual) []string {
	if c.Evidence == engine.WithSavedCode {
		return []string{NextSavedCode}
	}
	return []string{NextSendCode, NextSMS}
}
