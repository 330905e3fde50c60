package recovery_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery"
	"centinela/services/recovery/internal/engine"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

var stores = map[string]options{"sqlite": {store: moduletest.OnSQLite}, "mongodb": {store: moduletest.OnMongoDB}}

var (
	linkPattern = regexp.MustCompile(`/veto#([A-Za-z0-9_-]+)`)
	wordPattern = regexp.MustCompile(`responde NO (\d{4})`)
)

// TestR61OldestNumberAlone is the whole way back: the code goes to the oldest
// number, the wait is announced three times, the password is set after it.
func TestR61OldestNumberAlone(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			w.prove(ana, first)
			w.Clock.Advance(time.Minute)
			w.prove(ana, second)
			w.text(first, "tiene un teléfono nuevo")
			w.Clock.Advance(8 * day)

			c := w.start("ana", "")
			state := w.want(c.bySMS(first), 200, "")
			if state.Field("state") != "waiting" || state.Field("earliest_at") != w.Clock.Now().Add(3*day).Format(time.RFC3339) || !strings.Contains(state.Body, `"shorter_with":[{"evidence":"saved_code","saves_seconds":172800}]`) {
				t.Fatal(state.Body)
			}
			link := linkPattern.FindStringSubmatch(w.text(second, "/veto#"))
			if link == nil {
				t.Fatal("no veto link")
			}
			w.announced(2) // else the wait runs from when a slow courier says that it told them (V20)
			if early := w.want(c.complete(), 409, "recovery_not_allowed_yet"); !strings.Contains(early.Body, "2026-12-05T10:01:00Z") {
				t.Error(early.Body)
			}
			for _, wait := range []time.Duration{36 * time.Hour, 12 * time.Hour} {
				w.Clock.Advance(wait)
				for range 3 { // each announcement once, however often is swept
					if err := w.module.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				w.text(second, "/veto#")
			}
			w.Clock.Advance(day - time.Millisecond)
			w.want(c.complete(), 409, "recovery_not_allowed_yet")
			w.Clock.Advance(time.Millisecond)
			if ready := c.call("GET", "", nil); ready.Field("state") != "ready" {
				t.Error(ready.Body)
			}
			w.auth.set(func() { w.auth.weak = true })
			if weak := w.want(c.complete(), 400, "password_too_weak"); !strings.Contains(weak.Body, "/new_password") {
				t.Error(weak.Body)
			}
			if done := w.want(c.complete(), 200, ""); done.Field("state") != "completed" {
				t.Error(done.Body)
			}
			w.want(c.complete(), 409, "recovery_ended")
			w.auth.set(func() {
				if w.auth.resets[c.id] != password {
					t.Error("auth was not told")
				}
			})
			w.text(first, "fue recuperada")
			w.text(second, "fue recuperada")
			announced := 0
			for _, text := range w.texts(second) {
				if strings.Contains(text.Body, "/veto#") {
					announced++
				}
			}
			if announced != 3 {
				t.Errorf("announced %d times", announced)
			}
			w.want(w.call("POST", "/v1/recoveries/veto", "", map[string]string{"token": link[1]}), 404, "veto_invalid")
			own := w.want(w.call("GET", "/v1/me/recoveries", w.signedIn(ana), nil), 200, "")
			if !strings.Contains(own.Body, "W-oldest-live-alone") || !strings.Contains(own.Body, `"state":"completed"`) {
				t.Error(own.Body)
			}
			flow, err := w.module.Flow(t.Context(), c.id)
			if err != nil || !flow.Decisions.Whole() || len(flow.Decisions) < 2 {
				t.Errorf("decisions are not chained: %v, %d", err, len(flow.Decisions))
			}
			for _, action := range []string{record.RecoveryStarted, record.RecoveryCodeSent, record.RecoveryEvidenceAccepted, record.RecoveryPossessionProved, record.RecoveryDecided, record.RecoveryWaitAnnounced, record.RecoveryCompleted, record.SMSSent, record.PhoneAdded, record.PhoneVerified} {
				testkit.Eventually(t, testkit.Patience, func() (bool, string) { return w.audit.count(action, record.Success) > 0, action })
			}
			w.clean()
		})
	}
}

// clean fails when a secret or a number is in the log or in an event.
func (w *world) clean() {
	w.T.Helper()
	w.audit.mu.Lock()
	output := w.Log.String() + w.audit.raw.String()
	w.audit.mu.Unlock()
	for _, secret := range []string{first, second, first[1:], second[1:], password, savedCode, device} {
		if strings.Contains(output, secret) {
			w.T.Errorf("%q is in the log or in an event", secret)
		}
	}
	for _, text := range append(w.texts(first), w.texts(second)...) {
		if code := codePattern.FindStringSubmatch(text.Body); code != nil && strings.Contains(output, code[1]) {
			w.T.Error("a code is in the log or in an event")
		}
	}
}

// TestSecondEvidenceAtOnce: the oldest number and a saved code, from a known
// device in a usual place with nothing changed for 30 days, need no wait.
func TestSecondEvidenceAtOnce(t *testing.T) {
	w := newWorld(t, options{})
	w.auth.set(func() { w.auth.known[fmt.Sprintf("%x", sha(device))] = true })
	w.prove(ana, first)
	w.Clock.Advance(31 * day)
	c := w.start("ana", device)
	// From a known device the code is a way of its own, with a wait.
	if before := w.want(c.evidence("saved_code", savedCode), 200, ""); before.Field("state") != "waiting" {
		t.Error(before.Body)
	}
	if after := w.want(c.bySMS(first), 200, ""); after.Field("state") != "ready" {
		t.Fatal(after.Body)
	}
	w.want(c.complete(), 200, "")
	w.want(c.call("GET", "", nil), 200, "")
	w.clean()
}

// TestV20Outages: without audit the place is unknown, which lengthens the wait;
// without auth nothing starts.
func TestV20Outages(t *testing.T) {
	w := newWorld(t, options{})
	w.auth.set(func() { w.auth.known[fmt.Sprintf("%x", sha(device))] = true })
	w.prove(ana, first)
	w.Clock.Advance(31 * day)
	c := w.start("ana", device)
	w.want(c.evidence("saved_code", savedCode), 200, "")
	audit := func(down bool) { w.audit.mu.Lock(); w.audit.down = down; w.audit.mu.Unlock() }
	audit(true)
	if a := w.want(c.bySMS(first), 200, ""); a.Field("state") != "waiting" || a.Field("earliest_at") != w.Clock.Now().Add(day).Format(time.RFC3339) {
		t.Error(a.Body)
	}
	audit(false) // it tells when everybody was told
	w.announced(1)
	audit(true)
	w.auth.set(func() { w.auth.down = true })
	w.want(w.call("POST", "/v1/recoveries", "", map[string]string{"identifier": "ana"}), 503, "unavailable")
	w.want(w.call("POST", "/v1/recoveries", "", map[string]string{"identifier": "nobody"}), 503, "unavailable")
	w.Clock.Advance(day)
	w.want(c.complete(), 503, "unavailable")
	w.auth.set(func() { w.auth.down = false })
	w.want(c.complete(), 200, "")
}

// TestV15NoOracle: an account with two numbers, one without numbers, and none at
// all answer byte by byte the same until possession.
func TestV15NoOracle(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	script := func(identifier string, before func(claim)) []string {
		begun := w.want(w.call("POST", "/v1/recoveries", "", map[string]string{"identifier": identifier}), 202, "")
		c := w.begun(begun)
		if before != nil {
			before(c)
		}
		var said []string
		note := func(a answer) {
			body := strings.ReplaceAll(a.Body, c.id, "ID")
			body = regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(body, `"request_id":""`)
			said = append(said, fmt.Sprint(a.Status, " ", strings.ReplaceAll(body, c.secret, "SECRET")))
		}
		note(begun)
		note(c.call("GET", "", nil))
		note(c.call("POST", "/codes", map[string]string{}))
		note(c.call("POST", "/codes", map[string]string{}))
		for range 6 {
			note(c.evidence("sms", "00000000"))
		}
		for range 6 {
			note(c.evidence("saved_code", "AAAA-BBBB-CCCC-DDDD"))
		}
		note(c.complete())
		note(c.call("GET", "", nil))
		note(w.call("GET", "/v1/recoveries/"+c.id, "Recovery wrong", nil))
		return said
	}
	empty := newWorld(t, options{}) // an account without numbers, one whose strangers used its budget up
	w, full := empty, w
	w.Clock.Advance(8 * day)
	without := script("ana", nil)
	for range 10 {
		w.start("ana", "")
	}
	spent := script("ana", nil)
	w = full
	known, unknown := script("ana", nil), script("nobody", nil)
	vetoed := func(claim) {
		w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": "NO"}), 204, "")
	}
	w.Clock.Advance(25 * time.Hour)
	fresh := script("nobody else", nil)
	w.Clock.Advance(25 * time.Hour)
	stopped := script("ana", vetoed)
	for i := range known {
		for name, other := range map[string][]string{"unknown": unknown, "without a number": without, "spent": spent} {
			if a, b := resend(known[i]), resend(other[i]); a != b {
				t.Errorf("step %d:\nknown %s\n%s %s", i, a, name, b)
			}
		}
		if a, b := timeless(stopped[i]), timeless(fresh[i]); a != b {
			t.Errorf("step %d:\nvetoed  %s\nunknown %s", i, a, b)
		}
	}
	w.auth.set(func() {
		if w.auth.askedNobody == 0 {
			t.Error("auth must be asked about nobody too: the time of the answer tells otherwise")
		}
	})
}

// resend takes the wait for another code away, which is spread by the recovery's id, when there is one.
func resend(s string) string {
	return regexp.MustCompile(`"(retry_after|resend_after)":[1-9]\d*`).ReplaceAllString(s, `"$1":1`)
}

func timeless(s string) string {
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(resend(s), "T")
}

// TestV17BruteForce: of 1,000 parallel tries 5 are checked, and the right code is
// worth nothing after them; N racers with the right code have one winner.
func TestV17BruteForce(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	c := w.start("ana", "")
	w.want(c.call("POST", "/codes", map[string]string{}), 202, "")
	right := w.code(first)
	tries := w.race(1000, func(i int) answer { return c.evidence("sms", fmt.Sprintf("%08d", i)) })
	if tries["422 code_invalid"] != 5 || tries["429 code_exhausted"] != 995 {
		t.Errorf("%v", tries)
	}
	w.want(c.evidence("sms", right), 429, "code_exhausted")

	w.Clock.Advance(day) // the day's budget is fresh
	again := w.start("ana", "")
	w.want(again.call("POST", "/codes", map[string]string{}), 202, "")
	code := w.code(first)
	if won := w.race(5, func(int) answer { return again.evidence("sms", code) }); won["200 "] != 1 {
		t.Errorf("%v", won)
	}
}

func (w *world) race(n int, try func(int) answer) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	slots := make(chan struct{}, 100) // as many connections at once
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			a := try(i)
			<-slots
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(a.Status, " ", a.Field("code"))]++
		})
	}
	wg.Wait()
	return seen
}

// TestV8Objections, from outside (RC B1 to B5): by link, by answer; one evidence is
// stopped as often as it is tried, and for 30 days isn't enough; the owner stops
// what is left, signed in.
func TestV8Objections(t *testing.T) {
	for name, o := range stores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			oldest := w.prove(ana, first)
			w.Clock.Advance(8 * day)
			waiting := func() claim {
				c := w.start("ana", "")
				w.want(c.bySMS(first), 200, "")
				return c
			}
			state := func(c claim) string { return c.call("GET", "", nil).Field("state") }
			reply := func(body string) {
				w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": body}), 204, "")
			}

			a := waiting()
			token := linkPattern.FindStringSubmatch(w.text(first, "/veto#"))[1]
			won := w.race(4, func(int) answer { return w.call("POST", "/v1/recoveries/veto", "", map[string]string{"token": token}) })
			if won["200 "] != 1 || won["404 veto_invalid"] != 3 || state(a) != "vetoed" {
				t.Errorf("%v, %s", won, state(a))
			}
			w.want(a.complete(), 409, "recovery_ended")
			w.text(first, "queda parado")

			// B1: three tries win nothing.
			for range 3 {
				w.Clock.Advance(31 * day)
				w.proveAgain(ana, oldest, first)
				w.Clock.Advance(day)
				b := waiting()
				word := wordPattern.FindStringSubmatch(w.text(first, "/veto#"))[1]
				reply("maybe not")
				w.text(first, "responde NO "+word) // it asks
				if state(b) != "waiting" {
					t.Error("anything but NO must not stop a recovery")
				}
				reply("  no. ")
				if state(b) != "vetoed" {
					t.Errorf("after NO: %s", state(b))
				}
			}
			w.Clock.Advance(2 * day)
			c := w.start("ana", "")
			if v := w.want(c.bySMS(first), 200, ""); v.Field("state") != "collecting" || !strings.Contains(v.Body, engine.V8.Sentence("es")) {
				t.Errorf("one evidence after a NO: %s", v.Body)
			}
			w.want(c.complete(), 409, "recovery_not_allowed_yet")

			// B3: the oldest and a second evidence aren't stopped by a number that isn't older.
			if v := w.want(c.evidence("saved_code", savedCode), 200, ""); v.Field("state") != "waiting" {
				t.Fatal(v.Body)
			}
			third := linkPattern.FindStringSubmatch(w.text(first, "/veto#"))[1]
			if said := w.want(w.call("POST", "/v1/recoveries/veto", "", map[string]string{"token": third}), 200, ""); said.Field("outcome") != "noted" {
				t.Error(said.Body)
			}
			w.text(first, "no puede parar ni aplazar")
			if state(c) != "waiting" {
				t.Error(state(c))
			}

			// B2: its owner stops it, signed in.
			path := "/v1/me/recoveries/" + c.id
			w.want(w.call("DELETE", path, w.signedIn("acc_bbbbbbbbbbbbbbbbbbbbbbbb"), nil), 404, "not_found")
			for range 2 {
				w.want(w.call("DELETE", path, w.signedInAgo(ana, 3*time.Hour), nil), 204, "")
			}
			if state(c) != "vetoed" {
				t.Error(state(c))
			}
			w.text(first, "se detuvo")
			testkit.Eventually(t, testkit.Patience, func() (bool, string) {
				vetoed, objected := w.audit.count(record.RecoveryVetoed, record.Success), w.audit.count(record.RecoveryObjected, record.Success)
				return vetoed == 5 && objected == 1, fmt.Sprintf("%d stopped, %d other objections are recorded", vetoed, objected)
			})
			w.want(w.call("POST", "/v1/recoveries/veto", "", map[string]string{"token": "nonsense"}), 404, "veto_invalid")
		})
	}
}

// TestV4QuarantinedCannotVeto: nor recover.
func TestV4QuarantinedCannotVeto(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	w.prove(ana, second)
	w.Clock.Advance(time.Minute)
	c := w.start("ana", "")
	w.want(c.bySMS(first), 200, "")
	w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": second, "body": "NO"}), 204, "")
	if a := c.call("GET", "", nil); a.Field("state") != "waiting" {
		t.Error(a.Body)
	}
	// V16: typed in full, it gets a code only when it is bound to the account and
	// may recover; the answer is the same.
	w.want(c.call("POST", "/codes", map[string]string{"number": second}), 429, "too_many_requests")
	for i, number := range []string{second, "+34600999888", first} {
		w.Clock.Advance(20 * time.Minute)
		w.want(c.call("POST", "/codes", map[string]string{"number": number}), 202, "")
		refused, sent := min(i+1, 2), 1+i/2
		testkit.Eventually(t, testkit.Patience, func() (bool, string) {
			return w.audit.count(record.RecoveryCodeSent, record.Refused) == refused && w.audit.count(record.RecoveryCodeSent, record.Success) == sent, "a code to " + number
		})
	}
	w.code(first)
}

// TestStoppedWhileCompleting: auth has reset the password and the answer was
// lost: the same call again finishes, or the sweep does; no second reset.
func TestStoppedWhileCompleting(t *testing.T) {
	for _, byClient := range []bool{true, false} {
		w := newWorld(t, options{})
		w.prove(ana, first)
		w.Clock.Advance(8 * day)
		c := w.start("ana", "")
		w.want(c.bySMS(first), 200, "")
		w.announced(1)
		w.Clock.Advance(14 * day) // the only number
		w.auth.set(func() { w.auth.lost = true })
		w.want(c.complete(), 503, "unavailable")
		if a := c.call("GET", "", nil); a.Field("state") != "ready" {
			t.Error(a.Body)
		}
		if byClient {
			w.want(c.complete(), 200, "")
		} else {
			w.Clock.Advance(time.Minute)
			if err := w.module.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if a := c.call("GET", "", nil); a.Field("state") != "completed" {
			t.Errorf("by client %v: %s", byClient, a.Body)
		}
		w.auth.set(func() {
			if len(w.auth.resets) != 1 {
				t.Errorf("%d resets", len(w.auth.resets))
			}
		})
	}
}

// TestCompletionEndsOthers: whoever else waited must start again.
func TestCompletionEndsOthers(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	a := w.start("ana", "")
	w.want(a.bySMS(first), 200, "")
	w.announced(1)
	w.Clock.Advance(time.Hour)
	b := w.start("ana", "")
	w.want(b.bySMS(first), 200, "")
	w.announced(2)
	w.Clock.Advance(14 * day) // the only number
	w.want(b.complete(), 200, "")
	w.want(a.complete(), 409, "recovery_ended")
	if got := a.call("GET", "", nil).Field("state"); got != "refused" {
		t.Error(got)
	}
}

// V22, KA D3: auth compares the security version that the decision was made on;
// when it changed meanwhile, the claimant is told the truth and may look again.
func TestV22ResetIsCompared(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	c := w.start("ana", "")
	w.want(c.bySMS(first), 200, "")
	w.announced(1)
	w.Clock.Advance(14 * day) // the only number
	w.auth.set(func() { w.auth.raced = func() { w.auth.version++ } })
	w.want(c.complete(), 409, "recovery_not_allowed_yet")
	w.auth.set(func() {
		if len(w.auth.resets) != 0 {
			t.Error("auth reset it all the same")
		}
	})
	w.want(c.complete(), 200, "")
	// Another recovery's reset in between: this one is over, and says so.
	w.Clock.Advance(day)
	d := w.start("ana", "")
	w.want(d.bySMS(first), 200, "")
	w.announced(2)
	w.Clock.Advance(14 * day) // the only number
	w.auth.set(func() {
		w.auth.raced = func() {
			w.auth.version++
			w.auth.resetIDs = append(w.auth.resetIDs, "rec_of_somebody_else")
		}
	})
	w.want(d.complete(), 409, "recovery_ended")
	if got := d.call("GET", "", nil).Field("state"); got != "refused" {
		t.Error(got)
	}
}

// KA W4: how old a sign-in may be is what the runner says, everywhere.
func TestFreshSignInIsConfigured(t *testing.T) {
	w := newWorld(t, options{fresh: 30 * time.Minute})
	w.want(w.call("POST", "/v1/me/phones", w.signedInAgo(ana, 30*time.Minute), map[string]string{"number": first}), 403, "fresh_sign_in_required")
	w.want(w.call("POST", "/v1/me/phones", w.signedInAgo(ana, 30*time.Minute-time.Second), map[string]string{"number": first}), 201, "")
	if _, err := recovery.New(t.Context(), recovery.DefaultConfig(), module.Deps{Development: true, Store: moduletest.OnSQLite(t), KeyDir: t.TempDir()}); err == nil || !strings.HasPrefix(err.Error(), "auth.sign_in.fresh: ") {
		t.Errorf("no age at all: %v", err)
	}
}
