package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/authclient"
	"centinela/services/auth"
	"centinela/shared/httpkit"
	"centinela/shared/id"
	"centinela/shared/module/moduletest"
)

// owners are whom the matrix's operations are for: somebody new for each.
type owners struct {
	*world
	person
	n       int
	session authclient.TokenSet // of a sign-in that is fresh
}

func (o *owners) next(string) {
	o.n++
	o.person = o.world.person(fmt.Sprintf("owner%d", o.n))
	o.session = o.tokens
}

// wrong are the tokens that must not do. Afterwards nothing but a new sign-in is fresh.
func (o *owners) wrong() []moduletest.Wrong {
	refused := func(who, token, code string) moduletest.Wrong {
		return moduletest.Wrong{Who: who, Authorization: bearer(token), Status: 401, Code: code}
	}
	o.Clock.Advance(11 * time.Minute)
	o.session = o.signIn(o.name, goodPassword)
	return []moduletest.Wrong{
		refused("no token", "", "unauthenticated"),
		refused("nonsense", "nonsense", "token_invalid"),
		refused("another issuer's token", o.People.Token(o.tokens.AccountId, o.tokens.SessionId), "token_invalid"),
		refused("a refresh token", o.session.RefreshToken, "token_invalid"),
		refused("a service's token", strings.TrimPrefix(o.AsOperator(), "Operator "), "token_invalid"),
		refused("a revoked session", o.signedOut(), "session_revoked"),
		refused("a token whose time is over", o.tokens.AccessToken, "token_expired"),
	}
}

// signedOut is an access token whose session is over, and whose own time isn't.
func (o *owners) signedOut() string {
	again := o.signIn(o.name, goodPassword)
	if got := o.do("gateway", again.AccessToken, http.MethodDelete, "/v1/sessions/"+again.SessionId, ""); got.Status != 204 {
		o.T.Fatalf("sign out: %d %s", got.Status, got.Body)
	}
	return again.AccessToken
}

// matrix is each operation with what its owner asks.
func (w *world) matrix() moduletest.Matrix {
	o := &owners{world: w}
	other := w.person("other")
	ask := func(path, body string) func(string) moduletest.Request {
		fill := func(text string) string {
			return strings.NewReplacer("{name}", o.name, "{account}", o.tokens.AccountId, "{session}", o.session.SessionId, "{refresh}", o.session.RefreshToken,
				"{saved}", o.account.SavedCodes[0], "{old}", goodPassword, "{new}", otherPassword).Replace(text)
		}
		return func(string) moduletest.Request { return moduletest.Request{Path: fill(path), Body: fill(body)} }
	}
	m := w.Matrix(map[string]moduletest.Row{
		"createAccount":       {Request: ask("/v1/accounts", `{"user_name":"{name}.b","password":"{old}"}`), Status: 201},
		"createSession":       {Request: ask("/v1/sessions", `{"identifier":"{name}","password":"{old}"}`), Status: 201},
		"refreshSession":      {Request: ask("/v1/sessions/refresh", `{"refresh_token":"{refresh}"}`), Status: 200},
		"listSessions":        {Request: ask("/v1/sessions", ""), Status: 200},
		"revokeOtherSessions": {Request: ask("/v1/sessions", ""), Status: 200},
		"revokeSession": {Request: ask("/v1/sessions/{session}", ""), Status: 204, Nowhere: func() moduletest.Request {
			return moduletest.Request{Path: "/v1/sessions/" + id.New("ses")}
		}},
		"getMe":            {Request: ask("/v1/me", ""), Status: 200},
		"changePassword":   {Request: ask("/v1/me/password", `{"current_password":"{old}","new_password":"{new}"}`), Status: 204},
		"issueSavedCodes":  {Request: ask("/v1/me/saved-codes", ""), Status: 201},
		"getJwks":          {Request: ask("/.well-known/jwks.json", ""), Status: 200},
		"lookupAccount":    {Request: ask("/internal/accounts/lookup", `{"identifier":"{name}"}`), Status: 200, Quiet: "a question in a body"},
		"getAccountFacts":  {Request: ask("/internal/accounts/{account}/facts", ""), Status: 200},
		"redeemSavedCode":  {Request: ask("/internal/accounts/{account}/saved-codes/redemption", `{"code":"{saved}","redemption_id":"r1"}`), Status: 204},
		"watchRevocations": {Request: ask("/internal/revocations", ""), Status: 200},
		"checkSession":     {Request: ask("/internal/sessions/{session}?account={account}", ""), Status: 204},
		"resetPassword":    {Request: ask("/internal/accounts/{account}/reset", `{"new_password":"{new}","reset_id":"x1","security_version":1}`), Status: 204},
	}, nil)
	for name, row := range m.Rows {
		row.Fresh = auth.FreshOnly()[name]
		m.Rows[name] = row
	}
	m.Before = o.next
	m.Right[moduletest.Person] = func() string { return bearer(o.session.AccessToken) }
	m.Wrong[moduletest.Person] = o.wrong
	m.Other[moduletest.Person] = func() string { return bearer(w.signIn(other.name, goodPassword).AccessToken) }
	m.Stale = func() string { return bearer(w.refresh(o.tokens).AccessToken) }
	return m
}

// TestLiveSession is the question that is asked before a way in is changed: 204 while the session lives, one answer for
// one that is over, unknown, or another person's.
func TestLiveSession(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	ana, eva := w.person("ana"), w.person("eva")
	ask := func(session, account string) moduletest.Answer {
		return w.do("recovery", "", http.MethodGet, "/internal/sessions/"+session+"?account="+account, "")
	}
	expect := func(what string, got moduletest.Answer, status int, code string) {
		t.Helper()
		if got.Status != status || got.Code() != code {
			t.Errorf("%s: %d %s, want %d %s", what, got.Status, got.Body, status, code)
		}
	}
	anas := ana.account.Account.Id
	expect("alive", ask(ana.tokens.SessionId, anas), 204, "")
	expect("another's", ask(eva.tokens.SessionId, anas), 401, "session_revoked")
	expect("unknown session", ask("ses_"+strings.Repeat("0", 24), anas), 401, "session_revoked")
	expect("unknown account", ask(ana.tokens.SessionId, "acc_"+strings.Repeat("0", 24)), 401, "session_revoked")
	expect("no account", w.do("recovery", "", http.MethodGet, "/internal/sessions/"+ana.tokens.SessionId, ""), 400, "invalid_request")
	second := w.signIn("ana", goodPassword)
	change := fmt.Sprintf(`{"current_password":"%s","new_password":"%s"}`, goodPassword, otherPassword)
	if got := w.do("gateway", second.AccessToken, http.MethodPut, "/v1/me/password", change); got.Status != 204 {
		t.Fatalf("change: %d %s", got.Status, got.Body)
	}
	expect("put out by the change", ask(ana.tokens.SessionId, anas), 401, "session_revoked")
	expect("which changed it", ask(second.SessionId, anas), 204, "")
	w.Clock.Advance(7 * 24 * time.Hour)
	expect("expired", ask(second.SessionId, anas), 401, "session_revoked")
}

// TestR41_AuthorisationMatrix runs every operation of the specification as nobody, as each service, and, where it is a
// person's, with each token that must not do, as another person, after a stale sign-in, and as the owner, on both stores.
// What is refused changes nothing in the whole store.
func TestR41_AuthorisationMatrix(t *testing.T) {
	for engine, store := range moduletest.Engines {
		t.Run(engine, func(t *testing.T) { newWorld(t, cheapConfig(), store(t), auth.New).matrix().Run(t) })
	}
}

func (w *world) refresh(tokens authclient.TokenSet) authclient.TokenSet {
	w.T.Helper()
	key := deviceKey
	got, err := httpkit.Read[authclient.TokenSet](
		w.as("gateway", "").RefreshSession(w.T.Context(), authclient.Refresh{RefreshToken: tokens.RefreshToken, DeviceKey: &key}))
	if err != nil {
		w.T.Fatalf("refresh: %v", err)
	}
	return got
}

// TestFreshTableIsComplete: each write of a person's is either in the table of what takes a fresh sign-in, or here with
// the reason why it need not be.
func TestFreshTableIsComplete(t *testing.T) {
	needNot := map[string]string{
		"revokeSession":       "ending a session takes ways in away, it adds none",
		"revokeOtherSessions": "the same",
	}
	spec, err := authapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			known[op.OperationID] = true
			if op.Security == nil || method == http.MethodGet {
				continue
			}
			if auth.FreshOnly()[op.OperationID] == (needNot[op.OperationID] != "") {
				t.Errorf("%s must be in exactly one of the two lists", op.OperationID)
			}
		}
	}
	for id := range auth.FreshOnly() {
		if !known[id] {
			t.Errorf("%s is no operation", id)
		}
	}
}
