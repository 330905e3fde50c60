package auth_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/authclient"
	"centinela/services/auth"
	"centinela/shared/httpkit"
)

// operation is one row of the matrix. path and body are made for the owner.
type operation struct {
	method string
	path   func(owner person) string
	body   func(owner person) string
	ok     int // what who may do it gets
	person bool
}

func fixed(s string) func(person) string { return func(person) string { return s } }

var matrix = map[string]operation{
	"createAccount": {
		http.MethodPost, fixed("/v1/accounts"),
		func(o person) string {
			return fmt.Sprintf(`{"user_name":"%s.b","password":"%s"}`, o.name, goodPassword)
		}, 201, false,
	},
	"createSession": {
		http.MethodPost, fixed("/v1/sessions"),
		func(o person) string { return fmt.Sprintf(`{"identifier":"%s","password":"%s"}`, o.name, goodPassword) }, 201, false,
	},
	"refreshSession": {
		http.MethodPost, fixed("/v1/sessions/refresh"),
		func(o person) string { return fmt.Sprintf(`{"refresh_token":"%s"}`, o.tokens.RefreshToken) }, 200, false,
	},
	"listSessions":        {http.MethodGet, fixed("/v1/sessions"), fixed(""), 200, true},
	"revokeOtherSessions": {http.MethodDelete, fixed("/v1/sessions"), fixed(""), 200, true},
	"revokeSession":       {http.MethodDelete, func(o person) string { return "/v1/sessions/" + o.tokens.SessionId }, fixed(""), 204, true},
	"getMe":               {http.MethodGet, fixed("/v1/me"), fixed(""), 200, true},
	"changePassword": {
		http.MethodPut, fixed("/v1/me/password"),
		fixed(fmt.Sprintf(`{"current_password":"%s","new_password":"%s"}`, goodPassword, otherPassword)), 204, true,
	},
	"issueSavedCodes": {http.MethodPost, fixed("/v1/me/saved-codes"), fixed(""), 201, true},
	"getJwks":         {http.MethodGet, fixed("/.well-known/jwks.json"), fixed(""), 200, false},
	"lookupAccount": {
		http.MethodPost, fixed("/internal/accounts/lookup"), func(o person) string { return fmt.Sprintf(`{"identifier":"%s"}`, o.name) }, 200, false,
	},
	"getAccountFacts": {
		http.MethodGet, func(o person) string { return "/internal/accounts/" + o.account.Account.Id + "/facts" }, fixed(""), 200, false,
	},
	"redeemSavedCode": {
		http.MethodPost, func(o person) string { return "/internal/accounts/" + o.account.Account.Id + "/saved-codes/redemption" },
		func(o person) string {
			return fmt.Sprintf(`{"code":"%s","redemption_id":"r1"}`, o.account.SavedCodes[0])
		}, 204, false,
	},
	"watchRevocations": {http.MethodGet, fixed("/internal/revocations"), fixed(""), 200, false},
	"checkSession": {
		http.MethodGet, func(o person) string {
			return "/internal/sessions/" + o.tokens.SessionId + "?account=" + o.account.Account.Id
		}, fixed(""), 204, false,
	},
	"resetPassword": {
		http.MethodPost, func(o person) string { return "/internal/accounts/" + o.account.Account.Id + "/reset" },
		fixed(fmt.Sprintf(`{"new_password":"%s","reset_id":"x1","security_version":1}`, otherPassword)), 204, false,
	},
}

// TestLiveSession is the question that is asked before a way in is changed: 204 while the session lives, one answer for
// one that is over, unknown, or another person's.
func TestLiveSession(t *testing.T) {
	w := newWorld(t, cheapConfig(), sqliteStore(t), auth.New)
	ana, eva := w.person("ana"), w.person("eva")
	ask := func(session, account string) answer {
		return w.do("recovery", "", http.MethodGet, "/internal/sessions/"+session+"?account="+account, "")
	}
	expect := func(what string, got answer, status int, code string) {
		t.Helper()
		if got.status != status || got.code() != code {
			t.Errorf("%s: %d %s, want %d %s", what, got.status, got.body, status, code)
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
	if got := w.do("gateway", second.AccessToken, http.MethodPut, "/v1/me/password", change); got.status != 204 {
		t.Fatalf("change: %d %s", got.status, got.body)
	}
	expect("put out by the change", ask(ana.tokens.SessionId, anas), 401, "session_revoked")
	expect("which changed it", ask(second.SessionId, anas), 204, "")
	w.clk.Advance(7 * 24 * time.Hour)
	expect("expired", ask(second.SessionId, anas), 401, "session_revoked")
}

// TestR41_AuthorisationMatrix runs every operation of the specification as nobody, as each service, and, where it is a
// person's, as nobody, with a forged token, with a revoked session, as another person, after a stale sign-in, and as the
// owner. What is refused must also have changed nothing, of nobody's: no row, no counter, no event; the owner's own call
// comes last and still works.
func TestR41_AuthorisationMatrix(t *testing.T) {
	w := newWorld(t, cheapConfig(), sqliteStore(t), auth.New)
	spec, err := authapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	other, forger := w.person("other"), newWorld(t, cheapConfig(), sqliteStore(t), auth.New).person("forger")
	seen := 0
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			row, ok := matrix[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) is not in the matrix", method, path, op.OperationID)
				continue
			}
			seen++
			t.Run(op.OperationID, func(t *testing.T) {
				owner := w.person(fmt.Sprintf("owner%d", seen))
				do := func(service, token string) answer {
					return w.do(service, token, row.method, row.path(owner), row.body(owner))
				}
				expect := func(who string, got answer, status int, code string) {
					t.Helper()
					if got.status != status || got.code() != code {
						t.Errorf("%s: %d %s, want %d %s", who, got.status, got.code(), status, code)
					}
				}
				refused := func(who, service, token string, status int, code string) {
					t.Helper()
					before := w.state()
					expect(who, do(service, token), status, code)
					if after := w.state(); after != before {
						t.Errorf("%s: it was refused, and changed\n%s\nto\n%s", who, before, after)
					}
				}
				refused("nobody, with the owner's token", "", owner.tokens.AccessToken, 401, "unauthenticated")
				callers, _ := op.Extensions["x-callers"].([]any)
				for _, service := range []string{"gateway", "recovery", "chat-relay", "audit", "auth", "operator", "stranger"} {
					if !slices.Contains(callers, any(service)) {
						refused(service, service, owner.tokens.AccessToken, 403, "caller_not_allowed")
					}
				}
				if len(callers) == 0 || slices.Contains(callers, any("*")) {
					t.Fatalf("x-callers %v: an operation lists who may call it", callers)
				}
				if !row.person {
					for _, service := range callers {
						expect(service.(string), do(service.(string), ""), row.ok, "")
					}
					return
				}
				refused("no token", "gateway", "", 401, "unauthenticated")
				refused("another issuer's token", "gateway", forger.tokens.AccessToken, 401, "token_invalid")
				refused("refresh token as access token", "gateway", owner.tokens.RefreshToken, 401, "token_invalid")

				stale := w.signIn(owner.name, goodPassword)
				if got := w.do("gateway", stale.AccessToken, http.MethodDelete, "/v1/sessions/"+stale.SessionId, ""); got.status != 204 {
					t.Fatalf("sign out: %d %s", got.status, got.body)
				}
				refused("revoked session", "gateway", stale.AccessToken, 401, "session_revoked")

				w.clk.Advance(11 * time.Minute)
				refused("expired token", "gateway", owner.tokens.AccessToken, 401, "token_expired")
				fresh := w.signIn(other.name, goodPassword)
				if strings.Contains(row.path(owner), owner.tokens.SessionId) {
					refused("another person", "gateway", fresh.AccessToken, 404, "not_found")
				}
				refreshed := w.refresh(owner.tokens)
				if auth.FreshOnly()[op.OperationID] {
					refused("stale sign-in, refreshed", "gateway", refreshed.AccessToken, 403, "fresh_sign_in_required")
					refreshed = w.signIn(owner.name, goodPassword)
				}
				expect("the owner", do("gateway", refreshed.AccessToken), row.ok, "")
			})
		}
	}
	if seen != len(matrix) {
		t.Errorf("%d operations of the specification, %d rows", seen, len(matrix))
	}
}

// state is all that the store holds of people and counters, and how many events were written.
func (w *world) state() string {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.store.Dir, "auth.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(w.t.Context(), `
		SELECT 'account ' || body FROM accounts UNION ALL SELECT 'session ' || body FROM sessions
		UNION ALL SELECT 'counter ' || id || ' ' || count || ' ' || window_start || ' ' || last_at FROM limit_counters
		UNION ALL SELECT 'events ' || max(n, coalesce((SELECT max(n) FROM outbox_log), 0)) FROM outbox_cursor ORDER BY 1`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil || len(all) < 4 {
		w.t.Fatalf("%d lines, %v", len(all), err)
	}
	return strings.Join(all, "\n")
}

func (w *world) refresh(tokens authclient.TokenSet) authclient.TokenSet {
	w.t.Helper()
	key := deviceKey
	got, err := httpkit.Read[authclient.TokenSet](
		w.as("gateway", "").RefreshSession(w.t.Context(), authclient.Refresh{RefreshToken: tokens.RefreshToken, DeviceKey: &key}))
	if err != nil {
		w.t.Fatalf("refresh: %v", err)
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
