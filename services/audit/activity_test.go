package audit_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/record"
)

// digest is what chat-relay reports of a minute of a session.
func digest(account string, at time.Time) record.Event {
	e := record.New(at, module.ChatRelay, record.ChatActivity, record.Success, record.Origin{Address: "203.0.113.9"})
	e.Account, e.Session = account, id.New("ses")
	e.Data = record.Data{"messages": 12, "gaps": record.Data{"mean_ms": 812.5, "cv": 0.4}}
	return e
}

// limited is a telemetry event.
func limited(account string) record.Event {
	e := record.New(ten, module.Gateway, record.GatewayRateLimited, record.Refused, record.Origin{Address: "203.0.113.9"})
	e.Account = account
	return e
}

// KB D2, CA A8: after an hour of chatting the newest sign-in is among the first ten rows, with nothing asked for.
func TestR52_SignInIsNotDrowned(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account := id.New("acc")
		in := signIn(account)
		w.ship(module.Auth, in)
		var digests []record.Event
		for i := range 60 {
			digests = append(digests, digest(account, ten.Add(time.Duration(i)*time.Minute)))
		}
		w.ship(module.ChatRelay, digests...)
		page := w.page(account, "?limit=10")
		if len(page.Events) != 1 || page.Events[0].Id != in.ID || page.Events[0].Class != auditapi.EventClassSecurity || page.NextCursor != nil {
			t.Errorf("%+v", page)
		}
		chat := w.page(account, "?class=activity&limit=100")
		if len(chat.Events) != 60 || chat.Events[0].Id != digests[59].ID || (*chat.Events[0].Data)["messages"] != 12.0 {
			t.Errorf("%d digests, %+v", len(chat.Events), chat.Events[0])
		}
	})
}

// The classes, one by one and all, page by page, while more comes: nothing twice, nothing left out, newest first.
func TestR52_PagesOfClasses(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account, other := id.New("acc"), id.New("acc")
		want := map[string][]string{}
		add := func(class, service string, e record.Event) {
			w.ship(service, e)
			want[class], want["all"] = append(want[class], e.ID), append(want["all"], e.ID)
		}
		for i := range 7 {
			add("security", module.Auth, signIn(account))
			add("activity", module.ChatRelay, digest(account, ten))
			if i%3 == 0 {
				add("telemetry", module.Gateway, limited(account))
			}
			w.ship(module.Auth, signIn(other))
		}
		for class, ids := range want {
			slices.Reverse(ids)
			var got []string
			for query := "?class=" + class + "&limit=2"; query != ""; {
				page := w.page(account, query)
				if len(page.Events) > 2 {
					t.Fatalf("%d events", len(page.Events))
				}
				for _, e := range page.Events {
					got = append(got, e.Id)
					if class != "all" && string(e.Class) != class {
						t.Errorf("%s among %s", e.Class, class)
					}
				}
				w.ship(module.Auth, signIn(account)) // seen on a new first page only
				if query = ""; page.NextCursor != nil {
					query = "?class=" + class + "&limit=2&cursor=" + *page.NextCursor
				}
			}
			if len(got) < len(ids) || !slices.Equal(got[len(got)-len(ids):], ids) {
				t.Errorf("%s: %v, want %v", class, got, ids)
			}
			if class == "telemetry" && len(got) != 3 {
				t.Errorf("%v", got)
			}
		}
		// A cursor of one class goes on in another: what is older than that place.
		page := w.page(account, "?class=activity&limit=3")
		rest := w.page(account, "?class=telemetry&limit=100&cursor="+*page.NextCursor)
		for _, e := range rest.Events {
			if e.Seq >= page.Events[2].Seq || e.Class != auditapi.EventClassTelemetry {
				t.Errorf("%+v", e)
			}
		}
		if len(rest.Events) == 0 {
			t.Error("nothing older")
		}
	})
}

// TestR41_OnesOwnActivity: whatever a person sends, the page is of the account in the token; another person's cursor
// shows nothing of theirs, and an account without a history looks like one that isn't there.
func TestR41_OnesOwnActivity(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	ana, ben := id.New("acc"), id.New("acc")
	for range 3 {
		w.ship(module.Auth, signIn(ana), signIn(ben), signIn(""))
	}
	page := w.page(ana, "?limit=2")
	if len(page.Events) != 2 || page.NextCursor == nil {
		t.Fatalf("%+v", page)
	}
	theirs := w.page(ben, "?limit=100&cursor="+*page.NextCursor)
	for _, e := range theirs.Events {
		if slices.ContainsFunc(page.Events, func(mine auditapi.Activity) bool { return e.Id == mine.Id }) {
			t.Errorf("ben sees ana's %+v", e)
		}
	}
	if len(theirs.Events) == 0 || len(w.activity(ben)) != 3 || len(w.activity(id.New("acc"))) != 0 {
		t.Error("not one's own")
	}
	for _, query := range []string{
		"?account=" + ana, "?account_id=" + ana, "?limit=0", "?limit=101", "?limit=x", "?cursor=%25%25", "?cursor=" + strings.Repeat("A", 513),
		"?class=", "?class=marker", "?class=Security", "?class=all&class=security", "?class=security,activity",
	} {
		got := w.Do(module.Gateway, w.AsPerson(ben, id.New("ses")), http.MethodGet, "/v1/me/activity"+query, "")
		if got.Status != 400 || strings.Contains(got.Body, ana) || strings.Contains(got.Body, "marker") {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}

// Every field that a person may see is there, and nothing of what is not theirs to see: no request id, no device.
func TestR52_WhatAPersonSees(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	account := id.New("acc")
	e := signIn(account)
	w.ship(module.Auth, e)
	got := w.page(account, "").Events[0]
	if got.Seq != 1 || got.Id != e.ID || !got.Time.Equal(e.Time) || got.Service != module.Auth || got.Action != e.Action || got.Outcome != e.Outcome || *got.Session != e.Session ||
		*got.Target != e.Target || *got.Address != e.Address || *got.UserAgent != e.UserAgent || *got.Reason != e.Reason || (*got.Data)["client"] != "<b>&" || len(*got.Data) != 2 {
		t.Errorf("%+v", got)
	}
	body := w.Do(module.Gateway, w.AsPerson(account, id.New("ses")), http.MethodGet, "/v1/me/activity", "").Body
	if strings.Contains(body, e.RequestID) || strings.Contains(body, e.Device) {
		t.Errorf("%s", body)
	}
}

// Erasure: with the person's key destroyed nothing of the person is shown, by any instance after a minute; the record
// verifies as before, and says how many entries are of erased persons.
func TestErasure(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		ana, ben := id.New("acc"), id.New("acc")
		w.ship(module.Auth, signIn(ana), signIn(ben), signIn(ana))
		if len(w.activity(ana)) != 2 {
			t.Fatal("nothing to erase")
		}
		if err := w.keeper().Erase(t.Context(), ana); err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(time.Minute) // this module is another instance than the one that erased
		if got := w.activity(ana); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		if got := w.activity(ben); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		w.ship(module.Auth, signIn(ana), signIn(ben)) // late events
		if len(w.activity(ana)) != 0 || len(w.activity(ben)) != 2 {
			t.Error("after late events")
		}
		w.Stop()
		out, err := verifies(t, p)
		if err != nil || !strings.Contains(out, "good: 5 entries") || !strings.Contains(out, "personal fields of 2 entries are what they commit to; 3 entries are of persons who were erased") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
