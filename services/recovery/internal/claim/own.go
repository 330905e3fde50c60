package claim

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
)

const shownToOwner = 20

// Own is a recovery as the account's owner sees it: everything.
type Own struct {
	ID         string
	State      FlowState
	StartedAt  time.Time
	EarliestAt time.Time
	Address    string
	Verdict    engine.Verdict // empty: nothing was decided
	Reasons    []string       // ids of rules, then of rows of the table
	Evidence   []string
	Policy     string
}

// OwnFlows are the recoveries that were tried on one's account, with the last
// decision of each: those in which a number was proved and that are open, then
// the newest.
func (s *Service) OwnFlows(ctx context.Context, account string) ([]Own, error) {
	now := s.o.Clock.Now()
	open, err := s.o.Store.OpenFlows(ctx, account, now)
	if err != nil {
		return nil, err
	}
	newest, err := s.o.Store.FlowsOfAccount(ctx, account, shownToOwner)
	if err != nil {
		return nil, err
	}
	var all []Own
	for _, f := range shown(open, newest) {
		own := Own{ID: f.ID, State: f.stands(now), StartedAt: f.StartedAt, Address: f.Address}
		d, ok, err := f.Decisions.Last()
		if err != nil {
			return nil, err
		}
		if ok {
			own.EarliestAt, own.Verdict, own.Policy = f.EarliestAt, d.Verdict, d.PolicyHash
			own.Reasons, own.Evidence = d.Reasons(), d.Evidence
		}
		all = append(all, own)
	}
	return all, nil
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
	slices.SortFunc(flows, func(a, b Flow) int { return b.StartedAt.Compare(a.StartedAt) })
	for _, f := range newest {
		if !slices.ContainsFunc(flows, func(o Flow) bool { return o.ID == f.ID }) {
			flows = append(flows, f)
		}
	}
	return flows[:min(len(flows), shownToOwner)]
}
