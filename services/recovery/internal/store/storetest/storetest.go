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
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

// Store is everything at once.
type Store interface {
	recovery.Store
	recovery.Texts
	recovery.Inbox
	outbox.Source
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
		{"flow round trip", flowRoundTrip},
		{"flow not found", flowNotFound},
		{"flows of account, newest first", flowsOfAccount},
		{"flow by veto token", flowByVetoToken},
		{"due", due},
		{"counter, 100 goroutines", counterRace},
		{"counter window", counterWindow},
		{"one winner among racers", oneWinner},
		{"effects with the change", effects},
		{"claim texts once, lease", claimTexts},
		{"text by provider", textByProvider},
		{"inbox keeps by id", inbox},
		{"prune", prune},
		{"cancelled context writes nothing", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// fill sets every field of v, so that a forgotten one is seen.
func fill(v reflect.Value, seed int) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(now.Add(time.Duration(seed) * time.Minute)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), seed+i+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), seed)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(seed), 0, 255})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), seed)
		fill(v.Index(1), seed+50)
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", seed))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(seed))
	default:
		panic("fill: " + v.Kind().String())
	}
}

// Filled is a value with every field set.
func filled[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), 1)
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(w recovery.Wallet) func(*recovery.Wallet) (recovery.Effects, error) {
	return func(into *recovery.Wallet) (recovery.Effects, error) { *into = w; return recovery.Effects{}, nil }
}

func walletRoundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	empty, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	if !reflect.DeepEqual(empty, recovery.Wallet{Account: "acc_a"}) {
		t.Errorf("an empty wallet is %+v", empty)
	}
	want := filled[recovery.Wallet]()
	want.Account = "acc_a"
	must(t, s.UpdateWallet(ctx, "acc_a", put(want)))
	got, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func walletRollback(t *testing.T, s Store) {
	ctx := t.Context()
	// A not_found of the callback is the callback's, not a missing document.
	for _, refusal := range []error{errStop, recovery.ErrPhoneNotFound} {
		err := s.UpdateWallet(ctx, "acc_a", func(w *recovery.Wallet) (recovery.Effects, error) {
			w.Locale = "es"
			return recovery.Effects{Events: []record.Event{event("acc_a")}}, refusal
		})
		if !errors.Is(err, refusal) {
			t.Errorf("the callback's error became %v", err)
		}
	}
	w, err := s.Wallet(ctx, "acc_a")
	must(t, err)
	events, err := s.PendingEvents(ctx, 10)
	must(t, err)
	if w.Locale != "" || len(events) != 0 {
		t.Errorf("written in spite of the error: %+v, %d events", w, len(events))
	}
}

func walletsByNumber(t *testing.T, s Store) {
	ctx := t.Context()
	numbers := func(macs ...string) []recovery.Number {
		var all []recovery.Number
		for _, m := range macs {
			all = append(all, recovery.Number{ID: "phn_" + m, MAC: m, AddedAt: now})
		}
		return all
	}
	must(t, s.UpdateWallet(ctx, "acc_b", put(recovery.Wallet{Account: "acc_b", Numbers: numbers("m1")})))
	must(t, s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Numbers: numbers("m1", "m2")})))
	check := func(mac string, want ...string) {
		t.Helper()
		found, err := s.WalletsByNumber(ctx, mac)
		must(t, err)
		var got []string
		for _, w := range found {
			got = append(got, w.Account)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", mac, got, want)
		}
	}
	check("m1", "acc_a", "acc_b")
	check("m2", "acc_a")
	must(t, s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Numbers: numbers("m2")})))
	check("m1", "acc_b")
}

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

// V17: values are unique and contiguous, whoever counts.
func counterRace(t *testing.T, s Store) {
	const callers = 100
	seen := make([]int, callers+1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			n, err := s.Count(context.WithoutCancel(t.Context()), "k", now, time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || n < 1 || n > callers {
				t.Errorf("count %d: %v", n, err)
				return
			}
			seen[n]++
		})
	}
	wg.Wait()
	for n := 1; n <= callers; n++ {
		if seen[n] != 1 {
			t.Fatalf("the value %d was given %d times", n, seen[n])
		}
	}
}

func counterWindow(t *testing.T, s Store) {
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Hour - time.Millisecond, 2}, {time.Hour, 1}, {time.Hour + time.Millisecond, 2}} {
		n, err := s.Count(t.Context(), "k", now.Add(c.after), time.Hour)
		if err != nil || n != c.want {
			t.Errorf("after %s: %d, %v, want %d", c.after, n, err, c.want)
		}
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

func event(account string) record.Event {
	e := record.New(now, recovery.ServiceName, record.PhoneAdded, record.Success, record.Origin{})
	e.Account, e.Data = account, map[string]string{"a": "1", "b": "2", "c": "3"}
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
	events, err := s.PendingEvents(ctx, 10)
	must(t, err)
	if !reflect.DeepEqual(events, []record.Event{a, b, c}) {
		t.Fatalf("pending: %+v", events)
	}
	texts, err := s.ClaimTexts(ctx, now, time.Minute, 10)
	must(t, err)
	if len(texts) != 3 {
		t.Errorf("%d texts", len(texts))
	}
	must(t, s.DeliveredEvents(ctx, []string{a.ID, c.ID}))
	if events, err = s.PendingEvents(ctx, 10); err != nil || len(events) != 1 || events[0].ID != b.ID {
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

func prune(t *testing.T, s Store) {
	ctx := t.Context()
	gone, kept := flow("rec_gone", ""), flow("rec_kept", "acc_a")
	gone.ForgetAt, kept.ForgetAt = now, now.Add(time.Millisecond)
	must(t, s.CreateFlow(ctx, gone, recovery.Effects{}))
	must(t, s.CreateFlow(ctx, kept, recovery.Effects{}))
	for key, window := range map[string]time.Duration{"over": time.Hour, "runs": time.Hour + time.Millisecond} {
		if _, err := s.Count(ctx, key, now.Add(-time.Hour), window); err != nil {
			t.Fatal(err)
		}
	}
	old, fresh := text("txt_old", "acc_a", time.Time{}), text("txt_fresh", "acc_a", time.Time{})
	old.FinishedAt, old.ProviderID = now.Add(-7*24*time.Hour), "p_old"
	fresh.FinishedAt, fresh.ProviderID = old.FinishedAt.Add(time.Millisecond), "p_fresh"
	withTexts(t, s, old, fresh)
	must(t, s.Prune(ctx, now))
	if _, err := s.Flow(ctx, "rec_gone"); !errors.Is(err, recovery.ErrNoFlow) {
		t.Errorf("an old flow stays: %v", err)
	}
	if _, err := s.Flow(ctx, "rec_kept"); err != nil {
		t.Error(err)
	}
	if _, err := s.TextByProvider(ctx, "p_old"); !errors.Is(err, recovery.ErrNoText) {
		t.Errorf("an old text stays: %v", err)
	}
	if _, err := s.TextByProvider(ctx, "p_fresh"); err != nil {
		t.Error(err)
	}
	if n, err := s.Count(ctx, "runs", now, time.Hour); err != nil || n != 2 {
		t.Errorf("a running counter was pruned: %d, %v", n, err)
	}
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Locale: "es"})); err == nil {
		t.Error("no error")
	}
	if err := s.CreateFlow(ctx, flow("rec_a", "acc_a"), recovery.Effects{}); err == nil {
		t.Error("no error")
	}
	w, err := s.Wallet(t.Context(), "acc_a")
	must(t, err)
	if w.Locale != "" {
		t.Error("written after the cancel")
	}
	if _, err := s.Flow(t.Context(), "rec_a"); !errors.Is(err, recovery.ErrNoFlow) {
		t.Error("written after the cancel")
	}
}
