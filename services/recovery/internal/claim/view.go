package claim

import (
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/reason"
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

// View is a recovery as its claimant sees it. Until an evidence was accepted it
// depends on nothing but the time and the claimant's own calls (V15).
type View struct {
	ID          string
	State       FlowState
	Next        []string
	Evidence    []Accepted // in the order in which it was brought
	Reason      reason.Reason
	EarliestAt  time.Time // zero: nothing was decided that has a time
	ShorterWith []engine.Counterfactual
	ResendAfter time.Duration // until another code may be asked for
	CodeTries   int           // how often the code that was sent last may be tried; 0: none is in force
	SavedTries  int           // how often saved codes may be tried
	DeadEnd     bool          // nothing that can be brought would open it
	ExpiresAt   time.Time
	Locale      string // the account's
}

// Accepted is an evidence that counts.
type Accepted struct {
	Method string
	Number string // masked; of engine.SMS
	At     time.Time
}

var nextSteps = map[FlowState][]string{
	Collecting: {NextSendCode, NextSMS, NextSavedCode}, Waiting: {NextWait}, Ready: {NextComplete}, Completed: {},
	Vetoed: {NextStartAgain}, RefusedOut: {NextStartAgain}, Expired: {NextStartAgain},
}

// evidenceSteps bring an evidence that is missing.
var evidenceSteps = map[string][]string{engine.WithSavedCode: {NextSavedCode}, engine.WithOldest: {NextSendCode, NextSMS}}

func (s *Service) view(f *Flow, now time.Time) (View, error) {
	v := View{ID: f.ID, State: Collecting, ExpiresAt: f.ExpiresAt, Evidence: []Accepted{}, Reason: reason.BeforeEvidence}
	switch {
	case f.Proved():
		v.State, v.Locale = f.Stands(now), f.Locale
		v.Reason = reason.OfState(string(v.State))
	case !now.Before(f.ExpiresAt):
		v.State, v.Reason = Expired, reason.OfState(string(Expired))
	}
	for _, e := range f.Evidence {
		a := Accepted{Method: e.Method, At: e.At}
		if i := slices.IndexFunc(f.Texted, func(t Texted) bool { return t.Number == e.Number }); i >= 0 {
			a.Number = f.Texted[i].Masked
		}
		v.Evidence = append(v.Evidence, a)
	}
	v.Next = slices.Clone(nextSteps[v.State])
	if v.State.over() {
		return v, nil
	}
	v.ResendAfter, v.SavedTries = limits.NextSend(f.ID, f.Sends, now), f.SavedTries.Left(now)
	if f.Code != nil && now.Before(f.Code.ExpiresAt) {
		v.CodeTries = f.CodeTries.Left(now)
	}
	d, ok, err := f.Decisions.Last()
	if !ok || err != nil || !f.Proved() {
		return v, err
	}
	v.EarliestAt = f.EarliestAt
	if v.State != Ready {
		v.decided(d)
	}
	return v, nil
}

// decided tells of a decision that lets nobody in yet.
func (v *View) decided(d engine.Decision) {
	v.Reason, v.ShorterWith = reason.Of(d), d.Counterfactuals
	if v.State == Collecting { // only what opens it brings it further now
		v.Next, v.DeadEnd = []string{}, !slices.ContainsFunc(d.Counterfactuals, func(c engine.Counterfactual) bool { return c.Opens })
	}
	for _, c := range d.Counterfactuals {
		v.Next = append(v.Next, evidenceSteps[c.Evidence]...)
	}
}

// Stands is where the flow stands at now: what time alone brings isn't stored.
func (f *Flow) Stands(now time.Time) FlowState {
	switch {
	case f.State == Completing, f.State == Waiting && !f.Ended(now) && !now.Before(f.EarliestAt):
		return Ready
	case f.Ended(now) && !f.State.over():
		return Expired
	}
	return f.State
}
