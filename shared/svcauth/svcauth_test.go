package svcauth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

func writePublic(t *testing.T, dir, service string, pub ed25519.PublicKey, mod time.Time) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, service+".pub")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, mod, mod); err != nil {
		t.Fatal(err)
	}
}

type at struct{ t time.Time }

func (a *at) now() time.Time { return a.t }

// TestVerify holds "a short-lived token signed with that service's own Ed25519 key, audience = callee" (architecture.md, Requests).
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	pub, key := newKey(t)
	_, stranger := newKey(t)
	writePublic(t, dir, "gateway", pub, time.Now())
	clk := &at{t: time.Unix(1_750_000_000, 0)}

	make := func(method jwt.SigningMethod, key any, typ string, change func(*jwt.RegisteredClaims)) string {
		claims := jwt.RegisteredClaims{
			Issuer: "gateway", Audience: jwt.ClaimStrings{"auth"},
			IssuedAt: jwt.NewNumericDate(clk.t), ExpiresAt: jwt.NewNumericDate(clk.t.Add(life)),
		}
		if change != nil {
			change(&claims)
		}
		token := jwt.NewWithClaims(method, claims)
		token.Header["typ"] = typ
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// long is a good token of so many bytes. Base64 leaves one length in four out; a header more moves it.
	long := func(length int) string {
		for n := length / 2; n < length; n++ {
			for _, more := range []string{"", "x", "xx"} {
				token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
					Issuer: "gateway", Audience: jwt.ClaimStrings{"auth"}, ID: strings.Repeat("x", n),
					IssuedAt: jwt.NewNumericDate(clk.t), ExpiresAt: jwt.NewNumericDate(clk.t.Add(life)),
				})
				token.Header["typ"], token.Header["x"] = tokenType, more
				if text, err := token.SignedString(key); err == nil && len(text) == length {
					return text
				}
			}
		}
		t.Fatalf("no token of %d bytes", length)
		return ""
	}
	good := make(jwt.SigningMethodEdDSA, key, tokenType, nil)
	cases := map[string]struct {
		token string
		ok    bool
	}{
		"good":              {good, true},
		"empty":             {"", false},
		"garbage":           {"a.b.c", false},
		"longest":           {long(maxToken), true},
		"too_long":          {long(maxToken + 1), false},
		"tampered":          {good[:len(good)-6] + "AAAAAA", false},
		"alg_none":          {make(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, tokenType, nil), false},
		"alg_HS256_pub_key": {make(jwt.SigningMethodHS256, []byte(pub), tokenType, nil), false},
		"a_stranger's_key":  {make(jwt.SigningMethodEdDSA, stranger, tokenType, nil), false},
		"another_type":      {make(jwt.SigningMethodEdDSA, key, "at+jwt", nil), false},
		"another_audience": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) {
			c.Audience = jwt.ClaimStrings{"audit"}
		}), false},
		"unknown_service": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) { c.Issuer = "nobody" }), false},
		"issuer_is_a_path": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) {
			c.Issuer = "../" + filepath.Base(dir) + "/gateway"
		}), false},
		"expired": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) {
			c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(clk.t.Add(-66*time.Second)), jwt.NewNumericDate(clk.t.Add(-6*time.Second))
		}), false},
		"never_expires": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }), false},
		"lives_too_long": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) {
			c.ExpiresAt = jwt.NewNumericDate(clk.t.Add(time.Hour))
		}), false},
		"from_the_future": {make(jwt.SigningMethodEdDSA, key, tokenType, func(c *jwt.RegisteredClaims) {
			c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(clk.t.Add(time.Minute)), jwt.NewNumericDate(clk.t.Add(2*time.Minute))
		}), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := NewVerifier("auth", DirKeyring(dir))
			v.now = clk.now
			for range 2 { // the second time may come from memory
				caller, err := v.Verify(c.token)
				if c.ok && (err != nil || caller != "gateway") {
					t.Fatalf("Verify = %q, %v", caller, err)
				}
				if !c.ok && !errors.Is(err, ErrNotAService) {
					t.Fatalf("Verify = %q, %v; want ErrNotAService", caller, err)
				}
			}
		})
	}
}

func TestRememberedTokenEndsWithItsLife(t *testing.T) {
	dir := t.TempDir()
	pub, key := newKey(t)
	writePublic(t, dir, "gateway", pub, time.Now())
	clk := &at{t: time.Unix(1_750_000_000, 0)}
	s, v := NewSigner("gateway", key), NewVerifier("auth", DirKeyring(dir))
	s.now, v.now = clk.now, clk.now
	token, err := s.Token("auth")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(token); err != nil {
		t.Fatal(err)
	}
	clk.t = clk.t.Add(life + leeway + time.Second)
	if _, err := v.Verify(token); !errors.Is(err, ErrNotAService) {
		t.Errorf("after its life: %v", err)
	}
}

func TestSignerReusesForHalfALife(t *testing.T) {
	_, key := newKey(t)
	clk := &at{t: time.Unix(1_750_000_000, 0)}
	s := NewSigner("gateway", key)
	s.now = clk.now
	token := func(audience string) string {
		text, err := s.Token(audience)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := token("auth")
	clk.t = clk.t.Add(reuse - time.Second)
	if token("auth") != first {
		t.Error("a new token within 30 s")
	}
	if token("audit") == first {
		t.Error("one token for two audiences")
	}
	clk.t = clk.t.Add(time.Second)
	if token("auth") == first {
		t.Error("the same token after 30 s")
	}
}

// TestReplacedKey: a changed file replaces the key without a restart. The former key stops working at once, not only
// when somebody comes with the new one: it may be replaced because it was stolen.
func TestReplacedKey(t *testing.T) {
	pub1, key1 := newKey(t)
	pub2, key2 := newKey(t)
	start := time.Now()
	token := func(t *testing.T, key ed25519.PrivateKey, at time.Time) string {
		t.Helper()
		s := NewSigner("gateway", key)
		s.now = func() time.Time { return at }
		text, err := s.Token("auth")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	set := func(t *testing.T) (*Verifier, string) {
		dir := t.TempDir()
		writePublic(t, dir, "gateway", pub1, start)
		v := NewVerifier("auth", DirKeyring(dir))
		v.now = func() time.Time { return start }
		if _, err := v.Verify(token(t, key1, start)); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(token(t, key2, start)); !errors.Is(err, ErrNotAService) {
			t.Fatalf("another key: %v", err)
		}
		return v, dir
	}
	stolen := func(t *testing.T, v *Verifier) {
		t.Helper()
		if caller, err := v.Verify(token(t, key1, start.Add(time.Second))); !errors.Is(err, ErrNotAService) {
			t.Errorf("the former key still proves %q, %v", caller, err)
		}
	}
	t.Run("replaced", func(t *testing.T) {
		v, dir := set(t)
		writePublic(t, dir, "gateway", pub2, start.Add(time.Second))
		stolen(t, v)
		if caller, err := v.Verify(token(t, key2, start)); err != nil || caller != "gateway" {
			t.Errorf("the new key: %q, %v", caller, err)
		}
	})
	t.Run("removed", func(t *testing.T) {
		v, dir := set(t)
		if err := os.Remove(filepath.Join(dir, "gateway.pub")); err != nil {
			t.Fatal(err)
		}
		stolen(t, v)
	})
	t.Run("damaged", func(t *testing.T) {
		v, dir := set(t)
		if err := os.WriteFile(filepath.Join(dir, "gateway.pub"), []byte("no key"), 0o644); err != nil {
			t.Fatal(err)
		}
		stolen(t, v)
	})
}
