package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/outbox"
	"centinela/shared/testkit"
)

// Store is everything at once but counters, whose cases are limitstest's.
type Store interface {
	wallet.Store
	claim.Store
	review.Store
	objection.Store
	post.Store
	post.Inbox
	outbox.Log
}

var now = time.Date(2030, 1, 1, 12, 0, 0, 1e6, time.UTC)

var errStop = errors.New("stop")

// Run runs every case on stores that open gives.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Store)
	}{
		{"wallet round trip", walletRoundTrip},
		{"wallet rollback on an error", walletRollback},
		{"wallets by number", walletsByNumber},
		{"wallets due", walletsDue},
		{"policies", policies},
		{"flows in the order of their ids", flowsAfter},
		{"flow round trip", flowRoundTrip},
		{"flow not found", flowNotFound},
		{"flows of account, newest first", flowsOfAccount},
		{"open flows of account", openFlows},
		{"flow by veto token", flowByVetoToken},
		{"flows due", flowsDue},
		{"prune flows", pruneFlows},
		{"prune keeps events", pruneKeepsEvents},
		{"one winner among racers", oneWinner},
		{"effects with the change", effects},
		{"claim texts once, lease", claimTexts},
		{"claim texts, the longest due first", claimInOrder},
		{"texts of a flow", textsOf},
		{"texts of what is over", textsOver},
		{"text by provider", textByProvider},
		{"prune texts", pruneTexts},
		{"inbox keeps by id", inbox},
		{"prune inbox", pruneInbox},
		{"cancelled context writes nothing", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var must = testkit.Must

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.UpdateWallet(ctx, "acc_a", put(wallet.Wallet{Account: "acc_a", Locale: "es"})); err == nil {
		t.Error("no error")
	}
	if err := s.CreateFlow(ctx, flow("rec_a", "acc_a"), post.Effects{}); err == nil {
		t.Error("no error")
	}
	w, err := s.Wallet(t.Context(), "acc_a")
	must(t, err)
	if w.Locale != "" {
		t.Error("written after the cancel")
	}
	if _, err := s.Flow(t.Context(), "rec_a"); !errors.Is(err, claim.ErrNoFlow) {
		t.Error("written after the cancel")
	}
}
