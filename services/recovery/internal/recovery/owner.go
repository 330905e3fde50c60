package recovery

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
)

const shownToOwner = 20

// OwnFlow is a recovery as the account's owner sees it: everything.
type OwnFlow struct {
	ID         string
	State      FlowState
	StartedAt  time.Time
	EarliestAt time.Time
	Address    string
	Verdict    engine.Verdict // empty: nothing was decided
	Rules      []string
	Evidence   []string
	Policy     string
}

// OwnFlows are the recoveries that were tried on one's account, with the last
// decision of each: those in which a number was proved and that are open, then
// the newest.
func (s *Service) OwnFlows(ctx context.Context, who Person) ([]OwnFlow, error) {
	now := s.Clock.Now()
	open, err := s.Store.OpenFlows(ctx, who.Account, now)
	if err != nil {
		return nil, err
	}
	newest, err := s.Store.FlowsOfAccount(ctx, who.Account, shownToOwner)
	if err != nil {
		return nil, err
	}
	flows := shown(open, newest)
	own := make([]OwnFlow, 0, len(flows))
	for _, f := range flows {
		o := OwnFlow{ID: f.ID, State: f.ownState(now), StartedAt: f.StartedAt, Address: f.Address, Rules: []string{}, Evidence: []string{}}
		if d, ok := f.last(); ok {
			o.EarliestAt, o.Verdict, o.Policy = f.EarliestAt, d.Verdict, d.PolicyHash
			o.Rules, o.Evidence = append(o.Rules, d.Rules...), append(o.Evidence, d.Evidence...)
		}
		own = append(own, o)
	}
	return own, nil
}

// shown puts the dangerous ones first, which is where somebody holds a number and
// the end is open: many new starts must not push one out of the owner's sight.
func shown(open, newest []Flow) []Flow {
	var flows []Flow
	for _, f := range open {
		if f.Possession {
			flows = append(flows, f)
		}
	}
	for _, f := range newest {
		if !slices.ContainsFunc(flows, func(o Flow) bool { return o.ID == f.ID }) {
			flows = append(flows, f)
		}
	}
	return flows[:min(len(flows), shownToOwner)]
}

func (f *Flow) ownState(now time.Time) FlowState {
	switch {
	case f.State == Completing:
		return Ready
	case f.ended(now) && !f.State.over():
		return Expired
	case f.State == Waiting && !now.Before(f.EarliestAt):
		return Ready
	}
	return f.State
}
