package recovery

import (
	"slices"
	"strconv"
	"strings"
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

// FlowView is a recovery as its claimant sees it. Before possession is proved it
// depends on nothing but the time (V15).
type FlowView struct {
	ID          string
	State       FlowState
	Next        []string
	EarliestAt  time.Time
	Reason      string
	ShorterWith []string
	ExpiresAt   time.Time
}

func (s *Service) view(f *Flow, now time.Time) FlowView {
	v := FlowView{ID: f.ID, State: Collecting, ExpiresAt: f.ExpiresAt, Next: []string{NextSendCode, NextSMS, NextSavedCode}}
	if f.hollow() || !f.Possession {
		if !now.Before(f.ExpiresAt) {
			v.State, v.Next = Expired, []string{NextStartAgain}
		}
		return v
	}
	switch {
	case f.State == Completed:
		v.State, v.Next = Completed, []string{}
		return v
	case f.State == Completing:
		v.State, v.Next = Ready, []string{NextComplete}
		return v
	case f.State == Vetoed || f.State == RefusedOut:
		v.State, v.Next = f.State, []string{NextStartAgain}
		return v
	case f.ended(now):
		v.State, v.Next = Expired, []string{NextStartAgain}
		return v
	}
	d, ok := f.last()
	if !ok {
		return v
	}
	v.Reason, v.ShorterWith = explain(d), shorter(d)
	switch {
	case !f.EarliestAt.IsZero() && !now.Before(f.EarliestAt):
		v.State, v.Next, v.ShorterWith = Ready, []string{NextComplete}, nil
	case d.Verdict == engine.Wait:
		v.State, v.Next = Waiting, []string{NextWait}
		for _, c := range d.Counterfactuals {
			v.Next = append(v.Next, steps(c)...)
		}
	}
	v.EarliestAt = f.EarliestAt
	return v
}

func steps(c engine.Counterfactual) []string {
	if c.Evidence == engine.WithSavedCode {
		return []string{NextSavedCode}
	}
	return []string{NextSendCode, NextSMS}
}

// explain says the decision to a claimant who proved possession.
func explain(d engine.Decision) string {
	has := func(rule string) bool { return slices.Contains(d.Rules, rule) }
	switch {
	case d.Verdict == engine.NeedEvidence:
		return "more evidence is needed"
	case d.Verdict == engine.Refuse:
		return "this number alone is not enough"
	case has("V9"):
		return "this number was not confirmed for a long time"
	case has("V6"):
		return "older numbers of the account are given time to object"
	case has(string(engine.OldestLiveSecondUnfamiliar)):
		return "this device or place is new to the account"
	case has(string(engine.OldestLiveSecondChange)):
		return "the account's security settings were changed recently"
	case has(string(engine.OldestLiveAlone)):
		return "one number alone waits until its owner could object"
	default:
		return ""
	}
}

// shorter says what would shorten the wait.
func shorter(d engine.Decision) []string {
	var said []string
	for _, c := range d.Counterfactuals {
		name := "a saved code"
		if c.Evidence == engine.WithOldest {
			name = "a code sent to the oldest number"
		}
		if c.Opens {
			said = append(said, name+" would make it possible")
			continue
		}
		said = append(said, name+" would take away "+hours(c.Saves))
	}
	return said
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strconv.Itoa(int(d.Round(time.Hour)/time.Hour)) + " h"
}
