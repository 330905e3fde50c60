package auditlinktest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"centinela/shared/auditlink"
	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// Audit is safe for concurrent use.
type Audit struct {
	outboxtest.Receiver
	mu      sync.Mutex
	version int
	list    []verdicts.Verdict
	changed chan struct{}
}

// New is an Audit without verdicts.
func New() *Audit { return &Audit{version: 1, changed: make(chan struct{})} }

// Verdict is one of an hour from now, of an operator.
func Verdict(action string, subjects ...verdicts.Subject) verdicts.Verdict {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return verdicts.Verdict{
		ID: id.New("vrd"), Subjects: subjects, Action: action, Reason: "a test", Source: "operator", CreatedAt: now, Until: now.Add(time.Hour),
	}
}

// Put replaces the verdicts.
func (a *Audit) Put(list ...verdicts.Verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = list
	a.version++
	close(a.changed)
	a.changed = make(chan struct{})
}

// Recorded are the events of one action, with their data.
func (a *Audit) Recorded(action string) []record.Event {
	var found []record.Event
	for _, e := range a.Events() {
		if e.Event.Action == action {
			e.Event.Data = e.Data()
			found = append(found, e.Event)
		}
	}
	return found
}

// Ingest answers ingestEvents.
func (a *Audit) Ingest(w http.ResponseWriter, r *http.Request) {
	shipment, err := auditlink.ReadShipment(r.Body)
	if err == nil {
		held, taken := a.Take(r.Context(), shipment)
		if err = taken; err == nil {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"n": held.N, "hash": held.Hash.String()}) // a peer that is gone asks again
			return
		}
	}
	refuse(w, err)
}

// Watch answers watchVerdicts: with everything, whenever something changed.
func (a *Audit) Watch(w http.ResponseWriter, r *http.Request) {
	patience, _ := strconv.Atoi(r.FormValue("wait_ms")) // none without it
	a.mu.Lock()
	changed, version := a.changed, a.version
	a.mu.Unlock()
	if r.FormValue("cursor") == strconv.Itoa(version) {
		select {
		case <-changed:
		case <-r.Context().Done():
		case <-time.After(time.Duration(patience) * time.Millisecond):
		}
	}
	a.mu.Lock()
	page := verdicts.Page{Cursor: strconv.Itoa(a.version), Snapshot: strconv.Itoa(a.version) != r.FormValue("cursor")}
	if page.Snapshot {
		page.Verdicts = append(page.Verdicts, a.list...)
	}
	a.mu.Unlock()
	body, err := auditlink.EncodePage(page)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", auditlink.MediaType)
	_, _ = w.Write(body) // as above
}

func refuse(w http.ResponseWriter, err error) {
	f := fault.From(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": f.Code, "detail": f.Detail, "status": http.StatusServiceUnavailable}) // as above
}
