package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func flow(id, account string) claim.Flow {
	return claim.Flow{ID: id, Account: account, State: claim.Collecting, StartedAt: now, ExpiresAt: now.Add(time.Hour), ForgetAt: now.Add(48 * time.Hour)}
}

func flowRoundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	want := testkit.Filled[claim.Flow](t)
	must(t, s.CreateFlow(ctx, want, post.Effects{}))
	got, err := s.Flow(ctx, want.ID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.State, want.Code = claim.Vetoed, nil
	must(t, s.UpdateFlow(ctx, want.ID, func(f *claim.Flow) (post.Effects, error) { *f = want; return post.Effects{}, nil }))
	if got, err = s.Flow(ctx, want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after an update: %v, %+v", err, got)
	}
}

func flowNotFound(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.Flow(ctx, "rec_none")
	_, tokenErr := s.FlowByVetoToken(ctx, "none")
	updateErr := s.UpdateFlow(ctx, "rec_none", func(*claim.Flow) (post.Effects, error) { return post.Effects{}, nil })
	textErr := s.UpdateText(ctx, "rec_none", "txt", func(*post.Text) ([]record.Event, error) { return nil, nil })
	_, providerErr := s.TextByProvider(ctx, "")
	for _, err := range []error{err, tokenErr, updateErr} {
		if !errors.Is(err, claim.ErrNoFlow) {
			t.Errorf("%v, want ErrNoFlow", err)
		}
	}
	for _, err := range []error{textErr, providerErr} {
		if !errors.Is(err, post.ErrNoText) {
			t.Errorf("%v, want ErrNoText", err)
		}
	}
}

func flowsOfAccount(t *testing.T, s Store) {
	ctx := t.Context()
	for i := range 3 {
		f := flow(fmt.Sprintf("rec_%d", i), "acc_a")
		f.StartedAt = now.Add(time.Duration(i) * time.Minute)
		must(t, s.CreateFlow(ctx, f, post.Effects{}))
	}
	must(t, s.CreateFlow(ctx, flow("rec_nobody", ""), post.Effects{}))
	got, err := s.FlowsOfAccount(ctx, "acc_a", 2)
	must(t, err)
	if len(got) != 2 || got[0].ID != "rec_2" || got[1].ID != "rec_1" {
		t.Errorf("%+v", got)
	}
	if nobody, err := s.FlowsOfAccount(ctx, "", 10); err != nil || len(nobody) != 0 {
		t.Errorf("nobody's flows: %d, %v", len(nobody), err)
	}
}

func flowByVetoToken(t *testing.T, s Store) {
	ctx := t.Context()
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), post.Effects{}))
	must(t, s.UpdateFlow(ctx, "rec_a", func(f *claim.Flow) (post.Effects, error) {
		f.VetoTokens = []claim.VetoToken{{Hash: "h1", Number: "n"}, {Hash: "h2", Number: "n"}}
		return post.Effects{}, nil
	}))
	must(t, s.UpdateFlow(ctx, "rec_a", func(f *claim.Flow) (post.Effects, error) {
		f.VetoTokens = append(f.VetoTokens, claim.VetoToken{Hash: "h3", Number: "n"})
		return post.Effects{}, nil
	}))
	for _, hash := range []string{"h1", "h2", "h3"} {
		if f, err := s.FlowByVetoToken(ctx, hash); err != nil || f.ID != "rec_a" {
			t.Errorf("%s: %+v, %v", hash, f, err)
		}
	}
}

func flowsDue(t *testing.T, s Store) {
	dueQueue{
		add: func(id string, next time.Time) {
			f := flow(id, "acc_a")
			f.NextAt = next
			if _, err := s.Flow(t.Context(), id); errors.Is(err, claim.ErrNoFlow) {
				must(t, s.CreateFlow(t.Context(), f, post.Effects{}))
				return
			}
			must(t, s.UpdateFlow(t.Context(), id, func(into *claim.Flow) (post.Effects, error) { *into = f; return post.Effects{}, nil }))
		},
		due: s.DueFlows, putOff: s.PutOffFlow,
	}.test(t)
}

func pruneFlows(t *testing.T, s Store) {
	ctx := t.Context()
	for name, at := range map[string]time.Time{"gone1": now.Add(-time.Millisecond), "gone2": now, "kept": now.Add(time.Millisecond)} {
		f := flow("rec_"+name, "")
		f.ForgetAt = at
		must(t, s.CreateFlow(ctx, f, post.Effects{}))
	}
	for _, want := range []int{1, 1, 0} { // never more than it is told
		if n, err := s.PruneFlows(ctx, now, 1); err != nil || n != want {
			t.Errorf("pruned %d, %v, want %d", n, err, want)
		}
	}
	for name, want := range map[string]bool{"gone1": false, "gone2": false, "kept": true} {
		if _, err := s.Flow(ctx, "rec_"+name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A flow's events aren't forgotten with it, shipped or not.
func pruneKeepsEvents(t *testing.T, s Store) {
	ctx := t.Context()
	f, told := flow("rec_a", "acc_a"), event()
	f.ForgetAt = now
	must(t, s.CreateFlow(ctx, f, post.Effects{Events: []record.Event{told}}))
	_, err := s.PruneFlows(ctx, now, 10)
	must(t, err)
	events, err := outboxtest.Read(ctx, s, 10)
	if err != nil || len(events) != 1 || events[0].ID != told.ID {
		t.Errorf("after the flow was pruned: %v, %v", events, err)
	}
	outboxtest.Ship(t, s, 1)
	_, err = s.PruneFlows(ctx, now, 10)
	must(t, err)
	if _, err := s.Flow(ctx, "rec_a"); !errors.Is(err, claim.ErrNoFlow) {
		t.Errorf("after they were shipped: %v", err)
	}
}

// N racers use one thing up: exactly one wins.
func oneWinner(t *testing.T, s Store) {
	ctx := context.WithoutCancel(t.Context())
	f := flow("rec_a", "acc_a")
	f.Code = &wallet.Code{ID: "cod", ExpiresAt: now.Add(time.Minute)}
	must(t, s.CreateFlow(ctx, f, post.Effects{}))
	var mu sync.Mutex
	var wg sync.WaitGroup
	winners := 0
	for range 16 {
		wg.Go(func() {
			won := false
			err := s.UpdateFlow(ctx, "rec_a", func(f *claim.Flow) (post.Effects, error) {
				won = f.Code != nil
				f.Code = nil
				return post.Effects{}, nil
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if won {
				winners++
			}
		})
	}
	wg.Wait()
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}

// A flow is open until the moment that it says, whatever was started since (a veto
// must reach it); nobody's flows are not an account's.
func openFlows(t *testing.T, s Store) {
	ctx := t.Context()
	for name, until := range map[string]time.Time{"over": {}, "before": now.Add(-time.Millisecond), "now": now, "after": now.Add(time.Millisecond)} {
		f := flow("rec_"+name, "acc_a")
		f.OpenUntil = until
		must(t, s.CreateFlow(ctx, f, post.Effects{}))
	}
	for i, account := range []string{"acc_b", ""} {
		f := flow(fmt.Sprintf("rec_%d", i), account)
		f.OpenUntil = now.Add(time.Hour)
		must(t, s.CreateFlow(ctx, f, post.Effects{}))
	}
	for i := range 120 {
		f := flow(fmt.Sprintf("rec_new%d", i), "acc_a")
		f.StartedAt = now.Add(time.Minute)
		must(t, s.CreateFlow(ctx, f, post.Effects{}))
	}
	ids := func() []string {
		open, err := s.OpenFlows(ctx, "acc_a", now)
		must(t, err)
		var ids []string
		for _, f := range open {
			ids = append(ids, f.ID)
		}
		return ids
	}
	if got := ids(); !reflect.DeepEqual(got, []string{"rec_after"}) {
		t.Errorf("open: %v", got)
	}
	must(t, s.UpdateFlow(ctx, "rec_after", func(f *claim.Flow) (post.Effects, error) {
		f.OpenUntil = time.Time{}
		return post.Effects{}, nil
	}))
	if got := ids(); len(got) != 0 {
		t.Errorf("open after its end: %v", got)
	}
	if nobody, err := s.OpenFlows(ctx, "", now); err != nil || len(nobody) != 0 {
		t.Errorf("nobody's flows: %d, %v", len(nobody), err)
	}
}
