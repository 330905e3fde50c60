package audit_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/ledger"
	"centinela/shared/id"
	"centinela/shared/record"
)

// everything is the whole record.
func (w *world) everything() []ledger.Entry {
	w.T.Helper()
	entries, err := w.backend.Entries(w.T.Context(), 1, 10_000)
	if err != nil {
		w.T.Fatal(err)
	}
	return entries
}

func signIns(n int, account string) []record.Event {
	events := make([]record.Event, n)
	for i := range events {
		events[i] = signIn(account)
	}
	return events
}

// TestR51_Batches: up to 200 events a call, in their order, each once however often it is sent.
func TestR51_Batches(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, somewhere(t), asItIs)
			events := signIns(200, id.New("acc"))
			if got := w.ingest("auth", events...); got != (auditapi.IngestResult{Stored: 200}) {
				t.Errorf("first: %+v", got)
			}
			if got := w.ingest("auth", events...); got != (auditapi.IngestResult{Known: 200}) {
				t.Errorf("again: %+v", got)
			}
			more := signIn("")
			if got := w.ingest("auth", events[7], more, more, events[9]); got != (auditapi.IngestResult{Stored: 1, Known: 3}) {
				t.Errorf("mixed, one twice: %+v", got)
			}
			for i, e := range w.everything() {
				if want := append(events, more)[i]; e.Seq != int64(i)+1 || e.Event.ID != want.ID || !e.Event.Time.Equal(want.Time) || e.Event.Reason != want.Reason || len(e.Event.Data) != 2 {
					t.Fatalf("entry %d: %+v", i+1, e)
				}
			}
			w.Stop()
			w.mustVerify(201)
		})
	}
}

// TestR51_OneIDManyContents: eight callers at once send the same ids, each with a content of its own. Each event is
// stored once and whole, as one of them sent it; the answers add up; what is stored is never changed by what comes later.
func TestR51_OneIDManyContents(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, somewhere(t), asItIs)
			const callers, n = 8, 50
			ids := signIns(n, "")
			account := func(caller int) string { return fmt.Sprintf("acc_%024d", caller) }
			send := func(caller int) auditapi.IngestResult {
				batchOf := slices.Clone(ids)
				for i := range batchOf {
					batchOf[i].Account, batchOf[i].Reason = account(caller), account(caller)
				}
				if caller%2 == 1 {
					slices.Reverse(batchOf) // the same ids meet in another order
				}
				return w.ingest("auth", batchOf...)
			}
			var stored, known atomic.Int64
			var wg sync.WaitGroup
			for caller := range callers {
				wg.Go(func() {
					got := send(caller)
					stored.Add(int64(got.Stored))
					known.Add(int64(got.Known))
				})
			}
			wg.Wait()
			if stored.Load() != n || known.Load() != (callers-1)*n {
				t.Errorf("%d stored, %d known", stored.Load(), known.Load())
			}
			before := w.everything()
			seen := map[string]bool{}
			for _, e := range before {
				if seen[e.Event.ID] || e.Event.Account != e.Event.Reason || !strings.HasPrefix(e.Event.Account, "acc_") {
					t.Errorf("twice, or of two halves: %+v", e)
				}
				seen[e.Event.ID] = true
			}
			if len(before) != n {
				t.Errorf("%d entries", len(before))
			}
			if got := send(callers); got.Stored != 0 {
				t.Errorf("%+v", got)
			}
			for i, e := range w.everything() {
				if e.Hash != before[i].Hash {
					t.Errorf("entry %d was changed", e.Seq)
				}
			}
			w.Stop()
			w.mustVerify(n)
		})
	}
}

// TestR41_HostileBatches: what breaks the form is refused whole, with the place and never the value, and stores nothing.
func TestR41_HostileBatches(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	good := batch(t, signIn(""))
	one := func(change func(*record.Event)) string {
		e := signIn("")
		change(&e)
		return batch(t, signIn(""), e)
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"no body":                {"", 400},
		"not JSON":               {`{"events":`, 400},
		"no events":              {`{"events":[]}`, 400},
		"201 events":             {batch(t, signIns(201, "")...), 400},
		"over 1 MiB":             {strings.Replace(good, `"why"`, `"`+strings.Repeat("x", 1<<20)+`"`, 1), 413},
		"a field more":           {strings.Replace(good, `"events"`, `"x":1,"events"`, 1), 400},
		"a seq of one's choice":  {strings.Replace(good, `"outcome"`, `"seq":1,"outcome"`, 1), 400},
		"a hash of one's choice": {strings.Replace(good, `"outcome"`, `"hash":"00","outcome"`, 1), 400},
		"a field twice":          {strings.Replace(good, `"outcome"`, `"id":"evt_000000000000000000000000","outcome"`, 1), 400},
		"an operator":            {strings.Replace(good, `"why"`, `{"$gt":"marker"}`, 1), 400},
		"a number":               {strings.Replace(good, `"why"`, `7`, 1), 400},
		"null":                   {strings.Replace(good, `"why"`, `null`, 1), 400},
		"a foreign id":           {one(func(e *record.Event) { e.ID = id.New("acc") }), 400},
		"letters that ids lack":  {one(func(e *record.Event) { e.ID = "evt_" + strings.Repeat("i", 24) }), 400},
		"an unknown action":      {one(func(e *record.Event) { e.Action = "marker.made_up" }), 400},
		"an unknown outcome":     {one(func(e *record.Event) { e.Outcome = "marker" }), 400},
		"a long text":            {one(func(e *record.Event) { e.Target = strings.Repeat("marker", 30) }), 400},
		"17 data":                {one(func(e *record.Event) { e.Data = seventeen() }), 400},
		"before 2000":            {one(func(e *record.Event) { e.Time = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC) }), 400},
		"after 2200":             {one(func(e *record.Event) { e.Time = time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC) }), 400},
		"a time that is none":    {strings.Replace(good, ten.Format(time.RFC3339), "marker", 1), 400},
	} {
		got := w.Do("auth", "", http.MethodPost, "/internal/events", c.body)
		if got.Status != c.status || got.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.Body, "marker") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if n := len(w.everything()); n != 0 {
		t.Errorf("%d entries", n)
	}
	if strings.Contains(w.Log.String(), "marker") {
		t.Error("a value is in the log")
	}
}

func seventeen() map[string]string {
	data := map[string]string{}
	for i := range 17 {
		data[fmt.Sprint(i)] = ""
	}
	return data
}

// TestR51_OddTexts: what is valid UTF-8 comes back as it was, from both stores, and verifies.
func TestR51_OddTexts(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, somewhere(t), asItIs)
			account := id.New("acc")
			e := signIn(account)
			e.Reason = "ñ 😀 \u2028 \t \" ' \\ $where {$gt:1} --;"
			e.Data = record.Data{"": "", "$gt": "x", "a.b": "ñ", "__proto__": "😀"}
			w.ingest("auth", e)
			got := w.activity(account)
			if len(got) != 1 || *got[0].Reason != e.Reason || len(*got[0].Data) != 4 || (*got[0].Data)["a.b"] != "ñ" {
				t.Errorf("%+v", got)
			}
			w.Stop()
			w.mustVerify(1)
		})
	}
}
