package claim

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
)

// Store keeps flows. Every method is atomic; callbacks may run several times and
// must only change their argument; a callback's error comes back as it is, and
// nothing is written. Errors else: unavailable, the context's.
type Store interface {
	// CreateFlow keeps a new flow.
	CreateFlow(ctx context.Context, f Flow, e post.Effects) error
	// Flow returns a flow, or ErrNoFlow.
	Flow(ctx context.Context, id string) (Flow, error)
	// UpdateFlow loads, changes and keeps a flow, or ErrNoFlow.
	UpdateFlow(ctx context.Context, id string, change func(*Flow) (post.Effects, error)) error
	// FlowsOfAccount returns the newest flows first.
	FlowsOfAccount(ctx context.Context, account string, limit int) ([]Flow, error)
	// OpenFlows returns all flows of the account whose OpenUntil is after now, in
	// any order.
	OpenFlows(ctx context.Context, account string, now time.Time) ([]Flow, error)
	// DueFlows returns the ids of flows whose time has come (NextAt, or when they
	// were put off to), the longest due first.
	DueFlows(ctx context.Context, now time.Time, limit int) ([]due.Item, error)
	// PutOffFlow makes one that is due again at next, whatever is in it; the next
	// UpdateFlow ends that. One that isn't due any more is left alone.
	PutOffFlow(ctx context.Context, item due.Item, next time.Time) error
	// PruneFlows deletes flows with ForgetAt not after now, at most limit, and
	// returns how many.
	PruneFlows(ctx context.Context, now time.Time, limit int) (int, error)
}
