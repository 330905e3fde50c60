package sdk

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// me answers /v1/me to the access token with that number, and refreshes to the next.
func me(good *atomic.Int64, expiresIn int) func(call) (int, any) {
	return func(c call) (int, any) {
		switch c.path {
		case "/v1/sessions":
			return http.StatusCreated, tokens(1, expiresIn)
		case "/v1/sessions/refresh":
			return http.StatusOK, tokens(int(good.Add(1)), 600)
		}
		if c.header.Get("Authorization") != "Bearer access-"+string(rune('0'+good.Load())) {
			return http.StatusUnauthorized, problem{Code: CodeTokenExpired}
		}
		return http.StatusOK, map[string]any{"id": "acc_1", "user_name": "ana", "locale": "en", "created_at": "2030-01-01T00:00:00Z", "saved_codes_left": 4}
	}
}

func count(calls []call, path string) int {
	n := 0
	for _, c := range calls {
		if c.path == path {
			n++
		}
	}
	return n
}

// TestRefreshBeforeExpiry: a token that is about to expire is refreshed before the call, once for all who wait.
func TestRefreshBeforeExpiry(t *testing.T) {
	var good atomic.Int64
	good.Store(1)
	f := newFake(t, me(&good, 29)) // less than the margin
	s, err := f.client().SignIn(t.Context(), "ana", "pw")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Me(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := count(f.said(), "/v1/sessions/refresh"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
	if s.Tokens().Access != "access-2" || s.Tokens().Refresh != "refresh-2" {
		t.Errorf("tokens %#v", s.Tokens())
	}
}

// TestTokenExpired: a token that the suite finds expired is refreshed once, and the call made again.
func TestTokenExpired(t *testing.T) {
	var good atomic.Int64
	good.Store(2) // the token of the sign-in is refused; the refresh gives number 3
	f := newFake(t, me(&good, 600))
	s, err := f.client().SignIn(t.Context(), "ana", "pw")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := s.Me(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := count(f.said(), "/v1/sessions/refresh"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
}

// TestTokenExpiredTwice: there is one refresh and one repeat, no loop.
func TestTokenExpiredTwice(t *testing.T) {
	f := newFake(t, func(c call) (int, any) {
		if strings.HasPrefix(c.path, "/v1/sessions") {
			return map[string]int{"/v1/sessions": 201, "/v1/sessions/refresh": 200}[c.path], tokens(1, 600)
		}
		return http.StatusUnauthorized, problem{Code: CodeTokenExpired}
	})
	s, err := f.client().SignIn(t.Context(), "ana", "pw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Me(t.Context()); !HasCode(err, CodeTokenExpired) {
		t.Errorf("got %v", err)
	}
	if calls := f.said(); len(calls) != 4 {
		t.Errorf("%d calls, want sign-in, me, refresh, me", len(calls))
	}
}

// TestRefreshRefused: the caller sees that the token expired, and why it stays so. Other refusals cause no refresh.
func TestRefreshRefused(t *testing.T) {
	code := CodeTokenExpired
	f := newFake(t, func(c call) (int, any) {
		switch c.path {
		case "/v1/sessions":
			return 201, tokens(1, 600)
		case "/v1/sessions/refresh":
			return 401, problem{Code: CodeSessionRevoked}
		}
		return 401, problem{Code: code}
	})
	s, err := f.client().SignIn(t.Context(), "ana", "pw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Me(t.Context()); !HasCode(err, CodeTokenExpired) || !strings.Contains(err.Error(), CodeSessionRevoked) {
		t.Errorf("got %v", err)
	}
	code = CodeSessionRevoked
	before := len(f.said())
	if _, err := s.Me(t.Context()); !HasCode(err, CodeSessionRevoked) || len(f.said()) != before+1 {
		t.Errorf("got %v after %d calls", err, len(f.said())-before)
	}
}

// TestRefreshSurvives: an answer that was lost is asked for again, and a caller who gives up doesn't lose the new tokens.
func TestRefreshSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		client, err := New("http://suite", WithHTTPClient(&http.Client{Transport: carry(func(r *http.Request) (*http.Response, error) {
			n++
			if n == 1 {
				return nil, errors.New("connection reset")
			}
			time.Sleep(2 * time.Second)
			return answerOf(200, nil, `{"account_id":"acc_1","session_id":"ses_1","token_type":"Bearer","access_token":"new","expires_in":600,"refresh_token":"newer","refresh_expires_at":"2030-01-01T00:00:00Z"}`), nil
		})}))
		if err != nil {
			t.Fatal(err)
		}
		s := client.Restore(Tokens{Refresh: "old"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if n != 2 || s.Tokens().Refresh != "newer" {
			t.Errorf("%d tries, tokens %v", n, s.Tokens())
		}
	})
}
