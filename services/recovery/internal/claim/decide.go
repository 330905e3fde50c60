package claim

import (
	"context"
	"strings"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

// known is what was found out for a decision, outside of any transaction.
type known struct {
	wallet  wallet.Wallet
	texts   []post.Text    // of the flow
	account wallet.Account // Found false and heard: it is gone
	heard   bool           // auth answered
	place   engine.Known
}

// gather asks the peers. Their silence is not an error: what isn't known never
// grants (V20).
func (s *Service) gather(ctx context.Context, f *Flow) (known, error) {
	var k known
	var err error
	if k.wallet, err = s.o.Wallets.Wallet(ctx, f.Subject); err != nil {
		return known{}, err
	}
	if k.texts, err = s.o.Store.TextsOf(ctx, f.ID); err != nil {
		return known{}, err
	}
	if a, err := s.o.Accounts.Facts(ctx, f.Subject, f.Device); err == nil {
		k.account, k.heard = a, true
	}
	if place, err := s.o.Places.Familiarity(ctx, f.Subject, f.Address); err == nil {
		k.place = place
	}
	return k, nil
}

// facts are the engine's, of the flow as it is now.
func (k known) facts(f *Flow, now time.Time) engine.Facts {
	facts := engine.Facts{
		Numbers: k.wallet.Facts(), Evidence: f.Evidence, PlaceFamiliar: k.place, Flow: f.ID, Objections: f.Objections,
		AnnouncedAt: f.runsFrom(k.texts, now), AnnouncedEnd: f.AnnouncedEnd, AnnouncedWith: f.AnnouncedWith,
	}
	for _, o := range k.wallet.Objections {
		facts.Objections = engine.With(facts.Objections, o)
	}
	if k.heard {
		facts.DeviceKnown = engine.No
		if k.account.DeviceKnown {
			facts.DeviceKnown = engine.Yes
		}
		facts.SecurityChange = engine.Change{
			Known: true,
			At:    due.Later(due.Later(k.account.SecurityChangeAt, k.account.ResetAt), k.wallet.LastChange()),
		}
	}
	return facts
}

// decide gathers facts, decides, and records the decision; the wait it brings is
// announced with it.
func (s *Service) decide(ctx context.Context, flow string, o record.Origin) (view View, _ error) {
	now := s.o.Clock.Now()
	f, err := s.o.Store.Flow(ctx, flow)
	if err != nil {
		return View{}, err
	}
	k, err := s.gather(ctx, &f)
	if err == nil {
		err = s.heed(ctx, &f, k, now)
	}
	if err != nil {
		return View{}, err
	}
	err = s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if err := f.open(now); err != nil {
			return post.Effects{}, err
		}
		effects, err := s.apply(f, k, o, now)
		if err == nil {
			view, err = s.view(f, now)
		}
		return effects, err
	})
	return view, err
}

// apply decides and moves the flow to where the decision puts it.
func (s *Service) apply(f *Flow, k known, o record.Origin, now time.Time) (post.Effects, error) {
	if f.Account == "" || f.State == Completing {
		return post.Effects{}, nil
	}
	if k.heard && !k.account.Found {
		return f.refuse("the account is gone", o, now), nil
	}
	facts := k.facts(f, now)
	d := engine.Decide(s.o.Policy, facts, now)
	var effects post.Effects
	j, err := f.Decisions.Add(facts, d, now)
	if err != nil {
		return post.Effects{}, err
	}
	if j != nil {
		effects.Events = append(effects.Events, f.decided(d, j.Hash, o, now))
	}
	switch d.Verdict {
	case engine.Wait:
		f.State, f.EarliestAt = Waiting, d.EarliestAt
		f.extend()
		told, err := s.announceDecision(f, &k.wallet, facts.AnnouncedAt, now)
		if err != nil {
			return post.Effects{}, err
		}
		effects.Events, effects.Texts = append(effects.Events, told.Events...), told.Texts
	case engine.Allow:
		if f.State != Ready && f.AnnouncedAt.IsZero() { // once: asking again keeps nothing open (RC D-1)
			f.ExpiresAt = due.Later(f.ExpiresAt, now.Add(collectFor))
		}
		f.State, f.EarliestAt = Ready, d.EarliestAt
	default:
		f.State, f.EarliestAt = Collecting, time.Time{}
	}
	f.ForgetAt = due.Later(f.ForgetAt, f.ExpiresAt.Add(rememberFor))
	return effects, nil
}

func (f *Flow) decided(d engine.Decision, hash string, o record.Origin, now time.Time) record.Event {
	outcome := record.Success
	if d.Verdict == engine.Refuse {
		outcome = record.Refused
	}
	data := record.Data{"verdict": string(d.Verdict), "rules": strings.Join(d.Reasons(), " "), "policy": d.PolicyHash, "decision": hash}
	if !d.EarliestAt.IsZero() {
		data["earliest_at"] = d.EarliestAt.Format(time.RFC3339)
	}
	return f.event(now, record.RecoveryDecided, outcome, o, data)
}

// announceDecision announces the wait that was just decided: its start, and an end that is
// earlier than all that was told of. A later end is told of by the reminders.
func (s *Service) announceDecision(f *Flow, w *wallet.Wallet, announced, now time.Time) (post.Effects, error) {
	if f.AnnouncedAt.IsZero() {
		f.AnnouncedAt = now
		return s.announce(f, w, "start", now)
	}
	f.AnnouncedAt = announced
	last, _ := f.finalCall()
	halfPassed, lastPassed := !f.halfway().After(now), !last.After(now)
	if !f.EarliestAt.Before(f.AnnouncedEnd) {
		f.AnnouncedWith = len(f.Evidence) // what was told holds with these as well (RC D-4)
		f.HalfReminded, f.LastReminded = f.HalfReminded && halfPassed, f.LastReminded && lastPassed
		return post.Effects{}, nil
	}
	f.HalfReminded, f.LastReminded = halfPassed, lastPassed // who is told now needs no reminder of what has passed
	return s.announce(f, w, "sooner", now)
}
