package recovery_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery"
)

// operation is one row of the matrix: a request that its owner may make.
type operation struct {
	method, path string // {phone} and {recovery} stand for the owner's own
	body         any
	fresh        bool // needs a sign-in of the last 10 minutes
	live         bool // needs a session that auth says is alive
	panics       int  // what a store that panics makes of it; 0: 500
}

var matrix = map[string]operation{
	"listPhones":              {method: "GET", path: "/v1/me/phones"},
	"addPhone":                {method: "POST", path: "/v1/me/phones", body: map[string]string{"number": second}, fresh: true, live: true},
	"retirePhone":             {method: "DELETE", path: "/v1/me/phones/{phone}", fresh: true, live: true},
	"keepPhone":               {method: "POST", path: "/v1/me/phones/{phone}/kept", fresh: true, live: true},
	"sendPhoneCode":           {method: "POST", path: "/v1/me/phones/{phone}/codes"},
	"verifyPhone":             {method: "POST", path: "/v1/me/phones/{phone}/verification", body: map[string]string{"code": "00000000"}, live: true},
	"listMyRecoveries":        {method: "GET", path: "/v1/me/recoveries"},
	"startRecovery":           {method: "POST", path: "/v1/recoveries", body: map[string]string{"identifier": "ana"}},
	"vetoRecovery":            {method: "POST", path: "/v1/recoveries/veto", body: map[string]string{"token": "nonsense"}},
	"getRecovery":             {method: "GET", path: "/v1/recoveries/{recovery}"},
	"sendRecoveryCode":        {method: "POST", path: "/v1/recoveries/{recovery}/codes", body: map[string]string{}},
	"addEvidence":             {method: "POST", path: "/v1/recoveries/{recovery}/evidence", body: map[string]string{"method": "sms", "code": "00000000"}},
	"completeRecovery":        {method: "POST", path: "/v1/recoveries/{recovery}/completion", body: map[string]string{"new_password": password}},
	"receiveTwilioText":       {method: "POST", path: "/v1/sms/twilio/inbound", panics: 404}, // there is no Twilio here: TestTwilio
	"receiveTwilioStatus":     {method: "POST", path: "/v1/sms/twilio/status", panics: 404},
	"listSimulatedTexts":      {method: "GET", path: "/dev/phone"},
	"replyFromSimulatedPhone": {method: "POST", path: "/dev/phone/replies", body: map[string]string{"from": first, "body": "NO"}},
}

// specified is an operation as the specification has it.
type specified struct {
	operation
	name            string
	person, claimer bool // wants an access token; a recovery's secret
}

// operations are all that the specification has, each with its row.
func operations(t *testing.T) []specified {
	t.Helper()
	spec, err := recoveryapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var all []specified
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			row, ok := matrix[op.OperationID]
			template := strings.NewReplacer("{phone}", "{phone_id}", "{recovery}", "{recovery_id}").Replace(row.path)
			if !ok || row.method != method || template != path {
				t.Errorf("%s %s (%s) has no row in the matrix", method, path, op.OperationID)
				continue
			}
			if callers, _ := op.Extensions["x-callers"].([]any); len(callers) != 1 || callers[0] != "gateway" {
				t.Errorf("%s may be called by %v", op.OperationID, callers)
			}
			s := specified{operation: row, name: op.OperationID}
			if op.Security != nil {
				for _, need := range *op.Security {
					_, person := need["bearerAuth"]
					_, claimer := need["recoverySecret"]
					s.person, s.claimer = s.person || person, s.claimer || claimer
				}
			}
			if s.person != strings.HasPrefix(path, "/v1/me/") || s.claimer != strings.Contains(path, "{recovery_id}") {
				t.Errorf("%s: open to whom it is not for", op.OperationID)
			}
			all = append(all, s)
		}
	}
	if len(all) != len(matrix) {
		t.Errorf("the specification has %d operations, the matrix %d", len(all), len(matrix))
	}
	slices.SortFunc(all, func(a, b specified) int { return strings.Compare(a.name, b.name) })
	return all
}

// alike fails unless both answers are the same but for the request's id.
func (w *world) alike(a, b answer) {
	w.t.Helper()
	if a.status != b.status || strings.ReplaceAll(a.body, a.field("request_id"), "") != strings.ReplaceAll(b.body, b.field("request_id"), "") {
		w.t.Errorf("told apart:\n%d %s\n%d %s", a.status, a.body, b.status, b.body)
	}
}

// TestR41Matrix: who may call what (R4.1), for every operation of the
// specification: the gateway only; one's own numbers, signed in, and fresh for
// changes; a recovery with its own secret; and what is somebody else's is
// answered like what doesn't exist. What is refused has changed nothing.
func TestR41Matrix(t *testing.T) {
	const bea = "acc_bbbbbbbbbbbbbbbbbbbbbbbb"
	w := newWorld(t, options{still: true})
	phone := w.prove(ana, first)
	w.clk.Advance(time.Minute)
	c, other := w.start("ana", ""), w.start("ana", "")
	for _, op := range operations(t) {
		t.Run(op.name, func(t *testing.T) {
			w := *w
			w.t = t
			at := func(phone, recovery string) string {
				return strings.NewReplacer("{phone}", phone, "{recovery}", recovery).Replace(op.path)
			}
			own := at(phone, c.id)
			credential := map[bool]string{true: w.signedIn(ana)}[op.person] + map[bool]string{true: "Recovery " + c.secret}[op.claimer]
			// refused is a call that is refused so, and has changed nothing: no row,
			// counter, text or event of anybody's (V24).
			refused := func(status int, code, service, path, authorization string) answer {
				t.Helper()
				before := w.module.State(t)
				a := w.want(w.as(service, op.method, path, authorization, op.body), status, code)
				if after := w.module.State(t); after != before {
					t.Errorf("%d %s, and yet something changed", status, code)
				}
				return a
			}

			refused(401, "unauthenticated", "", own, credential)
			for _, service := range []string{"auth", "chat-relay", "audit", "recovery", "stranger"} {
				refused(403, "caller_not_allowed", service, own, credential)
			}
			if op.person {
				refused(401, "unauthenticated", "gateway", own, "")
				refused(401, "token_invalid", "gateway", own, "Bearer nonsense")
				refused(401, "unauthenticated", "gateway", own, "Recovery "+c.secret)
				expired := w.people.Token(ana, session)
				w.clk.Advance(time.Hour)
				refused(401, "token_expired", "gateway", own, "Bearer "+expired)
				w.clk.Advance(-time.Hour)
			}
			if op.fresh {
				refused(403, "fresh_sign_in_required", "gateway", own, w.signedInAgo(ana, 10*time.Minute))
			}
			if op.live {
				w.auth.set(func() { w.auth.ended[session] = true })
				refused(401, "session_revoked", "gateway", own, credential)
				w.auth.set(func() { w.auth.ended, w.auth.down = map[string]bool{}, true })
				refused(503, "unavailable", "gateway", own, credential)
				w.auth.set(func() { w.auth.down, w.auth.strange = false, true })
				refused(503, "unavailable", "gateway", own, credential)
				w.auth.set(func() { w.auth.strange = false })
			}
			if strings.Contains(op.path, "{phone}") {
				theirs := refused(404, "not_found", "gateway", own, w.signedIn(bea))
				w.alike(theirs, refused(404, "not_found", "gateway", at("phn_000000000000000000000000", ""), w.signedIn(bea)))
			}
			if op.claimer {
				wrong := refused(401, "recovery_invalid", "gateway", own, "Recovery wrong")
				for _, header := range []string{"", w.signedIn(ana), "Recovery " + other.secret} {
					w.alike(wrong, refused(401, "recovery_invalid", "gateway", own, header))
				}
				w.alike(wrong, refused(401, "recovery_invalid", "gateway", at("", "rec_000000000000000000000000"), credential))
			}
		})
	}
}

// TestLiveTableIsComplete: each write of a person's asks auth for the live
// session, or is here with the reason.
func TestLiveTableIsComplete(t *testing.T) {
	without := map[string]string{"sendPhoneCode": "a text to a number that is the owner's already changes no way in"}
	for _, op := range operations(t) {
		_, excused := without[op.name]
		if op.person && op.method != "GET" && op.live == excused {
			t.Errorf("%s: asks for the live session: %v, excused: %v", op.name, op.live, excused)
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
			w.clk.Advance(time.Minute)
			w.prove(ana, second)
			w.clk.Advance(8 * day)
			for range 2 {
				w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedInAgo(ana, 11*time.Minute), nil), 403, "fresh_sign_in_required")
			}
			w.want(w.call("DELETE", "/v1/me/phones/"+oldest, w.signedIn(ana), nil), 200, "")
			w.text(second, "se pidió quitar")
		})
	}
}

// TestPruneInBackground: what is over goes, by the module's own round.
func TestPruneInBackground(t *testing.T) {
	w := newWorld(t, options{still: true})
	c := w.start("nobody", "")
	w.clk.Advance(2 * day)
	if err := w.module.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(c.call("GET", "", nil), 401, "recovery_invalid")
}

// TestR3PanicIsContained: whatever the store does to a handler or to the work in
// the background, the request ends with a 500 and its id, one line has the stack,
// and the process goes on. For every operation of the specification.
func TestR3PanicIsContained(t *testing.T) {
	w := newWorld(t, options{build: recovery.NewFaulty})
	replacer := strings.NewReplacer("{phone}", "phn_000000000000000000000000", "{recovery}", "rec_000000000000000000000000")
	panicked := 0
	for range 2 { // the second round shows that the first did no harm
		for _, op := range operations(t) {
			credential := map[bool]string{true: w.signedIn(ana)}[op.person] + map[bool]string{true: "Recovery secret"}[op.claimer]
			a := w.call(op.method, replacer.Replace(op.path), credential, op.body)
			if op.panics == http.StatusNotFound {
				continue
			}
			panicked++
			w.want(a, 500, "internal")
			if a.field("request_id") == "" || strings.Contains(a.body, "planted") {
				t.Errorf("%s: %s", op.name, a.body)
			}
		}
	}
	lines := 0
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"panic":"planted by a test"`) && strings.Contains(line, `"stack":"`) {
			lines++
		}
	}
	if lines != panicked {
		t.Errorf("%d panics, %d lines with a stack", panicked, lines)
	}
	if got := w.metric("centinela_recovery_panics_total"); got != float64(panicked) {
		t.Errorf("%d panics, counted %v", panicked, got)
	}
}
