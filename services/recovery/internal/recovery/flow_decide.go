package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/record"
)

// known is what was found out for a decision, outside of any transaction.
type known struct {
	wallet  Wallet
	texts   []Text  // of the flow
	account Account // Found false and accountKnown: it is gone
	heard   bool    // auth answered
	place   engine.Known
}

// gather asks the peers. Their silence is not an error: what isn't known never
// grants (V20).
func (s *Service) gather(ctx context.Context, f *Flow) (known, error) {
	var k known
	var err error
	if k.wallet, err = s.Store.Wallet(ctx, f.Subject); err != nil {
		return known{}, err
	}
	if k.texts, err = s.Store.TextsOf(ctx, f.ID); err != nil {
		return known{}, err
	}
	if a, err := s.Accounts.Facts(ctx, f.Subject, f.Device); err == nil {
		k.account, k.heard = a, true
	}
	if place, err := s.Places.Familiarity(ctx, f.Subject, f.Address); err == nil {
		k.place = place
	}
	return k, nil
}

// facts are the engine's, of the flow as it is now.
func (k known) facts(f *Flow, now time.Time) engine.Facts {
	facts := engine.Facts{Numbers: k.wallet.facts(), PlaceFamiliar: k.place, AnnouncedAt: f.toldAt(k.texts, now), DeviceKnown: engine.Unknown}
	for _, e := range f.Evidence {
		facts.Evidence = append(facts.Evidence, engine.Evidence{Method: e.Method, Number: e.Number, At: e.At})
	}
	if k.heard {
		facts.DeviceKnown = engine.No
		if k.account.DeviceKnown {
			facts.DeviceKnown = engine.Yes
		}
		facts.SecurityChange = engine.Change{
			Known: true,
			At:    later(later(k.account.SecurityChangeAt, k.account.ResetAt), k.wallet.lastChange()),
		}
	}
	return facts
}

// decide gathers facts, decides, and records the decision; the wait it brings is
// announced with it.
func (s *Service) decide(ctx context.Context, flow string, o record.Origin) (FlowView, error) {
	now := s.Clock.Now()
	f, err := s.Store.Flow(ctx, flow)
	if err != nil {
		return FlowView{}, err
	}
	k, err := s.gather(ctx, &f)
	if err != nil {
		return FlowView{}, err
	}
	var view FlowView
	err = s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		if err := f.open(now); err != nil {
			return Effects{}, err
		}
		effects, err := s.apply(f, k, o, now)
		view = s.view(f, now)
		return effects, err
	})
	return view, err
}

// apply decides and moves the flow to where the decision puts it.
func (s *Service) apply(f *Flow, k known, o record.Origin, now time.Time) (Effects, error) {
	if f.Account == "" || f.State == Completing {
		return Effects{}, nil
	}
	if k.heard && !k.account.Found {
		f.State, f.EndedAt = RefusedOut, now
		gone := s.event(now, record.RecoveryRefused, record.Refused, f.Account, f.ID, o)
		gone.Reason = "the account is gone"
		return Effects{Events: []record.Event{gone}}, nil
	}
	facts := k.facts(f, now)
	d := engine.Decide(s.Policy, facts, now)
	decided, err := s.judge(f, facts, d, o, now)
	if err != nil {
		return Effects{}, err
	}
	effects := Effects{Events: decided}
	switch d.Verdict {
	case engine.Wait:
		f.State, f.EarliestAt = Waiting, d.EarliestAt
		f.stand()
		told, err := s.tell(f, &k.wallet, facts.AnnouncedAt, now)
		if err != nil {
			return Effects{}, err
		}
		effects.Events, effects.Texts = append(effects.Events, told.Events...), told.Texts
	case engine.Allow:
		f.State, f.EarliestAt = Ready, d.EarliestAt
		f.ExpiresAt = later(f.ExpiresAt, now.Add(collectFor))
	default:
		f.State, f.EarliestAt = Collecting, time.Time{}
	}
	f.ForgetAt = later(f.ForgetAt, f.ExpiresAt.Add(rememberFor))
	return effects, nil
}

// tell announces the wait that was just decided: its start, and an end that is
// earlier than all that was told of. A later end is told of by the reminders.
func (s *Service) tell(f *Flow, w *Wallet, announced, now time.Time) (Effects, error) {
	if f.AnnouncedAt.IsZero() {
		f.AnnouncedAt = now
		return s.announce(f, w, "start", now)
	}
	f.AnnouncedAt = announced
	last, _ := f.finalCall()
	halfPassed, lastPassed := !f.halfway().After(now), !last.After(now)
	if !f.EarliestAt.Before(f.ToldFrom) {
		f.HalfTold, f.LastTold = f.HalfTold && halfPassed, f.LastTold && lastPassed
		return Effects{}, nil
	}
	f.HalfTold, f.LastTold = halfPassed, lastPassed // who is told now needs no reminder of what has passed
	return s.announce(f, w, "sooner", now)
}

// judge appends the decision to the flow's chain, with its event. One that says
// the same as the last is not written again: asking often must not grow a flow.
func (s *Service) judge(f *Flow, facts engine.Facts, d engine.Decision, o record.Origin, now time.Time) ([]record.Event, error) {
	j := Judgement{
		At: now, Verdict: string(d.Verdict), Rules: d.Rules, Evidence: d.Evidence, Earliest: d.EarliestAt, Policy: d.PolicyHash,
	}
	if n := len(f.Decisions); n > 0 {
		last := f.Decisions[n-1]
		j.Prev = last.Hash
		if last.Verdict == j.Verdict && last.Earliest.Equal(j.Earliest) && last.Policy == j.Policy &&
			slices.Equal(last.Rules, j.Rules) && slices.Equal(last.Evidence, j.Evidence) && !f.undecided() {
			return nil, nil
		}
	}
	for into, from := range map[*string]any{&j.Facts: facts, &j.Decision: d} {
		text, err := json.Marshal(from)
		if err != nil {
			return nil, err
		}
		*into = string(text)
	}
	j.Hash = j.sum()
	f.Decisions = append(f.Decisions, j)
	outcome := record.Success
	if d.Verdict == engine.Refuse {
		outcome = record.Refused
	}
	e := s.event(now, record.RecoveryDecided, outcome, f.Account, f.ID, o)
	e.Data = record.Data{"verdict": j.Verdict, "rules": strings.Join(d.Rules, " "), "policy": j.Policy, "decision": j.Hash}
	if !d.EarliestAt.IsZero() {
		e.Data["earliest_at"] = d.EarliestAt.Format(time.RFC3339)
	}
	return []record.Event{e}, nil
}

// sum is the link of the chain: over the decision before, and all of this one.
func (j Judgement) sum() string {
	h := sha256.New()
	for _, part := range []string{j.Prev, j.At.Format(time.RFC3339Nano), j.Facts, j.Decision} {
		// Each part is JSON, hex or a time: a line end is in none of them.
		h.Write([]byte(part + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Chained reports whether no decision of the flow was changed or left out.
func (f *Flow) Chained() bool {
	prev := ""
	for _, j := range f.Decisions {
		if j.Prev != prev || j.Hash != j.sum() {
			return false
		}
		prev = j.Hash
	}
	return true
}
