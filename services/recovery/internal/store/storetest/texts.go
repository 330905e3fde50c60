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
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

func event(account string) record.Event {
	e := record.New(now, recovery.ServiceName, record.PhoneAdded, record.Success, record.Origin{})
	e.Account, e.Data = account, record.Data{"a": "1", "b": "2", "c": "3"}
	return e
}

func text(id, owner string, at time.Time) recovery.Text {
	return recovery.Text{ID: id, Owner: owner, Purpose: "code", Number: "phn", To: []byte{1}, Body: []byte{2}, State: recovery.TextPending, CreatedAt: now, NextAt: at}
}

func effects(t *testing.T, s Store) {
	ctx := t.Context()
	a, b, c := event("acc_a"), event("acc_a"), event("acc_a")
	b.Time, c.Time = b.Time.Add(time.Second), c.Time.Add(2*time.Second)
	both := func(e record.Event) recovery.Effects {
		return recovery.Effects{Events: []record.Event{e}, Texts: []recovery.Text{text("txt_"+e.ID, "", now)}}
	}
	own := func(e record.Event, owner string) recovery.Effects {
		x := both(e)
		x.Texts[0].Owner = owner
		return x
	}
	must(t, s.UpdateWallet(ctx, "acc_a", func(*recovery.Wallet) (recovery.Effects, error) { return own(a, "acc_a"), nil }))
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), own(b, "rec_a")))
	for range 2 { // a repeated step repeats no text
		must(t, s.UpdateFlow(ctx, "rec_a", func(*recovery.Flow) (recovery.Effects, error) {
			return recovery.Effects{Texts: own(c, "rec_a").Texts}, nil
		}))
	}
	must(t, s.UpdateText(ctx, "rec_a", "txt_"+c.ID, func(*recovery.Text) ([]record.Event, error) { return []record.Event{c}, nil }))
	events, err := outboxtest.Read(ctx, s, 10)
	must(t, err)
	if !reflect.DeepEqual(events, []record.Event{a, b, c}) {
		t.Fatalf("pending: %+v", events)
	}
	texts, err := s.ClaimTexts(ctx, now, time.Minute, 10)
	must(t, err)
	if len(texts) != 3 {
		t.Errorf("%d texts", len(texts))
	}
	outboxtest.Ship(t, s, 2)
	if events, err = outboxtest.Read(ctx, s, 10); err != nil || len(events) != 1 || events[0].ID != c.ID {
		t.Errorf("after delivery: %+v, %v", events, err)
	}
}

func withTexts(t *testing.T, s Store, texts ...recovery.Text) {
	t.Helper()
	for _, x := range texts {
		must(t, s.UpdateWallet(t.Context(), x.Owner, func(*recovery.Wallet) (recovery.Effects, error) {
			return recovery.Effects{Texts: []recovery.Text{x}}, nil
		}))
	}
}

func claimTexts(t *testing.T, s Store) {
	ctx := t.Context()
	due := text("txt_now", "acc_a", now)
	withTexts(t, s, due, text("txt_late", "acc_b", now.Add(time.Millisecond)), text("txt_done", "acc_b", time.Time{}))
	var mu sync.Mutex
	var wg sync.WaitGroup
	var claimed []recovery.Text
	for range 8 {
		wg.Go(func() {
			got, err := s.ClaimTexts(context.WithoutCancel(ctx), now, 30*time.Second, 10)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			claimed = append(claimed, got...)
		})
	}
	wg.Wait()
	due.NextAt = now.Add(30 * time.Second)
	if !reflect.DeepEqual(claimed, []recovery.Text{due}) {
		t.Fatalf("claimed %+v", claimed)
	}
	if again, err := s.ClaimTexts(ctx, now.Add(30*time.Second), time.Minute, 10); err != nil || len(again) != 2 {
		t.Errorf("after the lease: %d, %v", len(again), err)
	}
	if err := s.UpdateText(ctx, "acc_a", "txt_now", func(*recovery.Text) ([]record.Event, error) { return nil, errStop }); !errors.Is(err, errStop) {
		t.Errorf("the callback's error became %v", err)
	}
}

func textByProvider(t *testing.T, s Store) {
	ctx := t.Context()
	want := filled[recovery.Text]()
	want.ID, want.Owner = "txt_a", "acc_a"
	withTexts(t, s, want)
	got, err := s.TextByProvider(ctx, want.ProviderID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func inbox(t *testing.T, s Store) {
	ctx := t.Context()
	for i, id := range []string{"a", "b", "a"} {
		must(t, s.Keep(ctx, sms.Message{ID: id, To: "+51" + id, Body: secret.NewString(fmt.Sprint(i))}, now.Add(time.Duration(i)*time.Second)))
	}
	all, err := s.Kept(ctx, "", 10)
	must(t, err)
	if len(all) != 2 || all[0].ID != "b" || all[1] != (recovery.KeptText{ID: "a", To: "+51a", Body: "0", At: now}) {
		t.Errorf("%+v", all)
	}
	if one, err := s.Kept(ctx, "+51b", 10); err != nil || len(one) != 1 || one[0].ID != "b" {
		t.Errorf("%+v, %v", one, err)
	}
}

// A flow's texts are there with their states until they are pruned.
func textsOf(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := text("txt_a", "rec_a", now), text("txt_b", "rec_a", now)
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), recovery.Effects{Texts: []recovery.Text{a}}))
	must(t, s.CreateFlow(ctx, flow("rec_b", "acc_a"), recovery.Effects{Texts: []recovery.Text{text("txt_c", "rec_b", now)}}))
	must(t, s.UpdateFlow(ctx, "rec_a", func(*recovery.Flow) (recovery.Effects, error) {
		return recovery.Effects{Texts: []recovery.Text{b}}, nil
	}))
	must(t, s.UpdateText(ctx, "rec_a", "txt_b", func(x *recovery.Text) ([]record.Event, error) {
		x.State, x.Attempts, x.FinishedAt, x.NextAt = recovery.TextSent, 2, now, time.Time{}
		b = *x
		return nil, nil
	}))
	if got, err := s.TextsOf(ctx, "rec_a"); err != nil || !reflect.DeepEqual(got, []recovery.Text{a, b}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.TextsOf(ctx, "rec_none"); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
