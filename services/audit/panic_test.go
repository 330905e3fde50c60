package audit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/audit"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/shared/httpkit"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

const planted = "planted by a test"

// faulty panics in the calls of requests while inRequests is set, and once in each of the calls of the background that
// are listed in once.
type faulty struct {
	audit.Backend
	mu         sync.Mutex
	inRequests bool
	once       map[string]bool
}

func (f *faulty) fault(ctx context.Context, call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ofRequest := httpkit.RequestOf(ctx).ID != ""
	if ofRequest && f.inRequests {
		panic(planted)
	}
	if !ofRequest && f.once[call] {
		delete(f.once, call)
		panic(planted + " in " + call)
	}
}

func (f *faulty) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *faulty) left() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []string
	for call := range f.once {
		calls = append(calls, call)
	}
	slices.Sort(calls)
	return calls
}

func (f *faulty) Append(ctx context.Context, at ledger.Head, rows []ledger.Row, sources map[string]record.Head) error {
	f.fault(ctx, "Append")
	return f.Backend.Append(ctx, at, rows, sources)
}

func (f *faulty) PersonKey(ctx context.Context, token openings.Token) ([]byte, error) {
	f.fault(ctx, "PersonKey")
	return f.Backend.PersonKey(ctx, token)
}

func (f *faulty) PersonRows(ctx context.Context, token []byte, class record.Class, before int64, limit int) ([]ledger.Row, error) {
	f.fault(ctx, "PersonRows")
	return f.Backend.PersonRows(ctx, token, class, before, limit)
}

func (f *faulty) Rows(ctx context.Context, from int64, limit int) ([]ledger.Row, error) {
	f.fault(ctx, "Rows")
	return f.Backend.Rows(ctx, from, limit)
}

func (f *faulty) Head(ctx context.Context) (ledger.Head, error) {
	f.fault(ctx, "Head")
	return f.Backend.Head(ctx)
}

func (f *faulty) SaveFollowerCursor(ctx context.Context, name string, seq int64) error {
	f.fault(ctx, "SaveFollowerCursor")
	return f.Backend.SaveFollowerCursor(ctx, name, seq)
}

func (f *faulty) RecordVisits(ctx context.Context, visits []places.Visit) error {
	f.fault(ctx, "RecordVisits")
	return f.Backend.RecordVisits(ctx, visits)
}

func (f *faulty) Place(ctx context.Context, account, network string) (places.Place, error) {
	f.fault(ctx, "Place")
	return f.Backend.Place(ctx, account, network)
}

func (f *faulty) LengthenVerdict(ctx context.Context, v firewall.Verdict, now time.Time, event func(firewall.Verdict) record.Event) (bool, error) {
	f.fault(ctx, "LengthenVerdict")
	return f.Backend.LengthenVerdict(ctx, v, now, event)
}

func (f *faulty) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	f.fault(ctx, "AddVerdict")
	return f.Backend.AddVerdict(ctx, v, event)
}

func (f *faulty) RemoveVerdict(ctx context.Context, verdict string, now time.Time, event func(firewall.Verdict) record.Event) error {
	f.fault(ctx, "RemoveVerdict")
	return f.Backend.RemoveVerdict(ctx, verdict, now, event)
}

func (f *faulty) VerdictsBefore(ctx context.Context, now time.Time, version int64, limit int) ([]firewall.Verdict, error) {
	f.fault(ctx, "VerdictsBefore")
	return f.Backend.VerdictsBefore(ctx, now, version, limit)
}

func (f *faulty) VerdictVersions(ctx context.Context) (firewall.Versions, error) {
	f.fault(ctx, "VerdictVersions")
	return f.Backend.VerdictVersions(ctx)
}

func (f *faulty) After(ctx context.Context, n int64, limit int) ([]outbox.Entry, error) {
	f.fault(ctx, "After")
	return f.Backend.After(ctx, n, limit)
}

func (f *faulty) Trim(ctx context.Context, head record.Head) error {
	f.fault(ctx, "Trim")
	return f.Backend.Trim(ctx, head)
}

// TestR3_PanicIsOneRequest: in every operation of the specification a panic is that request's 500 with its id, logged
// once with its stack and counted; the process goes on, and the next request is served.
func TestR3_PanicIsOneRequest(t *testing.T) {
	f := &faulty{}
	w := newWorld(t, onSQLite(t), func(b audit.Backend) audit.Backend { f.Backend = b; return f })
	for name, call := range w.matrix().Calls() {
		t.Run(name, func(t *testing.T) {
			c := call()
			do := func() moduletest.Answer { return w.Do(c.Service, c.Authorization, c.Method, c.Path, c.Body) }
			panics := w.Metric("centinela_audit_panics_total")

			f.set(func() { f.inRequests = true })
			got := do()
			f.set(func() { f.inRequests = false })

			request := got.Header.Get(httpkit.HeaderRequestID)
			if got.Status != 500 || got.Code() != "internal" || request == "" || !strings.Contains(got.Body, request) || strings.Contains(got.Body, planted) {
				t.Errorf("%d %s", got.Status, got.Body)
			}
			if now := w.Metric("centinela_audit_panics_total"); now != panics+1 {
				t.Errorf("counted %g times", now-panics)
			}
			var lines []string
			for line := range strings.Lines(w.Log.String()) {
				if strings.Contains(line, request) {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 || !strings.Contains(lines[0], planted) || !strings.Contains(lines[0], "panic_test.go") {
				t.Errorf("logged %d times: %s", len(lines), lines)
			}
			if got := do(); got.Status != w.matrix().Rows[name].Status {
				t.Errorf("afterwards %d %s", got.Status, got.Body)
			}
		})
	}
	if err := w.module.Ready(); err != nil {
		t.Error(err)
	}
}

// TestR3_PanicInTheBackground: each loop that panics is begun again with what it remembers, and goes on rightly: no
// event is skipped, none is counted or reported twice.
func TestR3_PanicInTheBackground(t *testing.T) {
	f := &faulty{once: map[string]bool{}}
	w := newWorld(t, onSQLite(t), func(b audit.Backend) audit.Backend { f.Backend = b; return f })
	calls := []string{"Append", "Head", "Rows", "SaveFollowerCursor", "RecordVisits", "LengthenVerdict", "AddVerdict", "VerdictVersions", "After", "Trim"}
	account := id.New("acc")
	w.ship(module.ChatRelay, violation("203.0.113.9", account, ten), violation("203.0.113.9", account, ten))
	f.set(func() {
		for _, call := range calls {
			f.once[call] = true
		}
	})
	third := violation("203.0.113.9", account, ten)
	w.ship(module.ChatRelay, third)
	w.ship(module.Auth, signIn(account), signIn(account))
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		left := f.left()
		return len(left) == 0, fmt.Sprintf("not called: %v", left)
	})
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		n := len(w.activity(account))
		return n == 6, fmt.Sprintf("%d of 6 events", n)
	})
	w.settle()
	reports := 0
	for _, e := range w.activity(account) {
		if e.Action == record.FirewallVerdictAdded {
			reports++
			if (*e.Data)["decision_id"] != third.ID {
				t.Errorf("triggered by %s, not by the third", (*e.Data)["decision_id"])
			}
		}
	}
	if got := w.verdicts(); len(got) != 1 || reports != 1 {
		t.Errorf("%d verdicts, %d reports", len(got), reports)
	}
	if has, err := w.backend.HasPlaces(t.Context(), account); err != nil || !has {
		t.Errorf("the sign-ins were skipped: %v", err)
	}
	if got := w.Metric("centinela_audit_background_failures_total") + w.Metric("centinela_audit_follower_failures"); got != float64(len(calls)) {
		t.Errorf("%g failures counted, want %d", got, len(calls))
	}
	if got := strings.Count(w.Log.String(), planted+" in "); got < len(calls) || !strings.Contains(w.Log.String(), "panic_test.go") {
		t.Errorf("%d of %d logged with their stack", got, len(calls))
	}
	w.Stop()
	w.mustVerify(6)
}
