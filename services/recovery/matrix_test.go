package recovery_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery"
	"centinela/shared/id"
	"centinela/shared/module/moduletest"
)

// live are the operations that ask auth for the live session.
var live = map[string]bool{"addPhone": true, "retirePhone": true, "keepPhone": true, "verifyPhone": true, "stopMyRecovery": true}

// matrix is every operation with what its owner asks of the numbers and the recovery that there are.
func (w *world) matrix(phone string, c claim) moduletest.Matrix {
	const wrongCode = `{"code":"00000000"}`
	ask := func(path, body string) func(string) moduletest.Request {
		path = strings.NewReplacer("{phone}", phone, "{recovery}", c.id).Replace(path)
		return func(string) moduletest.Request { return moduletest.Request{Path: path, Body: body} }
	}
	row := func(status int, path, body string) moduletest.Row {
		r := moduletest.Row{Request: ask(path, body), Status: status}
		if strings.Contains(path, "{phone}") || strings.Contains(path, "{recovery}") {
			nowhere := strings.NewReplacer("{phone}", id.New("phn"), "{recovery}", id.New("rec")).Replace(path)
			r.Nowhere = func() moduletest.Request { return moduletest.Request{Path: nowhere, Body: body} }
		}
		return r
	}
	m := w.Matrix(map[string]moduletest.Row{
		"listPhones":              row(200, "/v1/me/phones", ""),
		"addPhone":                row(201, "/v1/me/phones", `{"number":"`+second+`"}`),
		"retirePhone":             row(200, "/v1/me/phones/{phone}", ""),
		"keepPhone":               row(409, "/v1/me/phones/{phone}/kept", ""),
		"sendPhoneCode":           row(202, "/v1/me/phones/{phone}/codes", ""),
		"verifyPhone":             row(422, "/v1/me/phones/{phone}/verification", wrongCode),
		"listMyRecoveries":        row(200, "/v1/me/recoveries", ""),
		"stopMyRecovery":          row(204, "/v1/me/recoveries/{recovery}", ""),
		"startRecovery":           row(202, "/v1/recoveries", `{"identifier":"ana"}`),
		"vetoRecovery":            row(404, "/v1/recoveries/veto", `{"token":"nonsense"}`),
		"getRecovery":             row(200, "/v1/recoveries/{recovery}", ""),
		"sendRecoveryCode":        row(202, "/v1/recoveries/{recovery}/codes", `{}`),
		"addEvidence":             row(422, "/v1/recoveries/{recovery}/evidence", `{"method":"sms","code":"00000000"}`),
		"completeRecovery":        row(409, "/v1/recoveries/{recovery}/completion", `{"new_password":"`+password+`"}`),
		"receiveTwilioText":       row(400, "/v1/sms/twilio/inbound", ""), // no form: TestTwilio
		"receiveTwilioStatus":     row(400, "/v1/sms/twilio/status", ""),
		"listSimulatedTexts":      row(200, "/dev/phone", ""),
		"replyFromSimulatedPhone": row(204, "/dev/phone/replies", `{"from":"`+first+`","body":"NO"}`),
	}, func() {}) // the module is still
	for name, why := range map[string]string{
		"vetoRecovery": "nobody's token", "completeRecovery": "it isn't ready", "receiveTwilioText": "no form", "receiveTwilioStatus": "no form",
		"keepPhone": "it wasn't to go",
	} {
		r := m.Rows[name]
		r.Quiet = why
		m.Rows[name] = r
	}
	for name := range live {
		r := m.Rows[name]
		r.Fresh, r.Wrong = name != "verifyPhone" && name != "stopMyRecovery", w.withoutLiveSession
		m.Rows[name] = r
	}
	m.Right[moduletest.Person] = func() string { return w.signedIn(ana) }
	m.Stale = func() string { return w.signedInAgo(ana, 10*time.Minute) }
	mine := "Recovery " + c.secret
	m.Right[moduletest.Claim] = func() string { return mine }
	m.Wrong[moduletest.Claim] = func() []moduletest.Wrong {
		refused := func(who, authorization string) moduletest.Wrong {
			return moduletest.Wrong{Who: who, Authorization: authorization, Status: 401, Code: "recovery_invalid"}
		}
		return []moduletest.Wrong{
			refused("no secret", ""), refused("another secret", "Recovery wrong"), refused("a person", w.signedIn(ana)), refused("the operator", w.AsOperator()),
		}
	}
	return m
}

// withoutLiveSession is the owner, of whose session auth says that it is over, or says nothing.
func (w *world) withoutLiveSession() []moduletest.Wrong {
	during := func(who string, status int, code string, change, back func()) moduletest.Wrong {
		return moduletest.Wrong{Who: who, Authorization: w.signedIn(ana), Status: status, Code: code, During: func() func() {
			w.auth.set(change)
			return func() { w.auth.set(back) }
		}}
	}
	f := w.auth
	return []moduletest.Wrong{
		during("a session that auth has ended", 401, "session_revoked", func() { f.ended[session] = true }, func() { delete(f.ended, session) }),
		during("auth is down", 503, "unavailable", func() { f.down = true }, func() { f.down = false }),
		during("auth doesn't say", 503, "unavailable", func() { f.strange = true }, func() { f.strange = false }),
	}
}

// TestR41Matrix: who may call what (R4.1), for every operation of the
// specification: the gateway only; one's own numbers, signed in, and fresh for
// changes; a recovery with its own secret; and what is somebody else's is
// answered like what doesn't exist. What is refused has changed nothing: no row,
// counter, text or event of anybody's (V24).
func TestR41Matrix(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			o.still = true
			w := newWorld(t, o)
			phone := w.prove(ana, first)
			w.Clock.Advance(time.Minute)
			c, other := w.start("ana", ""), w.start("ana", "")
			m := w.matrix(phone, c)
			m.Other[moduletest.Claim] = func() string { return "Recovery " + other.secret }
			m.Run(t)
		})
	}
}

// TestLiveTableIsComplete: each write of a person's asks auth for the live
// session, or is here with the reason.
func TestLiveTableIsComplete(t *testing.T) {
	without := map[string]string{"sendPhoneCode": "a text to a number that is the owner's already changes no way in"}
	spec, err := recoveryapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			_, excused := without[op.OperationID]
			if strings.HasPrefix(path, "/v1/me/") && method != http.MethodGet && live[op.OperationID] == excused {
				t.Errorf("%s: asks for the live session: %v, excused: %v", op.OperationID, live[op.OperationID], excused)
			}
		}
	}
}

// KA D1, end to end: two calls with a stale sign-in use no notice up; the removal
// that is asked for after them is told to the other phone.
func TestD1SilentRemovalFromOutside(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			oldest := w.prove(ana, first)
			w.Clock.Advance(time.Minute)
			w.prove(ana, second)
			w.Clock.Advance(8 * day)
			for range 2 {
				w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedInAgo(ana, 11*time.Minute), nil), 403, "fresh_sign_in_required")
			}
			w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedIn(ana), nil), 200, "")
			w.text(second, "pide quitar")
		})
	}
}

// TestPruneInBackground: what is over goes, by the module's own round.
func TestPruneInBackground(t *testing.T) {
	w := newWorld(t, options{still: true})
	w.prove(ana, first)
	c := w.start("nobody", "")
	for _, texts := range []int{1, 0} { // simulated ones are kept for 7 days
		w.Clock.Advance(7*day - time.Millisecond)
		if err := w.module.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.want(c.call("GET", "", nil), 401, "recovery_invalid")
		if got := w.texts(first); len(got) != texts {
			t.Errorf("%d texts, want %d", len(got), texts)
		}
	}
}

// TestR3PanicIsContained: whatever the store does to a handler or to the work in
// the background, the request ends with a 500 and its id, one line has the stack,
// and the process goes on. For every operation of the specification.
func TestR3PanicIsContained(t *testing.T) {
	w := newWorld(t, options{build: recovery.NewFaulty})
	calls := w.matrix(id.New("phn"), claim{w, id.New("rec"), "secret"}).Calls()
	panicked := 0
	for range 2 { // the second round shows that the first did no harm
		for name, call := range calls {
			if strings.HasPrefix(name, "receiveTwilio") {
				continue // there is no Twilio here
			}
			c := call()
			a := w.Do(c.Service, c.Authorization, c.Method, c.Path, c.Body)
			panicked++
			w.want(a, 500, "internal")
			if a.Field("request_id") == "" || strings.Contains(a.Body, "planted") {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
	}
	lines := 0
	for line := range strings.Lines(w.Log.String()) {
		if strings.Contains(line, `"panic":"planted by a test"`) && strings.Contains(line, `"stack":"`) {
			lines++
		}
	}
	if lines != panicked {
		t.Errorf("%d panics, %d lines with a stack", panicked, lines)
	}
	if got := w.Metric("centinela_recovery_panics_total"); got != float64(panicked) {
		t.Errorf("%d panics, counted %v", panicked, got)
	}
}
