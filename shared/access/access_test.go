package access

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/revocation"
	"centinela/shared/testkit"
)

var start = time.Date(2025, 6, 1, 12, 0, 0, 123_000_000, time.UTC)

// source is auth: it can rotate its keys, be down, and counts who asks.
type source struct {
	mu    sync.Mutex
	keys  map[string]ed25519.PublicKey
	down  bool
	asked int
}

func (s *source) Keys(context.Context) (map[string]ed25519.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.down {
		return nil, errors.New("connection refused")
	}
	return s.keys, nil
}

func (s *source) set(down bool, keys map[string]ed25519.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.keys = down, keys
}

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

func claimsAt(now time.Time) Claims {
	return Claims{
		Account: "acc_1", Session: "ses_1", AuthTime: now.Add(-time.Hour), IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute),
		AMR: []string{"pwd", "sms"}, ACR: "strong",
	}
}

func issue(t *testing.T, key ed25519.PrivateKey, kid string, c Claims) string {
	t.Helper()
	token, err := Issue(key, kid, c)
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// TestVerify holds "EdDSA pinned, kid required" and RFC 8725 §3.1, §3.9.
func TestVerify(t *testing.T) {
	pub, key := newKey(t)
	_, stranger := newKey(t)
	clk := clock.NewManual(start)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	forge := func(method jwt.SigningMethod, with any, header map[string]any, change func(*wire)) string {
		w := wire{
			RegisteredClaims: jwt.RegisteredClaims{Issuer: issuer, Subject: "acc_1", Audience: jwt.ClaimStrings{audience}},
			Exp:              stampOf(start.Add(time.Minute)), Iat: stampOf(start), AuthTime: stampOf(start), Session: "ses_1",
		}
		if change != nil {
			change(&w)
		}
		token := jwt.NewWithClaims(method, w)
		token.Header["typ"], token.Header["kid"] = tokenType, "k1"
		for name, value := range header {
			token.Header[name] = value
		}
		text, err := token.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	eddsa := func(header map[string]any, change func(*wire)) string {
		return forge(jwt.SigningMethodEdDSA, key, header, change)
	}
	good := issue(t, key, "k1", claimsAt(start))
	cases := map[string]string{
		"empty":                 "",
		"garbage":               "x.y.z",
		"too_long":              strings.Repeat("a", maxToken+1),
		"tampered":              good[:len(good)-8] + "AAAAAAAA",
		"alg_none":              forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"HS256_with_public_key": forge(jwt.SigningMethodHS256, []byte(pub), nil, nil),
		"a_stranger's_key":      forge(jwt.SigningMethodEdDSA, stranger, nil, nil),
		"no_kid":                eddsa(map[string]any{"kid": nil}, nil),
		"kid_is_no_text":        eddsa(map[string]any{"kid": 1}, nil),
		"unknown_kid":           eddsa(map[string]any{"kid": "k9"}, nil),
		"another_type":          eddsa(map[string]any{"typ": "JWT"}, nil),
		"another_issuer":        eddsa(nil, func(w *wire) { w.Issuer = "someone" }),
		"another_audience":      eddsa(nil, func(w *wire) { w.Audience = jwt.ClaimStrings{"elsewhere"} }),
		"no_audience":           eddsa(nil, func(w *wire) { w.Audience = nil }),
		"no_expiry":             eddsa(nil, func(w *wire) { w.Exp = 0 }),
		"no_account":            eddsa(nil, func(w *wire) { w.Subject = "" }),
		"no_session":            eddsa(nil, func(w *wire) { w.Session = "" }),
	}
	for name, token := range cases {
		t.Run(name, func(t *testing.T) {
			v := NewVerifier(src, nil, clk)
			for range 2 {
				if c, err := v.Verify(context.Background(), token); !errors.Is(err, ErrTokenInvalid) {
					t.Fatalf("Verify = %+v, %v; want ErrTokenInvalid", c, err)
				}
			}
		})
	}
	t.Run("good_one_keeps_every_claim", func(t *testing.T) {
		v := NewVerifier(src, nil, clk)
		for range 2 { // parsed, then remembered
			got, err := v.Verify(context.Background(), good)
			if want := claimsAt(start); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("Verify = %+v, %v; want %+v", got, err, want)
			}
		}
	})
}

// TestStamp: a NumericDate is seconds with at most decimals behind them; what is written otherwise is refused, and not 0.
func TestStamp(t *testing.T) {
	for _, text := range []string{"1.5e3", "1e3", "1.-5", "-1", `"1"`, "null", "4611686018427388"} {
		var s stamp
		if err := s.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is taken as %d", text, s)
		}
	}
	for text, want := range map[string]stamp{"7": 7000, "7.5": 7500, "7.0429": 7042} {
		var s stamp
		if err := s.UnmarshalJSON([]byte(text)); err != nil || s != want {
			t.Errorf("%s is %d, %v", text, s, err)
		}
	}
}

// TestExpiry: a token ends at its millisecond, remembered or not, and is remembered no longer.
func TestExpiry(t *testing.T) {
	pub, key := newKey(t)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	token := issue(t, key, "k1", claimsAt(start))
	exp := claimsAt(start).ExpiresAt
	for name, c := range map[string]struct {
		at      time.Time
		expired bool
	}{
		"one_ms_before": {exp.Add(-time.Millisecond), false},
		"at_exp":        {exp, true},
		"one_ms_after":  {exp.Add(time.Millisecond), true},
	} {
		for _, remembered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/remembered=%v", name, remembered), func(t *testing.T) {
				clk := clock.NewManual(start)
				v := NewVerifier(src, nil, clk)
				if remembered {
					if _, err := v.Verify(context.Background(), token); err != nil {
						t.Fatal(err)
					}
				}
				clk.Set(c.at)
				_, err := v.Verify(context.Background(), token)
				if c.expired != errors.Is(err, ErrTokenExpired) || !c.expired && err != nil {
					t.Errorf("Verify: %v, want expired %v", err, c.expired)
				}
				if n := v.verified.Len(); (n == 0) != c.expired {
					t.Errorf("remembers %d tokens", n)
				}
			})
		}
	}
}

// TestKeySourceDown holds gateway.md "works when auth is down".
func TestKeySourceDown(t *testing.T) {
	pub, key := newKey(t)
	pub2, key2 := newKey(t)
	clk := clock.NewManual(start)
	src := &source{down: true}
	v := NewVerifier(src, nil, clk)
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	verify := func(key ed25519.PrivateKey, kid, account string) error {
		c := claimsAt(start)
		c.Account = account
		_, err := v.Verify(context.Background(), issue(t, key, kid, c))
		return err
	}
	if err := verify(key, "k1", "a"); fault.From(err).Kind != fault.KindUnavailable {
		t.Fatalf("before any key: %v, want unavailable: nobody may be signed out by this", err)
	}
	src.set(false, map[string]ed25519.PublicKey{"k1": pub})
	now = now.Add(retryAtMost)
	if err := verify(key, "k1", "a"); err != nil {
		t.Fatalf("after the source came up: %v", err)
	}
	src.set(true, nil)
	now = now.Add(time.Hour)
	if err := verify(key, "k1", "b"); err != nil {
		t.Errorf("a new token of a known key while the source is down: %v", err)
	}
	if err := verify(key2, "k2", "b"); fault.From(err).Kind != fault.KindUnavailable {
		t.Errorf("a key that may be new while the source is down: %v, want unavailable", err)
	}
	src.set(false, map[string]ed25519.PublicKey{"k1": pub, "k2": pub2})
	now = now.Add(retryAtMost)
	if err := verify(key2, "k2", "b"); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// TestUnknownKeyAsksSeldom: strangers with invented key ids must not become traffic on auth.
func TestUnknownKeyAsksSeldom(t *testing.T) {
	pub, key := newKey(t)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	v := NewVerifier(src, nil, clock.NewManual(start))
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	for i := range 200 {
		token := issue(t, key, fmt.Sprintf("invented-%d", i), claimsAt(start))
		if _, err := v.Verify(context.Background(), token); !errors.Is(err, ErrTokenInvalid) {
			t.Fatal(err)
		}
	}
	if src.asked != 1 {
		t.Errorf("200 unknown keys within 5 s asked %d times, want once", src.asked)
	}
	now = now.Add(refreshAtMost)
	if _, err := v.Verify(context.Background(), issue(t, key, "invented", claimsAt(start))); !errors.Is(err, ErrTokenInvalid) {
		t.Fatal(err)
	}
	if src.asked != 2 {
		t.Errorf("asked %d times after 5 s, want 2", src.asked)
	}
}

// TestWithdrawnKey: when auth withdraws a key, what was verified with it is forgotten.
func TestWithdrawnKey(t *testing.T) {
	pub, key := newKey(t)
	pub2, _ := newKey(t)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	v := NewVerifier(src, nil, clock.NewManual(start))
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	token := issue(t, key, "k1", claimsAt(start))
	if _, err := v.Verify(context.Background(), token); err != nil {
		t.Fatal(err)
	}
	src.set(false, map[string]ed25519.PublicKey{"k2": pub2})
	now = now.Add(refreshEvery)
	if err := v.keys.refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), token); !errors.Is(err, ErrTokenInvalid) {
		t.Errorf("a remembered token of a withdrawn key: %v", err)
	}
}

// TestWithdrawnKeyMeanwhile: a key that is withdrawn while a token of it is being verified takes that token along.
func TestWithdrawnKeyMeanwhile(t *testing.T) {
	pub, key := newKey(t)
	pub2, _ := newKey(t)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	clk := &meanwhile{Clock: clock.NewManual(start)}
	v := NewVerifier(src, nil, clk)
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	if err := v.keys.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	src.set(false, map[string]ed25519.PublicKey{"k2": pub2})
	now = now.Add(refreshEvery)
	clk.do = sync.OnceFunc(func() { // the signature fits, and nothing is remembered yet
		if err := v.keys.refresh(t.Context()); err != nil {
			t.Error(err)
		}
	})
	token := issue(t, key, "k1", claimsAt(start))
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatalf("verified in time: %v", err)
	}
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrTokenInvalid) {
		t.Errorf("a token of a withdrawn key is remembered: %v", err)
	}
}

// meanwhile is a clock during whose reading something happens.
type meanwhile struct {
	clock.Clock
	do func()
}

func (m *meanwhile) Now() time.Time {
	if m.do != nil {
		m.do()
	}
	return m.Clock.Now()
}

// TestSameKeysStayRemembered: keys that are asked for again and are the same cost no signature.
func TestSameKeysStayRemembered(t *testing.T) {
	pub, key := newKey(t)
	src := &source{keys: map[string]ed25519.PublicKey{"k1": pub}}
	v := NewVerifier(src, nil, clock.NewManual(start))
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	token := issue(t, key, "k1", claimsAt(start))
	for range 2 { // the first one brought the keys
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	src.set(false, map[string]ed25519.PublicKey{"k1": slices.Clone(pub)})
	before := v.keys.keys.Load()
	now = now.Add(refreshEvery)
	if err := v.keys.refresh(t.Context()); err != nil || src.asked != 2 {
		t.Fatalf("%v, asked %d times", err, src.asked)
	}
	if known, ok := v.verified.Get(sha256.Sum256([]byte(token))); !ok || known.keys != v.keys.keys.Load() || known.keys != before {
		t.Error("what was verified is forgotten though the keys are the same")
	}
}

// TestR3_KeySourcePanics: the question is asked on a goroutine of its own, where a panic would end the process.
func TestR3_KeySourcePanics(t *testing.T) {
	pub, key := newKey(t)
	src := &panicking{source: source{keys: map[string]ed25519.PublicKey{"k1": pub}}}
	src.panics.Store(true)
	v := NewVerifier(src, nil, clock.NewManual(start))
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	token := issue(t, key, "k1", claimsAt(start))
	_, err := v.Verify(t.Context(), token)
	if f := fault.From(err); f.Kind != fault.KindUnavailable || !strings.Contains(fmt.Sprint(errors.Unwrap(f)), "planted") {
		t.Fatalf("%v, want unavailable with the panic as its cause", err)
	}
	src.panics.Store(false)
	now = now.Add(retryAtMost)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

type panicking struct {
	source
	panics atomic.Bool
}

func (p *panicking) Keys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	if p.panics.Load() {
		panic("planted by a test")
	}
	return p.source.Keys(ctx)
}

func TestRememberedIsBounded(t *testing.T) {
	pub, key := newKey(t)
	v := NewVerifier(&source{keys: map[string]ed25519.PublicKey{"k1": pub}}, nil, clock.NewManual(start))
	for i := range 2 * maxRemembered {
		v.verified.Put([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, remembered{})
	}
	if _, err := v.Verify(context.Background(), issue(t, key, "k1", claimsAt(start))); err != nil {
		t.Fatal(err)
	}
	if n := v.verified.Len(); n > maxRemembered {
		t.Errorf("remembers %d tokens, want at most %d", n, maxRemembered)
	}
}

// TestRun: keys are at hand before the first request, and Run ends with its context.
func TestRun(t *testing.T) {
	pub, _ := newKey(t)
	v := NewVerifier(&source{keys: map[string]ed25519.PublicKey{"k1": pub}}, nil, clock.NewManual(start))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		_, ok := (*v.keys.keys.Load())["k1"]
		return ok, "no keys yet"
	})
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestJWKS(t *testing.T) {
	pub, _ := newKey(t)
	pub2, _ := newKey(t)
	keys := map[string]ed25519.PublicKey{"b": pub, "a": pub2}
	status := http.StatusOK
	body := string(JWKS(keys))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a test client that left fails by itself
	}))
	t.Cleanup(server.Close)
	src := HTTPKeys(server.Client(), func() string { return server.URL })

	got, err := src.Keys(context.Background())
	if err != nil || !reflect.DeepEqual(got, keys) {
		t.Fatalf("Keys = %v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"no_json": "<html>", "no_keys": `{"keys":[]}`, "only_others": `{"keys":[{"kty":"RSA","kid":"r"}]}`,
		"short":     `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"s","x":"AAAA"}]}`,
		"half_read": strings.Replace(body, `{"keys":[`, `{"keys":[{"kid":7},`, 1),
	} {
		body = bad
		if _, err := src.Keys(context.Background()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	body, status = string(JWKS(keys)), http.StatusServiceUnavailable
	if _, err := src.Keys(context.Background()); err == nil {
		t.Error("status 503: accepted")
	}
}

// X10: a token of 4,096 bytes is taken, one of 4,097 isn't, though all else in it is good.
func TestLongestToken(t *testing.T) {
	pub, key := newKey(t)
	v := NewVerifier(&source{keys: map[string]ed25519.PublicKey{"k1": pub}}, nil, clock.NewManual(start))
	// Base64 leaves one length in four out; a field more in the header moves it.
	exactly := func(length int) string {
		for more := range 4 {
			for n := length / 3; n < length; n++ {
				c := wire{RegisteredClaims: jwt.RegisteredClaims{Issuer: issuer, Subject: "acc_1", Audience: jwt.ClaimStrings{audience}}, Session: "ses_1"}
				c.Exp, c.AMR = stampOf(start.Add(time.Minute)), []string{strings.Repeat("a", n)}
				token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
				token.Header["typ"], token.Header["kid"], token.Header["x"] = tokenType, "k1", strings.Repeat("x", more)
				text, err := token.SignedString(key)
				if err != nil {
					t.Fatal(err)
				}
				if len(text) == length {
					return text
				}
				if len(text) > length {
					break
				}
			}
		}
		t.Fatalf("no token of %d bytes", length)
		return ""
	}
	if _, err := v.Verify(t.Context(), exactly(maxToken)); err != nil {
		t.Errorf("4,096 bytes: %v", err)
	}
	if _, err := v.Verify(t.Context(), exactly(maxToken+1)); !errors.Is(err, ErrTokenInvalid) {
		t.Errorf("4,097 bytes: %v", err)
	}
}

// AG D2: what auth says is over is refused, remembered or not; before auth was heard nobody is let in, and that costs
// nobody the session.
func TestRevoked(t *testing.T) {
	pub, key := newKey(t)
	clk := clock.NewManual(start)
	heard, over := make(chan struct{}), make(chan struct{})
	pages := 0
	feed := revocation.NewFeed(func(ctx context.Context, _ string, _ time.Duration) (revocation.Page, error) {
		pages++
		wait, page := heard, revocation.Page{Next: "1"}
		switch pages {
		case 2:
			wait, page.Revocations = over, []revocation.Change{{Kind: revocation.Session, ID: "ses_1", Until: start.Add(time.Hour)}}
		case 3:
			wait = nil
		}
		select {
		case <-wait:
			return page, nil
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}, clk, slog.New(slog.NewTextHandler(io.Discard, nil)))
	told := make(chan revocation.Change, 1)
	feed.OnChange(func(c revocation.Change) { told <- c })
	v := NewVerifier(&source{keys: map[string]ed25519.PublicKey{"k1": pub}}, feed, clk)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- v.Revocations().Run(ctx) }()
	token := issue(t, key, "k1", claimsAt(start))

	if err := v.keys.refresh(t.Context()); err != nil { // so that the hurried wait for nothing but the feed
		t.Fatal(err)
	}
	hurried, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := v.Verify(hurried, token); fault.From(err).Kind != fault.KindUnavailable || v.Ready() == nil {
		t.Errorf("before auth was heard: %v, ready %v", err, v.Ready())
	}
	close(heard)
	if _, err := v.Verify(t.Context(), token); err != nil || v.Ready() != nil {
		t.Errorf("then: %v, ready %v", err, v.Ready())
	}
	close(over)
	<-told
	fresh := issue(t, key, "k1", claimsAt(start.Add(time.Millisecond)))
	for name, text := range map[string]string{"remembered": token, "new": fresh} {
		if _, err := v.Verify(t.Context(), text); !errors.Is(err, revocation.ErrRevoked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Ready means that auth may go away: a service that had heard which sessions are over, and had no keys yet, answered 503
// to everybody when auth was killed right then.
func TestReadyNeedsTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, _ := newKey(t)
		feed := revocation.NewFeed(func(ctx context.Context, _ string, wait time.Duration) (revocation.Page, error) {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			return revocation.Page{Next: "1"}, ctx.Err()
		}, clock.NewManual(start), slog.New(slog.NewTextHandler(io.Discard, nil)))
		src := &source{down: true}
		v := NewVerifier(src, feed, clock.NewManual(start))
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = v.Revocations().Run(ctx) }) // it returns nil
		all.Go(func() { _ = v.Run(ctx) })               // so does it
		synctest.Wait()
		if feed.Ready() != nil || !errors.Is(v.Ready(), errNoKeys) {
			t.Errorf("feed %v, ready %v", feed.Ready(), v.Ready())
		}
		src.set(false, map[string]ed25519.PublicKey{"k1": pub})
		time.Sleep(retryAtMost + time.Millisecond)
		if err := v.Ready(); err != nil {
			t.Errorf("not a quarter of a second after auth came: %v", err)
		}
		stop()
		all.Wait()
	})
}
