package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"centinela/services/auth"
	"centinela/shared/testkit"
)

// knocks are sign-ins with a wrong password until one has to wait: from one address, without a device.
func (w *world) knocks(name string) {
	w.t.Helper()
	for range 20 {
		got := w.do("gateway", "", http.MethodPost, "/v1/sessions", fmt.Sprintf(`{"identifier":%q,"password":%q}`, name, otherPassword))
		switch got.status {
		case http.StatusTooManyRequests:
			return
		case http.StatusUnauthorized:
		default:
			w.t.Fatalf("%d %s", got.status, got.body)
		}
	}
	w.t.Fatal("nobody has to wait")
}

// retryAfter is what a sign-in from nowhere is told to wait, 0 when it needn't.
func (w *world) retryAfter(name string) time.Duration {
	w.t.Helper()
	got := w.do("gateway", "", http.MethodPost, "/v1/sessions", fmt.Sprintf(`{"identifier":%q,"password":%q}`, name, goodPassword))
	if got.status == http.StatusCreated {
		return 0
	}
	seconds := time.Duration(0)
	if _, err := fmt.Sscan(got.header.Get("Retry-After"), &seconds); err != nil || got.status != http.StatusTooManyRequests {
		w.t.Fatalf("%d %s", got.status, got.body)
	}
	return seconds * time.Second
}

// AG D5: when the clock goes back by two hours, the right password from a known device gets in at once, and nobody is told
// to wait longer than the longest pause, though strangers have knocked, and all of it is in the store with times to come.
func TestClockSetBack(t *testing.T) {
	for engine, store := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, cheapConfig(), store(t), auth.New)
			w.person("ana")
			for range 3 {
				w.signIn("ana", goodPassword)
			}
			w.person("eva")
			w.knocks("nobody") // spends the address's anonymous counter
			w.clk.Advance(-2 * time.Hour)
			before := w.signIn("ana", goodPassword) // fails the test unless it gets in
			w.signIn("eva", goodPassword)
			if wait := w.retryAfter("nobody at all"); wait <= 0 || wait > time.Minute {
				t.Errorf("a stranger has to wait %s", wait)
			}
			w.clk.Advance(time.Minute)
			if wait := w.retryAfter("ana"); wait != 0 {
				t.Errorf("then somebody there has to wait %s", wait)
			}
			// What was made meanwhile is good when the clock is right again.
			w.clk.Advance(2 * time.Hour)
			w.refresh(before)
			w.signIn("ana", goodPassword)
		})
	}
}

// AG D5: two processes on one store, 30 s apart. Strangers at the one that is ahead keep nobody out of the other, its
// sessions and tokens are good there, and what is over there is over here at once.
func TestClocksApart(t *testing.T) {
	for engine, store := range engines {
		t.Run(engine, func(t *testing.T) {
			behind := newWorld(t, cheapConfig(), store(t), auth.New)
			ahead := behind.twin(cheapConfig(), 30*time.Second)
			ahead.person("ana")
			ahead.knocks("nobody")
			ahead.knocks("ana")
			behind.signIn("ana", goodPassword)
			if wait := behind.retryAfter("somebody else"); wait > time.Minute {
				t.Errorf("a stranger has to wait %s", wait)
			}
			tokens := ahead.signIn("ana", goodPassword)
			change := fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, goodPassword, otherPassword)
			other := behind.signIn("ana", goodPassword)
			if got := behind.do("gateway", tokens.AccessToken, http.MethodPut, "/v1/me/password", change); got.status != http.StatusNoContent {
				t.Errorf("a fresh sign-in of the other process: %d %s", got.status, got.body)
			}
			if got := ahead.do("gateway", other.AccessToken, http.MethodGet, "/v1/me", ""); got.code() != "session_revoked" {
				t.Errorf("a session that ended here: %d %s", got.status, got.body)
			}
			testkit.Eventually(t, 10*time.Second, func() (bool, string) {
				page := ahead.do("recovery", "", http.MethodGet, "/internal/revocations", "")
				return strings.Contains(page.body, other.SessionId), "not in the other's feed: " + page.body
			})
		})
	}
}
