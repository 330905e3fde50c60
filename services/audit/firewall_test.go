package audit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/shared/id"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// TestR54_ThreeForgedFrames: three frames that the protocol never expects, within ten minutes, make a verdict on the
// address for ten minutes; a gateway that waits is told. The frame, the decision and the record of it are joined: the
// verdict's id names the rule's decision on the third frame, its event names both, and the person sees it.
func TestR54_ThreeForgedFrames(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, somewhere(t), asItIs)
			account := id.New("acc")
			told := make(chan moduletest.Answer, 1)
			go func() {
				got, err := w.Try("gateway", "", http.MethodGet, "/internal/verdicts?version=0&wait_ms=30000", "")
				if err != nil {
					t.Error(err)
				}
				told <- got
			}()
			w.ingest("chat-relay", violation("203.0.113.9", account, ten))
			w.ingest("chat-relay", violation("203.0.113.8", account, ten)) // of another address
			w.ingest("chat-relay", violation("203.0.113.9", account, ten.Add(5*time.Minute)))
			// Another service's word for it doesn't count (R4.1).
			other := violation("203.0.113.9", account, ten.Add(6*time.Minute))
			other.Service = "gateway"
			w.ingest("gateway", other)
			third := violation("203.0.113.9", account, ten.Add(9*time.Minute))
			w.Clock.Set(third.Time)
			w.ingest("chat-relay", third)
			var feed auditapi.VerdictFeed
			w.Into(&feed, <-told, http.StatusOK)
			if feed.Version != 1 || feed.Snapshot || len(feed.Verdicts) != 1 {
				t.Fatalf("%+v", feed)
			}
			v := feed.Verdicts[0]
			if v.Kind != "ip" || v.Subject != "203.0.113.9" || v.Action != "refuse" || v.Source != "protocol_violation" || !v.Until.Equal(third.Time.Add(10*time.Minute)) || v.Reason == "" {
				t.Errorf("%+v", v)
			}
			for range 3 { // the outbox may send it again: nothing follows from that
				if got := w.ingest("chat-relay", third); got.Stored != 0 {
					t.Errorf("%+v", got)
				}
			}
			reports := w.reports(account, 1)
			if r := reports[0]; *r.Target != v.Id || r.Service != "audit" || (*r.Data)["trigger"] != third.ID || (*r.Data)["subject"] != "203.0.113.9" || (*r.Data)["source"] != "protocol_violation" ||
				(*r.Data)["until"] != v.Until.Format(time.RFC3339) || *r.Reason != v.Reason {
				t.Errorf("%+v %v", r, *r.Data)
			}
			w.Clock.Set(v.Until.Add(-time.Millisecond))
			if got := w.verdicts(); len(got) != 1 || got[0].Id != v.Id {
				t.Errorf("a moment before the end: %+v", got)
			}
			w.Clock.Set(v.Until)
			if got := w.verdicts(); len(got) != 0 {
				t.Errorf("at the end: %+v", got)
			}
			w.Stop()
			w.mustVerify(6)
		})
	}
}

// reports waits for the events of verdicts in an account's activity.
func (w *world) reports(account string, n int) []auditapi.Activity {
	w.T.Helper()
	var found []auditapi.Activity
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		found = nil
		for _, e := range w.activity(account) {
			if e.Action == record.FirewallVerdictAdded {
				found = append(found, e)
			}
		}
		return len(found) == n, fmt.Sprintf("%d of %d reports", len(found), n)
	})
	return found
}

// TestR54_OperatorsWord: what the operator orders is in the list and in the feed at once, recorded with reason and end,
// and over when it is lifted; each look at the list is recorded as well.
func TestR54_OperatorsWord(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	account := id.New("acc")
	var v auditapi.Verdict
	w.Into(&v, w.Do("gateway", w.AsOperator(), http.MethodPost, "/v1/operator/verdicts",
		fmt.Sprintf(`{"kind":"account","subject":%q,"action":"refuse","reason":"asked by its owner","ttl_seconds":60}`, account)), http.StatusCreated)
	if !v.Until.Equal(ten.Add(time.Minute)) || v.Source != "operator" {
		t.Errorf("%+v", v)
	}
	if got := w.verdicts(); len(got) != 1 || got[0] != v {
		t.Errorf("feed: %+v", got)
	}
	if r := w.reports(account, 1)[0]; *r.Target != v.Id || *r.Reason != "asked by its owner" || *r.Address != "203.0.113.7" {
		t.Errorf("%+v", r)
	}
	var page auditapi.VerdictPage
	w.Into(&page, w.Do("gateway", w.AsOperator(), http.MethodGet, "/v1/operator/verdicts", ""), http.StatusOK)
	if len(page.Verdicts) != 1 || page.Verdicts[0] != v {
		t.Errorf("list: %+v", page)
	}
	lift := func() moduletest.Answer {
		return w.Do("gateway", w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+v.Id, "")
	}
	if got := lift(); got.Status != http.StatusNoContent || len(w.verdicts()) != 0 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	// Lifted before and never made look the same.
	unknown := w.Do("gateway", w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+id.New("vrd"), "")
	again := lift()
	same := func(a moduletest.Answer) string { return strings.ReplaceAll(a.Body, a.Header.Get("X-Request-Id"), "") }
	if unknown.Status != http.StatusNotFound || again.Status != unknown.Status || same(again) != same(unknown) {
		t.Errorf("%d %s and %d %s", unknown.Status, unknown.Body, again.Status, again.Body)
	}
	w.settle()
	actions := map[string]int{}
	for _, e := range w.everything() {
		actions[e.Event.Action]++
	}
	if actions[record.FirewallVerdictAdded] != 1 || actions[record.FirewallVerdictRemoved] != 1 || actions[record.AuditRead] != 1 {
		t.Errorf("%v", actions)
	}
	for name, body := range map[string]string{
		"all of the Internet": `{"kind":"prefix","subject":"0.0.0.0/0","action":"refuse","reason":"x"}`,
		"no reason":           `{"kind":"ip","subject":"203.0.113.9","action":"refuse","reason":""}`,
		"no end":              `{"kind":"ip","subject":"203.0.113.9","action":"refuse","reason":"x","ttl_seconds":0}`,
		"an unknown action":   `{"kind":"ip","subject":"203.0.113.9","action":"explode","reason":"x"}`,
		"an operator":         `{"kind":"ip","subject":{"$gt":""},"action":"refuse","reason":"x"}`,
		"a source":            `{"kind":"ip","subject":"203.0.113.9","action":"refuse","reason":"x","source":"operator"}`,
	} {
		if got := w.Do("gateway", w.AsOperator(), http.MethodPost, "/v1/operator/verdicts", body); got.Status != 400 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		// Whoever isn't the operator isn't told what was wrong with it (R4.1).
		if got := w.Do("gateway", "", http.MethodPost, "/v1/operator/verdicts", body); got.Status != 401 {
			t.Errorf("%s, by nobody: %d %s", name, got.Status, got.Body)
		}
	}
}
