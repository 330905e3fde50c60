package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/authclient"
	"centinela/services/auth"
	"centinela/shared/access"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

var engines = map[string]func(testing.TB) module.Store{"sqlite": moduletest.OnSQLite, "mongodb": moduletest.OnMongoDB}

// TestJourney is R4's way through the service on both stores: sign up, in, look around, change, lose, recover.
func TestJourney(t *testing.T) {
	for engine, store := range engines {
		t.Run(engine, func(t *testing.T) { journey(t, newWorld(t, cheapConfig(), store(t), auth.New)) })
	}
}

func journey(t *testing.T, w *world) {
	ana := w.person("Ana.Pérez")
	if ana.account.Account.UserName != "ana.pérez" || ana.account.Account.SavedCodesLeft != 4 || ana.account.Advice == "" {
		t.Errorf("account %+v", ana.account)
	}
	if ana.tokens.ExpiresIn != 600 {
		t.Errorf("expires in %d", ana.tokens.ExpiresIn)
	}
	other := w.signIn("ANA.PÉREZ", goodPassword)
	me := w.as("gateway", ana.tokens.AccessToken)
	list, err := httpkit.Read[authclient.SessionList](me.ListSessions(t.Context()))
	if err != nil || len(list.Sessions) != 2 {
		t.Fatalf("sessions: %v %+v", err, list)
	}
	for _, s := range list.Sessions {
		if s.Current != (s.Id == ana.tokens.SessionId) || *s.DeviceName != "Ana's phone" || *s.UserAgent != "test agent" || s.Address != "203.0.113.7" {
			t.Errorf("session %+v", s)
		}
	}
	if _, err := httpkit.Read[struct{}](
		me.ChangePassword(t.Context(), authclient.PasswordChange{CurrentPassword: goodPassword, NewPassword: otherPassword})); err != nil {
		t.Fatalf("change: %v", err)
	}
	if got := w.do("gateway", other.AccessToken, http.MethodGet, "/v1/me", ""); got.Code() != "session_revoked" {
		t.Errorf("the other session: %d %s", got.Status, got.Code())
	}

	recovery := w.as("recovery", "")
	found, err := httpkit.Read[authclient.AccountFacts](recovery.LookupAccount(t.Context(), authclient.AccountLookup{Identifier: "ana.pérez"}))
	if err != nil || !found.Found || *found.SavedCodesLeft != 4 || found.LastResetAt != nil {
		t.Fatalf("lookup: %v %+v", err, found)
	}
	id := *found.AccountId
	if _, err := httpkit.Read[struct{}](recovery.RedeemSavedCode(t.Context(), id,
		authclient.SavedCodeRedemption{Code: ana.account.SavedCodes[2], RedemptionId: "rec_1"})); err != nil {
		t.Fatalf("redeem: %v", err)
	}
	for range 2 {
		if _, err := httpkit.Read[struct{}](recovery.ResetPassword(t.Context(), id,
			authclient.PasswordReset{NewPassword: "harbor kettle 93 zebra quilt", ResetId: "rec_1", SecurityVersion: *found.SecurityVersion})); err != nil {
			t.Fatalf("reset: %v", err)
		}
	}
	facts, err := httpkit.Read[authclient.AccountFacts](recovery.GetAccountFacts(t.Context(), id, &authclient.GetAccountFactsParams{}))
	if err != nil || facts.LastResetAt == nil || !slices.Equal(*facts.ResetIds, []string{"rec_1"}) || *facts.SecurityVersion != 3 || *facts.SavedCodesLeft != 3 {
		t.Fatalf("facts: %v %+v", err, facts)
	}
	w.signIn("Ana.Pérez", "harbor kettle 93 zebra quilt")

	// Every session that ended is told to audit, from where the gateway hears of it.
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		revoked := map[string]any{}
		for _, e := range w.audit.of(record.SessionRevoked) {
			revoked[e.Session] = e.Data["expires_at"]
		}
		return revoked[ana.tokens.SessionId] != nil && revoked[other.SessionId] != nil && len(w.audit.of(record.PasswordReset)) == 1,
			fmt.Sprintf("revoked %v", revoked)
	})
}

// R4: a refusal tells nothing; a name that is free, taken, unknown, or wrong in any way answers with the same body.
func TestSignInBodiesAreOne(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	w.person("ana")
	var first string
	for _, name := range []string{"ana", "nobody", "ana\u0000", "$where", strings.Repeat("x", 128)} {
		body, err := jsonText(map[string]any{"identifier": name, "password": otherPassword})
		if err != nil {
			t.Fatal(err)
		}
		got := w.do("gateway", "", http.MethodPost, "/v1/sessions", body)
		text := strings.Replace(got.Body, got.Header.Get("X-Request-Id"), "", 1)
		if first == "" {
			first = text
		}
		if got.Status != 401 || got.Code() != "credentials_invalid" || text != first {
			t.Errorf("%q: %d %s, want %s", name, got.Status, text, first)
		}
		w.Clock.Advance(time.Minute)
	}
}

// design auth.md, "Never": an operator in a query is a 400, so are fields that callers may not set.
func TestHostileBodies(t *testing.T) {
	for engine, store := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, cheapConfig(), store(t), auth.New)
			ana := w.person("ana")
			for name, c := range map[string]struct{ method, path, body string }{
				"operator as password":        {"POST", "/v1/sessions", `{"identifier":"ana","password":{"$gt":""}}`},
				"operator as identifier":      {"POST", "/v1/sessions", `{"identifier":{"$ne":null},"password":"x"}`},
				"operator as refresh token":   {"POST", "/v1/sessions/refresh", `{"refresh_token":{"$gt":""}}`},
				"list as password":            {"POST", "/v1/sessions", `{"identifier":"ana","password":["x"]}`},
				"id of one's choice":          {"POST", "/v1/accounts", `{"user_name":"eva","password":"` + goodPassword + `","id":"acc_000000000000000000000000"}`},
				"role of one's choice":        {"POST", "/v1/accounts", `{"user_name":"eva","password":"` + goodPassword + `","role":"admin"}`},
				"age of one's choice":         {"POST", "/v1/accounts", `{"user_name":"eva","password":"` + goodPassword + `","created_at":"2020-01-01T00:00:00Z"}`},
				"auth time of one's choice":   {"PUT", "/v1/me/password", `{"current_password":"x","new_password":"y","auth_time":1}`},
				"key twice":                   {"POST", "/v1/sessions", `{"identifier":"ana","password":"x","password":"y"}`},
				"device key with an operator": {"POST", "/v1/sessions", `{"identifier":"ana","password":"x","device":{"key":{"$exists":true}}}`},
			} {
				if got := w.do("gateway", ana.tokens.AccessToken, c.method, c.path, c.body); got.Status != 400 || strings.Contains(got.Body, "$") {
					t.Errorf("%s: %d %s", name, got.Status, got.Body)
				}
			}
		})
	}
}

// Weak passwords are refused with a pointer and what to do, and never repeated.
func TestWeakPasswordSaysWhy(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	got := w.do("gateway", "", http.MethodPost, "/v1/accounts", `{"user_name":"eva","password":"correcthorse"}`)
	if got.Status != 400 || got.Code() != "password_too_weak" || !strings.Contains(got.Body, `"pointer":"/password"`) ||
		!strings.Contains(got.Body, "15 characters") || strings.Contains(got.Body, "correcthorse") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.person("eva")
	if got := w.do("gateway", "", http.MethodPost, "/v1/accounts", `{"user_name":"ÉVA","password":"`+goodPassword+`"}`); got.Status != 409 || got.Code() != "name_taken" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// FR A23, AG D7: whoever would be taken for the staff, for somebody else, or for a name of the app's own, isn't let in as
// that, and hears why without the name.
func TestNamesFromOutside(t *testing.T) {
	cfg := cheapConfig()
	cfg.Names.Reserved = []string{"acme"}
	w := newWorld(t, cfg, moduletest.OnSQLite(t), auth.New)
	w.person("paypalo")
	for name, c := range map[string]struct {
		status int
		code   string
	}{
		"admin": {400, "invalid_field"}, "Soporte_1": {400, "invalid_field"}, "acme": {400, "invalid_field"}, "paypal\u0585": {400, "invalid_field"},
		"paypalo.": {400, "invalid_field"}, "paypa\u0332\u0331lo": {400, "invalid_field"}, "раураӏо": {409, "name_taken"}, "PaypaIo": {409, "name_taken"},
	} {
		got := w.do("gateway", "", http.MethodPost, "/v1/accounts", fmt.Sprintf(`{"user_name":"%s","password":%q}`, name, goodPassword))
		if got.Status != c.status || got.Code() != c.code || (c.status == 400 && !strings.Contains(got.Body, `"pointer":"/user_name"`)) || strings.Contains(got.Body, name) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	for _, typed := range []string{"PayPalo", " paypalo ", "paypalo\u200b", "ｐａｙｐａｌｏ"} { // the phone's keyboard, a paste, an input method
		w.signIn(typed, goodPassword)
	}
}

// A throttled sign-in says how long to wait, in the header too.
func TestThrottleSaysWhen(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	var got moduletest.Answer
	for range 6 {
		got = w.do("gateway", "", http.MethodPost, "/v1/sessions", `{"identifier":"nobody","password":"x"}`)
	}
	if got.Status != 429 || got.Code() != "too_many_requests" || got.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s, retry after %q", got.Status, got.Code(), got.Header.Get("Retry-After"))
	}
}

// The chat relay finds an account by name and learns nothing else; unknown has the same shape for both.
func TestLookupIsByNeed(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	ana := w.person("ana")
	for way, got := range map[string]moduletest.Answer{
		"by name": w.do("chat-relay", "", http.MethodPost, "/internal/accounts/lookup", `{"identifier":"ana"}`),
		"by id":   w.do("chat-relay", "", http.MethodGet, "/internal/accounts/"+ana.tokens.AccountId+"/facts", ""),
	} {
		if want := `{"account_id":"` + ana.tokens.AccountId + `","found":true,"user_name":"ana"}`; strings.TrimSpace(got.Body) != want {
			t.Errorf("%s the chat relay is told %s", way, got.Body)
		}
	}
	for _, service := range []string{"chat-relay", "recovery"} {
		if got := w.do(service, "", http.MethodPost, "/internal/accounts/lookup", `{"identifier":"nobody"}`); strings.TrimSpace(got.Body) != `{"found":false}` {
			t.Errorf("%s is told %s", service, got.Body)
		}
	}
}

// A peer verifies tokens by the published keys alone.
func TestJWKS(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	ana := w.person("ana")
	keys := access.HTTPKeys(w.Services.Client("chat-relay", "auth", w.URL), func() string { return w.URL + "/.well-known/jwks.json" })
	claims, err := access.NewVerifier(keys, nil, w.Clock).Verify(t.Context(), ana.tokens.AccessToken)
	if err != nil || claims.Account != ana.tokens.AccountId || claims.Session != ana.tokens.SessionId || !claims.AuthTime.Equal(w.Clock.Now()) ||
		claims.ACR != "aal1" || len(claims.AMR) != 1 || claims.AMR[0] != "pwd" || claims.ExpiresAt.Sub(claims.IssuedAt) != 10*time.Minute {
		t.Errorf("%+v, %v", claims, err)
	}
}

// R3: a panic is one request's 500 with its id, logged once with its stack, counted, and the process goes on.
func TestR3_PanicIsOneRequest(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.NewFaulty)
	ana := w.person("ana")
	for n := 1; n <= 2; n++ {
		got := w.do("gateway", ana.tokens.AccessToken, http.MethodGet, "/v1/me", "")
		id := got.Header.Get("X-Request-Id")
		if got.Status != 500 || got.Code() != "internal" || id == "" || !strings.Contains(got.Body, id) || strings.Contains(got.Body, "planted") {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		var lines []string
		for line := range strings.Lines(w.Log.String()) {
			if strings.Contains(line, "planted by a test") {
				lines = append(lines, line)
			}
		}
		if len(lines) != n {
			t.Fatalf("%d lines in the log after %d panics", len(lines), n)
		}
		var line struct {
			RequestID string `json:"request_id"`
			Stack     string `json:"stack"`
		}
		if err := json.Unmarshal([]byte(lines[n-1]), &line); err != nil || line.RequestID != id || !strings.Contains(line.Stack, "faulty.Session") {
			t.Errorf("the line is of request %q, want %q, with the stack %.80q (%v)", line.RequestID, id, line.Stack, err)
		}
		if counted := w.Metric("centinela_auth_panics_total"); counted != float64(n) {
			t.Errorf("%v panics are counted, want %d", counted, n)
		}
	}
	if got := w.do("gateway", "", http.MethodGet, "/.well-known/jwks.json", ""); got.Status != 200 {
		t.Errorf("afterwards %d", got.Status)
	}
	w.signIn("ana", goodPassword)
	if err := w.module.Ready(); err != nil {
		t.Error(err)
	}
}

// R3: a panic of a loop in the background is logged, counted, and the loop begun again, with the process and the other
// loops untouched.
func TestR3_PanicInTheBackground(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.NewFaultyLoop)
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		n := w.Metric("centinela_auth_background_failures_total")
		return n >= 2 && strings.Contains(w.Log.String(), "planted by a test"), fmt.Sprintf("%v failures are counted", n)
	})
	w.person("ana")
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		return len(w.audit.of(record.AccountCreated)) == 1, "the outbox has stopped"
	})
}

// Audit out: auth goes on, and nothing is lost.
func TestAuditOut(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	w.audit.down.Store(true)
	w.person("ana")
	if n := len(w.audit.of(record.SessionCreated)); n != 0 {
		t.Fatalf("%d events", n)
	}
	w.audit.down.Store(false)
	testkit.Eventually(t, 15*time.Second, func() (bool, string) {
		n := len(w.audit.of(record.AccountCreated)) + len(w.audit.of(record.SessionCreated))
		return n == 2, fmt.Sprintf("%d of 2 events", n)
	})
}

func TestConfig(t *testing.T) {
	if err := auth.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := cheapConfig().Validate(); err != nil { // what all tests but the benchmark run with
		t.Error(err)
	}
	var bad auth.Config
	bad.Session.Idle = time.Hour
	bad.Names.Reserved = []string{"acme", ""}
	err := bad.Validate()
	if err == nil {
		t.Fatal("the zero config is valid")
	}
	for _, want := range []string{
		"auth.password.length: must be from 10 to 64", "auth.password.hash_memory: must be from 19 to 4096",
		"auth.password.hash_time: must be from 2 to 64", "auth.session.access_ttl: must be from 1s to 1h0m0s",
		"auth.session.idle: must not be longer than auth.session.ttl", "auth.names.reserved[1]: must have from 1 to 64 characters",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no line %q in\n%v", want, err)
		}
	}
}

// NC A5: what was asked for again and is wrong is 422 with a pointer. HTTP stacks take 401 for "refresh the token and send
// again", and would spend a second try.
func TestWrongAnswersAre422(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	ana := w.person("ana")
	for name, c := range map[string]struct {
		got     moduletest.Answer
		code    string
		pointer string
	}{
		"current password": {w.do("gateway", ana.tokens.AccessToken, http.MethodPut, "/v1/me/password",
			`{"current_password":"not the current one","new_password":"`+otherPassword+`"}`), "credentials_invalid", "/current_password"},
		"saved code": {w.do("recovery", "", http.MethodPost, "/internal/accounts/"+ana.account.Account.Id+"/saved-codes/redemption",
			`{"code":"0000-0000-0000-0000","redemption_id":"r1"}`), "code_invalid", "/code"},
	} {
		if c.got.Status != 422 || c.got.Code() != c.code || !strings.Contains(c.got.Body, `"pointer":"`+c.pointer+`"`) ||
			c.got.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %s", name, c.got.Status, c.got.Body)
		}
	}
	if got := w.do("gateway", "", http.MethodPost, "/v1/sessions", `{"identifier":"ana","password":"not the current one"}`); got.Status != 401 {
		t.Errorf("a wrong sign-in is still 401: %d", got.Status)
	}
}
