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
	panics       int  // what a store that panics makes of it; 0: 500
}

var matrix = map[string]operation{
	"listPhones":              {method: "GET", path: "/v1/me/phones"},
	"addPhone":                {method: "POST", path: "/v1/me/phones", body: map[string]string{"number": second}, fresh: true},
	"retirePhone":             {method: "DELETE", path: "/v1/me/phones/{phone}", fresh: true},
	"keepPhone":               {method: "POST", path: "/v1/me/phones/{phone}/kept", fresh: true},
	"sendPhoneCode":           {method: "POST", path: "/v1/me/phones/{phone}/codes"},
	"verifyPhone":             {method: "POST", path: "/v1/me/phones/{phone}/verification", body: map[string]string{"code": "00000000"}},
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
// answered like what doesn't exist.
func TestR41Matrix(t *testing.T) {
	const bea = "acc_bbbbbbbbbbbbbbbbbbbbbbbb"
	w := newWorld(t, options{})
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

			w.want(w.as("", op.method, own, credential, op.body), 401, "unauthenticated")
			for _, service := range []string{"auth", "chat-relay", "audit", "recovery", "stranger"} {
				w.want(w.as(service, op.method, own, credential, op.body), 403, "caller_not_allowed")
			}
			if op.person {
				w.want(w.call(op.method, own, "", op.body), 401, "unauthenticated")
				w.want(w.call(op.method, own, "Bearer nonsense", op.body), 401, "token_invalid")
				w.want(w.call(op.method, own, "Recovery "+c.secret, op.body), 401, "unauthenticated")
				expired := w.people.Token(ana, session)
				w.clk.Advance(time.Hour)
				w.want(w.call(op.method, own, "Bearer "+expired, op.body), 401, "token_expired")
				w.clk.Advance(-time.Hour)
			}
			if op.fresh {
				w.want(w.call(op.method, own, w.signedInAgo(ana, 10*time.Minute), op.body), 403, "fresh_sign_in_required")
			}
			if strings.Contains(op.path, "{phone}") {
				theirs := w.want(w.call(op.method, own, w.signedIn(bea), op.body), 404, "not_found")
				w.alike(theirs, w.call(op.method, at("phn_000000000000000000000000", ""), w.signedIn(bea), op.body))
			}
			if op.claimer {
				wrong := w.want(w.call(op.method, own, "Recovery wrong", op.body), 401, "recovery_invalid")
				for _, header := range []string{"", w.signedIn(ana), "Recovery " + other.secret} {
					w.alike(wrong, w.call(op.method, own, header, op.body))
				}
				w.alike(wrong, w.call(op.method, at("", "rec_000000000000000000000000"), credential, op.body))
			}
		})
	}
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
