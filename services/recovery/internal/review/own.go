package review

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/shared/clock"
)

const shownToOwner = 20

// Own is a recovery as the account's owner sees it: everything.
type Own struct {
	ID         string
	State      claim.FlowState
	StartedAt  time.Time
	EarliestAt time.Time
	Address    string
	Verdict    engine.Verdict // empty: nothing was decided
	Reasons    []string       // ids of rules, then of rows of the table
	Evidence   []string
	Policy     string
}

// Owners shows owners what was tried on their accounts.
type Owners struct {
	Store interface {
		OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error)
		FlowsOfAccount(ctx context.Context, account string, limit int) ([]claim.Flow, error)
	}
	Clock clock.Clock
}

// Flows are the recoveries that were tried on one's account, with the last
// decision of each: those in which a number was proved and that are open, then
// the newest.
func (o Owners) Flows(ctx context.Context, account string) ([]Own, error) {
	now := o.Clock.Now()
	open, err := o.Store.OpenFlows(ctx, account, now)
	if err != nil {
		return nil, err
	}
	newest, err := o.Store.FlowsOfAccount(ctx, account, shownToOwner)
	if err != nil {
		return nil, err
	}
	var all []Own
	for _, f := range shown(open, newest) {
		own := Own{ID: f.ID, State: f.Stands(now), StartedAt: f.StartedAt, Address: f.Address}
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
func shown(open, newest []claim.Flow) []claim.Flow {
	var flows []claim.Flow
	for _, f := range open {
		if f.Proved() {
			flows = append(flows, f)
		}
	}
	slices.SortFunc(flows, func(a, b claim.Flow) int { return b.StartedAt.Compare(a.StartedAt) })
	for _, f := range newest {
		if !slices.ContainsFunc(flows, func(o claim.Flow) bool { return o.ID == f.ID }) {
			flows = append(flows, f)
		}
	}
	return flows[:min(len(flows), shownToOwner)]
}
