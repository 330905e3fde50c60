package firewall_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/rules"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/id"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*firewall.Firewall, *sqlite.Store, *clock.Manual) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	clk := clock.NewManual(noon)
	f := firewall.New(store, clk, testkit.Logger(t), "audit", func() {})
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f, store, clk
}

func order(subject string) firewall.Order {
	return firewall.Order{Subjects: []verdicts.Subject{{Kind: verdicts.KindIP, Value: subject}}, Action: verdicts.Refuse, Reason: "why", TTL: time.Minute}
}

func add(t *testing.T, f *firewall.Firewall, o firewall.Order) firewall.Verdict {
	t.Helper()
	v, err := f.Add(t.Context(), o, record.Origin{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// R5.4: each change is in the outbox with who, what and until when.
func TestChangesAreRecorded(t *testing.T) {
	f, store, clk := open(t)
	v := add(t, f, order("::ffff:203.0.113.9"))
	if v.Subjects[0].Value != "203.0.113.9" || !v.Until.Equal(noon.Add(time.Minute)) || f.Current() != 1 {
		t.Errorf("%+v, %d in force", v, f.Current())
	}
	if err := f.Remove(t.Context(), v.ID, record.Origin{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), v.ID, record.Origin{}); !errors.Is(err, firewall.ErrVerdictNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	events, err := outboxtest.Read(t.Context(), store, 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("%+v, %v", events, err)
	}
	for i, action := range []string{record.FirewallVerdictAdded, record.FirewallVerdictRemoved} {
		e := events[i]
		if e.Action != action || e.Target != v.ID || e.Service != "audit" || e.Subject != v.Subjects[0].Value || e.Data["source"] != firewall.Operator || e.Data["until"] != "2026-03-01T12:01:00Z" {
			t.Errorf("%+v", e)
		}
	}
	// What is over stays out of the list, and the count follows at the sweep.
	add(t, f, order("203.0.113.10"))
	clk.Advance(time.Minute)
	if err := f.Sweep(t.Context()); err != nil || f.Current() != 0 {
		t.Errorf("%d in force, %v", f.Current(), err)
	}
	if page, err := f.List(t.Context(), "", 10); err != nil || len(page.Verdicts) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestListPages(t *testing.T) {
	f, _, _ := open(t)
	for _, subject := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"} {
		add(t, f, order(subject))
	}
	page, err := f.List(t.Context(), "", 2)
	if err != nil || len(page.Verdicts) != 2 || page.Verdicts[0].Subjects[0].Value != "203.0.113.3" || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, limit := range []int{1, 2} { // one that is full is the last one all the same
		last, err := f.List(t.Context(), page.Next, limit)
		if err != nil || len(last.Verdicts) != 1 || last.Verdicts[0].Subjects[0].Value != "203.0.113.1" || last.Next != "" {
			t.Errorf("%+v, %v", last, err)
		}
	}
}

func decision(trigger string, at time.Time) rules.Decision {
	return rules.Decision{
		ID: "vrd_0123456789abcdefghjkmnp" + trigger[len(trigger)-1:], Rule: "rule", Trigger: trigger, Account: "acc_x", Subjects: []rules.Subject{{Kind: "ip", Value: "203.0.113.9"}},
		Action: "refuse", Reason: "why", At: at, Until: at.Add(time.Minute),
	}
}

func impose(t *testing.T, f *firewall.Firewall, d rules.Decision) {
	t.Helper()
	if err := f.Impose(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// R5.3: a decision that comes again after a crash makes no second verdict, and one that is over makes none.
func TestImposeTwice(t *testing.T) {
	f, store, _ := open(t)
	for range 3 {
		impose(t, f, decision("evt_1", noon))
	}
	over := decision("evt_2", noon.Add(-time.Minute))
	over.Rule = "another"
	impose(t, f, over)
	events, err := outboxtest.Read(t.Context(), store, 10)
	if err != nil || len(events) != 1 || events[0].Data["decision_id"] != "evt_1" || events[0].Account != "acc_x" || f.Current() != 1 {
		t.Errorf("%+v, %v, %d in force", events, err, f.Current())
	}
	// Lifted by the operator, it doesn't come back by a replay; new evidence makes a new one.
	if err := f.Remove(t.Context(), decision("evt_1", noon).ID, record.Origin{}); err != nil {
		t.Fatal(err)
	}
	impose(t, f, decision("evt_1", noon))
	if f.Current() != 0 {
		t.Error("a replay brought a lifted verdict back")
	}
	impose(t, f, decision("evt_3", noon.Add(time.Second)))
	if f.Current() != 1 {
		t.Error("new evidence after a lift counts for nothing")
	}
}

// KB D4: sixty violations of one address in a minute are one verdict.
func TestOneVerdictAnOffender(t *testing.T) {
	f, store, clk := open(t)
	for i := range 60 {
		impose(t, f, decision("evt_"+string(rune('0'+i%10)), noon.Add(time.Duration(i)*time.Second)))
		clk.Advance(time.Second)
	}
	page, err := f.List(t.Context(), "", 100)
	if err != nil || len(page.Verdicts) != 1 || f.Current() != 1 {
		t.Fatalf("%d verdicts, %v", len(page.Verdicts), err)
	}
	if v := page.Verdicts[0]; v.Level != 59 || !v.Until.Equal(noon.Add(119*time.Second)) || !v.CreatedAt.Equal(noon) {
		t.Errorf("%+v", v)
	}
	if found, err := store.Changes(t.Context(), 0, 100); err != nil || len(found) != 1 || found[0].Version != 60 {
		t.Errorf("%+v, %v", found, err)
	}
}

// A service whose clock is a year ahead makes no ban of a year.
func TestImposeFromAClockAhead(t *testing.T) {
	f, store, _ := open(t)
	impose(t, f, decision("evt_1", noon.AddDate(1, 0, 0)))
	found, err := store.VerdictsBefore(t.Context(), noon, 10, 10)
	if err != nil || len(found) != 1 || !found[0].CreatedAt.Equal(noon) || !found[0].Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v, %v", found, err)
	}
}

// An order on two subjects that are joined has one spelling.
func TestJoinedOrder(t *testing.T) {
	f, _, _ := open(t)
	account := id.New("acc")
	o := order("::ffff:203.0.113.9")
	o.Subjects = append(o.Subjects, verdicts.Subject{Kind: verdicts.KindAccount, Value: account})
	o.Action = verdicts.Throttle
	v := add(t, f, o)
	if want := []verdicts.Subject{{Kind: verdicts.KindIP, Value: "203.0.113.9"}, {Kind: verdicts.KindAccount, Value: account}}; !slices.Equal(v.Subjects, want) {
		t.Errorf("%+v", v.Subjects)
	}
}

// follow reads the feed as a gateway does, until there is nothing more.
func follow(t *testing.T, f *firewall.Firewall, from string, held map[string]bool) (cursor string, pages int) {
	t.Helper()
	for cursor = from; ; pages++ {
		page, err := f.Watch(t.Context(), cursor, 0)
		if err != nil {
			t.Fatal(err)
		}
		if page.Snapshot {
			clear(held)
		}
		for _, v := range page.Verdicts {
			held[v.ID] = true
		}
		for _, id := range page.Removed {
			delete(held, id)
		}
		if cursor = page.Cursor; !page.More {
			return cursor, pages + 1
		}
	}
}

// GR G3, KB: the feed is in pages, and goes on in the middle of everything, whatever
// is added, made longer and lifted meanwhile.
func TestFeedInPages(t *testing.T) {
	f, store, clk := open(t)
	all := make([]firewall.Verdict, 2500)
	for i := range all {
		all[i] = add(t, f, order(fmt.Sprintf("10.0.%d.%d", i/250, i%250)))
	}
	page, err := f.Watch(t.Context(), "", time.Hour)
	if err != nil || !page.Snapshot || !page.More || len(page.Verdicts) != 1000 {
		t.Fatalf("first page: %d verdicts, %v", len(page.Verdicts), err)
	}
	held := map[string]bool{}
	for _, v := range page.Verdicts {
		held[v.ID] = true
	}
	for _, i := range []int{3, 1500, 2400} { // one that was given, two that weren't
		if err := f.Remove(t.Context(), all[i].ID, record.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := add(t, f, order("10.9.9.9"))
	cursor, pages := follow(t, f, page.Cursor, held)
	if len(held) != 2498 || held[all[3].ID] || held[all[1500].ID] || !held[fresh.ID] || pages != 2 {
		t.Errorf("%d held after %d pages", len(held), pages)
	}
	// Nothing new: the same cursor.
	if again, err := f.Watch(t.Context(), cursor, 0); err != nil || again.Snapshot || again.Cursor != cursor || len(again.Verdicts)+len(again.Removed) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	// Away for so long that removals were swept: everything again.
	if err := f.Remove(t.Context(), all[5].ID, record.Origin{}); err != nil {
		t.Fatal(err)
	}
	add(t, f, order("10.9.9.10"))
	clk.Advance(2 * time.Hour)
	last := add(t, f, order("10.9.9.11"))
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err = f.Watch(t.Context(), cursor, 0)
	if err != nil || !page.Snapshot || page.More || len(page.Verdicts) != 1 || page.Verdicts[0].ID != last.ID {
		t.Errorf("%+v, %v", page, err)
	}
	there, err := store.VerdictVersions(t.Context())
	if err != nil || there.Epoch == "" {
		t.Fatalf("%+v, %v", there, err)
	}
	known := cursorOf(there.Epoch, fmt.Sprintf(`"v":%d`, there.Newest))
	if page, err := f.Watch(t.Context(), known, 0); err != nil || page.Snapshot {
		t.Errorf("%+v, %v", page, err)
	}
	for _, odd := range []string{
		"x", "%%%", cursorOf("another", fmt.Sprintf(`"v":%d`, there.Newest)), cursorOf(there.Epoch, `"v":-1`), cursorOf(there.Epoch, fmt.Sprintf(`"v":%d`, there.Newest+1)),
		cursorOf(there.Epoch, `"v":1,"s":999999`), cursorOf(there.Epoch, `"v":1,"s":-5`), cursorOf(there.Epoch, fmt.Sprintf(`"v":%d,"s":%d`, there.Newest, there.Floor-1)),
		cursorOf(there.Epoch, fmt.Sprintf(`"v":%d`, there.Floor-1)), known + "A",
	} {
		if page, err := f.Watch(t.Context(), odd, 0); err != nil || !page.Snapshot {
			t.Errorf("%q: %+v, %v", odd, page, err)
		}
	}
	if page, err := f.Watch(t.Context(), cursorOf(there.Epoch, fmt.Sprintf(`"v":%d`, there.Floor)), 0); err != nil || page.Snapshot {
		t.Errorf("at the floor: %+v, %v", page, err)
	}
}

func cursorOf(epoch, rest string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"e":%q,%s}`, epoch, rest))
}

// R5.4: whoever watches hears of a change at once, of nothing after the wait, and of the stop.
func TestWatch(t *testing.T) {
	f, _, _ := open(t)
	watch := func(from string, wait time.Duration) <-chan verdicts.Page {
		answer := make(chan verdicts.Page, 1)
		go func() {
			page, err := f.Watch(t.Context(), from, wait)
			if err != nil {
				t.Error(err)
			}
			answer <- page
		}()
		return answer
	}
	first := <-watch("", time.Hour)
	if !first.Snapshot || first.More || first.Cursor == "" {
		t.Errorf("without a cursor: %+v", first)
	}
	for _, wait := range []time.Duration{0, time.Millisecond} {
		if p := <-watch(first.Cursor, wait); p.Snapshot || p.Cursor != first.Cursor || len(p.Verdicts) != 0 {
			t.Errorf("after %s: %+v", wait, p)
		}
	}
	waiting := watch(first.Cursor, time.Hour)
	v := add(t, f, order("203.0.113.9"))
	second := <-waiting
	if second.Snapshot || len(second.Verdicts) != 1 || second.Verdicts[0].ID != v.ID {
		t.Errorf("a change: %+v", second)
	}
	waiting = watch(second.Cursor, time.Hour)
	f.Release()
	if p := <-waiting; p.Cursor != second.Cursor || len(p.Verdicts) != 0 {
		t.Errorf("released: %+v", p)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	f2, _, _ := open(t)
	if _, err := f2.Watch(gone, first.Cursor, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
}

// shared is a store that another instance writes to as well.
type shared struct {
	firewall.Store
	version atomic.Int64
	fault   atomic.Bool
}

func (s *shared) VerdictVersions(context.Context) (firewall.Versions, error) {
	if s.fault.Swap(false) {
		panic("store fault")
	}
	return firewall.Versions{Newest: s.version.Load()}, nil
}

func (s *shared) Changes(_ context.Context, since int64, _ int) ([]firewall.Verdict, error) {
	if s.version.Load() <= since {
		return nil, nil
	}
	return []firewall.Verdict{{Verdict: verdicts.Verdict{ID: "vrd_x", Until: noon.Add(time.Hour)}, Version: s.version.Load()}}, nil
}

func (s *shared) AddVerdict(context.Context, firewall.Verdict, record.Event) error {
	s.version.Add(1)
	return nil
}

func (s *shared) LengthenVerdict(context.Context, firewall.Verdict, time.Time, func(firewall.Verdict) record.Event) (bool, error) {
	s.version.Add(1)
	return true, nil
}

func (s *shared) RemoveVerdict(context.Context, string, time.Time, func(firewall.Verdict) record.Event) error {
	s.version.Add(1)
	return nil
}

// Who waits is told of a change at once, and not when somebody looks again: of a new verdict, of a longer one, and of one
// that is lifted.
func TestWatcherIsWoken(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *firewall.Firewall){
		"new":    func(t *testing.T, f *firewall.Firewall) { add(t, f, order("203.0.113.9")) },
		"longer": func(t *testing.T, f *firewall.Firewall) { impose(t, f, decision("evt_1", noon)) },
		"lifted": func(t *testing.T, f *firewall.Firewall) {
			if err := f.Remove(t.Context(), "vrd_x", record.Origin{}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { woken(t, change) })
	}
}

func woken(t *testing.T, change func(*testing.T, *firewall.Firewall)) {
	synctest.Test(t, func(t *testing.T) {
		f := firewall.New(&shared{}, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		first, err := f.Watch(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		told := make(chan verdicts.Page, 1)
		go func() {
			page, err := f.Watch(t.Context(), first.Cursor, time.Hour)
			if err != nil {
				t.Error(err)
			}
			told <- page
		}()
		synctest.Wait()
		change(t, f)
		if page := <-told; len(page.Verdicts) != 1 || !time.Now().Equal(began) {
			t.Errorf("%+v after %s", page, time.Since(began))
		}
	})
}

// Who leaves while waiting is told so, and not that there was nothing.
func TestWatcherWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := firewall.New(&shared{}, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		first, err := f.Watch(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := f.Watch(ctx, first.Cursor, time.Hour)
			ended <- err
		}()
		synctest.Wait()
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// R5.4: what another instance changes on the same database is noticed within 250 ms.
func TestRunNoticesOtherInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{}
		f := firewall.New(store, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		answered := make(chan time.Duration, 1)
		go func() {
			if _, err := f.Watch(ctx, cursorOf("", `"v":0`), time.Minute); err != nil {
				t.Error(err)
			}
			answered <- time.Since(began)
		}()
		synctest.Wait()
		store.version.Store(1)
		if took := <-answered; took > 250*time.Millisecond {
			t.Errorf("after %s", took)
		}
		cancel()
		synctest.Wait()
	})
}

// R3: a panic of the loop doesn't shut the feed: who waits goes on waiting, and
// is told of the next change by the loop that was begun again.
func TestRunAgainAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{}
		f := firewall.New(store, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		ctx, cancel := context.WithCancel(t.Context())
		answers := make(chan int, 1)
		go func() {
			page, err := f.Watch(ctx, cursorOf("", `"v":0`), time.Minute)
			if err != nil {
				t.Error(err)
			}
			answers <- len(page.Verdicts)
		}()
		synctest.Wait()
		store.fault.Store(true)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		select {
		case n := <-answers:
			t.Fatalf("the panic answered who waits, with %d verdicts", n)
		default:
		}
		go func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		synctest.Wait()
		store.version.Store(1)
		if n := <-answers; n != 1 || time.Since(began) > time.Second {
			t.Errorf("%d verdicts after %s", n, time.Since(began))
		}
		cancel()
		synctest.Wait()
	})
}

// crowded is a store that says how many verdicts it has in force.
type crowded struct {
	*sqlite.Store
	n int64
}

func (c crowded) CountVerdicts(context.Context, time.Time) (int64, error) { return c.n, nil }

// A million verdicts are what a gateway looks up in time: one more is refused to an operator, and dropped and told
// where a rule decided it. What is lifted makes room. How many there are is known from the start.
func TestFullTable(t *testing.T) {
	_, store, clk := open(t)
	log := &testkit.Buffer{}
	f := firewall.New(crowded{store, 999_999}, clk, slog.New(slog.NewTextHandler(log, nil)), "audit", func() {})
	if err := f.Open(t.Context()); err != nil || f.Current() != 999_999 {
		t.Fatalf("%d in force, %v", f.Current(), err)
	}
	last := add(t, f, order("203.0.113.1"))
	if _, err := f.Add(t.Context(), order("203.0.113.2"), record.Origin{}); !errors.Is(err, firewall.ErrTooManyVerdicts) {
		t.Errorf("%v", err)
	}
	impose(t, f, decision("evt_1", noon))
	if !strings.Contains(log.String(), "a rule's verdict was dropped") || !strings.Contains(log.String(), "evt_1") {
		t.Errorf("log %q", log)
	}
	if err := f.Remove(t.Context(), last.ID, record.Origin{}); err != nil {
		t.Fatal(err)
	}
	add(t, f, order("203.0.113.2"))
	if page, err := f.List(t.Context(), "", 10); err != nil || len(page.Verdicts) != 1 || f.Current() != 1_000_000 {
		t.Errorf("%+v, %d in force, %v", page, f.Current(), err)
	}
}
