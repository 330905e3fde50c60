package sdk

import (
	"context"
	"errors"
	"io"
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

// refreshes is a session whose refreshes are answered by answer, the n-th call by its n-th run; it must be in a bubble.
func refreshes(t *testing.T, answer func(n int, r *http.Request) (*http.Response, error)) (s *Session, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	client, err := New("http://suite", WithHTTPClient(&http.Client{Transport: carry(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), `"refresh_token":"old"`) || !strings.Contains(string(body), `"device_key":`) {
			t.Errorf("asked with %s, %v", body, err)
		}
		return answer(int(calls.Add(1)), r)
	})}))
	if err != nil {
		t.Fatal(err)
	}
	return client.Restore(Tokens{Session: "ses_1", Refresh: "old"}), calls
}

func renewed() (*http.Response, error) {
	return answerOf(200, nil, `{"account_id":"acc_1","session_id":"ses_1","token_type":"Bearer","access_token":"new","expires_in":600,"refresh_token":"newer","refresh_expires_at":"2030-01-01T00:00:00Z"}`), nil
}

// TestRefreshSurvives: an answer that was cut off is asked for again; a caller who gives up is let go at once, and
// doesn't lose the new tokens.
func TestRefreshSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, calls := refreshes(t, func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errors.New("connection reset")
			}
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(2 * time.Second):
				return renewed()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := s.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %s, want the caller's own second", err, time.Since(start))
		}
		if got := s.Tokens(); got.Refresh != "newer" || got.Access != "new" || calls.Load() != 2 {
			t.Errorf("tokens %v after %d calls", got, calls.Load())
		}
	})
}

// TestRefreshSilence: a try without an answer is given up in time for another one within the 10 s in which the server
// answers the same token again; there is no third, which would come too late and end the session.
func TestRefreshSilence(t *testing.T) {
	silent := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, c := range map[string]struct {
		second func(*http.Request) (*http.Response, error)
		ok     bool
		took   time.Duration
	}{
		"once":    {func(*http.Request) (*http.Response, error) { return renewed() }, true, 5 * time.Second},
		"twice":   {silent, false, 15 * time.Second},
		"and cut": {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }, false, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, calls := refreshes(t, func(n int, r *http.Request) (*http.Response, error) {
					if n == 1 {
						return silent(r)
					}
					return c.second(r)
				})
				start := time.Now()
				err := s.Refresh(t.Context())
				if (err == nil) != c.ok || time.Since(start) != c.took || calls.Load() != 2 {
					t.Errorf("%v after %s and %d calls", err, time.Since(start), calls.Load())
				}
			})
		})
	}
}

// TestRefreshRefusedForAll: when the session is over, the first who waited for a refresh learns it for all.
func TestRefreshRefusedForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, calls := refreshes(t, func(int, *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answerOf(401, nil, `{"code":"session_revoked"}`), nil
		})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := s.Me(t.Context()); !HasCode(err, CodeSessionRevoked) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls with a token that is refused, want 1", n)
		}
	})
}

// TestRefreshFailsForNow: a refresh that found the suite down is tried again by the next who needs one.
func TestRefreshFailsForNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := refreshes(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n <= tries {
				return answerOf(503, nil, `{"code":"unavailable"}`), nil
			}
			return renewed()
		})
		if err := s.Refresh(t.Context()); !HasCode(err, CodeUnavailable) {
			t.Errorf("down: %v", err)
		}
		if err := s.Refresh(t.Context()); err != nil {
			t.Errorf("up again: %v", err)
		}
	})
}
