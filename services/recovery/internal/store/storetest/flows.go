package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/record"
)

func flow(id, account string) recovery.Flow {
	return recovery.Flow{ID: id, Account: account, State: recovery.Collecting, StartedAt: now, ExpiresAt: now.Add(time.Hour), ForgetAt: now.Add(48 * time.Hour)}
}

func flowRoundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	want := filled[recovery.Flow]()
	must(t, s.CreateFlow(ctx, want, recovery.Effects{}))
	got, err := s.Flow(ctx, want.ID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.State, want.Code = recovery.Vetoed, nil
	must(t, s.UpdateFlow(ctx, want.ID, func(f *recovery.Flow) (recovery.Effects, error) { *f = want; return recovery.Effects{}, nil }))
	if got, err = s.Flow(ctx, want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after an update: %v, %+v", err, got)
	}
}

func flowNotFound(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.Flow(ctx, "rec_none")
	_, tokenErr := s.FlowByVetoToken(ctx, "none")
	updateErr := s.UpdateFlow(ctx, "rec_none", func(*recovery.Flow) (recovery.Effects, error) { return recovery.Effects{}, nil })
	textErr := s.UpdateText(ctx, "rec_none", "txt", func(*recovery.Text) ([]record.Event, error) { return nil, nil })
	_, providerErr := s.TextByProvider(ctx, "")
	for _, err := range []error{err, tokenErr, updateErr} {
		if !errors.Is(err, recovery.ErrNoFlow) {
			t.Errorf("%v, want ErrNoFlow", err)
		}
	}
	for _, err := range []error{textErr, providerErr} {
		if !errors.Is(err, recovery.ErrNoText) {
			t.Errorf("%v, want ErrNoText", err)
		}
	}
}

func flowsOfAccount(t *testing.T, s Store) {
	ctx := t.Context()
	for i := range 3 {
		f := flow(fmt.Sprintf("rec_%d", i), "acc_a")
		f.StartedAt = now.Add(time.Duration(i) * time.Minute)
		must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
	}
	must(t, s.CreateFlow(ctx, flow("rec_nobody", ""), recovery.Effects{}))
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
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), recovery.Effects{}))
	must(t, s.UpdateFlow(ctx, "rec_a", func(f *recovery.Flow) (recovery.Effects, error) {
		f.VetoTokens = []recovery.VetoToken{{Hash: "h1", Number: "n"}, {Hash: "h2", Number: "n"}}
		return recovery.Effects{}, nil
	}))
	if f, err := s.FlowByVetoToken(ctx, "h2"); err != nil || f.ID != "rec_a" {
		t.Errorf("%+v, %v", f, err)
	}
}

func due(t *testing.T, s Store) {
	ctx := t.Context()
	for name, at := range map[string]time.Time{"before": now.Add(-time.Millisecond), "now": now, "after": now.Add(time.Millisecond), "never": {}} {
		f := flow("rec_"+name, "acc_a")
		f.NextAt = at
		must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
		must(t, s.UpdateWallet(ctx, "acc_"+name, put(recovery.Wallet{Account: "acc_" + name, NextAt: at})))
	}
	accounts, flows, err := s.Due(ctx, now, 10)
	must(t, err)
	if !reflect.DeepEqual(accounts, []string{"acc_before", "acc_now"}) || !reflect.DeepEqual(flows, []string{"rec_before", "rec_now"}) {
		t.Errorf("%v %v", accounts, flows)
	}
}

// N racers use one thing up: exactly one wins.
func oneWinner(t *testing.T, s Store) {
	ctx := context.WithoutCancel(t.Context())
	f := flow("rec_a", "acc_a")
	f.Code = &recovery.Code{ID: "cod", ExpiresAt: now.Add(time.Minute)}
	must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
	var mu sync.Mutex
	var wg sync.WaitGroup
	winners := 0
	for range 16 {
		wg.Go(func() {
			won := false
			err := s.UpdateFlow(ctx, "rec_a", func(f *recovery.Flow) (recovery.Effects, error) {
				won = f.Code != nil
				f.Code = nil
				return recovery.Effects{}, nil
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
		must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
	}
	for i, account := range []string{"acc_b", ""} {
		f := flow(fmt.Sprintf("rec_%d", i), account)
		f.OpenUntil = now.Add(time.Hour)
		must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
	}
	for i := range 120 {
		f := flow(fmt.Sprintf("rec_new%d", i), "acc_a")
		f.StartedAt = now.Add(time.Minute)
		must(t, s.CreateFlow(ctx, f, recovery.Effects{}))
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
	must(t, s.UpdateFlow(ctx, "rec_after", func(f *recovery.Flow) (recovery.Effects, error) {
		f.OpenUntil = time.Time{}
		return recovery.Effects{}, nil
	}))
	if got := ids(); len(got) != 0 {
		t.Errorf("open after its end: %v", got)
	}
	if nobody, err := s.OpenFlows(ctx, "", now); err != nil || len(nobody) != 0 {
		t.Errorf("nobody's flows: %d, %v", len(nobody), err)
	}
}
