package recovery_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/engine"
)

// seen is a recovery as a client reads it.
type seen = recoveryapi.Recovery

// told is what an answer says of the recovery: it is the body, or a refusal's member.
func (w *world) told(a answer) seen {
	w.T.Helper()
	var v struct {
		seen
		Recovery *seen
	}
	into(a, &v)
	if a.Status < 400 {
		return v.seen
	}
	if v.Recovery == nil {
		w.T.Fatalf("%d without the recovery: %s", a.Status, a.Body)
	}
	return *v.Recovery
}

// in asks where it stands, in a language.
func (c claim) in(language string) seen {
	c.w.T.Helper()
	req, err := http.NewRequestWithContext(c.w.T.Context(), "GET", c.w.URL+"/v1/recoveries/"+c.id, nil)
	if err != nil {
		c.w.T.Fatal(err)
	}
	req.Header.Set("Accept-Language", language)
	return c.w.told(c.w.want(c.w.send(req, "gateway", "Recovery "+c.secret), 200, ""))
}

func (c claim) look() seen {
	c.w.T.Helper()
	return c.w.told(c.w.want(c.call("GET", "", nil), 200, ""))
}

// reads fails unless the reason has that code, and is said in both languages.
func (c claim) reads(code, en, es string) {
	c.w.T.Helper()
	for language, want := range map[string]string{"en-GB, es;q=0.5": en, "es-PE": es, "qu, es;q=0.9": es} {
		if got := c.in(language).Reason; got.Code != code || !strings.Contains(got.Text, want) {
			c.w.T.Errorf("%s: %+v, want %s %q", language, got, code, want)
		}
	}
}

// is fails unless the recovery is in that state, with these next steps.
func (c claim) is(v seen, state string, next ...recoveryapi.RecoveryNext) {
	c.w.T.Helper()
	if string(v.State) != state || strings.Join(texts(v.Next), " ") != strings.Join(texts(next), " ") {
		c.w.T.Errorf("%s with %v, want %s with %v", v.State, v.Next, state, next)
	}
}

func texts(all []recoveryapi.RecoveryNext) (out []string) {
	for _, a := range all {
		out = append(out, string(a))
	}
	return out
}

// TestClaimantWaits (NC A4): each answer on the way back by the oldest number
// alone says, as fields, where it stands; a refusal says the same as a look.
func TestClaimantWaits(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			w.prove(ana, first)
			w.Clock.Advance(8 * day)
			c := w.start("ana", "")
			v := c.look()
			c.is(v, "collecting", "send_code", "sms", "saved_code")
			c.reads(string(engine.V15), engine.V15.Sentence("en"), engine.V15.Sentence("es"))
			if v.Reason.Text != engine.V15.Sentence("en") { // the account speaks Spanish, which nobody is to learn yet
				t.Errorf("before evidence: %q", v.Reason.Text)
			}
			if v.TriesLeft != (recoveryapi.TriesLeft{Sms: 0, SavedCode: 5}) || v.ResendAfter != 0 || v.EarliestAt != nil || v.DeadEnd || len(v.Evidence)+len(v.ShorterWith) > 0 {
				t.Errorf("at the start: %+v", v)
			}
			v = w.told(w.want(c.call("POST", "/codes", map[string]string{}), 202, ""))
			if v.TriesLeft.Sms != 5 || v.ResendAfter < 24 || v.ResendAfter > 36 {
				t.Errorf("after a code: %+v", v)
			}
			if v := w.told(w.want(c.call("POST", "/codes", map[string]string{}), 429, "too_many_requests")); v.TriesLeft.Sms != 5 {
				t.Errorf("too early: %+v", v)
			}
			w.told(w.want(c.evidence("sms", "hello"), 422, "code_invalid")) // costs no try
			if v := w.told(w.want(c.evidence("sms", "00000000"), 422, "code_invalid")); v.TriesLeft.Sms != 4 {
				t.Errorf("after a wrong code: %+v", v.TriesLeft)
			}
			if v := w.told(w.want(c.evidence("saved_code", "AAAA-BBBB-CCCC-DDDD"), 422, "code_invalid")); v.TriesLeft.SavedCode != 4 {
				t.Errorf("after a wrong saved code: %+v", v.TriesLeft)
			}
			w.Clock.Advance(time.Minute)
			if v := w.told(w.want(c.call("POST", "/codes", map[string]string{}), 202, "")); v.TriesLeft.Sms != 5 {
				t.Errorf("another code has its own tries: %+v", v.TriesLeft)
			}
			v = w.told(w.want(c.evidence("sms", w.code(first)), 200, ""))
			c.is(v, "waiting", "wait", "saved_code")
			c.reads(string(engine.V2), engine.V2.Sentence("en"), engine.V2.Sentence("es"))
			if v.Reason.Text != engine.V2.Sentence("es") {
				t.Errorf("not in the account's language: %q", v.Reason.Text)
			}
			now := w.Clock.Now()
			if len(v.Evidence) != 1 || v.Evidence[0].Method != "sms" || !v.Evidence[0].At.Equal(now) || !strings.HasSuffix(*v.Evidence[0].Number, "321") || strings.Contains(*v.Evidence[0].Number, "98") {
				t.Errorf("evidence: %+v", v.Evidence)
			}
			if !v.EarliestAt.Equal(now.Add(14*day)) || len(v.ShorterWith) != 1 || v.ShorterWith[0].Evidence != "saved_code" || *v.ShorterWith[0].SavesSeconds != 13*86400 || v.ShorterWith[0].Opens != nil || v.DeadEnd {
				t.Errorf("the wait: %+v", v)
			}
			w.announced(1)
			if got := w.told(w.want(c.complete(), 409, "recovery_not_allowed_yet")); !reflect.DeepEqual(got, c.look()) || got.State != "waiting" {
				t.Errorf("409 says %+v, a look %+v", got, c.look())
			}
			w.Clock.Advance(14 * day) // the only number
			c.is(c.look(), "ready", "complete")
			c.reads("ready", "can be set now", "ya se puede")
			done := w.told(w.want(c.complete(), 200, ""))
			c.is(done, "completed")
			c.reads("completed", "is set", "está puesta")
			if got := w.told(w.want(c.complete(), 409, "recovery_ended")); !reflect.DeepEqual(got, done) || got.TriesLeft.SavedCode+got.ResendAfter != 0 {
				t.Errorf("409 says %+v, the answer %+v", got, done)
			}
			w.want(w.call("POST", "/v1/recoveries/"+c.id+"/completion", "Recovery wrong", map[string]string{"new_password": password}), 401, "recovery_invalid")
		})
	}
}

// TestClaimantIsToldTheEnd: stopped, overtaken and expired, each with its reason;
// codes, evidence and completion all say it in their refusal.
func TestClaimantIsToldTheEnd(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	refusals := func(c claim, state, code string, status int) {
		t.Helper()
		for what, a := range map[string]answer{"codes": c.call("POST", "/codes", map[string]string{}), "evidence": c.evidence("sms", "00000000"), "completion": c.complete()} {
			if got := w.told(w.want(a, status, "recovery_ended")); string(got.State) != state || got.Reason.Code != code {
				t.Errorf("%s: %+v", what, got)
			}
		}
		c.is(c.look(), state, "start_again")
	}
	stopped := w.start("ana", "")
	w.want(stopped.bySMS(first), 200, "")
	w.announced(1)
	w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": "NO"}), 204, "")
	refusals(stopped, "vetoed", "vetoed", 409)
	stopped.reads("vetoed", "was stopped", "se detuvo")
	w.Clock.Advance(31 * day) // the account asks for two evidences until then (V8)
	early := w.start("ana", "")
	w.want(early.evidence("saved_code", savedCode), 200, "")

	w.Clock.Advance(2 * day)
	refusals(early, "expired", "expired", 410)
	early.reads("expired", "its time is over", "su plazo terminó")
	loser := w.start("ana", "")
	w.want(loser.bySMS(first), 200, "")
	w.Clock.Advance(time.Hour)
	winner := w.start("ana", "")
	w.want(winner.bySMS(first), 200, "")
	w.announced(3) // the stopped one's, too
	w.Clock.Advance(14 * day)
	w.want(winner.complete(), 200, "")
	refusals(loser, "refused", "refused", 409)
	loser.reads("refused", "another recovery", "otra recuperación")
}

// TestClaimantsDeadEnd (NC A2): an account without a number, and a saved code: it
// is shown as accepted, and that nothing would open it. With a number there is a
// way, and with a younger one alone too.
func TestClaimantsDeadEnd(t *testing.T) {
	w := newWorld(t, options{})
	c := w.start("ana", "")
	v := w.told(w.want(c.evidence("saved_code", savedCode), 200, ""))
	c.is(v, "collecting")
	if !v.DeadEnd || len(v.Evidence) != 1 || v.Evidence[0].Method != "saved_code" || v.Evidence[0].Number != nil || v.TriesLeft.SavedCode != 4 {
		t.Errorf("%+v", v)
	}
	c.reads(string(engine.V2), "more evidence", "más pruebas")
	if got := w.told(w.want(c.complete(), 409, "recovery_not_allowed_yet")); !got.DeadEnd {
		t.Errorf("409: %+v", got)
	}

	w = newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(time.Minute)
	w.prove(ana, second)
	w.Clock.Advance(8 * day)
	c = w.start("ana", "")
	w.want(c.call("POST", "/codes", map[string]string{"number": second}), 202, "")
	v = w.told(w.want(c.evidence("sms", w.code(second)), 200, ""))
	c.is(v, "collecting", "saved_code", "send_code", "sms")
	c.reads("W-younger-alone-older-live", "not enough", "no basta")
	if v.DeadEnd || len(v.ShorterWith) != 2 || v.ShorterWith[1].Evidence != "sms_oldest" || !*v.ShorterWith[1].Opens || v.ShorterWith[1].SavesSeconds != nil {
		t.Errorf("%+v", v)
	}
	// Whoever has a saved code knows the account, and is told when an objection ends it.
	w.auth.set(func() { w.auth.known[fmt.Sprintf("%x", sha(device))] = true })
	w.Clock.Advance(31 * day) // nothing was changed since
	c = w.start("ana", device)
	w.want(c.evidence("saved_code", savedCode), 200, "")
	word := wordPattern.FindStringSubmatch(w.text(first, "/veto#"))[1]
	w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": "NO " + word}), 204, "")
	c.is(c.look(), "vetoed", "start_again")
	if got := w.told(w.want(c.evidence("saved_code", savedCode), 409, "recovery_ended")); len(got.Evidence) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestReasonWithoutLanguage: a header that names no language of ours, or is none,
// leaves the account's.
func TestReasonWithoutLanguage(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	c := w.start("ana", "")
	w.want(c.bySMS(first), 200, "")
	for _, header := range []string{"", "zh", "*;q=", "es;q=0", strings.Repeat("x-", 2000), "\u00f1"} {
		if got := c.in(header).Reason.Text; got != engine.V2.Sentence("es") {
			t.Errorf("%.20q: %q", header, got)
		}
	}
}

// TestExamplesAreValid: whoever copies an example out of the specification copies one that it allows.
func TestExamplesAreValid(t *testing.T) {
	spec, err := recoveryapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Recovery", "RecoveryProblem"} {
		schema := spec.Components.Schemas[name].Value
		raw, err := json.Marshal(schema.Example)
		if err != nil {
			t.Fatal(err)
		}
		var example any
		if err := json.Unmarshal(raw, &example); err != nil || example == nil {
			t.Fatalf("%s: no example: %v", name, err)
		}
		if err := schema.VisitJSON(example, openapi3.EnableFormatValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
