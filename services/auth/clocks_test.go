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
	w.T.Helper()
	for range 20 {
		got := w.do("gateway", "", http.MethodPost, "/v1/sessions", fmt.Sprintf(`{"identifier":%q,"password":%q}`, name, otherPassword))
		switch got.Status {
		case http.StatusTooManyRequests:
			return
		case http.StatusUnauthorized:
		default:
			w.T.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	w.T.Fatal("nobody has to wait")
}

// retryAfter is what a sign-in from nowhere is told to wait, 0 when it needn't.
func (w *world) retryAfter(name string) time.Duration {
	w.T.Helper()
	got := w.do("gateway", "", http.MethodPost, "/v1/sessions", fmt.Sprintf(`{"identifier":%q,"password":%q}`, name, goodPassword))
	if got.Status == http.StatusCreated {
		return 0
	}
	seconds := time.Duration(0)
	if _, err := fmt.Sscan(got.Header.Get("Retry-After"), &seconds); err != nil || got.Status != http.StatusTooManyRequests {
		w.T.Fatalf("%d %s", got.Status, got.Body)
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
			w.Clock.Advance(-2 * time.Hour)
			before := w.signIn("ana", goodPassword) // fails the test unless it gets in
			w.signIn("eva", goodPassword)
			if wait := w.retryAfter("nobody at all"); wait <= 0 || wait > time.Minute {
				t.Errorf("a stranger has to wait %s", wait)
			}
			w.Clock.Advance(time.Minute)
			if wait := w.retryAfter("ana"); wait != 0 {
				t.Errorf("then somebody there has to wait %s", wait)
			}
			// What was made meanwhile is good when the clock is right again.
			w.Clock.Advance(2 * time.Hour)
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
			if got := behind.do("gateway", tokens.AccessToken, http.MethodPut, "/v1/me/password", change); got.Status != http.StatusNoContent {
				t.Errorf("a fresh sign-in of the other process: %d %s", got.Status, got.Body)
			}
			if got := ahead.do("gateway", other.AccessToken, http.MethodGet, "/v1/me", ""); got.Code() != "session_revoked" {
				t.Errorf("a session that ended here: %d %s", got.Status, got.Body)
			}
			testkit.Eventually(t, testkit.Patience, func() (bool, string) {
				page := ahead.do("recovery", "", http.MethodGet, "/internal/revocations", "")
				return strings.Contains(page.Body, other.SessionId), "not in the other's feed: " + page.Body
			})
		})
	}
}
