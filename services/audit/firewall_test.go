package audit_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit"
	"centinela/services/audit/internal/firewall"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

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

func onIP(value string) []verdicts.Subject {
	return []verdicts.Subject{{Kind: verdicts.KindIP, Value: value}}
}

// TestR54_ThreeForgedFrames: three frames that the protocol never expects, within ten minutes, make a verdict on the
// address for ten minutes; a gateway that waits is told. The frame, the decision and the record of it are joined: the
// verdict names the frame that decided, its event names both, and the person sees it.
func TestR54_ThreeForgedFrames(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account := id.New("acc")
		first, err := w.feed(module.Gateway, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan verdicts.Page, 1)
		go func() {
			page, err := w.feed(module.Gateway, first.Cursor, 30*time.Second)
			if err != nil {
				t.Error(err)
			}
			told <- page
		}()
		w.ship(module.ChatRelay, violation("203.0.113.9", account, ten))
		w.ship(module.ChatRelay, violation("203.0.113.8", account, ten)) // of another address
		w.ship(module.ChatRelay, violation("203.0.113.9", account, ten.Add(5*time.Minute)))
		// Another service's word for it doesn't count (R4.1).
		w.ship(module.Gateway, violation("203.0.113.9", account, ten.Add(6*time.Minute)))
		third := violation("203.0.113.9", account, ten.Add(9*time.Minute))
		w.Clock.Set(third.Time)
		s := w.ship(module.ChatRelay, third)
		page := <-told
		if page.Snapshot || page.More || len(page.Verdicts) != 1 || len(page.Removed) != 0 {
			t.Fatalf("%+v", page)
		}
		v := page.Verdicts[0]
		if !slices.Equal(v.Subjects, onIP("203.0.113.9")) || v.Action != verdicts.Refuse || v.Source != "protocol_violation" || !v.Until.Equal(third.Time.Add(10*time.Minute)) ||
			v.Reason == "" || v.Decision != third.ID || v.Level != 0 {
			t.Errorf("%+v", v)
		}
		for range 3 { // the outbox may send it again: nothing follows from that
			if held := w.held(w.send(module.ChatRelay, s)); held != s.Head {
				t.Errorf("%+v", held)
			}
		}
		r := w.reports(account, 1)[0]
		data := *r.Data
		if *r.Target != v.ID || r.Service != module.Audit || data["decision_id"] != third.ID || data["source"] != "protocol_violation" || data["level"] != 0.0 ||
			data["until"] != v.Until.Format(time.RFC3339) || *r.Reason != v.Reason || !reflect.DeepEqual(data["kinds"], []any{"ip"}) {
			t.Errorf("%+v %v", r, data)
		}
		w.settle()
		if e := w.everything()[5]; e.Event.Action != record.FirewallVerdictAdded || e.Event.Subject != "203.0.113.9" {
			t.Errorf("%+v", e)
		}
		w.Clock.Set(v.Until.Add(-time.Millisecond))
		if got := w.verdicts(); len(got) != 1 || got[0].ID != v.ID {
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

// KB D4: a thousand violations of one address within a minute make one verdict and one event of it; a quiet time later
// it is made longer, with one event more.
func TestR54_OneOffenderOneVerdict(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	account := id.New("acc")
	storm := func(from time.Time) {
		for i := range 10 {
			var frames []record.Event
			for j := range 100 {
				frames = append(frames, violation("203.0.113.9", account, from.Add(time.Duration(i*100+j)*50*time.Millisecond)))
			}
			w.ship(module.ChatRelay, frames...)
		}
		w.settle()
	}
	storm(ten)
	before := w.verdicts()
	// The frames' clock is ahead of audit's, which nobody waits longer for.
	if len(before) != 1 || before[0].Level != 0 || !before[0].Until.Equal(ten.Add(10*time.Minute)) {
		t.Fatalf("%+v", before)
	}
	later := ten.Add(2 * time.Minute)
	w.Clock.Set(later)
	storm(later)
	after := w.verdicts()
	if len(after) != 1 || after[0].ID != before[0].ID || after[0].Level != 1 || !after[0].Until.Equal(later.Add(10*time.Minute)) || !after[0].CreatedAt.Equal(before[0].CreatedAt) {
		t.Errorf("%+v\nwas %+v", after, before)
	}
	var levels []any
	for _, e := range w.everything() {
		if e.Event.Action == record.FirewallVerdictAdded {
			levels = append(levels, e.Data["level"])
		}
	}
	if !slices.Equal(levels, []any{0.0, 1.0}) {
		t.Errorf("reports of the levels %v", levels)
	}
	if got := len(w.rows()); got != 2002 {
		t.Errorf("%d entries", got)
	}
}

// A rule on two keys that are joined makes a verdict on both, and a gateway refuses who is both and nobody else.
func TestR54_JoinedKeys(t *testing.T) {
	p := onSQLite(t)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	write(t, rules, `rules:
  - {id: joined, event: session.refused, from: auth, key: [account, address], count: 2, window: 1m, action: throttle, ttl: 5m, mode: enforce, reason: too many}
  - {id: watching, event: session.refused, from: auth, key: device, count: 1, action: refuse, ttl: 5m, mode: log, reason: would refuse}
`)
	w := startWorld(t, p, audit.Config{RulesFile: rules}, false, asItIs)
	ana, ben := id.New("acc"), id.New("acc")
	failed := func(account, address string) record.Event {
		e := record.New(ten, module.Auth, record.SessionRefused, record.Failure, record.Origin{Address: address, Device: strings.Repeat("0b", 32)})
		e.Account = account
		return e
	}
	w.ship(module.Auth, failed(ana, "203.0.113.9"), failed(ana, "203.0.113.10"), failed(ben, "203.0.113.9"), failed(ana, "203.0.113.9"), failed(ben, "2001:db8::1"), failed(ben, "2001:db8::2"))
	w.settle()
	got := w.verdicts()
	if len(got) != 2 || got[0].Source != "joined" || len(got[0].Subjects) != 2 || len(got[1].Subjects) != 2 {
		t.Fatalf("%+v", got)
	}
	set := verdicts.NewSet()
	if err := set.Replace(got); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address, account, action string
	}{
		{"203.0.113.9", ana, verdicts.Throttle},
		{"203.0.113.10", ana, ""},
		{"203.0.113.9", ben, ""},
		{"203.0.113.9", "", ""},
		{"2001:db8::ffff", ben, verdicts.Throttle}, // IPv6 by /64
		{"2001:db8:0:1::1", ben, ""},
	} {
		if d := set.Check(verdicts.Client{Addr: netip.MustParseAddr(c.address), Account: c.account}, ten); d.Action != c.action {
			t.Errorf("%+v: %q", c, d.Action)
		}
	}
	if !strings.Contains(w.Log.String(), `"rule":"watching"`) {
		t.Error("what a rule in log mode would have done isn't told")
	}
	// Both are the person's to see.
	if r := w.reports(ana, 1)[0]; *r.Reason != "too many" || !reflect.DeepEqual((*r.Data)["kinds"], []any{"account", "ip"}) {
		t.Errorf("%+v", r)
	}
}

// TestR54_OperatorsWord: what the operator orders is in the list and in the feed at once, recorded with reason and end,
// and over when it is lifted; each look at the list is recorded as well.
func TestR54_OperatorsWord(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account := id.New("acc")
		v := w.orders(fmt.Sprintf(`{"subjects":[{"kind":"account","value":%q}],"action":"refuse","reason":"asked by its owner","ttl_seconds":60}`, account))
		if !v.Until.Equal(ten.Add(time.Minute)) || v.Source != "operator" || v.Level != 0 || v.DecisionId != nil {
			t.Errorf("%+v", v)
		}
		if got := w.verdicts(); len(got) != 1 || got[0].ID != v.Id || got[0].Action != verdicts.Refuse || !got[0].Until.Equal(v.Until) || got[0].Subjects[0].Value != account {
			t.Errorf("feed: %+v", got)
		}
		if r := w.reports(account, 1)[0]; *r.Target != v.Id || *r.Reason != "asked by its owner" || *r.Address != moduletest.Address {
			t.Errorf("%+v", r)
		}
		var page auditapi.VerdictPage
		w.Into(&page, w.Do(module.Gateway, w.AsOperator(), http.MethodGet, "/v1/operator/verdicts", ""), http.StatusOK)
		if len(page.Verdicts) != 1 || !reflect.DeepEqual(page.Verdicts[0], v) {
			t.Errorf("list: %+v, want %+v", page, v)
		}
		lift := func() moduletest.Answer {
			return w.Do(module.Gateway, w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+v.Id, "")
		}
		if got := lift(); got.Status != http.StatusNoContent || len(w.verdicts()) != 0 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		// Lifted before and never made look the same.
		unknown := w.Do(module.Gateway, w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+id.New("vrd"), "")
		again := lift()
		same := func(a moduletest.Answer) string {
			return strings.ReplaceAll(a.Body, a.Header.Get("X-Request-Id"), "")
		}
		if unknown.Status != http.StatusNotFound || again.Status != unknown.Status || same(again) != same(unknown) {
			t.Errorf("%d %s and %d %s", unknown.Status, unknown.Body, again.Status, again.Body)
		}
		w.settle()
		actions := map[string]int{}
		for _, e := range w.everything() {
			actions[e.Event.Action]++
			if e.Event.Action == record.AuditRead && (e.Event.Address != moduletest.Address || e.Data["what"] != "verdicts") {
				t.Errorf("%+v", e)
			}
		}
		if actions[record.FirewallVerdictAdded] != 1 || actions[record.FirewallVerdictRemoved] != 1 || actions[record.AuditRead] != 1 {
			t.Errorf("%v", actions)
		}
		w.Stop()
		w.mustVerify(3)
	})
}

// An operator's mistake is named with its place, whoever isn't the operator isn't told what was wrong (R4.1), and
// nothing is changed by either.
func TestR54_OperatorsMistakes(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	acc, ses := id.New("acc"), id.New("ses")
	order := func(subjects, rest string) string {
		return `{"subjects":[` + subjects + `],"action":"refuse","reason":"marker"` + rest + `}`
	}
	subject := func(kind, value string) string { return fmt.Sprintf(`{"kind":%q,"value":%q}`, kind, value) }
	before := w.Contents("followers")
	for name, c := range map[string]struct{ body, at string }{
		"no body":                       {"", ""},
		"not JSON":                      {`{"subjects":`, ""},
		"first light's form":            {`{"kind":"ip","subject":"203.0.113.9","action":"refuse","reason":"x"}`, "/subjects"},
		"no subject":                    {order("", ""), "/subjects"},
		"a reason of two lines":         {`{"subjects":[` + subject("ip", "203.0.113.9") + `],"action":"refuse","reason":"two\nlines"}`, "/reason"},
		"a reason that turns around":    {`{"subjects":[` + subject("ip", "203.0.113.9") + `],"action":"refuse","reason":"\u202eenil eno"}`, "/reason"},
		"three":                         {order(subject("ip", "203.0.113.9")+","+subject("account", acc)+","+subject("session", ses), ""), "/subjects"},
		"the same kind twice":           {order(subject("account", acc)+","+subject("account", id.New("acc")), ""), "/subjects"},
		"an address and a prefix":       {order(subject("ip", "203.0.113.9")+","+subject("prefix", "203.0.113.0/24"), ""), "/subjects"},
		"an unknown kind":               {order(subject("marker", "203.0.113.9"), ""), "/subjects/0/kind"},
		"no value":                      {order(subject("ip", ""), ""), "/subjects/0/value"},
		"an address that is none":       {order(subject("ip", "203.0.113.999"), ""), "/subjects/0/value"},
		"an address with a zone":        {order(subject("ip", "fe80::1%eth0"), ""), "/subjects/0/value"},
		"a prefix as an address":        {order(subject("ip", "203.0.113.0/24"), ""), "/subjects/0/value"},
		"an address as a prefix":        {order(subject("prefix", "203.0.113.9"), ""), "/subjects/0/value"},
		"all of the Internet":           {order(subject("prefix", "0.0.0.0/0"), ""), "/subjects/0/value"},
		"all of IPv6":                   {order(subject("prefix", "::/0"), ""), "/subjects/0/value"},
		"IPv4 as IPv6, all of it":       {order(subject("prefix", "::ffff:0.0.0.0/96"), ""), "/subjects/0/value"},
		"an account that is none":       {order(subject("account", "marker"), ""), "/subjects/0/value"},
		"a session as an account":       {order(subject("account", ses), ""), "/subjects/0/value"},
		"a device that isn't hex":       {order(subject("device", "markermarkermarker"), ""), "/subjects/0/value"},
		"the second one":                {order(subject("account", acc)+","+subject("ip", "x"), ""), "/subjects/1/value"},
		"an operator's injection":       {`{"subjects":[{"kind":"ip","value":{"$gt":""}}],"action":"refuse","reason":"x"}`, "/subjects/0/value"},
		"a subject with more":           {`{"subjects":[{"kind":"ip","value":"203.0.113.9","x":1}],"action":"refuse","reason":"x"}`, "/subjects/0"},
		"no reason":                     {`{"subjects":[` + subject("ip", "203.0.113.9") + `],"action":"refuse","reason":""}`, "/reason"},
		"a reason of 201 characters":    {`{"subjects":[` + subject("ip", "203.0.113.9") + `],"action":"refuse","reason":"` + strings.Repeat("ñ", 201) + `"}`, "/reason"},
		"no end":                        {order(subject("ip", "203.0.113.9"), `,"ttl_seconds":0`), "/ttl_seconds"},
		"longer than a year":            {order(subject("ip", "203.0.113.9"), `,"ttl_seconds":31536001`), "/ttl_seconds"},
		"half a second":                 {order(subject("ip", "203.0.113.9"), `,"ttl_seconds":0.5`), "/ttl_seconds"},
		"an unknown action":             {`{"subjects":[` + subject("ip", "203.0.113.9") + `],"action":"explode","reason":"x"}`, "/action"},
		"a source of one's choice":      {order(subject("ip", "203.0.113.9"), `,"source":"operator"`), ""},
		"a level of one's choice":       {order(subject("ip", "203.0.113.9"), `,"level":7`), ""},
		"the machine itself, unforced":  {order(subject("ip", "127.0.0.1"), ""), "/force"},
		"one's own address, unforced":   {order(subject("ip", moduletest.Address), ""), "/force"},
		"one's own network, unforced":   {order(subject("prefix", "203.0.113.0/24"), ""), "/force"},
		"a member twice":                {order(subject("ip", "203.0.113.9"), `,"action":"allow"`), ""},
		"an address with a leading nil": {order(subject("ip", "203.0.113.009"), ""), "/subjects/0/value"},
	} {
		got := w.Do(module.Gateway, w.AsOperator(), http.MethodPost, "/v1/operator/verdicts", c.body)
		if got.Status != 400 || !strings.Contains(got.Body, c.at) || strings.Contains(got.Body, "marker") || c.at != "" && !strings.Contains(got.Body, `"pointer":"`) {
			t.Errorf("%s: %d %s, want 400 at %s", name, got.Status, got.Body, c.at)
		}
		if got := w.Do(module.Gateway, "", http.MethodPost, "/v1/operator/verdicts", c.body); got.Status != 401 || c.at != "" && strings.Contains(got.Body, c.at) {
			t.Errorf("%s, by nobody: %d %s", name, got.Status, got.Body)
		}
	}
	for _, verdict := range []string{"x", "vrd_", "acc_000000000000000000000000", "vrd_00000000000000000000000I", "vrd_00000000000000000000000%27"} {
		if got := w.Do(module.Gateway, w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+verdict, ""); got.Status != 400 && got.Status != 404 {
			t.Errorf("%s: %d %s", verdict, got.Status, got.Body)
		}
	}
	if w.Contents("followers") != before {
		t.Error("a mistake changed something")
	}
}

// What follows the feed knows all of 2,500 verdicts wherever it is killed between pages, while verdicts are added,
// lifted and swept; a cursor that isn't one, is another database's or too old begins anew.
func TestR54_FeedOutlivesItsReader(t *testing.T) {
	p, n := onSQLite(t), 2500 // the suite of the stores pages on both
	w := newWorld(t, p, asItIs)
	var ids []string
	for i := range n {
		v := firewall.Verdict{Verdict: verdicts.Verdict{
			ID: id.New("vrd"), Subjects: onIP(fmt.Sprintf("10.%d.%d.%d", i/62500, i/250%250, i%250)), Action: verdicts.Refuse, Reason: "why", Source: "operator",
			CreatedAt: ten, Until: ten.Add(time.Hour),
		}}
		if err := w.backend.AddVerdict(t.Context(), v, record.New(ten, module.Audit, record.FirewallVerdictAdded, record.Success, record.Origin{})); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	lift := func(verdict string) {
		t.Helper()
		if got := w.Do(module.Gateway, w.AsOperator(), http.MethodDelete, "/v1/operator/verdicts/"+verdict, ""); got.Status != 204 {
			t.Fatal(got.Body)
		}
	}
	page, err := w.feed(module.Gateway, "", 0)
	if err != nil || !page.Snapshot || !page.More || len(page.Verdicts) != 1000 {
		t.Fatalf("%d verdicts, %v", len(page.Verdicts), err)
	}
	held := map[string]bool{}
	take := func(page verdicts.Page) {
		if page.Snapshot {
			clear(held)
		}
		for _, v := range page.Verdicts {
			held[v.ID] = true
		}
		for _, gone := range page.Removed {
			delete(held, gone)
		}
	}
	take(page)
	lift(ids[1])   // it was given
	lift(ids[n-2]) // it wasn't
	added := w.orders(onAddress("10.200.0.1")).Id
	for page.More { // a reader that was killed asks with the cursor that it had kept, twice
		again, err := w.feed(module.ChatRelay, page.Cursor, 0)
		if err != nil {
			t.Fatal(err)
		}
		if page, err = w.feed(module.Gateway, page.Cursor, 0); err != nil || page.Snapshot || !reflect.DeepEqual(page, again) {
			t.Fatalf("%+v, %v", page.Cursor, err)
		}
		take(page)
	}
	if len(held) != n-1 || held[ids[1]] || held[ids[n-2]] || !held[added] || !held[ids[0]] {
		t.Errorf("%d held", len(held))
	}
	whole := page.Cursor
	if page, err := w.feed(module.Gateway, whole, 0); err != nil || page.Snapshot || len(page.Verdicts)+len(page.Removed) != 0 || page.Cursor != whole {
		t.Errorf("%+v, %v", page, err)
	}
	// Another database's cursor, garbage, one from the future.
	elsewhere := newWorld(t, onSQLite(t), asItIs)
	for range 3 {
		elsewhere.orders(onAddress("10.0.0.1"))
	}
	foreign, err := elsewhere.feed(module.Gateway, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, cursor := range map[string]string{
		"foreign": foreign.Cursor, "garbage": "garbage", "cut": whole[:len(whole)-2], "nothing in it": base64.RawURLEncoding.EncodeToString([]byte("{}")),
	} {
		if page, err := w.feed(module.Gateway, cursor, 0); err != nil || !page.Snapshot || len(page.Verdicts) != 1000 {
			t.Errorf("%s: %d verdicts, %v", name, len(page.Verdicts), err)
		}
	}
	got := w.Do(module.Gateway, "", http.MethodGet, "/internal/verdicts?cursor="+strings.Repeat("A", 600), "")
	if got.Status != 400 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	// After a restart the same cursor goes on (R5.4).
	w.Stop()
	again := newWorld(t, p, asItIs)
	if page, err := again.feed(module.Gateway, whole, 0); err != nil || page.Snapshot || len(page.Verdicts)+len(page.Removed) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if len(again.verdicts()) != n-1 {
		t.Error("the verdicts are gone")
	}
}

// A copy of the data of last week in the place of today's: the versions begin again, and what a gateway knows is of no
// use; it learns everything anew. (A restore gives the firewall's log another name; here somebody copies the file.)
func TestR54_FeedAfterARestore(t *testing.T) {
	p := onSQLite(t)
	w := newWorld(t, p, asItIs)
	w.orders(onAddress("10.0.0.1"))
	w.settle()
	w.Stop()
	copied, err := os.ReadFile(p.database())
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, p, asItIs)
	w.orders(onAddress("10.0.0.2"))
	w.orders(onAddress("10.0.0.3"))
	page, err := w.feed(module.Gateway, "", 0)
	if err != nil || len(page.Verdicts) != 3 {
		t.Fatalf("%+v, %v", page, err)
	}
	w.Stop()
	(&sqliteOutsider{t: t, path: p.database()}).write(copied)
	w = unready(t, p)
	if again, err := w.feed(module.Gateway, page.Cursor, 0); err != nil || !again.Snapshot || len(again.Verdicts) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	w.Closes = audit.ErrTampered // the checkpoint has seen more
}
