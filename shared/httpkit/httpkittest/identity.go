package httpkittest

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/revocation"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// Services is a keyring in memory that makes each service's key when its signer is first asked for.
type Services struct {
	t    testing.TB
	dir  string // where the keys are kept; "": nowhere
	mu   sync.Mutex
	keys map[string]ed25519.PrivateKey
}

// NewServices returns an empty keyring.
func NewServices(t testing.TB) *Services {
	return &Services{t: t, keys: make(map[string]ed25519.PrivateKey)}
}

// ServicesIn is NewServices with keys that are kept in a folder, as an installation keeps them: whoever comes later is
// the same services.
func ServicesIn(t testing.TB, dir string) *Services {
	return &Services{t: t, dir: dir, keys: make(map[string]ed25519.PrivateKey)}
}

// PublicKey makes Services a svcauth.Keyring.
func (s *Services) PublicKey(name string) (ed25519.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.keys[name]; ok {
		return publicOf(key), nil
	}
	return nil, fmt.Errorf("no such service: %s", name)
}

// Signer returns the signer of the service named name.
func (s *Services) Signer(name string) *svcauth.Signer { return svcauth.NewSigner(name, s.key(name)) }

func (s *Services) key(name string) ed25519.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[name] == nil {
		s.keys[name] = s.newKey(name)
	}
	return s.keys[name]
}

func (s *Services) newKey(name string) ed25519.PrivateKey {
	s.t.Helper()
	if s.dir == "" {
		return newKey(s.t)
	}
	key, err := secret.LoadSigner(filepath.Join(s.dir, name+".key"), true)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// Forge returns a token of the form of issuer's, signed with the key of the service named signer, as old as age (negative:
// from the future). Those of the real time are Signer's.
func (s *Services) Forge(signer, issuer, audience string, age time.Duration) string {
	s.t.Helper()
	at := time.Now().Add(-age) // service tokens live in real time
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(at.Add(time.Minute)),
	})
	token.Header["typ"] = "centinela-service+jwt"
	text, err := token.SignedString(s.key(signer))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// Verifier returns the verifier of calls to the service named callee.
func (s *Services) Verifier(callee string) *svcauth.Verifier { return svcauth.NewVerifier(callee, s) }

// Authorize makes req a call from one service to another.
func (s *Services) Authorize(req *http.Request, caller, callee string) {
	s.t.Helper()
	token, err := s.Signer(caller).Token(callee)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set(httpkit.HeaderService, token)
}

// Client returns a client of callee at baseURL that calls as caller.
func (s *Services) Client(caller, callee, baseURL string) *httpkit.Client {
	c := httpkit.NewClient(httpkit.ClientOptions{
		Callee: callee, BaseURL: func() string { return baseURL }, Signer: s.Signer(caller),
	})
	s.t.Cleanup(c.Close)
	return c
}

// People issues access tokens as auth would, and is the source of the key to check them.
type People struct {
	t   testing.TB
	clk clock.Clock
	key ed25519.PrivateKey

	mu    sync.Mutex
	ended []revocation.Change
	more  chan struct{} // closed when a session ends
}

const keyID = "test-key"

// NewPeople returns an issuer with a key of its own whose tokens begin at clk's time.
func NewPeople(t testing.TB, clk clock.Clock) *People {
	return &People{t: t, clk: clk, key: newKey(t), more: make(chan struct{})}
}

// Clock is that of the tokens.
func (p *People) Clock() clock.Clock { return p.clk }

// Keys makes People an access.KeySource.
func (p *People) Keys(context.Context) (map[string]ed25519.PublicKey, error) {
	return map[string]ed25519.PublicKey{keyID: publicOf(p.key)}, nil
}

// ServeHTTP is what services follow auth by: its keys, and its feed of the sessions that Revoke ended.
func (p *People) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/jwks.json") {
		_, _ = w.Write(access.JWKS(map[string]ed25519.PublicKey{keyID: publicOf(p.key)})) // a client that left gets nothing
		return
	}
	ended := p.await(r)
	page := revocation.Page{Revocations: ended, Next: strconv.Itoa(len(ended))}
	if err := json.NewEncoder(w).Encode(page); err != nil && r.Context().Err() == nil {
		p.t.Errorf("revocations: %v", err)
	}
}

// await is all that ended, at once when that is more than the asker has, else after a moment. It is much shorter than
// what was asked for, so that no test's server waits for it.
func (p *People) await(r *http.Request) []revocation.Change {
	p.mu.Lock()
	ended, more := p.ended, p.more
	p.mu.Unlock()
	if r.URL.Query().Get("since") == strconv.Itoa(len(ended)) {
		select {
		case <-more:
		case <-r.Context().Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]revocation.Change{}, p.ended...)
}

// Revoke ends a session, as auth would.
func (p *People) Revoke(session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, revocation.Change{Kind: revocation.Session, ID: session, Until: p.clk.Now().Add(10 * time.Minute)})
	close(p.more)
	p.more = make(chan struct{})
}

// Verifier returns a verifier of the tokens.
func (p *People) Verifier() *access.Verifier { return access.NewVerifier(p, nil, p.clk) }

// Token returns a token of 10 minutes for a person who signed in just now with a password.
func (p *People) Token(account, session string) string {
	p.t.Helper()
	now := p.clk.Now()
	return p.Issue(access.Claims{
		Account: account, Session: session, AuthTime: now, IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute), AMR: []string{"pwd"},
	})
}

// Issue returns a token for claims as they are.
func (p *People) Issue(claims access.Claims) string {
	p.t.Helper()
	token, err := access.Issue(p.key, keyID, claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return token.Reveal()
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }
