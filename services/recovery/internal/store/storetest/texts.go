package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/testkit"
)

func event() record.Event {
	e := record.New(now, post.ServiceName, record.PhoneAdded, record.Success, record.Origin{})
	e.Account, e.Data = "acc_a", record.Data{"a": "1", "b": "2", "c": "3"}
	return e
}

func text(id, owner string, at time.Time) post.Text {
	return post.Text{ID: id, Owner: owner, Key: "phn|" + id, Purpose: post.Code, Number: "phn", To: []byte{1}, Body: []byte{2}, State: post.TextPending, CreatedAt: now, NextAt: at}
}

func effects(t *testing.T, s Store) {
	ctx := t.Context()
	a, b, c := event(), event(), event()
	b.Time, c.Time = b.Time.Add(time.Second), c.Time.Add(2*time.Second)
	both := func(e record.Event) post.Effects {
		return post.Effects{Events: []record.Event{e}, Texts: []post.Text{text("txt_"+e.ID, "", now)}}
	}
	own := func(e record.Event, owner string) post.Effects {
		x := both(e)
		x.Texts[0].Owner = owner
		return x
	}
	again := 0
	must(t, s.UpdateWallet(ctx, "acc_a", func(*wallet.Wallet) (post.Effects, error) { return own(a, "acc_a"), nil }))
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), own(b, "rec_a")))
	for range 2 { // a repeated step repeats no text
		must(t, s.UpdateFlow(ctx, "rec_a", func(*claim.Flow) (post.Effects, error) {
			same := own(c, "rec_a").Texts
			same[0].ID += fmt.Sprint(again) // another text of the same name
			again++
			return post.Effects{Texts: same}, nil
		}))
	}
	must(t, s.UpdateText(ctx, "rec_a", "txt_"+c.ID+"0", func(*post.Text) ([]record.Event, error) { return []record.Event{c}, nil }))
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

func withTexts(t *testing.T, s Store, texts ...post.Text) {
	t.Helper()
	for _, x := range texts {
		must(t, s.UpdateWallet(t.Context(), x.Owner, func(*wallet.Wallet) (post.Effects, error) {
			return post.Effects{Texts: []post.Text{x}}, nil
		}))
	}
}

func claimTexts(t *testing.T, s Store) {
	ctx := t.Context()
	due := text("txt_now", "acc_a", now)
	withTexts(t, s, due, text("txt_late", "acc_b", now.Add(time.Millisecond)), text("txt_done", "acc_b", time.Time{}))
	var mu sync.Mutex
	var wg sync.WaitGroup
	var claimed []post.Text
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
	if !reflect.DeepEqual(claimed, []post.Text{due}) {
		t.Fatalf("claimed %+v", claimed)
	}
	if again, err := s.ClaimTexts(ctx, now.Add(30*time.Second), time.Minute, 10); err != nil || len(again) != 2 {
		t.Errorf("after the lease: %d, %v", len(again), err)
	}
	if err := s.UpdateText(ctx, "acc_a", "txt_now", func(*post.Text) ([]record.Event, error) { return nil, errStop }); !errors.Is(err, errStop) {
		t.Errorf("the callback's error became %v", err)
	}
}

func textByProvider(t *testing.T, s Store) {
	ctx := t.Context()
	want := testkit.Filled[post.Text](t)
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
	if len(all) != 2 || all[0].ID != "b" || all[1] != (post.KeptText{ID: "a", To: "+51a", Body: "0", At: now}) {
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
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), post.Effects{Texts: []post.Text{a}}))
	must(t, s.CreateFlow(ctx, flow("rec_b", "acc_a"), post.Effects{Texts: []post.Text{text("txt_c", "rec_b", now)}}))
	must(t, s.UpdateFlow(ctx, "rec_a", func(*claim.Flow) (post.Effects, error) {
		return post.Effects{Texts: []post.Text{b}}, nil
	}))
	must(t, s.UpdateText(ctx, "rec_a", "txt_b", func(x *post.Text) ([]record.Event, error) {
		x.State, x.Attempts, x.FinishedAt, x.NextAt = post.TextSent, 2, now, time.Time{}
		b = *x
		return nil, nil
	}))
	if got := ofFlow(t, s, "rec_a"); !reflect.DeepEqual(got, []post.Text{a, b}) {
		t.Errorf("%+v", got)
	}
	if got, err := s.TextsOf(ctx, "rec_none"); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// ofFlow is a flow's texts by id.
func ofFlow(t *testing.T, s Store, id string) []post.Text {
	t.Helper()
	texts, err := s.TextsOf(t.Context(), id)
	must(t, err)
	slices.SortFunc(texts, func(a, b post.Text) int { return strings.Compare(a.ID, b.ID) })
	return texts
}

// MG W1: what ends a flow withdraws its unsent texts in the same step, also one
// that a courier has; what was sent stays as it was, and the end's own is sent.
func textsOver(t *testing.T, s Store) {
	ctx := t.Context()
	sent, lent, waiting, ending := text("txt_1", "rec_a", now), text("txt_2", "rec_a", now.Add(time.Hour)), text("txt_3", "rec_a", now), text("txt_4", "rec_a", now)
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), post.Effects{Texts: []post.Text{sent, lent, waiting}}))
	must(t, s.CreateFlow(ctx, flow("rec_b", "acc_a"), post.Effects{Texts: []post.Text{text("txt_5", "rec_b", now)}}))
	must(t, s.UpdateText(ctx, "rec_a", "txt_1", func(x *post.Text) ([]record.Event, error) { x.Finish(post.TextSent, now); return nil, nil }))
	over := now.Add(time.Minute)
	must(t, s.UpdateFlow(ctx, "rec_a", func(*claim.Flow) (post.Effects, error) {
		return post.Effects{Over: over, Texts: []post.Text{ending}}, nil
	}))
	for _, x := range []*post.Text{&lent, &waiting} {
		x.Finish(post.TextWithdrawn, over)
	}
	sent.Finish(post.TextSent, now)
	if got, want := ofFlow(t, s, "rec_a"), []post.Text{sent, lent, waiting, ending}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	claimed, err := s.ClaimTexts(ctx, now.Add(2*time.Hour), time.Minute, 10)
	must(t, err)
	var ids []string
	for _, x := range claimed {
		ids = append(ids, x.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"txt_4", "txt_5"}) {
		t.Errorf("sent all the same: %v", ids)
	}
}

// MG D1's kind: a limit keeps the longest due, whoever's they are and in whatever
// order they were written.
func claimInOrder(t *testing.T, s Store) {
	ctx := t.Context()
	for _, i := range []int{3, 0, 5, 1, 4, 2} {
		x := text(fmt.Sprintf("txt_%d", i), fmt.Sprintf("acc_%d", i), now.Add(time.Duration(i-10)*time.Second))
		if i%2 == 0 {
			x.Owner = fmt.Sprintf("rec_%d", i)
			must(t, s.CreateFlow(ctx, flow(x.Owner, "acc_a"), post.Effects{Texts: []post.Text{x}}))
			continue
		}
		withTexts(t, s, x)
	}
	var ids []string
	for range 3 {
		claimed, err := s.ClaimTexts(ctx, now, time.Hour, 2)
		must(t, err)
		for _, x := range claimed {
			ids = append(ids, x.ID)
		}
	}
	if !slices.Equal(ids, []string{"txt_0", "txt_1", "txt_2", "txt_3", "txt_4", "txt_5"}) {
		t.Errorf("claimed %v", ids)
	}
}

func pruneTexts(t *testing.T, s Store) {
	ctx := t.Context()
	finished := func(id, owner string, at time.Time) post.Text {
		x := text(id, owner, time.Time{})
		x.FinishedAt, x.ProviderID = at, "p_"+id
		return x
	}
	must(t, s.CreateFlow(ctx, flow("rec_a", "acc_a"), post.Effects{Texts: []post.Text{finished("c", "rec_a", now)}}))
	withTexts(t, s, finished("a", "acc_a", now.Add(-time.Hour)), finished("b", "acc_b", now), finished("d", "acc_b", now.Add(time.Millisecond)), text("e", "acc_a", now))
	total := 0
	for range 4 {
		n, err := s.PruneTexts(ctx, now, 1)
		must(t, err)
		if n > 1 {
			t.Errorf("%d at once", n)
		}
		total += n
	}
	if total != 3 {
		t.Errorf("pruned %d", total)
	}
	for id, want := range map[string]bool{"a": false, "b": false, "c": false, "d": true} {
		if _, err := s.TextByProvider(ctx, "p_"+id); (err == nil) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	if claimed, err := s.ClaimTexts(ctx, now, time.Minute, 10); err != nil || len(claimed) != 1 || claimed[0].ID != "e" {
		t.Errorf("the waiting one: %+v, %v", claimed, err)
	}
}

func pruneInbox(t *testing.T, s Store) {
	ctx := t.Context()
	for i := range 3 {
		must(t, s.Keep(ctx, sms.Message{ID: fmt.Sprint(i), To: "+51", Body: secret.NewString("x")}, now.Add(time.Duration(i-1)*time.Millisecond)))
	}
	for _, want := range []int{1, 1, 0} {
		if n, err := s.PruneInbox(ctx, now, 1); err != nil || n != want {
			t.Errorf("pruned %d, %v, want %d", n, err, want)
		}
	}
	if kept, err := s.Kept(ctx, "", 10); err != nil || len(kept) != 1 || kept[0].ID != "2" {
		t.Errorf("%+v, %v", kept, err)
	}
}

// DamagedText holds a store to KA D4, of texts: what can't be read is named, left alone for a while, and holds up nobody else's. damage
// makes the text, or what it is kept in, unreadable.
func DamagedText(t *testing.T, s Store, damage func(owner, text string)) {
	withTexts(t, s, text("txt_bad", "acc_bad", now.Add(-time.Hour)), text("txt_good", "acc_good", now))
	damage("acc_bad", "txt_bad")
	got, err := s.ClaimTexts(t.Context(), now, time.Second, 2)
	if len(got) != 1 || got[0].ID != "txt_good" || err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("%+v, %v", got, err)
	}
	at := now.Add(post.DamagedFor)
	if got, err := s.ClaimTexts(t.Context(), at.Add(-time.Millisecond), time.Hour, 1); len(got) != 1 || err != nil {
		t.Errorf("within the minute: %+v, %v", got, err)
	}
	if got, err := s.ClaimTexts(t.Context(), at, time.Second, 1); len(got) != 0 || err == nil {
		t.Errorf("after it: %+v, %v", got, err)
	}
}
