package recovery

import (
	"context"
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

// OwnFlows are the newest recoveries that were tried on one's account, with the
// last decision of each.
func (s *Service) OwnFlows(ctx context.Context, who Person) ([]OwnFlow, error) {
	now := s.Clock.Now()
	flows, err := s.Store.FlowsOfAccount(ctx, who.Account, shownToOwner)
	if err != nil {
		return nil, err
	}
	own := make([]OwnFlow, 0, len(flows))
	for _, f := range flows {
		o := OwnFlow{ID: f.ID, State: f.ownState(now), StartedAt: f.StartedAt, Address: f.Address, Rules: []string{}, Evidence: []string{}}
		if d, ok := f.last(); ok {
			o.EarliestAt, o.Verdict, o.Policy = d.EarliestAt, d.Verdict, d.PolicyHash
			o.Rules, o.Evidence = append(o.Rules, d.Rules...), append(o.Evidence, d.Evidence...)
		}
		own = append(own, o)
	}
	return own, nil
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
